//! Two registered endpoints that say what a test tells them, brought to any state of a call.

use pinhole::face::{SocketId, StreamId};
use pinhole::node::{Mode, Settings};
use pinhole_h323::address::to_h225;
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::h225::{
    AdmissionRequest, AlertingUUIE, BandWidth, CallProceedingUUIE, CallReferenceValue,
    CallTerminationCause, ConnectUUIE, DisengageReason, DisengageRequest, EndpointIdentifier,
    H323UUPDUH323MessageBody as Body, RasMessage, RegistrationConfirm, RegistrationRequest,
    RequestSeqNum, SetupUUIE, UnregistrationRequest,
};
use pinhole_h323::cause::{Cause, Release};
use pinhole_h323::control::Control;
use pinhole_h323::id::{CallId, Crv};
use pinhole_h323::q931::{Bearer, code};
use pinhole_h323::ras::Ras;
use pinhole_h323::signal::Leg;
use pinhole_h323::{Signal, tpkt, version};

use super::lab::{Lab, NODE, Plan, lab};
use crate::world::{Chop, HostId, Link, Raw, at, millis, seconds};

pub(crate) const IPS: [&str; 2] = ["198.51.100.31", "198.51.100.32"];
const NAMES: [&str; 2] = ["caller", "called"];
const CALL: CallId = CallId([0xca; 16]);
const CRV: Crv = Crv::new(77);
/// Where the called party listens for H.245.
const H245: u16 = 2000;

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// ARQ is confirmed, there is no Setup.
    Admitted,
    /// The connection to the called party does not stand yet.
    Placing,
    /// Setup has arrived.
    Calling,
    /// CallProceeding was sent.
    Proceeding,
    /// Alerting was sent.
    Ringing,
    /// Connect was sent; H.245 is tunnelled.
    Talking,
    /// Connect was sent; H.245 has connections of its own.
    Separate,
}

/// A call between two endpoints.
pub(crate) struct Parties {
    pub(crate) lab: Lab,
    pub(crate) hosts: [HostId; 2],
    ras: [SocketId; 2],
    ids: [EndpointIdentifier; 2],
    pub(crate) streams: [Option<StreamId>; 2],
    pub(crate) controls: [Option<StreamId>; 2],
    seq: u16,
}

impl Parties {
    /// Both are registered, and the call has come so far.
    pub(crate) fn at(stage: Stage, mode: Mode, adjust: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings { mode, ..Settings::default() };
        adjust(&mut settings);
        let mut lab = lab(Plan { settings, ..Plan::with(Chop::AsSent) });
        let host = |n: usize| lab.world.host(NAMES[n], IPS[n], Raw::default());
        let hosts = [0, 1].map(host);
        let socket = |n: usize| {
            let open = |raw: &mut Raw, _| {
                if n == 1 {
                    raw.listen(IPS[n], 1720);
                    raw.listen(IPS[n], H245);
                }
                raw.udp(IPS[n], 1719)
            };
            lab.world.with(hosts[n], open)
        };
        let ras = [0, 1].map(socket);
        lab.world.run_for(millis(10));
        let nobody = EndpointIdentifier::default;
        let (ids, streams, controls) = ([nobody(), nobody()], [None; 2], [None; 2]);
        let mut parties = Self { lab, hosts, ras, ids, streams, controls, seq: 0 };
        for n in 0..2 {
            parties.register(n);
        }
        parties.lab.world.mark_rest();
        parties.proceed(stage);
        parties
    }

    fn seq(&mut self) -> RequestSeqNum {
        self.seq += 1;
        RequestSeqNum(self.seq)
    }

    /// Asks the gatekeeper; what has come since.
    pub(crate) fn ask(&mut self, n: usize, message: RasMessage) -> Vec<RasMessage> {
        let bytes = Ras::new(message).encode().expect("in bounds");
        let socket = self.ras[n];
        self.lab.world.with(self.hosts[n], |raw: &mut Raw, _| {
            raw.datagrams.clear();
            raw.say(socket, at(&format!("{NODE}:1719")), &bytes);
        });
        self.lab.world.run_for(millis(100));
        self.told(n)
    }

    /// The RAS messages that have come to a party.
    pub(crate) fn told(&mut self, n: usize) -> Vec<RasMessage> {
        self.lab.world.with(self.hosts[n], |raw: &mut Raw, _| {
            let decode = |bytes: &Vec<u8>| Ras::decode(bytes).expect("sound").into_message();
            raw.datagrams.iter().map(|(_, _, bytes)| decode(bytes)).collect()
        })
    }

