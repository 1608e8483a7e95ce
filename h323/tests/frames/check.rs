//! What holds for any octets around messages and media, and for whoever asks a message what it says.

use pinhole_h323::asn::h245::{
    MultimediaSystemControlMessage as H245, RequestMessage, ResponseMessage,
};
use pinhole_h323::control::{Accept, Offer};
use pinhole_h323::generic::{self, Need};
use pinhole_h323::h46018::{self, Correlation, IncomingCall};
use pinhole_h323::h46019::{self, Traversal};
use pinhole_h323::{Control, Ras, Signal, mux, q931, rtcp, rtp, tpkt};
use std::hint::black_box;

/// A fuzz target: its name, and what it does with octets.
type Target = (&'static str, fn(&[u8]));

/// All fuzz targets.
pub(crate) const TARGETS: [Target; 4] =
    [("conversation", conversation), ("q931", q931), ("rtp", rtp), ("tpkt", tpkt)];

/// A stream is split the same in one piece and octet by octet, and what was split wraps again.
pub(crate) fn tpkt(stream: &[u8]) {
    let mut whole = tpkt::Reader::new();
    whole.feed(stream);
    let mut split = tpkt::Reader::new();
    let mut pieces = stream.iter();
    loop {
        let expected = whole.read();
        let found = loop {
            match (split.read(), pieces.next()) {
                (Ok(None), Some(octet)) => split.feed(&[*octet]),
                (found, piece) => {
                    piece.into_iter().for_each(|octet| split.feed(&[*octet]));
                    break found;
                }
            }
        };
        assert_eq!(expected, found);
        match expected {
            Ok(Some(payload)) => {
                let Ok(again) = tpkt::wrap(&payload) else { panic!("split, not wrapped") };
                assert_eq!(tpkt::split_first(&again), Ok(Some((&payload[..], again.len()))));
            }
            Ok(None) | Err(_) => return,
        }
    }
}

/// A Q.931 message encodes to the octets it came as, and survives changes.
pub(crate) fn q931(octets: &[u8]) {
    let Ok(mut message) = q931::Message::decode(octets) else { return };
    assert_eq!(message.encode().as_deref(), Ok(octets));
    black_box((
        message.called_number(),
        message.calling_number(),
        message.bearer(),
        message.display(),
    ));
    message.set_called_digits("1");
    message.set_calling_digits("2");
    message.set_display("x");
    message.set_cause(16);
    assert_eq!(message.cause(), Some(16));
    assert_eq!(message.called_number().map(|number| number.digits).as_deref(), Some("1"));
    let again = message.encode().and_then(|octets| q931::Message::decode(&octets));
    assert_eq!(again, Ok(message));
}

/// RTP, RTCP and multiplexed datagrams.
pub(crate) fn rtp(datagram: &[u8]) {
    if let Ok(packet) = rtp::Packet::parse(datagram) {
        assert!(packet.payload_range().end + packet.padding() == datagram.len());
        assert_eq!(packet.payload(), &datagram[packet.payload_range()]);
        let length = packet.extension().map_or(0, |(_, octets)| 4 + octets.len());
        assert_eq!(packet.payload_range().start, 12 + 4 * packet.csrc().count() + length);
        let mut octets = datagram.to_vec();
        let Ok(mut copy) = rtp::Packet::parse(&mut octets[..]) else { panic!("parsed once only") };
        copy.set_payload_type(packet.payload_type());
        copy.set_marker(packet.marker());
        copy.set_ssrc(packet.ssrc());
        copy.set_timestamp(packet.timestamp());
        copy.set_sequence_number(packet.sequence_number());
        assert_eq!(octets, datagram);
    }
    for packet in rtcp::packets(datagram) {
        let again = match packet {
            Ok(rtcp::Packet::Sender(report)) => report.octets(),
            Ok(rtcp::Packet::Receiver(report)) => report.octets(),
            _ => continue,
        };
        assert!(rtcp::is_rtcp(&again));
        assert!(rtcp::packets(&again).all(|packet| packet.is_ok()));
    }
    if let Some((id, packet)) = mux::split(datagram) {
        assert_eq!(id.prefix(packet), datagram);
    }
}

/// Any message can be asked anything, and leaves as it came if nothing was changed; the first octet chooses
/// which conversation.
pub(crate) fn conversation(octets: &[u8]) {
    let Some((which, octets)) = octets.split_first() else { return };
    match which % 3 {
        0 => Ras::decode(octets).map_or((), |message| ras(octets, message)),
        1 => Signal::decode(octets).map_or((), |message| signal(octets, message)),
        _ => Control::decode(octets).map_or((), |message| control(octets, message)),
    }
}

fn ras(octets: &[u8], mut ras: Ras) {
    black_box((ras.name(), ras.call_id(), ras.endpoint_id(), ras.gatekeeper_id(), ras.reject()));
    black_box((
        IncomingCall::announced(&ras).ok(),
        h46018::keep_alive_answer(&ras),
        h46018::is_keep_alive(&ras),
    ));
    if !ras.remove_feature(generic::H460_18) {
        assert_eq!(ras.encode().as_deref(), Ok(octets));
    }
    assert!(ras.feature(generic::H460_18).is_none());
    if ras.set_feature(Need::Supported, generic::new(generic::H460_18)) {
        assert!(ras.feature(generic::H460_18).is_some());
    }
    if let Some(seq) = ras.seq() {
        assert!(ras.set_seq(seq.next()));
        assert_eq!(ras.seq(), Some(seq.next()));
    }
}

fn signal(octets: &[u8], mut signal: Signal) {
    black_box((
        signal.name(),
        signal.call_id(),
        signal.release(),
        signal.cause(),
        signal.is_keepalive(),
    ));
    black_box((
        signal.needed_features(),
        h46018::pinhole_of(&signal),
        signal.parallel_h245_control(),
    ));
    if !signal.remove_feature(generic::H460_19) {
        assert_eq!(signal.encode().as_deref(), Ok(octets));
    }
    assert!(signal.feature(generic::H460_19).is_none());
    let ability = h46019::Ability { server: true, transmit_multiplexed: false };
    if signal.set_feature(Need::Supported, ability.to_feature()) {
        assert_eq!(signal.feature(generic::H460_19).map(h46019::Ability::read), Some(ability));
    }
    let at = "203.0.113.10:1720".parse().ok();
    if signal.set_h245_address(at) {
        assert_eq!(signal.h245_address(), at);
    }
    if signal.set_fast_start(vec![vec![1]]) {
        assert_eq!(signal.fast_start(), [&[1]]);
    }
    signal.set_h245_control(Vec::new());
    assert!(signal.h245_control().is_empty());
}

fn control(octets: &[u8], control: Control) {
    assert_eq!(control.encode().as_deref(), Ok(octets));
    black_box((control.name(), control.receivable_audio(), Correlation::read(&control)));
    let mut information = match control.into_message() {
        H245::request(RequestMessage::openLogicalChannel(open)) => {
            black_box(Offer::read(&open));
            open.generic_information
        }
        H245::response(response) => match *response {
            ResponseMessage::openLogicalChannelAck(ack) => {
                black_box(Accept::read(&ack));
                ack.generic_information
            }
            _ => return,
        },
        _ => return,
    };
    if let Ok(Some(traversal)) = Traversal::read(information.as_ref()) {
        assert_eq!(traversal.write(&mut information), Ok(()));
        assert_eq!(Traversal::read(information.as_ref()), Ok(Some(traversal)));
    }
    h46019::remove(&mut information);
    assert_eq!(Traversal::read(information.as_ref()), Ok(None));
}
