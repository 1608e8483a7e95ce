//! Messages of real peers, and others that a peer can send, all of them sound.

use std::net::SocketAddr;

use pinhole_h323::address::to_h225;
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{
    AdmissionRequest, AlertingUUIE, BandwidthRequest, CallProceedingUUIE, ConnectUUIE,
    DisengageRequest, EndpointIdentifier, GatekeeperRequest, H323UUPDUH323MessageBody as Body,
    InfoRequestResponse, InformationUUIE, LocationRequest, NotifyUUIE, ProgressUUIE, RasMessage,
    RequestSeqNum, ResourcesAvailableIndicate, SetupAcknowledgeUUIE, StatusInquiryUUIE, StatusUUIE,
    UnregistrationRequest,
};
use pinhole_h323::cause::Release;
use pinhole_h323::control::{Audio, Codec, Control, Offer};
use pinhole_h323::id::{CallId, Crv, EndpointId};
use pinhole_h323::ras::Ras;
use pinhole_h323::signal::{Leg, Signal};
use pinhole_h323::{tpkt, version};

/// RAS datagrams that h323plus 1.28.0 and GnuGk 5.15.0 sent.
pub(crate) const RAS: &[&str] = &[
    // RegistrationRequest, full, with H.460.18.
    "0ec02de0060008914a00078001000a0a010206b801000a0a0102a7a422c00900003d1048333233506c75732073696d706c650000\
     1a312e32382e30202848333233706c75732076312e32382e3029000000014002006500700031080050007500620047004b600900\
     003d1048333233506c75732073696d706c6500001a312e32382e30202848333233706c75732076312e32382e302900002e8b1922\
     02003b0100018001000100027000013016100200001240001700024000011d0000021d0000071c0100",
    // RegistrationConfirm with timeToLive 19 and H.460.18.
    "12c02de0060008914a00070100c633640a06b8014002006500700031080050007500620047004b1c0032003600380035003700330\
     034003000370030005f0065006e006400701e8b82020012010001000501400060a00100051001000012",
    // RegistrationRequest with keepAlive.
    "0e40f3c9060008914a00070001000a0a010206b801000a0a010292b122c00900003d1048333233506c75732073696d706c650000\
     1a312e32382e30202848333233706c75732076312e32382e3029000000800050007500620047004b600900003d1048333233506c\
     75732073696d706c6500001a312e32382e30202848333233706c75732076312e32382e302900002e8f192202003b01801f1c0032\
     003700380036003600310035003100360038005f0065006e006400700180010001000270000130081002000012000017010 0",
    // ServiceControlIndication with an IncomingCallIndication, and ServiceControlResponses.
    "852b0080000001000000014000120000400001001800c633640a06b800f81f8d79a5e3f11187699e7406960308",
    "8603000000",
    "861643000001000100001201400012000040000200020012",
    // LocationRequest and LocationConfirm.
    "4a800000014002006500700042408a01000208536572766572474b000a4d000206b71fd0960b01400300650070004100320180110\
     e0043006c00690065006e00740047004b380111200063006c00690065006e00740075007300650072c06b00d593082a864886f70d\
     0205008080f5029fb060677e3dc361f82482d698f20d01080a2b06010401818542000911001882b08ca6e3f1118a29b65383e2b54\
     00b01400300650070004100320100",
    "4e0001000a4d000106b8000a4d000106b71800105501480a2b0601040181854200090001480b2b0601040181854200090108 0f48\
     333233506c75732073696d706c65480b2b060104018185420009020819312e32382e30202848333233706c75732076312e32382e3\
     029",
];

/// TPKTs that they sent: call signalling and H.245.
pub(crate) const TPKT: &[&str] = &[
    // Facility of a client that comes for a call.
    "0300003508020000621c007e0027052680060008914a00076260301100f81f8d79a5e3f11187699e74069603080100010002800180",
    // Setup with H.460.19.
    "030000db08026a580504038090a52804657031007e00c40520b8060008914a000701400200650070003122c00900003d104833323\
     3506c75732073696d706c6500001a312e32382e30202848333233706c75732076312e32382e30290000000140020065007000320 0\
     c633640a06b80060430fb2a5e3f11185729e4af640c00800bd0fa00807000a0a0102bcc0110056430fb2a5e3f11185729e4af640c\
     008010001001d1a003500320036003500360030003200380038005f0065006e0064007001000100070120656e2d75730901400013\
     000000000102800180",
    // Connect with tunnelled H.245.
    "030000fd0802ea58072804657032007e00eb052280060008914a000722c00900003d1048333233506c75732073696d706c6500001\
     a312e32382e30202848333233706c75732076312e32382e302900000060430fb2a5e3f11185729e4af640c0081d0e24110056430f\
     b2a5e3f11185729e4af640c00801000100070120656e2d757301000d1001400013000100000200000104c0018066025c027001060\
     0088175000f80138000fa000100000100000100000cc0010001800580000020401380000120c01380000283015080000383011080\
     00048301408000058a061404302d31360080010201000000010000020200030004000507010032803948f7",
    // Facility startH245, EmptyFacility, ReleaseComplete.
    "0300004b0802421c621c007e003d052680060008914a00028101001b05881100cce2cceda5e3f111969e9e74069603080700c6336\
     40a8f9b010001000a1001400013000000000202800100",
    "0300003808023a77621c007e002a052680060008914a000486010013018011001882b08ca6e3f1118a29b65383e2b540010001000\
     2800180",
    "030000310802974f5a080280957e0021052580060008914a00020111002a742f13a7e3f1119659428f26214fb502800100",
    // H.245: connectionCorrelation, OpenLogicalChannel, its acknowledgement.
    "0300002571201e60070008834c12000102010016107497c1e2a5e3f1119ddf9e4af640c008",
    "03000049038000640c201380188d000100c633640ac35100800b300080b080018001fc00400440210220070008834c13000101001\
     60a0a00c633640ac350001200070008834c130001",
    "0300002f22c0006406a0135c00000a0a0102138b000a0a0102138c010100100120070008834c1300010100160205fc",
];

