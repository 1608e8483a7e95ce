//! What h323plus endpoints were seen to do against the node.

use pinhole_h323::Signal;
use pinhole_h323::asn::h225::AdmissionRejectReason;
use pinhole_h323::cause::{Cause, Release};
use pinhole_h323::signal::Leg;
use pinhole_h323::tpkt;

use super::fast_start::{CALLER, CONNECT, call_edited, sent};
use super::*;

/// The NAT in front of the endpoint, which is 10.0.1.2 and called `in`.
const ROUTER: &str = "198.51.100.1:58960";

/// RRQ after a time without any answer of the gatekeeper: a full one, with the identifier
/// `0bcf57d83c7cb5336c7f17afa3e1b5c4_endp` of a gatekeeper that is not there any more.
#[rustfmt::skip]
const RRQ_WITH_OLD_IDENTIFIER: &str = "0ec0c7b4060008914a00070001000a00010206b801000a000102a20022c00900003d1048333233506c75732073696d706c6500001a312e32382e30202848333233706c75732076312e32382e30290000000140010069006e0c00500069006e0068006f006c0065600900003d1048333233506c75732073696d706c6500001a312e32382e30202848333233706c75732076312e32382e302900002e8f192202003b01004b4800300062006300660035003700640038003300630037006300620035003300330036006300370066003100370061006600610033006500310062003500630034005f0065006e00640070018001000100027000013016100200001240001700024000011d0000021d0000071c0100";
/// The ARQ that follows, to `out`: still with the old identifier, although the RCF may have told another.
#[rustfmt::skip]
const ARQ_WITH_OLD_IDENTIFIER: &str = "2680c7b5090000300062006300660035003700640038003300630037006300620035003300330036006300370066003100370061006600610033006500310062003500630034005f0065006e00640070014002006f007500740140010069006e800186a01b32bad9d651dae3f1119ec652c8a1372b7d0964207001801100b0d9d651dae3f1119ec652c8a1372b7d0f0c00500069006e0068006f006c0065018005100100000904010000180100";

#[test]
fn an_endpoint_keeps_the_identifier_it_had_before_the_gatekeeper_was_started_again() {
    let mut desk = Desk::new();
    let answers = desk.ask(ROUTER, &octets(RRQ_WITH_OLD_IDENTIFIER));
    let [RasMessage::registrationConfirm(confirm)] = &answers[..] else { panic!("{answers:?}") };
    let id = EndpointId::from(&confirm.endpoint_identifier);
    assert_eq!(id, EndpointId::from("0bcf57d83c7cb5336c7f17afa3e1b5c4_endp"));
    let answers = desk.ask(ROUTER, &octets(ARQ_WITH_OLD_IDENTIFIER));
    let [RasMessage::admissionReject(reject)] = &answers[..] else { panic!("{answers:?}") };
    let reason = &reject.reject_reason;
    assert!(
        matches!(reason, AdmissionRejectReason::calledPartyNotRegistered(())),
        "the caller is known, only the called party is not: {reason:?}"
    );
}

#[test]
fn the_identifier_of_another_host_is_not_given_away() {
    let mut desk = Desk::new();
    desk.ask(ROUTER, &octets(RRQ_WITH_OLD_IDENTIFIER));
    let mut rrq = Ras::decode(&octets(RRQ_WITH_OLD_IDENTIFIER)).unwrap();
    rrq.edit(|message| {
        let RasMessage::registrationRequest(request) = message else { panic!() };
        request.terminal_alias =
            Some(vec![pinhole_h323::alias::Alias::from_text("thief").to_asn()]);
    });
    let answers = desk.ask("198.51.100.66:1719", &rrq.encode().unwrap());
    let [RasMessage::registrationConfirm(confirm)] = &answers[..] else { panic!("{answers:?}") };
    let old = EndpointId::from("0bcf57d83c7cb5336c7f17afa3e1b5c4_endp");
    assert_ne!(EndpointId::from(&confirm.endpoint_identifier), old);
    let owner = desk.node.core.registrations.get(&old).expect("still registered");
    assert_eq!(owner.ras, ROUTER.parse().unwrap());
}

/// endSessionCommand with disconnect, in its TPKT.
const END_SESSION: [u8; 6] = [3, 0, 0, 6, 0x4a, 0x40];

fn wrapped(signal: &Signal) -> Vec<u8> {
    tpkt::wrap(&signal.encode().unwrap()).unwrap()
}

/// h323plus takes an H.245 connection that is closed without endSessionCommand for a failure of the transport, and
/// after fast start it says nothing on it itself.
#[test]
fn no_h245_connection_is_closed_without_a_word() {
    let mut line = call_edited(Settings::default(), |setup| setup.set_h245_tunnelling(false));
    let mut connect = Signal::decode(&octets(CONNECT)[4..]).unwrap();
    connect.set_h245_tunnelling(false);
    connect.set_h245_address(Some("198.51.100.20:35065".parse().unwrap()));
    let outputs = line.desk.tell(Input::Bytes { stream: line.called, bytes: &wrapped(&connect) });
    let connect = sent(&outputs, line.caller).expect("Connect");
    let at = connect.h245_address().expect("an address of ours");
    let (listener, local) =
        line.desk.listeners.iter().find(|(_, there)| *there == at).copied().expect("a listener");

    let (to_caller, peer) = (StreamId::accepted(2), CALLER.parse().unwrap());
    let outputs = line.desk.tell(Input::Accepted { listener, stream: to_caller, local, peer });
    let dialled = outputs.iter().find_map(|output| match output {
        Output::Connect { stream, .. } => Some(*stream),
        _ => None,
    });
    let to_called = dialled.expect("a connection to the called party");
    line.desk.tell(Input::Connected { stream: to_called, local });

    let leg = Leg {
        crv: connect.q931().crv(),
        from_destination: false,
        call_id: connect.call_id().unwrap(),
        tunnelling: false,
    };
    let release =
        Signal::release_complete(leg, Release::UndefinedReason, Some(Cause::NORMAL_CLEARING));
    let outputs = line.desk.tell(Input::Bytes { stream: line.caller, bytes: &wrapped(&release) });
    for stream in [to_caller, to_called] {
        let place = |wanted: &dyn Fn(&Output) -> bool| outputs.iter().position(wanted);
        let said = place(
            &|output| matches!(output, Output::Send { stream: on, bytes } if *on == stream && bytes[..] == END_SESSION),
        );
        let closed =
            place(&|output| matches!(output, Output::Close { stream: on } if *on == stream));
        assert!(said.is_some() && said < closed, "{outputs:?}");
    }
}