    fn register(&mut self, n: usize) {
        let confirm = self.registered(n);
        self.ids[n] = confirm.endpoint_identifier;
    }

    /// Adds an alias to those of a party.
    pub(crate) fn alias(&mut self, n: usize, alias: &str) {
        let request = RegistrationRequest {
            terminal_alias: Some(vec![Alias::from_text(alias).to_asn()]),
            additive_registration: Some(()),
            endpoint_identifier: Some(self.ids[n].clone()),
            ..self.request(n)
        };
        let answers = self.ask(n, RasMessage::registrationRequest(Box::new(request)));
        assert!(matches!(&answers[..], [RasMessage::registrationConfirm(_)]), "{answers:?}");
    }

    /// The answer to the question whether a party may make one more call.
    pub(crate) fn admission(&mut self, n: usize, id: u8, to: &str) -> RasMessage {
        let request = AdmissionRequest {
            request_seq_num: RequestSeqNum(100 + u16::from(id)),
            endpoint_identifier: self.id(n),
            destination_info: Some(vec![Alias::from_text(to).to_asn()]),
            band_width: BandWidth(1280),
            call_identifier: Some(CallId([id; 16]).into()),
            ..Default::default()
        };
        let mut answers = self.ask(n, RasMessage::admissionRequest(Box::new(request)));
        assert_eq!(answers.len(), 1);
        answers.remove(0)
    }

    /// The answer to a third endpoint that wants to register, beside the called party.
    pub(crate) fn third(&mut self) -> Vec<RasMessage> {
        let request = RegistrationRequest {
            terminal_alias: Some(vec![Alias::from_text("third").to_asn()]),
            ..self.request(1)
        };
        self.ask(1, RasMessage::registrationRequest(Box::new(request)))
    }

    /// Registers a party; the answer.
    pub(crate) fn registered(&mut self, n: usize) -> RegistrationConfirm {
        let request = self.request(n);
        let answers = self.ask(n, RasMessage::registrationRequest(Box::new(request)));
        let [RasMessage::registrationConfirm(confirm)] = &answers[..] else {
            panic!("{answers:?}");
        };
        (**confirm).clone()
    }

    fn request(&mut self, n: usize) -> RegistrationRequest {
        RegistrationRequest {
            request_seq_num: self.seq(),
            protocol_identifier: version::h225(),
            call_signal_address: vec![to_h225(at(&format!("{}:1720", IPS[n])))],
            ras_address: vec![to_h225(at(&format!("{}:1719", IPS[n])))],
            terminal_alias: Some(vec![Alias::from_text(NAMES[n]).to_asn()]),
            keep_alive: Some(false),
            ..Default::default()
        }
    }

    fn admit(&mut self, n: usize) {
        let request = AdmissionRequest {
            request_seq_num: self.seq(),
            endpoint_identifier: self.ids[n].clone(),
            destination_info: Some(vec![Alias::from_text(NAMES[1]).to_asn()]),
            band_width: BandWidth(1280),
            call_reference_value: CallReferenceValue(CRV.value()),
            call_identifier: Some(CALL.into()),
            answer_call: n == 1,
            ..Default::default()
        };
        let answers = self.ask(n, RasMessage::admissionRequest(Box::new(request)));
        assert!(matches!(&answers[..], [RasMessage::admissionConfirm(_)]), "{answers:?}");
    }

    /// The endpoint identifier of a party.
    pub(crate) fn id(&self, n: usize) -> EndpointIdentifier {
        self.ids[n].clone()
    }

    /// Where calls through the gatekeeper are made.
    pub(crate) fn address(&self) -> std::net::SocketAddr {
        at(&format!("{NODE}:1720"))
    }

    /// DRQ, which may tell a Q.850 cause.
    pub(crate) fn disengage(&mut self, n: usize, cause: Option<u8>) -> Vec<RasMessage> {
        let request = DisengageRequest {
            request_seq_num: self.seq(),
            endpoint_identifier: self.ids[n].clone(),
            call_reference_value: CallReferenceValue(CRV.value()),
            disengage_reason: DisengageReason::normalDrop(()),
            call_identifier: Some(CALL.into()),
            answered_call: Some(n == 1),
            termination_cause: cause.map(|cause| {
                CallTerminationCause::releaseCompleteCauseIE(vec![0x80, 0x80 | cause].into())
            }),
            ..Default::default()
        };
        self.ask(n, RasMessage::disengageRequest(Box::new(request)))
    }