/// The octets of a vector.
pub(crate) fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).expect("two digits")).collect()
}

/// Setup of h323plus with fast start, and its answer.
const FAST: [&str; 2] = [
    "0300014d080242b40504038090a52804657031007e01360520b8060008914a000701400200650070003122c00900003d10483332\
     33506c75732073696d706c6500001a312e32382e30202848333233706c75732076312e32382e3029000000014002006500700032\
     00c633641406b8001cd6ade8a4e3f111995e3afa59a46100006d1da00700c633640ad7c2110092ceade8a4e3f111995e3afa59a4\
     61008099042a400000060401004c2013801e9c000100c633640a138800c633640a1389010b300080b080018001fc004020000064\
     0c201380188d000100c633640a138900800b300080b080018001fc00402a400000060401004c6013801e9c000100c633640a1388\
     00c633640a1389010b300080b080018001fc0040200000650c601380188d000100c633640a138900800b300080b080018001fc00\
     400100010001000100070120656e2d757302800180",
    "030000d30802c2b4072804657032007e00c1052280060008914a000722c00900003d1048333233506c75732073696d706c650000\
     1a312e32382e30202848333233706c75732076312e32382e30290000001cd6ade8a4e3f111995e3afa59a461000f1e110092cead\
     e8a4e3f111995e3afa59a461004d0224400064060401004c201380188d000100c6336414138900800b300080b080018001fc0040\
     260000640c2013801e9c000100c6336414138800c63364141389010b300080b080018001fc004001000100070120656e2d757302\
     800180",
];

/// Sound messages.
pub(crate) struct Stock {
    /// The call that they speak of, as far as they were made here.
    pub(crate) call: CallId,
    /// Datagrams.
    pub(crate) ras: Vec<Vec<u8>>,
    /// Q.931 messages.
    pub(crate) signalling: Vec<Vec<u8>>,
    /// H.245 messages.
    pub(crate) control: Vec<Vec<u8>>,
}

impl Stock {
    /// Real messages, and others that speak of this call.
    pub(crate) fn new(call: CallId) -> Self {
        let payload = |hex: &&str| octets(hex)[tpkt::HEADER..].to_vec();
        let (control, mut signalling): (Vec<_>, Vec<_>) =
            TPKT.iter().chain(&FAST).map(payload).partition(|payload| payload[0] != 8);
        signalling.extend(signals(call).iter().map(|signal| signal.encode().expect("sound")));
        let tunnelled: Vec<Vec<u8>> = signalling
            .iter()
            .filter_map(|octets| Signal::decode(octets).ok())
            .flat_map(|signal| {
                signal.h245_control().into_iter().map(<[u8]>::to_vec).collect::<Vec<_>>()
            })
            .collect();
        let made = controls().into_iter().map(|control| control.encode().expect("sound"));
        let control = control.into_iter().chain(tunnelled).chain(made).collect();
        let made =
            requests(call).into_iter().map(|message| Ras::new(message).encode().expect("sound"));
        let ras = RAS.iter().map(|hex| octets(hex)).chain(made).collect();
        Self { call, ras, signalling, control }
    }
}

