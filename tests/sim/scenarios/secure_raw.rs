//! An endpoint that encrypts and says what a test tells it, at a gatekeeper that encrypts for the other one.

use std::net::SocketAddr;

use pinhole::event::Event;
use pinhole::node::{Encryption, Mode};
use pinhole::phone::options::{Encryption as Wish, Options};
use pinhole::security::agreement::{Agreed, Done, Work, offers, tokens};
use pinhole::security::{Demand, Policy, Terms};
use pinhole_crypto::cbc::{Fill, Open, Seal};
use pinhole_crypto::dh::Group;
use pinhole_crypto::session::SessionKey;
use pinhole_crypto::{Algorithm, Packet, Transform as _};
use pinhole_h323::alias::Alias;
use pinhole_h323::asn::ObjectIdentifier;
use pinhole_h323::asn::h225::{
    CallProceedingUUIE, ConnectUUIE, FacilityReason, FacilityUUIE, H323UUPDUH323MessageBody as Body,
};
use pinhole_h323::asn::h245::{
    AudioCapability, Capability, CapabilityTableEntry, CapabilityTableEntryNumber,
    DataApplicationCapabilityApplication as Application,
    DataApplicationCapabilityApplicationT38fax as Fax, DataProtocolCapability as Protocol,
    MasterSlaveDeterminationAck, MasterSlaveDeterminationAckDecision as Decision,
    MultimediaSystemControlMessage as Message, OpenLogicalChannel, RequestMessage as Request,
    ResponseMessage as Response, TerminalCapabilitySet,
};
use pinhole_h323::control::channel::forward_parameters_mut;
use pinhole_h323::control::{Accept, Control};
use pinhole_h323::h235::{self, WrappedKey};
use pinhole_h323::{Signal, version};
use zeroize::Zeroizing;

use super::lab::Place::Outside;
use super::lab::{NODE, records};
use super::parties::{IPS, Parties, Stage};
use super::talk::camera;
use super::{data, zone};
use crate::world::{Raw, at, millis, seconds};

const CALLER: usize = 0;
const CALLED: usize = 1;
/// Where either receives RTP.
const RTP: [u16; 2] = [5000, 6000];

/// A gatekeeper that wants every leg encrypted if it can be; half keys are made by the caller for a Setup.
pub(super) fn parties(demand: Demand, end_to_end: bool) -> Parties {
    Parties::at(Stage::Admitted, Mode::Proxied, move |settings| {
        let default = Policy::new(demand, Terms::up_to(1024));
        settings.encryption = Encryption { default, end_to_end, ..Encryption::default() };
    })
}

/// Half keys, by whoever says them.
pub(super) fn offer(
    seed: u8,
) -> (Vec<std::sync::Arc<pinhole_crypto::dh::KeyPair>>, Vec<pinhole_h323::asn::h235::ClearToken>) {
    let work = Work::Offer { groups: vec![Group::Modp1024], seed: Zeroizing::new([seed; 32]) };
    let Done::Offered(pairs) = work.done() else { panic!("another answer") };
    let said = tokens(pairs.iter().map(|pair| (pair.group(), pair.half_key())));
    (pairs, said)
}

fn words_of(
    parties: &Parties,
    n: usize,
    body: impl FnOnce(pinhole_h323::asn::h225::CallIdentifier) -> Body,
) -> Signal {
    let words = parties.words(n, true);
    let id = words.call_id.into();
    Signal::on(words, body(id))
}

pub(super) fn connect(parties: &Parties) -> Signal {
    words_of(parties, CALLED, |id| {
        let (protocol_identifier, call_identifier) = (version::h225(), Some(id));
        Body::connect(Box::new(ConnectUUIE {
            protocol_identifier,
            call_identifier,
            ..Default::default()
        }))
    })
}

fn proceeding(parties: &Parties) -> Signal {
    words_of(parties, CALLED, |id| {
        let (protocol_identifier, call_identifier) = (version::h225(), Some(id));
        let body =
            CallProceedingUUIE { protocol_identifier, call_identifier, ..Default::default() };
        Body::callProceeding(Box::new(body))
    })
}

