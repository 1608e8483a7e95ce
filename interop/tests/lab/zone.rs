//! A traversal zone: plain phones behind a NAT, a gatekeeper beside them, another one outside, plain phones there. Only
//! the gatekeepers know of NAT.

use std::fs;
use std::path::PathBuf;

use pinhole_interop::{
    GATEKEEPER, Gatekeeper, INSIDE, Lab, PATIENCE, Traversal, Uninvited, Witness, multiplexed,
    tshark,
};

use crate::calls::assert_decoded;
use crate::seats::{Party, Place, Variant, talk, variants};
use crate::{busy, lab};

/// The plain phones behind the NAT.
pub(crate) const BEHIND: Party = Party {
    place: Place::Neighbour,
    gatekeeper: std::net::IpAddr::V4(INSIDE),
    traversal: Traversal::None,
};
/// The plain phones outside.
pub(crate) const OUT: Party = Party {
    place: Place::Outside,
    gatekeeper: std::net::IpAddr::V4(GATEKEEPER),
    traversal: Traversal::None,
};

const MODE: &str = "\
[RoutedMode]
GKRouted=1
H245Routed=1
EnableH46018=1
[Proxy]
Enable=1
ProxyAlways=1
";

/// The gatekeeper outside: the server of the zone.
pub(crate) fn outer(lab: &Lab, more: &str) -> PathBuf {
    let zone = "[RasSrv::Neighbors]\nInner=GnuGk\n[Neighbor::Inner]\nGatekeeperIdentifier=Inner\n\
                SendPrefixes=*\nH46018Server=1\nAuthUser=clientuser\nPassword=clientpw\n";
    configuration(lab, "Outer", &format!("{MODE}{more}{zone}"))
}

/// The gatekeeper inside: its client.
pub(crate) fn inner(lab: &Lab, host: &str, password: &str, more: &str) -> PathBuf {
    let zone = format!(
        "[RasSrv::Neighbors]\nOuter=GnuGk\n[Neighbor::Outer]\nHost={host}\nSendPrefixes=*\n\
         H46018Client=1\nSendAuthUser=clientuser\nSendPassword={password}\n"
    );
    configuration(lab, "Inner", &format!("{MODE}{more}{zone}"))
}

fn configuration(lab: &Lab, name: &str, text: &str) -> PathBuf {
    let socket = lab.folder().join(format!("{name}.socket"));
    let main = format!("[Gatekeeper::Main]\nName={name}\nStatusSocket={}\n", socket.display());
    let file = lab.folder().join(format!("{name}.ini"));
    fs::write(&file, format!("{main}{text}")).unwrap();
    file
}

/// The events that a zone is up, down, or has another address.
pub(crate) const UP: [&str; 2] = [" zone ", "state=\"up\""];
pub(crate) const DOWN: [&str; 2] = [" zone ", "state=\"down\""];
pub(crate) const MOVED: [&str; 2] = [" zone ", "state=\"moved\""];

/// Makes every variant of a call through a zone.
fn calls(test: &str, [from, to]: [Party; 2], multiplexes: bool) {
    let _turn = busy();
    let lab = lab(test);
    let capture = lab.folder().join("gatekeeper.pcapng");
    let witness = Witness::new(&lab.gatekeeper, "eth0", capture).unwrap();
    let more = if multiplexes { "RTPMultiplexing=1\n" } else { "" };
    let mut server = Gatekeeper::start(&lab.gatekeeper, &outer(&lab, more)).unwrap();
    let host = GATEKEEPER.to_string();
    let mut client = Gatekeeper::start(&lab.inside, &inner(&lab, &host, "clientpw", more)).unwrap();
    for gatekeeper in [&mut client, &mut server] {
        gatekeeper.told(&UP, PATIENCE).unwrap();
    }
    // Whether media is multiplexed is the gatekeepers' affair here.
    let variants: Vec<Variant> = variants().filter(|variant| !variant.multiplexed).collect();
    talk(&lab, [from, to], &variants, [&[], &[]]);
    for gatekeeper in [client, server] {
        assert_empty(&gatekeeper);
        gatekeeper.stop().unwrap();
    }
    assert_eq!(lab.nat.uninvited().unwrap(), Uninvited::default());

    let capture = witness.finish().unwrap();
    let frames = tshark(&capture, &[]).unwrap();
    let faulty: Vec<_> = frames.iter().filter(|frame| frame.faulty).collect();
    assert!(faulty.is_empty(), "{}: tshark finds fault with {faulty:#?}", capture.display());
    assert_decoded(&capture, &frames);
    assert_eq!(multiplexed(&capture).unwrap() > 1000, multiplexes);
}

/// Nothing is left of calls.
pub(crate) fn assert_empty(gatekeeper: &Gatekeeper) {
    let mut last = String::new();
    let empty = || {
        let status = gatekeeper.status()?;
        let none = |name: &str| status["ports"][name] == 0;
        let calls = status["calls"].as_array().is_some_and(Vec::is_empty);
        last = status.to_string();
        Ok(calls && none("media_pairs") && none("h245_listeners"))
    };
    let waited = pinhole_interop::Deadline::patient().until("empty status", empty);
    assert!(waited.is_ok(), "{last}");
}

#[test]
fn behind_calls_out() {
    calls("zone-in-out", [BEHIND, OUT], false);
}

#[test]
fn out_calls_behind() {
    calls("zone-out-in", [OUT, BEHIND], false);
}

#[test]
fn behind_calls_out_with_multiplexed_media() {
    calls("zone-in-out-multiplexed", [BEHIND, OUT], true);
}

#[test]
fn out_calls_behind_with_multiplexed_media() {
    calls("zone-out-in-multiplexed", [OUT, BEHIND], true);
}