    /// URQ.
    pub(crate) fn unregister(&mut self, n: usize) {
        let request = UnregistrationRequest {
            request_seq_num: self.seq(),
            endpoint_identifier: Some(self.ids[n].clone()),
            ..Default::default()
        };
        let answers = self.ask(n, RasMessage::unregistrationRequest(Box::new(request)));
        assert!(matches!(&answers[..], [RasMessage::unregistrationConfirm(_)]), "{answers:?}");
    }

    /// What a message of a party in this call begins with.
    pub(crate) fn words(&self, n: usize, tunnelling: bool) -> Leg {
        Leg { crv: CRV, from_destination: n == 1, call_id: CALL, tunnelling }
    }

    /// Says something on a party's signalling connection.
    pub(crate) fn say(&mut self, n: usize, signal: &Signal) {
        let bytes = tpkt::wrap(&signal.encode().expect("in bounds")).expect("short");
        self.send(n, &bytes);
    }

    /// Sends octets on a party's signalling connection.
    pub(crate) fn send(&mut self, n: usize, bytes: &[u8]) {
        let stream = self.streams[n].expect("a connection");
        self.lab.world.with(self.hosts[n], |raw: &mut Raw, _| raw.send(stream, bytes));
        self.lab.world.run_for(millis(200));
    }

    /// ReleaseComplete with these words.
    pub(crate) fn release(&mut self, n: usize, reason: Option<Release>, cause: Option<Cause>) {
        let said = reason.unwrap_or(Release::UndefinedReason);
        let mut signal = Signal::release_complete(self.words(n, true), said, cause);
        if cause.is_none() {
            signal.q931_mut().remove(code::CAUSE);
        }
        if reason.is_none() {
            signal.edit(|pdu| {
                if let Body::releaseComplete(body) = &mut pdu.h323_message_body {
                    body.reason = None;
                }
            });
        }
        self.say(n, &signal);
    }

    fn proceed(&mut self, stage: Stage) {
        self.admit(0);
        if stage == Stage::Admitted {
            return;
        }
        if stage == Stage::Placing {
            *self.lab.world.link(self.hosts[1]) = Link { loss: 1.0, ..Link::default() };
        }
        let tunnels = stage != Stage::Separate;
        self.set_up(tunnels, |_| {});
        if stage == Stage::Placing {
            return;
        }
        self.reached();
        let (protocol_identifier, call_identifier) = (version::h225(), Some(CALL.into()));
        if stage >= Stage::Proceeding {
            let body = CallProceedingUUIE {
                protocol_identifier: protocol_identifier.clone(),
                call_identifier: call_identifier.clone(),
                ..Default::default()
            };
            let body = Body::callProceeding(Box::new(body));
            self.say(1, &Signal::on(self.words(1, tunnels), body));
        }
        if stage >= Stage::Ringing {
            let body = AlertingUUIE {
                protocol_identifier: protocol_identifier.clone(),
                call_identifier: call_identifier.clone(),
                ..Default::default()
            };
            self.say(1, &Signal::on(self.words(1, tunnels), Body::alerting(Box::new(body))));
        }
        if stage >= Stage::Talking {
            let body = ConnectUUIE { protocol_identifier, call_identifier, ..Default::default() };
            let mut connect = Signal::on(self.words(1, tunnels), Body::connect(Box::new(body)));
            if !tunnels {
                connect.set_h245_address(Some(at(&format!("{}:{H245}", IPS[1]))));
            }
            self.say(1, &connect);
        }
        if stage == Stage::Separate {
            self.open_control();
        }
    }

    /// Setup has arrived at the called party, which is admitted.
    pub(crate) fn reached(&mut self) {
        let accepted = |raw: &mut Raw, _| raw.accepted().expect("the call");
        self.streams[1] = Some(self.lab.world.with(self.hosts[1], accepted));
        self.admit(1);
    }

    /// The caller sends its Setup.
    pub(crate) fn set_up(&mut self, tunnels: bool, edit: impl FnOnce(&mut Signal)) {
        let body = SetupUUIE {
            protocol_identifier: version::h225(),
            destination_address: Some(vec![Alias::from_text(NAMES[1]).to_asn()]),
            call_identifier: Some(CALL.into()),
            endpoint_identifier: Some(self.ids[0].clone()),
            ..Default::default()
        };
        let mut setup = Signal::on(self.words(0, tunnels), Body::setup(Box::new(body)));
        setup.q931_mut().set_bearer(Bearer::AUDIO);
        edit(&mut setup);
        let stream = self
            .lab
            .world
            .with(self.hosts[0], |raw: &mut Raw, _| raw.connect(at(&format!("{NODE}:1720"))));
        self.streams[0] = Some(stream);
        self.say(0, &setup);
        self.lab.world.run_for(millis(500));
    }