fn forwarded(parties: &Parties, to: &str) -> Signal {
    words_of(parties, CALLED, |id| {
        Body::facility(Box::new(FacilityUUIE {
            protocol_identifier: version::h225(),
            call_identifier: Some(id),
            reason: FacilityReason::callForwarded(()),
            alternative_alias_address: Some(vec![Alias::from_text(to).to_asn()]),
            ..Default::default()
        }))
    })
}

/// The called party has told a half key, which the caller has heard of, and sends the call on.
fn is_sent_on(
    end_to_end: bool,
    caller_encrypts: bool,
    in_connect: bool,
) -> (Parties, crate::world::HostId) {
    let mut parties = parties(Demand::Preferred, end_to_end);
    let carla = parties.lab.answering("carla", Outside, 700.0, |_: &mut Options| {});
    let (_, said) = offer(1);
    parties.set_up(true, |setup| {
        if caller_encrypts {
            setup.set_clear_tokens(said);
        }
    });
    parties.reached();
    if in_connect {
        let mut answer = proceeding(&parties);
        answer.set_clear_tokens(offer(2).1);
        parties.say(CALLED, &answer);
    }
    let facility = forwarded(&parties, "carla");
    parties.say(CALLED, &facility);
    parties.lab.world.run_for(seconds(3));
    (parties, carla)
}

#[test]
fn a_call_is_not_sent_on_once_the_caller_knows_of_a_key() {
    for end_to_end in [true, false] {
        let (mut parties, carla) = is_sent_on(end_to_end, true, true);
        let told = offers(parties.heard(CALLER)[0].clear_tokens(), &Group::ALL);
        assert_eq!(told.len(), 1, "the caller has been told a half key");
        let (_, reason) = parties.released(CALLER).expect("the end");
        assert_eq!(reason, Some("securityDenied"));
        let rang = |event: &Event| matches!(event, Event::CallStarted { .. });
        assert_eq!(parties.lab.world.count(carla, rang), 0);
        let node = parties.lab.node;
        let record = records(&parties.lab.world, node).pop().expect("a record");
        assert_eq!(
            record.sentence,
            "called sends the call on, after the caller has agreed on a key"
        );
    }
}

#[test]
fn a_call_is_sent_on_while_the_caller_knows_of_none() {
    // Nothing was told; a plain caller is told nothing, though the called party has agreed with us.
    for (caller_encrypts, in_connect) in [(true, false), (false, false), (false, true)] {
        let (mut parties, carla) = is_sent_on(true, caller_encrypts, in_connect);
        assert_eq!(parties.released(CALLER), None, "{caller_encrypts} {in_connect}");
        let connected = |event: &Event| matches!(event, Event::CallConnected { .. });
        assert!(parties.lab.world.told(carla, connected), "{caller_encrypts} {in_connect}");
        // An encrypting caller has one half key to its name, and it is ours: carla has none.
        let heard = parties.heard(CALLER);
        let told: Vec<_> =
            heard.iter().flat_map(|signal| offers(signal.clear_tokens(), &Group::ALL)).collect();
        assert!(told.windows(2).all(|two| two[0].half_key == two[1].half_key), "{told:?}");
        assert_eq!(told.is_empty(), !caller_encrypts);
    }
}