fn at(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn requests(call: CallId) -> Vec<RasMessage> {
    let seq = || RequestSeqNum(77);
    let endpoint = || EndpointIdentifier::from(&EndpointId::from("somebody_endp"));
    let call_identifier = || Some(call.into());
    let address = || to_h225(at("192.0.2.66:1720"));
    vec![
        RasMessage::gatekeeperRequest(Box::new(GatekeeperRequest {
            request_seq_num: seq(),
            protocol_identifier: version::h225(),
            ras_address: address(),
            endpoint_alias: Some(vec![Alias::from_text("somebody").to_asn()]),
            ..Default::default()
        })),
        RasMessage::unregistrationRequest(Box::new(UnregistrationRequest {
            request_seq_num: seq(),
            call_signal_address: vec![address()],
            endpoint_identifier: Some(endpoint()),
            ..Default::default()
        })),
        RasMessage::admissionRequest(Box::new(AdmissionRequest {
            request_seq_num: seq(),
            endpoint_identifier: endpoint(),
            destination_info: Some(vec![Alias::from_text("bob").to_asn()]),
            src_info: vec![Alias::from_text("12345").to_asn()],
            call_identifier: call_identifier(),
            ..Default::default()
        })),
        RasMessage::disengageRequest(Box::new(DisengageRequest {
            request_seq_num: seq(),
            endpoint_identifier: endpoint(),
            call_identifier: call_identifier(),
            ..Default::default()
        })),
        RasMessage::bandwidthRequest(Box::new(BandwidthRequest {
            request_seq_num: seq(),
            endpoint_identifier: endpoint(),
            call_identifier: call_identifier(),
            ..Default::default()
        })),
        RasMessage::locationRequest(Box::new(LocationRequest {
            request_seq_num: seq(),
            destination_info: vec![Alias::from_text("bob").to_asn()],
            reply_address: address(),
            ..Default::default()
        })),
        RasMessage::infoRequestResponse(Box::new(InfoRequestResponse {
            request_seq_num: seq(),
            endpoint_identifier: endpoint(),
            ras_address: address(),
            ..Default::default()
        })),
        RasMessage::resourcesAvailableIndicate(Box::new(ResourcesAvailableIndicate {
            request_seq_num: seq(),
            protocol_identifier: version::h225(),
            endpoint_identifier: endpoint(),
            ..Default::default()
        })),
    ]
}

fn signals(call: CallId) -> Vec<Signal> {
    let id = || Some(call.into());
    let protocol_identifier = version::h225;
    let bodies = [
        Body::callProceeding(Box::new(CallProceedingUUIE {
            protocol_identifier: protocol_identifier(),
            h245_address: Some(to_h225(at("192.0.2.66:4000"))),
            call_identifier: id(),
            ..Default::default()
        })),
        Body::alerting(Box::new(AlertingUUIE {
            protocol_identifier: protocol_identifier(),
            call_identifier: id(),
            ..Default::default()
        })),
        Body::connect(Box::new(ConnectUUIE {
            protocol_identifier: protocol_identifier(),
            h245_address: Some(to_h225(at("192.0.2.66:4000"))),
            call_identifier: id(),
            ..Default::default()
        })),
        Body::progress(Box::new(ProgressUUIE {
            protocol_identifier: protocol_identifier(),
            call_identifier: call.into(),
            ..Default::default()
        })),
        Body::information(Box::new(InformationUUIE {
            protocol_identifier: protocol_identifier(),
            call_identifier: id(),
            ..Default::default()
        })),
        Body::status(Box::new(StatusUUIE {
            protocol_identifier: protocol_identifier(),
            call_identifier: call.into(),
            ..Default::default()
        })),
        Body::statusInquiry(Box::new(StatusInquiryUUIE {
            protocol_identifier: protocol_identifier(),
            call_identifier: call.into(),
            ..Default::default()
        })),
        Body::setupAcknowledge(Box::new(SetupAcknowledgeUUIE {
            protocol_identifier: protocol_identifier(),
            call_identifier: call.into(),
            ..Default::default()
        })),
        Body::notify(Box::new(NotifyUUIE {
            protocol_identifier: protocol_identifier(),
            call_identifier: call.into(),
            ..Default::default()
        })),
        Body::empty(()),
    ];
    let leg = Leg { crv: Crv::new(258), from_destination: true, call_id: call, tunnelling: true };
    let bodies = bodies.into_iter().map(|body| Signal::on(leg, body));
    let mut all: Vec<_> = bodies.collect();
    all.push(Signal::release_complete(leg, Release::UndefinedReason, None));
    all.push(Signal::start_h245(leg, at("192.0.2.66:4000")));
    all
}

fn controls() -> Vec<Control> {
    let audio = Audio { codec: Codec::Pcma, frames: 20 };
    let (media, rtcp) = (Some(at("192.0.2.66:5000")), Some(at("192.0.2.66:5001")));
    let offer = Offer { channel: 101, session: 1, audio, media, control: rtcp };
    vec![
        Control::terminal_capability_set(1, &[audio]),
        Control::terminal_capability_set_ack(1),
        Control::master_slave_determination(50, 12_345),
        Control::master_slave_determination_ack(true),
        Control::round_trip_delay_response(3),
        Control::open(offer.to_forward()),
        Control::open(Offer { session: 0, channel: 102, ..offer }.to_forward()),
        Control::open(offer.to_reverse()),
        Control::close(101),
        Control::close_ack(101),
        Control::end_session(),
    ]
}
