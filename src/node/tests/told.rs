//! What peers are told of our addresses. The simulated world holds every message to it (`tests/sim`, `reach`); here are the
//! fields of messages that its phones do not send, and the list of all there are.

use pinhole_h323::asn::h225::{GatekeeperRequest, LocationRequest, RequestSeqNum};
use pinhole_h323::control::Control;
use pinhole_h323::signal::Leg;
use pinhole_h323::{address, tpkt};

use super::addresses;
use super::channels::{at, open};
use super::data::{ack, t120};
use super::disclosure;
use super::fast_start::{CONNECT, call_edited};
use super::ras::{arq, ask, open_rrq, register};
use super::talk::Talk;
use super::*;
use crate::face::Side;

/// Who sends us a field with an address, and what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    /// We tell our address in it.
    Told,
    /// We read it and pass nothing of it on.
    Read,
    /// It is taken out of what passes, or replaced.
    Cleaned,
    /// Nothing that we send has it, and nothing that we get from it counts.
    Unused,
}
use Use::{Cleaned, Read, Told, Unused};

/// Every field of H.225.0 with an address, and of H.245 those of `addresses`.
const FIELDS: [(&str, Use); 47] = [
    ("AdmissionConfirm.alternate_transport_addresses", Unused),
    ("AdmissionConfirm.dest_call_signal_address", Told),
    ("AdmissionReject.call_signal_address", Unused),
    ("AdmissionRequest.dest_call_signal_address", Read),
    ("AdmissionRequest.src_call_signal_address", Unused),
    ("AlertingUUIE.h245_address", Told),
    ("AliasAddress.transportID", Cleaned),
    ("AlternateGK.ras_address", Unused),
    ("AlternateTransportAddresses.annex_e", Unused),
    ("AlternateTransportAddresses.sctp", Unused),
    ("AnonymousInfoRequestResponsePerCallInfo.audio", Unused),
    ("AnonymousInfoRequestResponsePerCallInfo.call_signaling", Unused),
    ("AnonymousInfoRequestResponsePerCallInfo.data", Unused),
    ("AnonymousInfoRequestResponsePerCallInfo.h245", Unused),
    ("AnonymousInfoRequestResponsePerCallInfo.video", Unused),
    ("BandwidthDetails.rtcp_addresses", Unused),
    ("CallProceedingUUIE.h245_address", Told),
    ("ConnectUUIE.h245_address", Told),
    ("Content.transport", Cleaned),
    ("Endpoint.alternate_transport_addresses", Unused),
    // Of the alternatives of an admission, which go through us, too.
    ("Endpoint.call_signal_address", Told),
    ("Endpoint.ras_address", Unused),
    ("FacilityUUIE.alternative_address", Told),
    ("FacilityUUIE.h245_address", Told),
    ("GatekeeperConfirm.ras_address", Told),
    ("GatekeeperRequest.ras_address", Unused),
    ("InfoRequest.reply_address", Unused),
    ("InfoRequestResponse.call_signal_address", Unused),
    ("InfoRequestResponse.ras_address", Unused),
    ("LocationConfirm.alternate_transport_addresses", Unused),
    ("LocationConfirm.call_signal_address", Told),
    ("LocationConfirm.ras_address", Told),
    ("LocationRequest.reply_address", Told),
    ("ProgressUUIE.h245_address", Told),
    ("RTPSession.rtcp_address", Unused),
    ("RTPSession.rtp_address", Unused),
    ("RegistrationConfirm.call_signal_address", Told),
    ("RegistrationConfirmPreGrantedARQ.alternate_transport_addresses", Unused),
    ("RegistrationRequest.alternate_transport_addresses", Unused),
    ("RegistrationRequest.call_signal_address", Read),
    ("RegistrationRequest.ras_address", Read),
    ("SetupUUIE.dest_call_signal_address", Told),
    ("SetupUUIE.h245_address", Told),
    ("SetupUUIE.source_call_signal_address", Told),
    ("TransportChannelInfo.recv_address", Unused),
    ("TransportChannelInfo.send_address", Unused),
    ("UnregistrationRequest.call_signal_address", Read),
];

/// The types that hold addresses.
const HOLDERS: [&str; 4] =
    ["TransportAddress", "AlternateTransportAddresses", "RTPSession", "TransportChannelInfo"];

