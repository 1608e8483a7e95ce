//! Whom parties can make us connect to: nobody whom they could not reach, or who is not meant to be reached.

use pinhole_h323::asn::h225::{FacilityReason, FacilityUUIE, H323UUPDUH323MessageBody as Body};
use pinhole_h323::cause::Release;
use pinhole_h323::signal::Leg;
use pinhole_h323::{Signal, address, tpkt};

use super::fast_start::{CALLED, CALLER, CONNECT, Line, call, call_edited, captured_setup, sent};
use super::*;

fn open() -> Settings {
    Settings { accept_unregistered: true, unregistered_anywhere: true, ..Settings::default() }
}

fn dialled(outputs: &[Output]) -> Vec<String> {
    let to = outputs.iter().filter_map(|output| match output {
        Output::Connect { to, .. } => Some(to.to_string()),
        _ => None,
    });
    to.collect()
}

/// A Setup from one address to another: whom we connect to, or why not.
fn calls(settings: Settings, from: &str, to: &str) -> Result<String, Option<Release>> {
    let mut desk = Desk::with(settings);
    let mut setup = captured_setup();
    setup.edit(|pdu| {
        let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
        setup.destination_address = None;
        setup.dest_call_signal_address = Some(address::to_h225(to.parse().unwrap()));
    });
    let (stream, peer) = (StreamId::accepted(1), from.parse().unwrap());
    let local = "198.51.100.2:1720".parse().unwrap();
    desk.tell(Input::Accepted { listener: ListenerId(0), stream, local, peer });
    let bytes = tpkt::wrap(&setup.encode().unwrap()).unwrap();
    let outputs = desk.tell(Input::Bytes { stream, bytes: &bytes });
    let dialled = dialled(&outputs).pop();
    dialled.ok_or_else(|| sent(&outputs, stream).expect("ReleaseComplete").release())
}

const PRIVATE: [&str; 5] =
    ["10.0.0.5:22", "192.168.1.1:80", "172.16.0.1:1720", "169.254.169.254:80", "[fd00::1]:1720"];
const HERE: [&str; 3] = ["127.0.0.1:1719", "127.8.8.8:25", "[::1]:5432"];

#[test]
fn who_is_outside_calls_neither_private_addresses_nor_this_host() {
    for to in PRIVATE.into_iter().chain(HERE) {
        assert_eq!(calls(open(), CALLER, to), Err(Some(Release::NoPermission)), "{to}");
    }
    for (to, all) in [(PRIVATE[0], true), (HERE[0], false)] {
        let settings = Settings { private_for_all: true, ..open() };
        assert_eq!(calls(settings, CALLER, to).is_ok(), all, "{to}");
    }
    let internal = vec!["198.51.100.0/24".parse().unwrap()];
    let settings = Settings { internal, ..open() };
    assert_eq!(calls(settings, CALLER, PRIVATE[0]).as_deref(), Ok(PRIVATE[0]));
}

#[test]
fn who_is_inside_or_on_this_host_calls_whom_it_can_reach() {
    for (from, to) in [
        ("10.1.1.1:4000", "10.0.0.5:1720"),
        ("192.168.7.7:4000", "10.0.0.5:1720"),
        ("10.1.1.1:4000", CALLED),
        ("127.0.0.1:4000", "127.0.0.9:1720"),
        ("198.51.100.2:4000", "127.0.0.1:5000"),
    ] {
        assert_eq!(calls(open(), from, to).as_deref(), Ok(to), "{from}");
    }
    assert_eq!(calls(open(), "10.1.1.1:4000", HERE[0]), Err(Some(Release::NoPermission)));
}

fn leg(line: &Line, from: StreamId) -> Leg {
    Leg {
        crv: line.setup.crv(),
        from_destination: from == line.called,
        call_id: line.setup.call_id().unwrap(),
        tunnelling: false,
    }
}

/// Nobody tunnels, and the called party says that it listens there.
fn listens(line: &mut Line, at: &str) -> Vec<Output> {
    let facility = Signal::start_h245(leg(line, line.called), at.parse().unwrap());
    let bytes = tpkt::wrap(&facility.encode().unwrap()).unwrap();
    let stream = line.called;
    let mut outputs = line.desk.tell(Input::Bytes { stream, bytes: &bytes });
    // And the caller as well, so that we have a reason to connect.
    let facility = Signal::start_h245(leg(line, line.caller), at.parse().unwrap());
    let bytes = tpkt::wrap(&facility.encode().unwrap()).unwrap();
    let stream = line.caller;
    outputs.extend(line.desk.tell(Input::Bytes { stream, bytes: &bytes }));
    outputs
}

/// A call with media (fast start), so that it goes on without H.245.
fn talking() -> Line {
    let mut line = call_edited(Settings::default(), |setup| setup.set_h245_tunnelling(false));
    let mut connect = Signal::decode(&octets(CONNECT)[4..]).unwrap();
    connect.set_h245_tunnelling(false);
    let bytes = tpkt::wrap(&connect.encode().unwrap()).unwrap();
    line.desk.tell(Input::Bytes { stream: line.called, bytes: &bytes });
    line
}

#[test]
fn an_h245_address_is_no_way_to_somebody_else() {
    let own = ["0.0.0.0:5000", "198.51.100.2:1720", "255.255.255.255:9", "224.0.0.1:9"];
    for at in PRIVATE.into_iter().chain(HERE).chain(own) {
        let outputs = listens(&mut talking(), at);
        assert_eq!(dialled(&outputs), [""; 0], "{at}");
    }
    assert!(!dialled(&listens(&mut talking(), "198.51.100.20:4000")).is_empty());
    let other_board = "198.51.100.21:4000";
    assert!(!dialled(&listens(&mut talking(), other_board)).is_empty(), "of equipment of several");
}

#[test]
fn who_names_a_hundred_places_to_connect_to_is_connected_to_a_few() {
    let mut line = talking();
    let mut count = 0;
    for port in 1..=100 {
        let mut outputs = listens(&mut line, &format!("203.0.113.5:{port}"));
        while let Some(output) = outputs.pop() {
            if let Output::Connect { stream, .. } = output {
                count += 1;
                outputs.extend(line.desk.tell(Input::Closed { stream }));
            }
        }
        line.desk.wait(1);
    }
    assert_eq!(line.desk.node.calls(), 1);
    assert!((2..=16).contains(&count), "{count}");
}

#[test]
fn a_called_party_sends_nobody_where_it_could_not_call() {
    for (to, obeyed) in [("10.0.0.5:22", false), (HERE[0], false), ("203.0.113.5:1720", true)] {
        let mut line = call();
        let mut facility = Signal::transport(leg(&line, line.called));
        facility.edit(|pdu| {
            let call_identifier = match &pdu.h323_message_body {
                Body::facility(old) => old.call_identifier.clone(),
                _ => panic!(),
            };
            pdu.h323_message_body = Body::facility(Box::new(FacilityUUIE {
                protocol_identifier: pinhole_h323::version::h225(),
                reason: FacilityReason::callForwarded(()),
                alternative_address: Some(address::to_h225(to.parse().unwrap())),
                call_identifier,
                ..Default::default()
            }));
        });
        let bytes = tpkt::wrap(&facility.encode().unwrap()).unwrap();
        let outputs = line.desk.tell(Input::Bytes { stream: line.called, bytes: &bytes });
        assert_eq!(dialled(&outputs), [to][..usize::from(obeyed)], "{outputs:?}");
        assert_eq!(sent(&outputs, line.caller).is_some(), !obeyed, "the caller is told, or not");
    }
}
