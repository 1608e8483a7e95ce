//! Endpoints that know no gatekeeper find it, by multicast and at its port of discovery.

use pinhole::event::Event;
use pinhole::node::Settings;
use pinhole::phone::options::{Gatekeeper, Incoming};
use pinhole_h323::asn::h225::{
    GatekeeperConfirm, GatekeeperIdentifier, GatekeeperRequest, RasMessage, RequestSeqNum,
};
use pinhole_h323::id::GatekeeperId;
use pinhole_h323::ras::Ras;
use pinhole_h323::{address, version};

use super::lab::{Lab, NODE, Place, Plan, lab, registered};
use crate::world::{Chop, Raw, at, seconds};
use Place::{Inside, Outside};

const GROUP: &str = "224.0.1.41:1718";

fn finds(lab: &mut Lab, place: Place, where_to: &str) -> bool {
    let phone = lab.phone("seeker", place, |options| {
        options.gatekeeper = Gatekeeper::Discover(at(where_to));
        options.incoming = Incoming::Answer;
    });
    let found = lab.world.run_until(|world| world.told(phone, registered), seconds(30));
    lab.world.vanish(phone);
    found
}

fn a_phone_finds_its_gatekeeper(chop: Chop) {
    let mut lab = lab(Plan::with(chop));
    assert!(finds(&mut lab, Outside, GROUP));
    let to = lab.world.events(lab.node).iter().filter_map(|(_, event)| match event {
        Event::Listening { role: "discovery", at, .. } => Some(at.to_string()),
        _ => None,
    });
    let mut to: Vec<_> = to.collect();
    to.sort();
    assert_eq!(to, [format!("{NODE}:1718"), GROUP.into()]);
}

fn behind_a_nat_multicast_finds_nobody_but_the_port_of_discovery_does(chop: Chop) {
    let mut lab = lab(Plan::with(chop));
    assert!(!finds(&mut lab, Inside, GROUP), "it does not pass a router");
    assert!(finds(&mut lab, Inside, &format!("{NODE}:1718")));
}

fn nobody_is_found_when_the_configuration_says_so(chop: Chop) {
    let mut settings = Settings::default();
    settings.ras.discovery = None;
    let mut lab = lab(Plan { settings, ..Plan::with(chop) });
    assert!(!finds(&mut lab, Outside, GROUP));
    assert!(!finds(&mut lab, Outside, &format!("{NODE}:1718")));
}

fn grq(wanted: Option<&str>) -> Vec<u8> {
    let wanted = wanted.map(|name| GatekeeperIdentifier::from(&GatekeeperId::from(name)));
    Ras::new(RasMessage::gatekeeperRequest(Box::new(GatekeeperRequest {
        request_seq_num: RequestSeqNum(5),
        protocol_identifier: version::h225(),
        ras_address: address::to_h225(at("192.0.2.66:4000")),
        gatekeeper_identifier: wanted,
        ..Default::default()
    })))
    .encode()
    .unwrap()
}

fn who_wants_another_gatekeeper_is_rejected_but_not_in_the_group(chop: Chop) {
    let mut lab = lab(Plan::with(chop));
    let raw = lab.world.host("raw", "192.0.2.66", Raw::default());
    let socket = lab.world.with(raw, |raw: &mut Raw, _| raw.udp("192.0.2.66", 4000));
    let mut asks = |to: &str, bytes: &[u8]| -> Vec<String> {
        lab.world.with(raw, |raw: &mut Raw, _| raw.say(socket, at(to), bytes));
        lab.world.run_for(seconds(1));
        lab.world.with(raw, |raw: &mut Raw, _| {
            let answers = std::mem::take(&mut raw.datagrams);
            let answers = answers.into_iter().map(|(_, from, bytes)| {
                let ras = Ras::decode(&bytes).unwrap();
                if let RasMessage::gatekeeperConfirm(confirm) = ras.message() {
                    let GatekeeperConfirm { ras_address, .. } = &**confirm;
                    let there = address::from_h225(ras_address).unwrap();
                    assert_eq!(there, at(&format!("{NODE}:1719")));
                }
                format!("{} from {from}", ras.name())
            });
            answers.collect()
        })
    };
    let unicast = format!("{NODE}:1718");
    assert_eq!(asks(GROUP, &grq(None)), [format!("gatekeeperConfirm from {NODE}:1719")]);
    assert_eq!(asks(GROUP, &grq(Some("another"))), [""; 0]);
    assert_eq!(asks(GROUP, &grq(Some("Pinhole"))).len(), 1);
    assert_eq!(asks(&unicast, &grq(None)), [format!("gatekeeperConfirm from {unicast}")]);
    assert_eq!(asks(&unicast, &grq(Some("another"))), [format!("gatekeeperReject from {unicast}")]);
    assert_eq!(asks(&unicast, b"nonsense"), [""; 0]);
}

as_sent_and_octet_by_octet! {
    a_phone_finds_its_gatekeeper,
    behind_a_nat_multicast_finds_nobody_but_the_port_of_discovery_does,
    nobody_is_found_when_the_configuration_says_so,
    who_wants_another_gatekeeper_is_rejected_but_not_in_the_group,
}
