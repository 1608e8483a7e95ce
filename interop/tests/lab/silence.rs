//! An endpoint behind a NAT must stay reachable while nothing happens.

use std::thread;
use std::time::Duration;

use pinhole_interop::{Lab, PATIENCE, Phone, UDP_TIMEOUT, Uninvited};

use crate::calls::{gatekeeper, inside, outside};
use crate::lab;
use crate::measures::{HOLD, INSIDE_TONE, OUTSIDE_TONE};
use crate::seats::Talk;

/// How long nobody calls: six times as long as the NAT remembers.
const SILENCE: Duration = Duration::from_secs(180);

/// UDP mappings of the NAT towards the gatekeeper's RAS port.
pub(crate) fn holes(lab: &Lab) -> usize {
    let mappings = lab.nat.mappings().unwrap();
    let hole = |line: &&str| line.starts_with("udp") && line.contains(" dport=1719 ");
    mappings.lines().filter(hole).count()
}

#[test]
fn an_inside_phone_can_be_called_after_three_minutes_of_silence() {
    let lab = lab("silence");
    let _gatekeeper = gatekeeper(&lab);
    let mut callee =
        Phone::start(&lab.inside, inside("tunnel", &["--listen", "--auto-answer"])).unwrap();
    callee.registered().unwrap();
    assert!(SILENCE > UDP_TIMEOUT * 5);
    thread::sleep(SILENCE);
    assert_eq!(holes(&lab), 1, "the hole stands");
    let calling = outside("tunnel", &["--hold", HOLD, "inside"]);
    let mut caller = Phone::start(&lab.outside, calling).unwrap();
    let records = [&mut caller, &mut callee].map(|phone| phone.event("call-ended", PATIENCE));
    let (context, records) = ("after silence".to_owned(), records.map(Result::unwrap));
    Talk { context, records, tones: [OUTSIDE_TONE, INSIDE_TONE] }.assert_held();
    assert_eq!(lab.nat.uninvited().unwrap(), Uninvited::default());
}

#[test]
fn without_keepalives_the_same_call_does_not_arrive() {
    let lab = lab("silence-without-keepalives");
    let _gatekeeper = gatekeeper(&lab);
    let options = ["--listen", "--auto-answer", "--no-keepalive"];
    let mut callee = Phone::start(&lab.inside, inside("tunnel", &options)).unwrap();
    callee.registered().unwrap();
    assert_eq!(holes(&lab), 1);
    thread::sleep(SILENCE);
    assert_eq!(holes(&lab), 0, "nothing kept the hole open");
    let calling = outside("tunnel", &["--hold", HOLD, "inside"]);
    let mut caller = Phone::start(&lab.outside, calling).unwrap();
    let record = caller.event("call-ended", PATIENCE).unwrap();
    assert!(record.get("setup_ms").is_none_or(serde_json::Value::is_null), "{record}");
    assert!(!callee.seen().contains("call-started"), "{}", callee.seen());
}