/// Where a call is sent on to, the rule for that place counts.
#[test]
fn a_call_that_is_sent_on_is_encrypted_where_it_goes_or_is_not_made() {
    // Whoever sends it on does not get rid of what is demanded of the name that was dialled.
    let network =
        ("[Pinhole::EncryptByNetwork]\n198.51.100.101/32=required\n", "network 198.51.100.101/32");
    let alias = ("[Pinhole::EncryptByAlias]\ncalled=required\n", "alias called");
    let wishes = [(Wish::Off, false), (Wish::Optional, true)];
    for ((rules, told), (encryption, answered)) in
        [network, alias].into_iter().flat_map(|rule| wishes.map(|wish| (rule, wish)))
    {
        let mut parties = Parties::at(Stage::Admitted, Mode::Proxied, |settings| {
            settings.encryption = zone::settings(rules).encryption;
        });
        let carla = parties.lab.answering("carla", Outside, 700.0, |options: &mut Options| {
            options.encryption = encryption;
        });
        parties.set_up(true, |_| {});
        parties.reached();
        let facility = forwarded(&parties, "carla");
        parties.say(CALLED, &facility);
        parties.lab.world.run_for(seconds(3));
        let connected = |event: &Event| matches!(event, Event::CallConnected { .. });
        let node = parties.lab.node;
        let denied = (!answered).then_some("securityDenied");
        assert_eq!(parties.released(CALLER).and_then(|(_, reason)| reason), denied);
        assert_eq!(parties.lab.world.told(node, connected), answered);
        if !answered {
            let record = records(&parties.lab.world, node).pop().expect("a record");
            let why = format!(
                "it would not be secure: encryption is required on the side of carla ({told}) (DH 1024 or more), and \
                 carla answered with no encryption"
            );
            assert_eq!(record.sentence, why);
        }
        let _ = carla;
    }
}

/// An encrypting caller, in a call with a plain party.
pub(super) struct Half {
    pub(super) parties: Parties,
    sockets: [pinhole::face::SocketId; 2],
    agreed: Agreed,
}

pub(super) fn half() -> Half {
    let mut half = agreed(None);
    half.parties.lab.world.guard(&[IPS[CALLER]]);
    half
}

/// The same; the called party has a half key of its own, made of `called`, and so the two agree between themselves.
pub(super) fn agreed(called: Option<u8>) -> Half {
    let mut parties = parties(Demand::Preferred, true);
    let (pairs, said) = offer(1);
    parties.set_up(true, |setup| setup.set_clear_tokens(said));
    parties.reached();
    let mut answer = connect(&parties);
    if let Some(seed) = called {
        answer.set_clear_tokens(offer(seed).1);
    }
    parties.say(CALLED, &answer);
    let heard = parties.heard(CALLER);
    let answer = heard.iter().flat_map(|signal| offers(signal.clear_tokens(), &Group::ALL)).next();
    let half_key = answer.expect("somebody agrees").half_key;
    let work = Work::Finish { pair: pairs[0].clone(), half_key };
    let Done::Agreed(Ok(agreed)) = work.done() else { panic!("no secret") };
    let open = |n: usize| {
        parties.lab.world.with(parties.hosts[n], |raw: &mut Raw, _| raw.udp(IPS[n], RTP[n]))
    };
    let sockets = [0, 1].map(open);
    parties.lab.world.encrypts(parties.hosts[CALLER]);
    if called.is_some() {
        parties.lab.world.encrypts(parties.hosts[CALLED]);
    }
    Half { parties, sockets, agreed }
}

pub(super) fn capabilities() -> Control {
    let capability = Capability::receiveAudioCapability(Box::new(AudioCapability::g711Alaw64k(20)));
    let entry = CapabilityTableEntry {
        capability_table_entry_number: CapabilityTableEntryNumber(1),
        capability: Some(capability),
    };
    let set = TerminalCapabilitySet { capability_table: Some(vec![entry]), ..Default::default() };
    Control::new(Message::request(Request::terminalCapabilitySet(Box::new(set))))
}

fn opening(control: &Control) -> OpenLogicalChannel {
    match control.message() {
        Message::request(Request::openLogicalChannel(open)) => (**open).clone(),
        _ => panic!("{control:?}"),
    }
}

impl Half {
    /// A party says something; what the other hears.
    pub(super) fn tell(&mut self, from: usize, message: &Control) -> Vec<Control> {
        self.parties.fresh(1 - from);
        self.parties.control(from, message);
        self.parties.lab.world.run_for(millis(200));
        self.parties.fresh_control(1 - from)
    }

