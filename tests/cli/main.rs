//! The `pinhole` command as an operator meets it: what it prints where, and its exit status.

mod readme;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Runs the command in the folder of the crate.
#[expect(clippy::unwrap_used, reason = "a test without the command has failed")]
fn pinhole(args: &[&str]) -> Output {
    let root = env!("CARGO_MANIFEST_DIR");
    Command::new(env!("CARGO_BIN_EXE_pinhole")).args(args).current_dir(root).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A file of this content, alone in a folder of this name.
#[expect(clippy::unwrap_used, reason = "a test without its file has failed")]
fn file(folder: &str, content: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("gatekeeper.ini");
    std::fs::write(&path, content).unwrap();
    path
}

/// The fenced blocks of the manual's section on `pinhole check`.
#[expect(clippy::unwrap_used, reason = "a test without the manual has failed")]
fn manual_blocks() -> Vec<String> {
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let manual = std::fs::read_to_string(manual).unwrap();
    let (_, section) = manual.split_once("## What `pinhole check` says").unwrap();
    let blocks = section.split("```").skip(1).step_by(2);
    blocks.map(|block| block.split_once('\n').unwrap().1.to_owned()).collect()
}

#[test]
fn check_says_what_the_manual_says() {
    let blocks = manual_blocks();
    let path = file("manual", &blocks[0]);
    let name = path.to_str().unwrap();
    let output = pinhole(&["check", name]);
    assert_eq!(text(&output.stdout).replace(name, "gatekeeper.ini"), blocks[1]);
    assert_eq!((text(&output.stderr).as_str(), output.status.code()), ("", Some(1)));
}

#[test]
fn check_looks_into_files_of_parameters() {
    let said_with = |files: &str, more: &str| {
        let dh = |name: &str| format!("tests/vectors/dh/{name}");
        let files: Vec<String> = files.split(' ').map(dh).collect();
        let keys = format!("[RoutedMode]\nH235HalfCallDHParamFile={}\n{more}", files.join(";"));
        let path = file("parameters", &keys);
        let output = pinhole(&["check", path.to_str().unwrap()]);
        let told = text(&output.stdout).replace(path.to_str().unwrap(), "gatekeeper.ini");
        (told.lines().map(str::to_owned).collect::<Vec<_>>(), output.status.code())
    };
    let said = |files: &str| said_with(files, "");
    let key = "H235HalfCallDHParamFile: tests/vectors/dh";
    let good = said("dh2048.pem modp4096.pem dh1024.der");
    let longer = format!(
        "gatekeeper.ini:2:25: warning: {key}/dh2048.pem: its 2048 bits are offered only where a rule demands as many; \
         H235HalfCallMaxTokenLength=2048 offers them everywhere"
    );
    assert_eq!(good, (vec![longer, "gatekeeper.ini: 1 warning".to_owned()], Some(0)));
    for (files, why) in [
        ("dh512.pem", "/dh512.pem:1: the prime has 512 bits; "),
        ("dh1024.der dsa2048.pem", "/dsa2048.pem:1: parameters of X9.42 have small subgroups"),
        ("dh2048.pem modp2048.pem", "/modp2048.pem: a second group of 2048 bits"),
    ] {
        let (lines, status) = said(files);
        let error = format!("gatekeeper.ini:2:25: error: {key}{why}");
        assert!(lines.iter().any(|line| line.starts_with(&error)), "{lines:#?}");
        assert_eq!(status, Some(1));
    }
    // Who cannot answer to them is in clear where encryption is not required.
    let clear = format!(
        "gatekeeper.ini:2:25: warning: {key}/dh2048.pem: endpoints that know the published groups only, "
    );
    for (files, more, warned) in [
        ("dh2048.pem", "EnableH235HalfCallMedia=1\n", true),
        ("dh2048.pem", "[Pinhole::EncryptByNetwork]\n10.0.0.0/8=preferred\n", true),
        ("dh2048.pem", "[Pinhole::Encryption]\nDefault=required\n", false),
        ("dh1024.der", "EnableH235HalfCallMedia=1\n", false),
    ] {
        let (lines, _) = said_with(files, &format!("H235HalfCallMaxTokenLength=2048\n{more}"));
        assert_eq!(lines.iter().any(|line| line.starts_with(&clear)), warned, "{lines:#?}");
    }
    let (lines, _) = said("none.pem");
    let missing = "error: H235HalfCallDHParamFile: cannot read tests/vectors/dh/none.pem: ";
    assert!(lines[0].contains(missing), "{lines:#?}");
}

#[test]
fn a_codec_that_h245_does_not_have_disables_nothing() {
    let path = file(
        "codecs",
        "[CallTable]\nDisabledCodecs=g711Alaw64k;h261VideoCapability\n[EP::x]\nDisabledCodecs=h261VideoCapabilty;receiveAudioCapability;\n",
    );
    let output = pinhole(&["check", path.to_str().unwrap()]);
    let lines = text(&output.stdout);
    let said = "gatekeeper.ini:4:16: error: DisabledCodecs: 'h261VideoCapabilty' is not the name of a capability of H.245; did \
                you mean h261VideoCapability?";
    assert!(lines.lines().next().is_some_and(|line| line.ends_with(said)), "{lines}");
    assert_eq!((lines.lines().count(), output.status.code()), (2, Some(1)), "{lines}");
}

#[test]
fn warnings_are_no_failure() {
    let output = pinhole(&["check", "config/tests/files/smallest.ini"]);
    let said = "config/tests/files/smallest.ini:4:1: warning: rule is accepted, has no effect in this version\n\
                config/tests/files/smallest.ini: 1 warning\n";
    assert_eq!((text(&output.stdout).as_str(), output.status.code()), (said, Some(0)));
}

#[test]
fn effective_values_tell_where_they_came_from() {
    let name = "config/tests/files/traversal.ini";
    let output = text(&pinhole(&["check", "--effective", name]).stdout);
    let has = |start: &str, end: &str| {
        output.lines().any(|line| line.starts_with(start) && line.ends_with(end))
    };
    assert!(
        output.starts_with(&format!("{name}: no problems\n\n[Gatekeeper::Main]\n")),
        "{output}"
    );
    assert!(has("EnableH46018=1 ", &format!(" {name}:6")), "{output}");
    assert!(has("H46018KeepAliveInterval= ", " default"), "{output}");
}

#[test]
fn json_is_an_object_a_line() {
    let path = file("json", "[Proxy]\nEnable=maybe\n");
    let output = pinhole(&["check", "--json", "--effective", path.to_str().unwrap()]);
    let objects: Vec<serde_json::Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let first = &objects[0];
    assert_eq!((&first["line"], &first["column"]), (&2.into(), &8.into()));
    assert_eq!((&first["severity"], &first["file"]), (&"error".into(), &path.to_str().into()));
    let enable = objects.iter().find(|o| o["section"] == "Proxy" && o["key"] == "Enable").unwrap();
    assert_eq!((&enable["value"], &enable["origin"]), (&"0".into(), &"default".into()));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn an_unreadable_file_is_wrong_usage() {
    for args in [&["check", "no.ini"][..], &["-c", "no.ini"]] {
        let output = pinhole(args);
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).starts_with("pinhole: cannot read no.ini: "));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_run_refuses_a_file_with_errors() {
    let path = file("refused", "[RoutedMode]\nRequireH235HalfCallMedi=1\n");
    let name = path.to_str().unwrap();
    let output = pinhole(&["-c", name]);
    let said = format!(
        "{name}:2:1: error: unknown key 'RequireH235HalfCallMedi' in [RoutedMode]; did you mean \
         'RequireH235HalfCallMedia'?\n{name}: 1 error; not started\n"
    );
    assert_eq!((text(&output.stderr), output.status.code()), (said, Some(2)));
    assert!(output.stdout.is_empty());
}

/// Somebody who demands passwords, and gets none, is told so last and in so many words, by `check` and at the start.
#[test]
fn nobody_starts_an_open_gatekeeper_unknowingly() {
    let auth = "[Gatekeeper::Auth]\nSimplePasswordAuth=required;RRQ\ndefault=reject\n";
    // An address of nobody: it ends at once.
    let path = file("open", &format!("[Gatekeeper::Main]\nHome=192.0.2.1\n{auth}"));
    let name = path.to_str().unwrap();
    let open = format!(
        "{name}: this gatekeeper is OPEN: [Gatekeeper::Auth] SimplePasswordAuth (line 4 and 1 more) is not enforced \
         in this version, and whoever reaches the gatekeeper can register and call; let a firewall decide who does"
    );
    let output = pinhole(&["check", name]);
    assert_eq!(text(&output.stdout).lines().last(), Some(open.as_str()));
    assert_eq!(output.status.code(), Some(0));
    let output = pinhole(&["check", "--json", name]);
    assert!(
        text(&output.stdout).lines().last().unwrap().contains("\"open\":\"this gatekeeper is OPEN")
    );
    let output = pinhole(&["-c", name]);
    let said = text(&output.stderr);
    assert!(said.lines().any(|line| line == open), "{said}");
    assert!(said.lines().any(|line| line.contains("WARN this gatekeeper is OPEN")), "{said}");
    for open in ["", "[Gatekeeper::Auth]\ndefault=allow\n", "[SimplePasswordAuth]\nalice=x\n"] {
        let path = file("meant", open);
        let output = pinhole(&["check", path.to_str().unwrap()]);
        assert!(!text(&output.stdout).contains("OPEN"), "{open}");
    }
}

/// A gateway that is to have more calls than its share of the ports is enough for: the operator learns of it before the
/// calls do.
#[test]
fn check_says_where_a_trunk_has_too_few_ports() {
    let said = |capacity: u32, more: &str| {
        let text =
            format!("[Proxy]\nRTPPortRange=20000-21999\n[EP::gw]\nCapacity={capacity}\n{more}");
        let path = file("trunk", &text);
        let name = path.to_str().unwrap();
        text_of_check(name)
    };
    let warning = "gatekeeper.ini:4:10: warning: Capacity=251: calls from one address take at most half of RTPPortRange, \
                   which is 250 calls with audio; set MediaPairsPerSource=502 in [Pinhole::Limits], or enter it in \
                   [RasSrv::PermanentEndpoints], which are not counted\ngatekeeper.ini: 1 warning\n";
    assert_eq!(said(251, ""), warning);
    assert_eq!(said(250, ""), "gatekeeper.ini: no problems\n");
    assert_eq!(
        said(251, "[Pinhole::Limits]\nMediaPairsPerSource=502\n"),
        "gatekeeper.ini: no problems\n"
    );
}

fn text_of_check(name: &str) -> String {
    text(&pinhole(&["check", name]).stdout).replace(name, "gatekeeper.ini")
}

#[test]
fn a_reader_that_leaves_is_no_panic() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pinhole"))
        .args(["check", "config/tests/files/every-key.ini"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((said.as_str(), child.wait().unwrap().code()), ("", Some(0)));
}

#[test]
fn ciphers_are_measured_beside_others_that_give_the_same_octets() {
    let output = pinhole(&["bench", "crypto", "--rounds", "1"]);
    assert_eq!((text(&output.stderr).as_str(), output.status.code()), ("", Some(0)));
    let said = text(&output.stdout);
    for what in ["encrypt", "decrypt"] {
        for (bits, size) in [(128, 160), (256, 160), (128, 1200), (256, 1200)] {
            let title = format!("\n\n{what}, AES-{bits}, {size} octets\n  cbc crate ");
            assert!(said.contains(&title), "{said}");
        }
    }
    assert_eq!(said.matches("  ours, one packet ").count(), 8, "{said}");
    assert_eq!(said.matches("  no batch: the blocks of a packet are ").count(), 4, "{said}");
    assert_eq!(
        said.matches("goal: batched at least 5 times as fast as the cbc crate: ").count(),
        4
    );
}
