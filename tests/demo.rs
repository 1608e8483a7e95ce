//! `pinhole demo`, as anyone would run it.

use std::process::Command;

use serde_json::Value;

/// Runs the demo; returns its exit status and what it printed.
#[expect(clippy::unwrap_used, reason = "a test without the command has failed")]
fn demo(args: &[&str]) -> (Option<i32>, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_pinhole")).arg("demo").args(args).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn people_read_what_happened() {
    let (status, said) = demo(&[]);
    assert_eq!(status, Some(0), "{said}");
    for wanted in [
        "media: encrypted through the firewall (H.235.6)",
        "outside Pinhole  zone Inner up: its keepalive came from 127.0.",
        "inside Pinhole   zone Outer up: ",
        "the inside Pinhole's own address",
        "where the inside Pinhole would listen: Connection refused",
        "firewall         dropped it",
        "through the pinhole (H.460.18)",
        "learned where RTP of the other Pinhole comes from",
        "dropped 4 uninvited datagrams; the stranger sent 4",
        "left over: 0 registrations and calls, 0 sockets",
    ] {
        assert!(said.contains(wanted), "{wanted} is missing:\n{said}");
    }
    let last = said.lines().last().unwrap_or_default();
    assert!(last.contains("verdict: all as it should be"), "{said}");
    assert!(!said.contains("PROBLEM"), "{said}");
}

#[test]
fn programs_read_an_object_a_line() {
    let (status, said) = demo(&["--json"]);
    assert_eq!(status, Some(0), "{said}");
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        assert!(
            line["time_s"].is_f64() && line["who"].is_string() && line["text"].is_string(),
            "{line}"
        );
        assert!(line["event"].is_string(), "{line}");
    }
    let find = |event: &str| lines.iter().filter(|line| line["event"] == event).collect::<Vec<_>>();
    let acts: Vec<_> = find("act").iter().map(|act| (&act["from"], &act["h245"])).collect();
    assert_eq!(
        acts,
        [(&"outside".into(), &"tunnel".into()), (&"inside".into(), &"separate".into())]
    );

    let (mut tones, mut relayed) = (Vec::new(), 0);
    let phones = ["inside phone", "outside phone"].map(Value::from);
    for record in find("call-ended") {
        if !phones.contains(&record["who"]) {
            relayed += 1;
            for channel in record["channels"].as_array().unwrap() {
                // One leg of each, which is the one through the firewall: the phones say that theirs are in clear.
                let legs = channel["legs"].as_array().unwrap();
                assert_eq!(legs.len(), 1, "{record}");
                assert_eq!(
                    (&legs[0]["by"], &legs[0]["cipher"]),
                    (&"gatekeeper".into(), &"AES-256-CBC".into())
                );
            }
            continue;
        }
        let channels = record["channels"].as_array().unwrap();
        let received = channels.iter().find(|channel| channel["direction"] == "receive").unwrap();
        assert_eq!((&received["lost"], &received["cipher"]), (&0.into(), &"none".into()));
        tones.push(received["tone_hz"].as_f64().unwrap().round());
    }
    tones.sort_by(f64::total_cmp);
    assert_eq!((tones, relayed), (vec![440.0, 523.0, 660.0, 784.0], 4));

    let last = lines.last().unwrap();
    assert_eq!((&last["event"], &last["ok"]), (&"verdict".into(), &true.into()));
    assert_eq!(last["faults"], serde_json::json!([]));
}
