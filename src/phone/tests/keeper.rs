//! A small gatekeeper: it registers, admits, and carries calls to H.460.18 clients through itself.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use pinhole_h323::address::{from_h225, to_h225};
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{
    AdmissionConfirm, AdmissionReject, AdmissionRejectReason, AdmissionRequest, CallModel,
    CryptoH323Token, DisengageConfirm, GatekeeperConfirm, RasMessage, RegistrationConfirm,
    RegistrationReject, RegistrationRejectReason, RegistrationRequest, RequestSeqNum, TimeToLive,
    UnregistrationConfirm, UnregistrationRequest,
};
use pinhole_h323::generic::{self, H460_18, Need};
use pinhole_h323::h46018::{IncomingCall, pinhole_of};
use pinhole_h323::id::{CallId, Seq};
use pinhole_h323::tpkt::Reader;
use pinhole_h323::{Ras, Signal, version};

use crate::face::{Agent, Bind, Input, ListenerId, Outbox, Output, SocketId, StreamId};

/// What the test wants of it, and what it has seen.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// Answers nothing.
    pub(super) silent: bool,
    /// Refuses registrations.
    pub(super) refuses: bool,
    /// Refuses keepalives, once.
    pub(super) forgets: bool,
    /// Announces calls at 0.0.0.0, and twice.
    pub(super) confused: bool,
    /// Sends URQ at the next refresh.
    pub(super) throws_out: bool,
    /// The names of the RAS messages that came.
    pub(super) seen: Vec<&'static str>,
    /// The sequence numbers of the full registrations and of the refreshes that came.
    pub(super) full: Vec<u16>,
    /// The time stamps of the proofs of a password that came.
    pub(super) proofs: Vec<u32>,
    pub(super) refreshes: Vec<u16>,
}

/// See the head of the file.
pub(super) struct Keeper {
    book: Arc<Mutex<Book>>,
    ip: IpAddr,
    out: Outbox,
    registered: BTreeMap<String, (SocketAddr, SocketAddr)>,
    streams: BTreeMap<StreamId, (Reader, Option<StreamId>)>,
    /// Connections with a Setup that wait for the callee's.
    waiting: BTreeMap<CallId, (StreamId, Vec<u8>)>,
    /// Connections that callees opened.
    opened: BTreeMap<CallId, StreamId>,
}

const RAS: SocketId = SocketId(1);

impl Keeper {
    pub(super) fn new(ip: IpAddr) -> (Self, Arc<Mutex<Book>>) {
        let book = Arc::new(Mutex::new(Book::default()));
        let mut out = Outbox::default();
        for (bind, port) in [(Bind::Udp(RAS), 1719), (Bind::Tcp(ListenerId(1)), 1720)] {
            out.push(Output::Bind { bind, ip, ports: port..=port, class: 0 });
        }
        let (registered, streams) = (BTreeMap::new(), BTreeMap::new());
        let (waiting, opened) = (BTreeMap::new(), BTreeMap::new());
        (Self { book: book.clone(), ip, out, registered, streams, waiting, opened }, book)
    }

    fn reply(&mut self, to: SocketAddr, message: RasMessage) {
        let bytes = Ras::new(message).encode().unwrap();
        self.out.push(Output::Datagram { socket: RAS, to, bytes });
    }

    fn ras(&mut self, from: SocketAddr, bytes: &[u8]) {
        let ras = Ras::decode(bytes).unwrap();
        self.book.lock().unwrap().seen.push(ras.name());
        let tokens = match ras.message() {
            RasMessage::registrationRequest(request) => request.crypto_tokens.as_ref(),
            RasMessage::admissionRequest(request) => request.crypto_tokens.as_ref(),
            RasMessage::disengageRequest(request) => request.crypto_tokens.as_ref(),
            RasMessage::unregistrationRequest(request) => request.crypto_tokens.as_ref(),
            _ => None,
        };
        for token in tokens.into_iter().flatten() {
            if let CryptoH323Token::cryptoEPPwdHash(token) = token {
                self.book.lock().unwrap().proofs.push(token.time_stamp.0);
            }
        }
        if self.book.lock().unwrap().silent {
            return;
        }
        let request_seq_num = RequestSeqNum::from(ras.seq().unwrap());
        let answer = match ras.message() {
            RasMessage::gatekeeperRequest(_) => {
                RasMessage::gatekeeperConfirm(Box::new(GatekeeperConfirm {
                    request_seq_num,
                    protocol_identifier: version::h225(),
                    ras_address: to_h225((self.ip, 1719).into()),
                    ..GatekeeperConfirm::default()
                }))
            }
            RasMessage::registrationRequest(request) => self.register(from, request),
            RasMessage::unregistrationRequest(_) => {
                self.registered.retain(|_, (ras, _)| *ras != from);
                RasMessage::unregistrationConfirm(Box::new(UnregistrationConfirm {
                    request_seq_num,
                    ..UnregistrationConfirm::default()
                }))
            }
            RasMessage::admissionRequest(request) => self.admit(request),
            RasMessage::disengageRequest(_) => {
                RasMessage::disengageConfirm(Box::new(DisengageConfirm {
                    request_seq_num,
                    ..DisengageConfirm::default()
                }))
            }
            _ => return,
        };
        self.reply(from, answer);
    }