    /// Capabilities both ways, and who is master.
    pub(super) fn begin(&mut self, caller_is_master: bool) {
        let cipher = ObjectIdentifier::new(Algorithm::Aes128.identifier());
        let mut mine = capabilities();
        mine.edit(|message| {
            if let Message::request(Request::terminalCapabilitySet(set)) = message {
                h235::add_capabilities(set, &[cipher]);
            }
        });
        self.tell(CALLER, &mine);
        let heard = self.tell(CALLED, &capabilities());
        let told = heard.iter().any(|control| match control.message() {
            Message::request(Request::terminalCapabilitySet(set)) => {
                !h235::capabilities(set).is_empty()
            }
            _ => false,
        });
        assert!(told, "the gatekeeper tells the caller of a cipher: {heard:?}");
        for (from, master) in [(CALLER, caller_is_master), (CALLED, !caller_is_master)] {
            // What a party says in its answer is what the other is.
            let decision = if master { Decision::slave(()) } else { Decision::master(()) };
            let ack = MasterSlaveDeterminationAck { decision, ..Default::default() };
            let ack = Response::masterSlaveDeterminationAck(ack);
            self.tell(from, &Control::new(Message::response(Box::new(ack))));
        }
    }

    fn session_key(&self, key: &WrappedKey) -> SessionKey {
        let wrapping = self.agreed.secret.key_encryption_key(Algorithm::Aes128);
        wrapping.unwrap(&key.octets).unwrap()
    }

    pub(super) fn wrapped(&self, payload_type: u8, key: &SessionKey) -> WrappedKey {
        let wrapping = self.agreed.secret.key_encryption_key(Algorithm::Aes128);
        let algorithm = Some(ObjectIdentifier::new(Algorithm::Aes128.identifier()));
        WrappedKey { payload_type, algorithm, octets: wrapping.wrap(key).unwrap() }
    }

    /// Sends packets, and returns what the other party got of them.
    pub(super) fn send(
        &mut self,
        from: usize,
        to: SocketAddr,
        packets: impl IntoIterator<Item = Vec<u8>>,
    ) -> Vec<Vec<u8>> {
        let (host, other) = (self.parties.hosts[from], self.parties.hosts[1 - from]);
        let (socket, far) = (self.sockets[from], self.sockets[1 - from]);
        self.parties.lab.world.with(other, |raw: &mut Raw, _| raw.datagrams.clear());
        for packet in packets {
            self.parties.lab.world.with(host, |raw: &mut Raw, _| raw.say(socket, to, &packet));
            self.parties.lab.world.run_for(millis(20));
        }
        self.parties.lab.world.run_for(millis(100));
        self.parties.lab.world.with(other, |raw: &mut Raw, _| {
            let mine = raw.datagrams.iter().filter(|(on, ..)| *on == far);
            mine.map(|(_, _, bytes)| bytes.clone()).collect()
        })
    }
}

/// A frame of H.224 for the camera, as RTP.
fn frame(n: u8, payload_type: u8, from: usize) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type, 0, n, 0, 0, 0, n, 0, 0, 0, from as u8 + 1];
    packet.extend([0x7e, 0x86, 0x80, n, 0x01, 0x05, 0x10]);
    packet
}

pub(super) fn sealed(packet: Vec<u8>, payload_type: u8, key: &SessionKey) -> Vec<u8> {
    let length = packet.len();
    let mut buffer = packet;
    buffer.resize(length + 32, 0);
    let mut packet = Packet::new(&mut buffer, length).unwrap();
    packet.set_payload_type(payload_type);
    Seal::new(key, Fill::Count).apply(&mut packet).unwrap();
    packet.octets().to_vec()
}

fn opened(mut octets: Vec<u8>, key: &SessionKey) -> Vec<u8> {
    let length = octets.len();
    let mut packet = Packet::new(&mut octets, length).unwrap();
    Open::new(key).apply(&mut packet).unwrap();
    packet.octets().to_vec()
}