/// The fields of H.225.0 whose type is such.
fn fields(such: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut owner = "";
    for line in include_str!("../../../h323/src/asn/h225.rs").lines() {
        let declared = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "));
        if let Some(rest) = declared {
            owner = rest.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        }
        let Some(field) = line.strip_prefix("    ") else { continue };
        let field = field.trim_start_matches("pub ");
        let Some((name, kind)) = field.split_once([':', '(']) else { continue };
        if name.chars().all(|c| c.is_alphanumeric() || c == '_') && such(kind) {
            found.push(format!("{owner}.{name}"));
        }
    }
    found
}

#[test]
fn every_field_of_h225_with_an_address_is_known() {
    let holds = |kind: &str| {
        let mut words = kind.split(|c: char| !c.is_alphanumeric());
        words.any(|word| HOLDERS.contains(&word))
    };
    let mut found = fields(holds);
    found.sort();
    assert_eq!(found, FIELDS.map(|(name, _)| name.to_owned()));
    for field in ["SetupUUIE.h245_address", "GatekeeperConfirm.ras_address"] {
        assert!(FIELDS.contains(&(field, Told)));
    }
}

/// What a message of a call can carry that holds another language than H.225.0, in which an address could be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// It is read, and what it says of addresses is replaced or taken out.
    Understood,
    /// It passes as it came.
    Opaque,
    /// It is no place for an address.
    Plain,
}
use Inside::{Opaque, Plain, Understood};

/// Every field of H.225.0 that holds octets, beside those of RAS and the octets of addresses.
const OCTETS: [(&str, Inside); 27] = [
    ("ANSI41UIM.system_access_type", Plain),
    ("ANSI41UIM.system_my_type_code", Plain),
    ("ANSI41UIM.qualification_information_code", Plain),
    ("AlertingUUIE.fast_start", Understood),
    ("CallProceedingUUIE.fast_start", Understood),
    ("CallTerminationCause.releaseCompleteCauseIE", Plain),
    ("CarrierInfo.carrier_identification_code", Plain),
    ("CicInfo.point_code", Plain),
    ("ConnectUUIE.fast_start", Understood),
    ("Content.raw", Opaque),
    ("FacilityUUIE.fast_start", Understood),
    ("GSMUIM.tmsi", Plain),
    ("H323UUPDU.h245_control", Understood),
    // Those that name a transport address are taken out.
    ("H323UUPDU.h4501_supplementary_service", Understood),
    ("H323UUPDUTunnelledSignallingMessage.message_content", Opaque),
    ("H323UserInformationUserData.user_information", Opaque),
    ("InformationUUIE.fast_start", Understood),
    ("NonStandardParameter.data", Opaque),
    ("ProgressUUIE.fast_start", Understood),
    ("SetupUUIE.fast_start", Understood),
    ("SetupUUIE.parallel_h245_control", Understood),
    ("StimulusControl.h248_message", Opaque),
    ("TransportAddress.netBios", Plain),
    ("TransportAddress.nsap", Plain),
    ("UnknownMessageResponse.message_not_understood", Plain),
    ("VendorIdentifier.product_id", Plain),
    ("VendorIdentifier.version_id", Plain),
];

/// The manual says what passes unread.
#[test]
fn every_field_of_h225_with_octets_is_known() {
    let octets =
        |kind: &str| kind.split(|c: char| !c.is_alphanumeric()).any(|word| word == "OctetString");
    let address =
        |owner: &str| owner.starts_with("TransportAddress") && owner != "TransportAddress";
    let mut found: Vec<String> = fields(octets)
        .into_iter()
        .filter(|name| name.split_once('.').is_some_and(|(owner, _)| !address(owner)))
        .collect();
    found.sort();
    let mut known = OCTETS.map(|(name, _)| name.to_owned());
    known.sort();
    assert_eq!(found, known);
    let opaque = OCTETS.iter().filter(|(_, inside)| *inside == Opaque).count();
    assert_eq!(opaque, 5, "those that docs/manual.md lists");
}

/// The address of the host, which nobody outside can use, and what the router makes of it.
const LOCAL: [u8; 4] = [198, 51, 100, 2];
const EXTERNAL: [u8; 4] = [203, 0, 113, 200];

fn behind_a_router() -> Settings {
    Settings { external: Some(EXTERNAL.into()), ..Settings::default() }
}

/// How many messages to peers tell the external address. None may tell the other.
fn told(outputs: &[Output]) -> usize {
    let has = |bytes: &[u8], ip: [u8; 4]| bytes.windows(4).any(|octets| octets == ip);
    let messages = outputs.iter().filter_map(|output| match output {
        Output::Send { bytes, .. } | Output::Datagram { bytes, .. } => Some(bytes),
        _ => None,
    });
    let messages: Vec<_> = messages.collect();
    for bytes in &messages {
        assert!(!has(bytes, LOCAL), "{bytes:02x?}");
    }
    messages.iter().filter(|bytes| has(bytes, EXTERNAL)).count()
}