    fn register(&mut self, from: SocketAddr, request: &RegistrationRequest) -> RasMessage {
        let seq = request.request_seq_num.0;
        let keep_alive = request.keep_alive == Some(true);
        let mut book = self.book.lock().unwrap();
        let list = if keep_alive { &mut book.refreshes } else { &mut book.full };
        list.push(seq);
        let forgets = keep_alive && std::mem::take(&mut book.forgets);
        if book.refuses || forgets {
            let reject_reason = match forgets {
                true => RegistrationRejectReason::fullRegistrationRequired(()),
                false => RegistrationRejectReason::securityDenial(()),
            };
            return RasMessage::registrationReject(Box::new(RegistrationReject {
                request_seq_num: RequestSeqNum(seq),
                protocol_identifier: version::h225(),
                reject_reason,
                ..RegistrationReject::default()
            }));
        }
        let throws_out = keep_alive && std::mem::take(&mut book.throws_out);
        drop(book);
        if throws_out {
            let request = UnregistrationRequest {
                request_seq_num: RequestSeqNum(777),
                ..UnregistrationRequest::default()
            };
            self.reply(from, RasMessage::unregistrationRequest(Box::new(request)));
        }
        let signalling = from_h225(&request.call_signal_address[0]).unwrap();
        for alias in Alias::read_all(request.terminal_alias.iter().flatten()) {
            self.registered.insert(alias.to_string(), (from, signalling));
        }
        let features = request.feature_set.clone().unwrap_or_default();
        let mut ours = None;
        if generic::feature(&features, H460_18).is_some() {
            generic::set_feature(
                ours.get_or_insert_default(),
                Need::Supported,
                generic::new(H460_18),
            );
        }
        RasMessage::registrationConfirm(Box::new(RegistrationConfirm {
            request_seq_num: RequestSeqNum(seq),
            protocol_identifier: version::h225(),
            endpoint_identifier: (&pinhole_h323::id::EndpointId::from("ep1")).into(),
            time_to_live: Some(TimeToLive(19)),
            feature_set: ours,
            ..RegistrationConfirm::default()
        }))
    }

    /// The caller is sent to the callee, or to us if the callee is a traversal client.
    fn admit(&mut self, request: &AdmissionRequest) -> RasMessage {
        let seq = request.request_seq_num.0;
        let aliases = Alias::read_all(request.destination_info.iter().flatten());
        let name = aliases.first().map(ToString::to_string).unwrap_or_default();
        let Some((ras, signalling)) = self.registered.get(&name).copied() else {
            return RasMessage::admissionReject(Box::new(AdmissionReject {
                request_seq_num: RequestSeqNum(seq),
                reject_reason: AdmissionRejectReason::calledPartyNotRegistered(()),
                ..AdmissionReject::default()
            }));
        };
        let mut to = signalling;
        if !request.answer_call && name.starts_with("hidden") {
            to = (self.ip, 1720).into();
            let call_id = CallId::from(request.call_identifier.as_ref().unwrap());
            self.announce(ras, call_id);
        }
        RasMessage::admissionConfirm(Box::new(AdmissionConfirm {
            request_seq_num: RequestSeqNum(seq),
            band_width: request.band_width.clone(),
            call_model: CallModel::gatekeeperRouted(()),
            dest_call_signal_address: to_h225(to),
            ..AdmissionConfirm::default()
        }))
    }

    fn announce(&mut self, to: SocketAddr, call_id: CallId) {
        let confused = self.book.lock().unwrap().confused;
        let ip = if confused { IpAddr::from([0, 0, 0, 0]) } else { self.ip };
        let incoming = IncomingCall { address: (ip, 1720).into(), call_id };
        for _ in 0..=u8::from(confused) {
            let bytes = incoming.announce(Seq::new(500)).unwrap().encode().unwrap();
            self.out.push(Output::Datagram { socket: RAS, to, bytes });
        }
    }

    /// Joins the caller's connection and the one that the callee opened.
    fn message(&mut self, stream: StreamId, octets: &[u8]) {
        let signal = Signal::decode(octets).unwrap();
        if let Some(call) = pinhole_of(&signal) {
            assert!(self.opened.insert(call, stream).is_none(), "one connection for a call");
            self.join(call);
        } else if let Some(Some(other)) = self.streams.get(&stream).map(|(_, other)| *other) {
            let bytes = pinhole_h323::tpkt::wrap(octets).unwrap();
            self.out.push(Output::Send { stream: other, bytes });
        } else if let Some(call) = signal.call_id() {
            let setup = pinhole_h323::tpkt::wrap(octets).unwrap();
            self.waiting.insert(call, (stream, setup));
            self.join(call);
        }
    }

    /// As soon as both connections of a call are there, the callee gets the Setup.
    fn join(&mut self, call: CallId) {
        let Some(stream) = self.opened.get(&call).copied() else { return };
        let Some((caller, bytes)) = self.waiting.remove(&call) else { return };
        self.streams.get_mut(&stream).unwrap().1 = Some(caller);
        self.streams.get_mut(&caller).unwrap().1 = Some(stream);
        self.out.push(Output::Send { stream, bytes });
    }
}

impl Agent for Keeper {
    fn handle_input(&mut self, _: Instant, input: Input<'_>) {
        match input {
            Input::Datagram { from, bytes, .. } => self.ras(from, bytes),
            Input::Accepted { stream, .. } => {
                self.streams.insert(stream, (Reader::new(), None));
            }
            Input::Bytes { stream, bytes } => {
                self.streams.get_mut(&stream).unwrap().0.feed(bytes);
                while let Ok(Some(octets)) = self.streams.get_mut(&stream).unwrap().0.read() {
                    if octets.is_empty() {
                        self.book.lock().unwrap().seen.push("keepalive");
                    } else {
                        self.message(stream, &octets);
                    }
                }
            }
            Input::Closed { stream } => {
                if let Some((_, Some(other))) = self.streams.remove(&stream) {
                    self.out.push(Output::Close { stream: other });
                }
            }
            _ => {}
        }
    }

    fn poll_output(&mut self) -> Output {
        self.out.pop().unwrap_or(Output::Timeout(None))
    }
}