#[test]
fn a_far_end_camera_is_moved_on_a_half_call() {
    for caller_is_master in [true, false] {
        let mut half = half();
        half.begin(caller_is_master);
        let cipher = ObjectIdentifier::new(Algorithm::Aes128.identifier());
        let own_key = SessionKey::from_octets(Algorithm::Aes128, &[7; 16]).unwrap();
        // The encrypting party's channel: data for the camera of the plain one.
        let mut open = camera(9, CALLER);
        let data = open.forward_logical_channel_parameters.data_type.clone();
        open.forward_logical_channel_parameters.data_type =
            h235::wrap(&data, cipher.clone()).unwrap();
        forward_parameters_mut(&mut open).unwrap().dynamic_rtppayload_type = Some(110);
        if caller_is_master {
            open.encryption_sync = Some(Box::new(half.wrapped(110, &own_key).to_sync().unwrap()));
        }
        let heard = half.tell(CALLER, &Control::open(open));
        let seen = opening(&heard[0]);
        assert_eq!(
            seen.forward_logical_channel_parameters.data_type, data,
            "in clear for the plain party"
        );
        assert_eq!(seen.encryption_sync, None);
        let media = Some(at(&format!("{}:{}", IPS[CALLED], RTP[CALLED])));
        let accept = Accept { channel: 9, session: Some(3), media, control: None };
        let heard = half.tell(CALLED, &Control::accept(accept.to_asn()));
        let Message::response(response) = heard[0].message() else { panic!("{heard:?}") };
        let Response::openLogicalChannelAck(ack) = &**response else { panic!("{heard:?}") };
        let key = match &ack.encryption_sync {
            Some(sync) => half.session_key(&WrappedKey::read(sync).expect("a key")),
            None => own_key.clone(),
        };
        assert_eq!(ack.encryption_sync.is_some(), !caller_is_master);
        let to = Accept::read(ack).media.expect("an address");
        assert_eq!(to.ip().to_string(), NODE);
        let packets = (0..20).map(|n| sealed(frame(n, 100, CALLER), 110, &key));
        let got = half.send(CALLER, to, packets);
        let clear: Vec<Vec<u8>> = got.iter().map(|packet| packet[12..].to_vec()).collect();
        let expected: Vec<Vec<u8>> =
            (0..20).map(|n| frame(n, 100, CALLER)[12..].to_vec()).collect();
        assert!(clear.len() >= 17 && expected.ends_with(&clear), "{clear:02x?}");
        // In clear from her nothing passes.
        let got = half.send(CALLER, to, (0..20).map(|n| frame(n, 110, CALLER)));
        assert!(got.iter().all(|packet| packet[12..] != frame(packet[3], 110, CALLER)[12..]));
        // The plain party's channel: it is encrypted for her.
        let heard = half.tell(CALLED, &Control::open(camera(8, CALLED)));
        let open = opening(&heard[0]);
        let (inner, ciphers) =
            h235::unwrap(&open.forward_logical_channel_parameters.data_type).expect("wrapped");
        assert_eq!((inner, ciphers), (data, vec![cipher]));
        let mut told = open.encryption_sync.as_deref().and_then(WrappedKey::read);
        let mut accept = {
            let media = Some(at(&format!("{}:{}", IPS[CALLER], RTP[CALLER])));
            Accept { channel: 8, session: Some(3), media, control: None }.to_asn()
        };
        if caller_is_master {
            assert!(told.is_none(), "a slave has no keys to give");
            let mut open = open.clone();
            let payload_type =
                forward_parameters_mut(&mut open).unwrap().dynamic_rtppayload_type.unwrap();
            let key = half.wrapped(payload_type, &own_key);
            accept.encryption_sync = Some(Box::new(key.to_sync().unwrap()));
            told = Some(key);
        }
        let told = told.expect("a key");
        let heard = half.tell(CALLER, &Control::accept(accept));
        let Message::response(response) = heard[0].message() else { panic!("{heard:?}") };
        let Response::openLogicalChannelAck(ack) = &**response else { panic!("{heard:?}") };
        assert_eq!(ack.encryption_sync, None);
        let to = Accept::read(ack).media.expect("an address");
        let got = half.send(CALLED, to, (0..20).map(|n| frame(n, 100, CALLED)));
        assert!(got.len() >= 17, "{}", got.len());
        let key = half.session_key(&told);
        for packet in got {
            assert_eq!(packet[1] & 0x7f, told.payload_type);
            let n = packet[3];
            assert_eq!(packet.len(), 12 + 16, "a block");
            assert_eq!(opened(packet, &key)[12..], frame(n, 100, CALLED)[12..]);
        }
        half.parties.release(CALLER, None, None);
        half.parties.lab.world.run_for(seconds(1));
        // What the record says of it.
        let node = half.parties.lab.node;
        let record = records(&half.parties.lab.world, node).pop().expect("a record");
        assert_eq!(record.channels.len(), 2, "{record:#?}");
        for channel in &record.channels {
            assert_eq!(
                (channel.media, channel.cipher.as_str()),
                ("data", "AES-128-CBC"),
                "{record:#?}"
            );
            assert_eq!(channel.legs.len(), 1);
        }
    }
}