    /// Both H.245 connections stand.
    fn open_control(&mut self) {
        let told = self.heard(0).iter().rev().find_map(Signal::h245_address).expect("an address");
        let near = self.lab.world.with(self.hosts[0], |raw: &mut Raw, _| raw.connect(told));
        self.lab.world.run_for(seconds(1));
        let far = self.lab.world.with(self.hosts[1], |raw: &mut Raw, _| raw.accepted());
        assert_ne!(far, self.streams[1], "the called party's H.245 connection");
        self.controls = [Some(near), far];
    }

    /// What a party has heard in call signalling.
    pub(crate) fn heard(&mut self, n: usize) -> Vec<Signal> {
        let Some(stream) = self.streams[n] else { return Vec::new() };
        let got =
            self.lab.world.with(self.hosts[n], |raw: &mut Raw, _| raw.lines[&stream].got.clone());
        payloads(&got).iter().map(|payload| Signal::decode(payload).expect("sound")).collect()
    }

    /// What a party has heard on its H.245 connection.
    pub(crate) fn heard_control(&mut self, n: usize) -> Vec<Control> {
        let Some(stream) = self.controls[n] else { return Vec::new() };
        let got =
            self.lab.world.with(self.hosts[n], |raw: &mut Raw, _| raw.lines[&stream].got.clone());
        payloads(&got).iter().map(|payload| Control::decode(payload).expect("sound")).collect()
    }

    /// Says something in H.245, on the party's connection if it has one, and in the tunnel otherwise.
    pub(crate) fn control(&mut self, n: usize, message: &Control) {
        let octets = message.encode().expect("in bounds");
        match self.controls[n] {
            Some(stream) => {
                let bytes = tpkt::wrap(&octets).expect("short");
                self.lab.world.with(self.hosts[n], |raw: &mut Raw, _| raw.send(stream, &bytes));
            }
            None => {
                let mut signal = Signal::transport(self.words(n, true));
                signal.set_h245_control(vec![octets]);
                self.say(n, &signal);
            }
        }
    }

    /// What a party has heard in call signalling since it was last asked for.
    pub(crate) fn fresh(&mut self, n: usize) -> Vec<Signal> {
        let heard = self.heard(n);
        if let Some(stream) = self.streams[n] {
            self.lab.world.with(self.hosts[n], |raw: &mut Raw, _| {
                raw.lines.entry(stream).or_default().got.clear();
            });
        }
        heard
    }

    /// What a party has heard in H.245 since it was last asked for, however it was carried.
    pub(crate) fn fresh_control(&mut self, n: usize) -> Vec<Control> {
        let tunnelled = self.fresh(n);
        let tunnelled = tunnelled.iter().flat_map(Signal::h245_control);
        let mut all: Vec<Control> =
            tunnelled.map(|octets| Control::decode(octets).expect("sound")).collect();
        all.extend(self.heard_control(n));
        if let Some(stream) = self.controls[n] {
            self.lab.world.with(self.hosts[n], |raw: &mut Raw, _| {
                raw.lines.entry(stream).or_default().got.clear();
            });
        }
        all
    }

    /// The words of the ReleaseComplete that a party has got; there is never more than one.
    pub(crate) fn released(&mut self, n: usize) -> Option<(Option<u8>, Option<&'static str>)> {
        let heard = self.heard(n);
        let ends: Vec<_> =
            heard.iter().filter(|signal| signal.name() == "releaseComplete").collect();
        assert!(ends.len() <= 1, "{ends:?}");
        let end = ends.first()?;
        Some((end.cause().map(Cause::value), end.release().map(Release::name)))
    }

    /// Whether the gatekeeper has told a party by RAS that the call is over.
    pub(crate) fn ordered(&mut self, n: usize) -> bool {
        let drq = |message: &RasMessage| {
            matches!(message, RasMessage::disengageRequest(drq)
            if drq.call_identifier == Some(CALL.into()))
        };
        self.told(n).iter().any(drq)
    }

    /// Forgets the datagrams that have come.
    pub(crate) fn forget(&mut self) {
        for host in self.hosts {
            self.lab.world.with(host, |raw: &mut Raw, _| raw.datagrams.clear());
        }
    }
}

fn payloads(octets: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = tpkt::Reader::new();
    reader.feed(octets);
    let mut all = Vec::new();
    while let Some(payload) = reader.read().expect("TPKTs") {
        if !payload.is_empty() {
            all.push(payload);
        }
    }
    all
}