#[test]
fn ras_tells_who_is_outside_the_external_address() {
    let mut desk = Desk::with(behind_a_router());
    let grq = RasMessage::gatekeeperRequest(Box::new(GatekeeperRequest {
        request_seq_num: RequestSeqNum(5),
        protocol_identifier: pinhole_h323::version::h225(),
        ras_address: address::to_h225(at("192.0.2.10:1719")),
        ..Default::default()
    }));
    desk.node.core.settings.zones.accept_strangers = true;
    let lrq = |name: &str| {
        RasMessage::locationRequest(Box::new(LocationRequest {
            request_seq_num: RequestSeqNum(6),
            destination_info: vec![pinhole_h323::alias::Alias::from_text(name).to_asn()],
            reply_address: address::to_h225(at("192.0.2.99:1719")),
            ..Default::default()
        }))
    };
    let id = register(&mut desk, "alice", "192.0.2.10:1719");
    let rrq = open_rrq("bob", "192.0.2.20:1719", |_| {});
    let mut all = desk.ask("192.0.2.20:1719", &rrq);
    all.extend(ask(&mut desk, "192.0.2.10:1719", grq));
    all.extend(ask(&mut desk, "192.0.2.10:1719", arq(&id, 1, "bob")));
    all.extend(ask(&mut desk, "192.0.2.99:1719", lrq("bob")));
    let names: Vec<_> = all.iter().map(|message| Ras::new(message.clone()).name()).collect();
    assert_eq!(
        names,
        ["registrationConfirm", "gatekeeperConfirm", "admissionConfirm", "locationConfirm"]
    );
    for message in all {
        let bytes = Ras::new(message).encode().unwrap();
        let to = at("192.0.2.10:1719");
        assert_eq!(told(&[Output::Datagram { socket: SocketId(0), to, bytes }]), 1);
    }
}

#[test]
fn signalling_tells_who_is_outside_the_external_address_in_every_message() {
    for early in [true, false] {
        let mut line = call_edited(behind_a_router(), |setup| {
            setup.set_fast_start(Vec::new());
            setup.set_h245_tunnelling(!early);
            setup.set_h245_address(early.then(|| at("198.51.100.10:4444")));
        });
        assert_eq!(told(&line.outputs), 1);
        assert_eq!(line.setup.h245_address().map(|at| at.ip()), early.then(|| EXTERNAL.into()));
        let words = Leg {
            crv: line.setup.crv(),
            from_destination: true,
            call_id: line.setup.call_id().unwrap(),
            tunnelling: !early,
        };
        let mut tells = 0;
        for signal in disclosure::messages(words) {
            let bytes = tpkt::wrap(&signal.encode().unwrap()).unwrap();
            let outputs = line.desk.tell(Input::Bytes { stream: line.called, bytes: &bytes });
            tells += told(&outputs);
        }
        assert!(tells >= usize::from(early), "{tells}");
        let outputs = line.desk.tell(Input::Bytes { stream: line.called, bytes: &octets(CONNECT) });
        told(&outputs);
    }
}

#[test]
fn h245_tells_who_is_outside_the_external_address_in_every_message() {
    for from in [Side::A, Side::B] {
        let mut talk = Talk::plain_with(behind_a_router());
        let first = talk.tell(from.other(), &Control::open(open(9, 1, "198.51.100.20:5001")));
        assert_eq!(told(&first.outputs), 1);
        let mut tells = 0;
        for message in addresses::messages(at("198.51.100.10:5001")) {
            tells += told(&talk.tell(from, &message).outputs);
        }
        // Two channels, their acknowledgement, two tables of a conference.
        assert!(tells >= 3, "{tells}");
    }
    let mut talk = Talk::plain_with(behind_a_router());
    let opened = talk.tell(Side::A, &t120(Some("198.51.100.10:1503")));
    assert_eq!(told(&opened.outputs), 1, "T.120");
    told(&talk.tell(Side::B, &ack(Some("198.51.100.20:1503"))).outputs);
    let mut talk = Talk::plain_with(behind_a_router());
    talk.tell(Side::A, &t120(None));
    let acknowledged = talk.tell(Side::B, &ack(Some("198.51.100.20:1503")));
    assert_eq!(told(&acknowledged.outputs), 1, "T.120 of the other party");
}