/// T.38 and T.120 cannot be encrypted, and T.38 goes where the party says.
#[test]
fn data_in_clear_does_not_go_to_a_network_where_encryption_is_required() {
    let rules = "[Pinhole::EncryptByNetwork]\n192.0.2.0/24=required\n192.0.2.9/32=off\n";
    for (there, allowed) in [("192.0.2.8", false), ("192.0.2.9", true)] {
        let mut parties = Parties::at(Stage::Talking, Mode::Proxied, |settings| {
            settings.encryption = zone::settings(rules).encryption;
        });
        let t38 = Fax { t38_fax_protocol: Protocol::udp(()), ..Default::default() };
        let t38 = Application::t38fax(Box::new(t38));
        parties.control(CALLER, &data::open(2, Some(t38), "198.51.100.31:5001"));
        parties.lab.world.run_for(millis(200));
        parties.control(CALLED, &data::ack(2, &format!("{there}:6000")));
        parties.lab.world.run_for(millis(500));
        let node = parties.lab.node;
        let record = records(&parties.lab.world, node).pop();
        if allowed {
            assert!(record.is_none(), "{record:#?}");
            continue;
        }
        let why = "it would not be secure: called wants media in clear at 192.0.2.8, where encryption is required \
                   (network 192.0.2.0/24)";
        let record = record.expect("the call has ended");
        assert_eq!(record.release_reason.as_deref(), Some("securityDenied"));
        assert_eq!(record.sentence, why);
        // T.120 is connected to nobody but the party itself.
        let mut parties = Parties::at(Stage::Talking, Mode::Proxied, |settings| {
            settings.encryption = zone::settings(rules).encryption;
        });
        let there = parties.lab.world.host("there", "192.0.2.8", Raw::default());
        parties.lab.world.with(there, |raw: &mut Raw, _| raw.listen("192.0.2.8", 1503));
        let t120 = Application::t120(Box::new(Protocol::separateLANStack(())));
        let mut open = data::open(3, Some(t120), "198.51.100.31:5001");
        open.edit(|message| {
            if let Message::request(Request::openLogicalChannel(open)) = message {
                open.separate_stack = data::stack("192.0.2.8:1503");
            }
        });
        parties.control(CALLER, &open);
        parties.lab.world.run_for(seconds(1));
        let heard = parties.fresh_control(CALLED);
        let told = heard.iter().find_map(|control| match control.message() {
            Message::request(Request::openLogicalChannel(open)) => open.separate_stack.clone(),
            _ => None,
        });
        assert_eq!(told, None, "nobody is led there");
        let came = parties.lab.world.with(there, |raw: &mut Raw, _| raw.accepted());
        assert_eq!(came, None);
    }
}
