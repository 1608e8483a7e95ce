//! A phone and a peer that says exactly what the test wants.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use pinhole_h323::asn::h225::{H323UUPDUH323MessageBody as Body, SetupUUIE, StatusInquiryUUIE};
use pinhole_h323::cause::Release;
use pinhole_h323::control::Control;
use pinhole_h323::generic::{self, H460_26, Need};
use pinhole_h323::id::{CallId, Crv};
use pinhole_h323::q931::{MessageType, code};
use pinhole_h323::signal::{Leg, Signal};
use pinhole_h323::tpkt::{self, Reader};

use super::host::{Lab, answering};
use crate::event::Event;
use crate::face::{Agent, Input, Outbox, Output, StreamId};
use crate::phone::options::{Incoming, Options};

/// Connects to the first guest, says its piece, and notes the answers.
struct Peer {
    out: Outbox,
    piece: Vec<Vec<u8>>,
    reader: Reader,
    heard: Arc<Mutex<Vec<Signal>>>,
}

impl Peer {
    fn new(piece: Vec<Vec<u8>>) -> Self {
        let mut out = Outbox::default();
        let to = ([10, 0, 0, 1], 1720).into();
        out.push(Output::Connect { stream: StreamId(1), from: None, ports: 0..=0, to, class: 0 });
        Self { out, piece, reader: Reader::new(), heard: Arc::default() }
    }
}

impl Agent for Peer {
    fn handle_input(&mut self, _: Instant, input: Input<'_>) {
        match input {
            Input::Connected { stream, .. } => {
                for bytes in std::mem::take(&mut self.piece) {
                    self.out.push(Output::Send { stream, bytes });
                }
            }
            Input::Bytes { bytes, .. } => {
                self.reader.feed(bytes);
                while let Some(octets) = self.reader.read().unwrap() {
                    self.heard.lock().unwrap().push(Signal::decode(&octets).unwrap());
                }
            }
            _ => {}
        }
    }

    fn poll_output(&mut self) -> Output {
        self.out.pop().unwrap_or(Output::Timeout(None))
    }
}

const CRV: u16 = 0x123;

fn leg(call: u8) -> Leg {
    let call_id = CallId([call; 16]);
    Leg { crv: Crv::new(CRV), from_destination: false, call_id, tunnelling: true }
}

fn setup(call: u8) -> Signal {
    let call_identifier = Some(CallId([call; 16]).into());
    let body = SetupUUIE {
        protocol_identifier: pinhole_h323::version::h225(),
        call_identifier,
        ..SetupUUIE::default()
    };
    Signal::on(leg(call), Body::setup(Box::new(body)))
}

fn framed(signals: &[Signal]) -> Vec<Vec<u8>> {
    signals.iter().map(|signal| tpkt::wrap(&signal.encode().unwrap()).unwrap()).collect()
}

/// What a phone answers to these messages.
fn answers(options: Options, piece: Vec<Vec<u8>>) -> (Vec<Signal>, Vec<Event>) {
    let mut lab = Lab::new();
    let bob = lab.phone(options);
    lab.seconds(1);
    let peer = Peer::new(piece);
    let heard = peer.heard.clone();
    lab.enter(Box::new(peer));
    lab.seconds(2);
    let heard = heard.lock().unwrap().clone();
    (heard, lab.events(bob).to_vec())
}

fn types(signals: &[Signal]) -> Vec<MessageType> {
    signals.iter().map(Signal::message_type).collect()
}

#[test]
fn one_connection_carries_one_call() {
    let (heard, _) = answers(answering("bob"), framed(&[setup(1), setup(1), setup(2)]));
    let release = heard.iter().find(|s| s.message_type() == MessageType::ReleaseComplete).unwrap();
    assert_eq!(release.call_id(), Some(CallId([2; 16])));
    assert_eq!(release.release(), Some(Release::NewConnectionNeeded));
    let connects = types(&heard).into_iter().filter(|t| *t == MessageType::Connect).count();
    assert_eq!(connects, 1);
    assert!(heard.iter().all(|signal| signal.q931().from_destination()));
}

#[test]
fn a_needed_feature_that_we_lack() {
    let mut demanding = setup(1);
    demanding.set_feature(Need::Needed, generic::new(H460_26));
    let (heard, _) = answers(answering("bob"), framed(&[demanding]));
    assert_eq!(types(&heard), [MessageType::ReleaseComplete]);
    assert_eq!(heard[0].release(), Some(Release::NeededFeatureNotSupported));
}

#[test]
fn status_is_told() {
    let inquiry = StatusInquiryUUIE {
        protocol_identifier: pinhole_h323::version::h225(),
        call_identifier: CallId([1; 16]).into(),
        ..StatusInquiryUUIE::default()
    };
    let inquiry = Signal::on(leg(1), Body::statusInquiry(Box::new(inquiry)));
    let ringing = Options { incoming: Incoming::Ring, ..Options::new("bob") };
    for (options, state) in [(ringing, 7), (answering("bob"), 10)] {
        // A moment later, because the phone has to bind its sockets first.
        let mut lab = Lab::new();
        lab.phone(options);
        lab.seconds(1);
        let peer = Peer::new(framed(&[setup(1)]));
        let heard = peer.heard.clone();
        lab.enter(Box::new(Late {
            peer,
            at: lab.now,
            inquiry: framed(std::slice::from_ref(&inquiry)),
        }));
        lab.seconds(5);
        let heard = heard.lock().unwrap();
        let status = heard.iter().find(|s| s.message_type() == MessageType::Status).unwrap();
        assert_eq!(status.q931().get(code::CALL_STATE), Some(&[state][..]));
        assert_eq!(status.q931().cause(), Some(30));
        assert!(!types(&heard).contains(&MessageType::ReleaseComplete));
    }
}

/// A peer that says one more thing after two seconds.
struct Late {
    peer: Peer,
    at: Instant,
    inquiry: Vec<Vec<u8>>,
}

impl Agent for Late {
    fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        if matches!(input, Input::Timeout) {
            for bytes in std::mem::take(&mut self.inquiry) {
                self.peer.out.push(Output::Send { stream: StreamId(1), bytes });
            }
        }
        self.peer.handle_input(now, input);
    }

    fn poll_output(&mut self) -> Output {
        let later = self.at + std::time::Duration::from_secs(2);
        match self.peer.poll_output() {
            Output::Timeout(_) => Output::Timeout((!self.inquiry.is_empty()).then_some(later)),
            output => output,
        }
    }
}

#[test]
fn an_old_peer_without_call_identifier() {
    let mut old = setup(1);
    old.edit(|pdu| {
        if let Body::setup(body) = &mut pdu.h323_message_body {
            body.call_identifier = None;
        }
    });
    let (heard, events) = answers(answering("bob"), framed(&[old]));
    assert!(types(&heard).contains(&MessageType::Connect));
    assert!(events.iter().any(|event| matches!(event, Event::CallConnected { .. })));
}

#[test]
fn garbage_before_a_setup() {
    let garbage = vec![3, 0, 0, 8, 1, 2, 3, 4];
    let mut piece = vec![garbage, tpkt::KEEPALIVE.to_vec()];
    piece.extend(framed(&[setup(1)]));
    let (heard, events) = answers(answering("bob"), piece);
    assert!(types(&heard).contains(&MessageType::Connect), "the frames are sound");
    assert!(events.iter().any(|event| matches!(event, Event::Malformed { .. })));
    let (heard, _) = answers(answering("bob"), vec![b"GET / HTTP/1.1\r\n\r\n".to_vec()]);
    assert!(heard.is_empty());
}

#[test]
fn a_peer_that_ends_h245_and_says_no_more() {
    let end = Control::end_session().encode().unwrap();
    let mut facility = Signal::transport(leg(1));
    facility.set_h245_control(vec![end]);
    let mut setup = setup(1);
    setup.set_h245_tunnelling(true);
    let (heard, events) = answers(answering("bob"), framed(&[setup, facility]));
    let record = events.iter().find_map(|event| match event {
        Event::CallEnded(record) => Some(record),
        _ => None,
    });
    let record = record.unwrap();
    assert_eq!(record.sentence, "the other party ended the call without a reason");
    assert!((0.9..1.1).contains(&record.duration_s), "{record:?}");
    let ends = |octets: &&[u8]| Control::decode(octets).unwrap().is_end_session();
    let answered: Vec<_> = heard.iter().flat_map(Signal::h245_control).collect();
    assert_eq!(answered.iter().filter(|octets| ends(octets)).count(), 1, "it is answered, once");
    assert_eq!(heard.last().unwrap().message_type(), MessageType::ReleaseComplete);
}
