//! Two ends of an encrypted leg, and what a hostile end can do to the other.

use std::time::{Duration, Instant};

use pinhole_crypto::Algorithm;
use pinhole_crypto::dh::{Group, KeyPair};
use pinhole_crypto::session::SessionKey;
use pinhole_h323::Control;
use pinhole_h323::asn::ObjectIdentifier;
use pinhole_h323::asn::h245::{
    AlternativeCapabilitySet, AudioCapability, Capability, CapabilityDescriptor,
    CapabilityDescriptorNumber, CapabilityTableEntry, CapabilityTableEntryNumber as Number,
    DataApplicationCapability, DataApplicationCapabilityApplication as Application,
    DataProtocolCapability, DataType, MultimediaSystemControlMessage as Message,
    OpenLogicalChannel, OpenLogicalChannelAck, RequestMessage as Request,
    ResponseMessage as Response, TerminalCapabilitySet,
};
use pinhole_h323::control::channel::{Accept, Audio, Codec, Offer, forward_parameters_mut};
use pinhole_h323::h235::{self, WrappedKey};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;

use super::agreement::{self, Agreed, Done, Work};
use super::between::Between;
use super::{Filtered, Key, Party, Refusal, Terms};
use crate::face::Side;

/// The clock of the tests.
fn begin() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "only differences count")]
    Instant::now()
}

struct Leg {
    master: Party,
    slave: Party,
    rng: ChaCha20Rng,
    now: Instant,
}

fn agreed(group: Group) -> [Agreed; 2] {
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    let pairs = [0, 1].map(|_| KeyPair::generate(group, &mut rng));
    let offer = |pair: &KeyPair| agreement::Offer { group, half_key: pair.half_key().to_vec() };
    let [a, b] = pairs;
    let (to_a, to_b) = (offer(&b), offer(&a));
    [(a, to_a), (b, to_b)].map(|(pair, other)| {
        let work = Work::Finish { pair: pair.into(), half_key: other.half_key };
        match work.done() {
            Done::Agreed(agreed) => agreed.unwrap(),
            Done::Offered(_) => panic!("another answer"),
        }
    })
}

/// A leg on which both ends have these terms and know each other's capabilities.
fn leg(terms: &Terms) -> Leg {
    let [a, b] = agreed(*terms.groups().first().unwrap());
    let (mut master, mut slave) = (Party::new(a, terms), Party::new(b, terms));
    master.determined(true);
    slave.determined(false);
    let mut leg = Leg { master, slave, rng: ChaCha20Rng::from_seed([7; 32]), now: begin() };
    let mut told = capabilities(1);
    assert!(leg.master.say(&mut told, &mut leg.rng).keys.is_empty());
    leg.slave.receive(leg.now, &mut told, &mut leg.rng);
    assert_eq!(told.message(), capabilities(1).message(), "what is added is taken out");
    let mut told = capabilities(1);
    leg.slave.say(&mut told, &mut leg.rng);
    leg.master.receive(leg.now, &mut told, &mut leg.rng);
    leg
}

fn plain() -> Leg {
    leg(&Terms::up_to(1024))
}

/// A set of so many audio capabilities.
fn capabilities(count: u16) -> Control {
    let entry = |number| CapabilityTableEntry {
        capability_table_entry_number: Number(number),
        capability: Some(Capability::receiveAudioCapability(Box::new(
            AudioCapability::g711Alaw64k(20),
        ))),
    };
    let set = TerminalCapabilitySet {
        capability_table: Some((1..=count).map(entry).collect()),
        capability_descriptors: Some(vec![CapabilityDescriptor {
            capability_descriptor_number: CapabilityDescriptorNumber(0),
            simultaneous_capabilities: Some(vec![AlternativeCapabilitySet(
                (1..=count).map(Number).collect(),
            )]),
        }]),
        ..TerminalCapabilitySet::default()
    };
    Control::new(Message::request(Request::terminalCapabilitySet(Box::new(set))))
}

fn open(number: u16) -> Control {
    let audio = Audio { codec: Codec::Pcma, frames: 20 };
    let offer = Offer { channel: number, session: 1, audio, media: None, control: None };
    Control::open(offer.to_forward())
}

fn ack(number: u16) -> Control {
    let at = Some("192.0.2.2:5002".parse().unwrap());
    Control::accept(Accept { channel: number, session: Some(1), media: at, control: at }.to_asn())
}

fn in_open<R>(control: &mut Control, change: impl FnOnce(&mut OpenLogicalChannel) -> R) -> R {
    control.edit(|message| match message {
        Message::request(Request::openLogicalChannel(open)) => change(open),
        other => panic!("{other:?}"),
    })
}

fn in_ack(control: &mut Control, change: impl FnOnce(&mut OpenLogicalChannelAck)) {
    control.edit(|message| match message {
        Message::response(response) => match &mut **response {
            Response::openLogicalChannelAck(ack) => change(ack),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    });
}

/// The key that a message brought, alone.
fn one(filtered: Filtered) -> Key {
    assert_eq!(filtered.keys.len(), 1, "{filtered:?}");
    filtered.keys.into_iter().next().unwrap()
}

impl Leg {
    fn ends(&mut self, master_opens: bool) -> (&mut Party, &mut Party, &mut ChaCha20Rng) {
        match master_opens {
            true => (&mut self.master, &mut self.slave, &mut self.rng),
            false => (&mut self.slave, &mut self.master, &mut self.rng),
        }
    }

    /// Opens a channel; the keys of the end that sends and of the one that receives.
    fn channel(&mut self, master_opens: bool, number: u16) -> [Key; 2] {
        let now = self.now;
        let (opener, other, rng) = self.ends(master_opens);
        let mut opening = open(number);
        let said = opener.say(&mut opening, rng);
        assert!(said.stopped.is_none(), "{said:?}");
        let heard = other.receive(now, &mut opening, rng);
        assert!(heard.stopped.is_none() && heard.keys.is_empty(), "{heard:?}");
        assert_eq!(opening.message(), open(number).message(), "what is left is clear");
        let mut answer = ack(number);
        let receives = one(other.say(&mut answer, rng));
        let sends = one(opener.receive(now, &mut answer, rng));
        assert_eq!(answer.message(), ack(number).message());
        [sends, receives]
    }

    /// A message that somebody else than the slave has made, as it comes to the slave.
    fn slave_hears(&mut self, mut control: Control) -> Filtered {
        self.slave.receive(self.now, &mut control, &mut self.rng)
    }

    /// The opening of a channel by the master, as `change` leaves it, and why the slave refuses it.
    fn refused(&mut self, change: impl FnOnce(&mut OpenLogicalChannel)) -> Option<Refusal> {
        let mut opening = open(9);
        self.master.say(&mut opening, &mut self.rng);
        in_open(&mut opening, change);
        let filtered = self.slave_hears(opening);
        assert!(filtered.keys.is_empty());
        assert_eq!(filtered.stopped.is_some(), filtered.answer.is_some(), "it is told so");
        filtered.stopped.flatten()
    }
}

#[test]
fn both_ends_have_the_same_key_whoever_is_master_and_opens() {
    for terms in [Terms::up_to(1024), Terms::up_to(2048)] {
        let mut leg = leg(&terms);
        for master_opens in [true, false] {
            let [sends, receives] = leg.channel(master_opens, 7);
            assert_eq!((sends.channel, sends.from_peer), (7, false));
            assert_eq!((receives.channel, receives.from_peer), (7, true));
            assert_eq!(sends.key, receives.key);
            assert!((96..127).contains(&sends.key.payload_type), "127 is for keepalives");
            let strongest = terms.ciphers(terms.groups()[0])[0];
            assert_eq!(sends.key.key.algorithm(), strongest);
        }
    }
}

#[test]
fn several_channels_and_a_number_used_again_have_keys_of_their_own() {
    let mut leg = plain();
    let first = leg.channel(true, 1)[0].key.clone();
    let second = leg.channel(true, 2)[0].key.clone();
    let again = leg.channel(true, 1)[0].key.clone();
    assert!(first.key != second.key && first.key != again.key && second.key != again.key);
    assert_ne!(first.payload_type, second.payload_type, "while both may be on their way");
    for number in 3..=64 {
        leg.channel(true, number);
    }
    let mut one_too_many = open(65);
    let said = leg.master.say(&mut one_too_many, &mut leg.rng);
    assert_eq!(said.stopped, Some(Some(Refusal::TooMany)));
}

/// Puts another cipher into the opening of a channel.
fn wrap(open: &mut OpenLogicalChannel, cipher: &[u32]) {
    let forward = &mut open.forward_logical_channel_parameters;
    let (clear, _) = h235::unwrap(&forward.data_type).unwrap();
    forward.data_type = h235::wrap(&clear, ObjectIdentifier::new(cipher)).unwrap();
}

#[test]
fn what_is_not_as_agreed_is_refused() {
    let mut leg = plain();
    assert_eq!(leg.refused(|_| {}), None);
    let clear = |open: &mut OpenLogicalChannel| {
        let forward = &mut open.forward_logical_channel_parameters;
        forward.data_type = h235::unwrap(&forward.data_type).unwrap().0;
    };
    assert_eq!(leg.refused(clear), Some(Refusal::Clear));
    // AES-256 was not agreed with 1024 bits; the null cipher, DES, and one that nobody knows.
    let aes256 = Algorithm::Aes256.identifier();
    for other in [aes256, &[0, 0, 8, 235, 0, 3, 26], &[1, 3, 14, 3, 2, 7], &[1, 2, 3]] {
        assert_eq!(leg.refused(|open| wrap(open, other)), Some(Refusal::Cipher), "{other:?}");
    }
    // A key in clear, one that is too short, too long, of another cipher, and under no payload type.
    let with = |key: WrappedKey| {
        move |open: &mut OpenLogicalChannel| {
            open.encryption_sync = Some(Box::new(key.to_sync().unwrap()));
        }
    };
    let aes128 = ObjectIdentifier::new(Algorithm::Aes128.identifier());
    let key = |octets: usize, payload_type| WrappedKey {
        payload_type,
        algorithm: Some(aes128.clone()),
        octets: vec![9; octets],
    };
    for length in [1, 15, 17, 24, 32, 64] {
        assert_eq!(leg.refused(with(key(length, 96))), Some(Refusal::Key), "{length}");
    }
    assert_eq!(leg.refused(with(key(16, 200))), Some(Refusal::Key));
    let other = WrappedKey { algorithm: Some(ObjectIdentifier::new(aes256)), ..key(16, 96) };
    assert_eq!(leg.refused(with(other)), Some(Refusal::Cipher));
    let in_clear = |open: &mut OpenLogicalChannel| {
        // H235Key secureChannel: the key as it is.
        let sync = open.encryption_sync.as_mut().unwrap();
        sync.h235_key = [&[0x00, 0x7f][..], &[9; 16]].concat().into();
    };
    assert_eq!(leg.refused(in_clear), Some(Refusal::Key));
    // Later, by a command: no key, so no packet until then.
    assert_eq!(leg.refused(|open| open.encryption_sync = None), None);
    // Two ways at once.
    let both_ways = |open: &mut OpenLogicalChannel| {
        open.reverse_logical_channel_parameters = Some(Default::default());
    };
    assert_eq!(leg.refused(both_ways), Some(Refusal::DataType));
}

#[test]
fn the_answer_to_a_channel_brings_a_key_or_nothing() {
    let mut leg = plain();
    for octets in [1, 15, 17, 32] {
        let mut opening = open(4);
        leg.slave.say(&mut opening, &mut leg.rng);
        leg.master.receive(leg.now, &mut opening, &mut leg.rng);
        let mut answer = ack(4);
        leg.master.say(&mut answer, &mut leg.rng);
        let wrong = WrappedKey { payload_type: 96, algorithm: None, octets: vec![9; octets] };
        in_ack(&mut answer, |ack| ack.encryption_sync = Some(Box::new(wrong.to_sync().unwrap())));
        let filtered = leg.slave_hears(answer);
        assert!(filtered.keys.is_empty() && filtered.stopped == Some(Some(Refusal::Key)));
    }
    // An acknowledgement of what nobody opened is as it came.
    let filtered = leg.slave_hears(ack(77));
    assert!(filtered.keys.is_empty() && filtered.stopped.is_none());
}

#[test]
fn a_peer_without_our_ciphers_gets_no_channel() {
    let mut leg = plain();
    for count in [1, 200, 256] {
        leg.slave_hears(capabilities(count));
        assert!(leg.slave.has_no_cipher(), "{count}");
        let said = leg.slave.say(&mut open(3), &mut leg.rng);
        assert_eq!(said.stopped, Some(Some(Refusal::NoCapability)));
    }
    // Hundreds of entries, all of which can be encrypted.
    let mut many = capabilities(128);
    leg.master.say(&mut many, &mut leg.rng);
    many.encode().unwrap();
    leg.slave_hears(many);
    assert!(!leg.slave.has_no_cipher());
    // A pause takes nothing back.
    leg.slave_hears(Control::new(Message::request(Request::terminalCapabilitySet(Box::default()))));
    assert!(!leg.slave.has_no_cipher());
}

#[test]
fn before_master_and_slave_are_known_there_is_no_channel() {
    let [a, b] = agreed(Group::Modp1024);
    let terms = Terms::up_to(1024);
    let (mut one, mut other) = (Party::new(a, &terms), Party::new(b, &terms));
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let mut told = capabilities(1);
    one.say(&mut told, &mut rng);
    other.receive(begin(), &mut told, &mut rng);
    let said = other.say(&mut open(3), &mut rng);
    assert_eq!(said.stopped, Some(Some(Refusal::NoMaster)));
}

/// What the master says when a channel's key is worn.
fn worn(leg: &mut Leg, number: u16, opened_by_peer: bool) -> Option<Filtered> {
    let update = leg.master.wear(leg.now, number, opened_by_peer, &mut leg.rng)?;
    Some(Filtered::of(number, update))
}

#[test]
fn a_new_key_of_the_masters_channel_is_used_when_the_slave_is_ready() {
    let mut leg = plain();
    let old = leg.channel(true, 5)[0].key.clone();
    let update = worn(&mut leg, 5, false).unwrap();
    assert!(update.keys.is_empty(), "the master waits for the answer");
    let mut got = leg.slave_hears(update.answer.unwrap());
    assert_eq!(got.settled, Some(5), "then nothing else is used");
    let ready = got.answer.take().unwrap();
    let new = one(got);
    assert!(new.from_peer && new.key.key != old.key && new.key.payload_type != old.payload_type);
    assert!(worn(&mut leg, 5, false).is_none(), "one at a time");
    let mut answer = ready;
    let used = one(leg.master.receive(leg.now, &mut answer, &mut leg.rng));
    assert_eq!((used.from_peer, used.key), (false, new.key));
    let mut again = h235::acknowledge_update(5, 111, true);
    let filtered = leg.master.receive(leg.now, &mut again, &mut leg.rng);
    assert!(filtered.keys.is_empty(), "nothing was announced under that payload type");
}

#[test]
fn a_new_key_of_the_slaves_channel_is_used_at_once() {
    let mut leg = plain();
    let old = leg.channel(false, 5)[0].key.clone();
    let mut update = worn(&mut leg, 5, true).unwrap();
    let command = update.answer.take().unwrap();
    assert_eq!(update.settled, None, "the old one serves until the slave has heard of it");
    let installed = one(update);
    let mut got = leg.slave_hears(command);
    let mut ready = got.answer.take().unwrap();
    let used = one(got);
    assert!(!used.from_peer && used.key == installed.key && used.key.key != old.key);
    let settled = leg.master.receive(leg.now, &mut ready, &mut leg.rng);
    assert_eq!((settled.settled, settled.keys.len()), (Some(5), 0));
}

#[test]
fn a_slave_asks_for_a_new_key_and_a_peer_that_does_not_answer_keeps_the_old_one() {
    let mut leg = plain();
    leg.channel(false, 5);
    leg.channel(true, 6);
    let wish = leg.slave.wear(leg.now, 5, false, &mut leg.rng).unwrap();
    let mut wish = Filtered::of(5, wish).answer.unwrap();
    let mut given = leg.master.receive(leg.now, &mut wish, &mut leg.rng);
    assert!(given.answer.take().is_some());
    assert_eq!(one(given).channel, 5);
    // The slave never answers: no further key is made, so that the first one is not pushed out.
    leg.now += Duration::from_secs(3600);
    assert!(worn(&mut leg, 5, true).is_none());
    // Of what is not open nobody makes keys.
    assert!(worn(&mut leg, 60, true).is_none());
    assert!(leg.slave.wear(leg.now, 60, true, &mut leg.rng).is_none());
}

#[test]
fn floods_of_updates_and_wishes_make_no_keys() {
    let mut leg = plain();
    leg.channel(true, 5);
    leg.channel(false, 5);
    let (mut made, mut taken) = (0, 0);
    for _ in 0..1000 {
        leg.now += Duration::from_millis(10);
        for from_master in [true, false] {
            let mut wish = h235::request_update(5, 96, from_master);
            let filtered = leg.master.receive(leg.now, &mut wish, &mut leg.rng);
            assert_eq!(filtered.stopped, Some(None), "it goes no further");
            let Some(command) = filtered.answer else { continue };
            made += 1;
            for _ in 0..3 {
                taken += leg.slave_hears(command.clone()).keys.len();
            }
        }
    }
    assert!((2..=22).contains(&made), "{made} keys in ten seconds on two channels");
    assert!((2..=made).contains(&taken), "{taken}");
    // Only the master gives keys.
    let key = WrappedKey { payload_type: 100, algorithm: None, octets: vec![9; 16] };
    let mut forged = h235::command_update(5, key.to_sync().unwrap(), true);
    leg.now += Duration::from_secs(5);
    let filtered = leg.master.receive(leg.now, &mut forged, &mut leg.rng);
    assert!(filtered.keys.is_empty() && filtered.answer.is_none());
}

#[test]
fn a_channel_that_is_acknowledged_again_has_its_key_already() {
    let mut leg = plain();
    // The slave's channel: the master repeats its answer, with and without the key.
    let mut opening = open(5);
    leg.slave.say(&mut opening, &mut leg.rng);
    leg.master.receive(leg.now, &mut opening, &mut leg.rng);
    let mut answer = ack(5);
    let decrypts = one(leg.master.say(&mut answer, &mut leg.rng));
    let first = one(leg.slave_hears(answer.clone()));
    assert_eq!(first.key, decrypts.key);
    for _ in 0..100 {
        let mut again = ack(5);
        assert!(leg.master.say(&mut again, &mut leg.rng).keys.is_empty());
        assert_eq!(again.message(), answer.message(), "what is said is the same");
        for repeated in [again, ack(5)] {
            let heard = leg.slave_hears(repeated);
            assert!(heard.keys.is_empty() && heard.stopped.is_none(), "{heard:?}");
        }
    }
    // The master's channel: the slave repeats its answer.
    leg.channel(true, 6);
    for _ in 0..100 {
        assert!(leg.slave.say(&mut ack(6), &mut leg.rng).keys.is_empty());
        let mut again = ack(6);
        assert!(leg.master.receive(leg.now, &mut again, &mut leg.rng).keys.is_empty());
    }
    // A flood of answers with a key that is another one each time: one a second.
    let mut taken = 0;
    for n in 0_u16..1000 {
        leg.now += Duration::from_millis(10);
        let mut octets = vec![9; 16];
        octets[..2].copy_from_slice(&n.to_be_bytes());
        let key = WrappedKey { payload_type: 100, algorithm: None, octets };
        let mut other = ack(5);
        in_ack(&mut other, |ack| ack.encryption_sync = Some(Box::new(key.to_sync().unwrap())));
        let heard = leg.slave_hears(other);
        taken += heard.keys.len();
        let mut update = h235::command_update(5, key.to_sync().unwrap(), false);
        taken += leg.slave.receive(leg.now, &mut update, &mut leg.rng).keys.len();
    }
    assert!((9..=11).contains(&taken), "{taken} keys in ten seconds");
}

/// Two parties that have agreed between themselves, and what a message of the first one shows.
fn seen(strict: bool, control: &mut Control) -> super::Seen {
    let answer = agreement::Offer { group: Group::Modp2048, half_key: vec![4] };
    let mut between = Between::new(answer, vec![Algorithm::Aes256], strict);
    between.see(begin(), Side::A, control, false)
}

#[test]
fn what_two_parties_agree_on_is_taken_up_or_refused() {
    let terms = Terms::up_to(2048);
    let mut leg = leg(&terms);
    let opening = |leg: &mut Leg| {
        let mut opening = open(3);
        leg.master.say(&mut opening, &mut leg.rng);
        opening
    };
    let mut good = opening(&mut leg);
    let taken = seen(true, &mut good).taken.expect("it has a key");
    assert_eq!((taken.opener, taken.number, taken.algorithm), (Side::A, 3, Algorithm::Aes256));
    let told =
        in_open(&mut good, |open| forward_parameters_mut(open).unwrap().dynamic_rtppayload_type);
    assert_eq!(told, Some(taken.payload_type));
    let refused = |mut control: Control| {
        assert_eq!(seen(false, &mut control.clone()).refused, None, "it need not be encrypted");
        seen(true, &mut control).refused
    };
    assert_eq!(refused(open(3)), Some(Refusal::Clear));
    let mut weak = opening(&mut leg);
    in_open(&mut weak, |open| wrap(open, Algorithm::Aes128.identifier()));
    assert_eq!(refused(weak), Some(Refusal::Cipher));
    for octets in [16, 31, 33] {
        let mut short = opening(&mut leg);
        let key = WrappedKey { payload_type: 96, algorithm: None, octets: vec![9; octets] };
        in_open(&mut short, |open| open.encryption_sync = Some(Box::new(key.to_sync().unwrap())));
        assert_eq!(refused(short), Some(Refusal::Key));
    }
    // Without a key it is not taken up yet: nothing passes until there is one.
    let mut late = opening(&mut leg);
    in_open(&mut late, |open| open.encryption_sync = None);
    assert_eq!(seen(true, &mut late), super::Seen::default());
    // Capabilities without a cipher that would do, after a secret was agreed.
    let mut none = capabilities(3);
    assert_eq!(seen(true, &mut none).breach, Some(super::Breach::NoCipher));
    assert_eq!(seen(false, &mut none).breach, None);
    let mut both = capabilities(3);
    leg.master.say(&mut both, &mut leg.rng);
    assert_eq!(seen(true, &mut both).breach, None);
    let Message::request(Request::terminalCapabilitySet(set)) = both.message() else { panic!() };
    let only: [ObjectIdentifier; 1] = [ObjectIdentifier::new(Algorithm::Aes256.identifier())];
    assert!(h235::capabilities(set).iter().all(|entry| entry.algorithms == only));
}

#[test]
fn two_parties_have_new_keys_as_seldom_as_ours() {
    let mut leg = leg(&Terms::up_to(2048));
    for strict in [true, false] {
        let answer = agreement::Offer { group: Group::Modp2048, half_key: vec![4] };
        let mut between = Between::new(answer, vec![Algorithm::Aes256], strict);
        let mut now = begin();
        let mut opening = open(3);
        leg.master.say(&mut opening, &mut leg.rng);
        assert!(between.see(now, Side::A, &mut opening, false).taken.is_some());
        let key = |n: u16| {
            let mut octets = vec![9; 32];
            octets[..2].copy_from_slice(&n.to_be_bytes());
            WrappedKey { payload_type: 100, algorithm: None, octets }.to_sync().unwrap()
        };
        let (mut taken, mut stopped) = (0, 0);
        for n in 0..1000 {
            now += Duration::from_millis(10);
            let mut update = h235::command_update(3, key(n), true);
            let mut again = ack(3);
            in_ack(&mut again, |ack| ack.encryption_sync = Some(Box::new(key(n + 5000))));
            for (from, control) in [(Side::A, &mut update), (Side::B, &mut again)] {
                let seen = between.see(now, from, control, false);
                assert!(seen.refused.is_none() && seen.breach.is_none(), "{seen:?}");
                taken += usize::from(seen.taken.is_some());
                stopped += usize::from(seen.early);
            }
        }
        assert!((9..=11).contains(&taken), "{taken} keys in ten seconds");
        assert_eq!(taken + stopped, 2000);
        // What is said again is no new key, and passes.
        now += Duration::from_secs(1);
        for _ in 0..100 {
            let seen = between.see(now, Side::A, &mut h235::command_update(3, key(1), true), false);
            assert!(!seen.early, "{seen:?}");
        }
    }
}

/// No key of ours gets the payload type that a party has for its keepalives.
#[test]
fn keys_keep_clear_of_keepalives() {
    let mut leg = plain();
    leg.channel(false, 5);
    leg.master.avoid([96, 97, 98, 99, 100]);
    let (mut given, mut now) = (Vec::new(), leg.now);
    for _ in 0..10 {
        now += Duration::from_secs(2);
        let mut wish = h235::request_update(5, 96, false);
        let filtered = leg.master.receive(now, &mut wish, &mut leg.rng);
        given.extend(filtered.keys.iter().map(|key| key.key.payload_type));
    }
    assert_eq!(given.len(), 10);
    assert!(given.iter().all(|one| (101..127).contains(one)), "{given:?}");
    let mut opening = open(7);
    in_open(&mut opening, |open| {
        forward_parameters_mut(open).unwrap().dynamic_rtppayload_type = Some(98);
    });
    leg.master.say(&mut opening, &mut leg.rng);
    let told =
        in_open(&mut opening, |open| forward_parameters_mut(open).unwrap().dynamic_rtppayload_type);
    assert!(told.is_some_and(|told| (101..127).contains(&told)), "{told:?}");
}

/// Far-end camera control is RTP like any other, with a dynamic payload type of its own.
#[test]
fn data_over_rtp_is_encrypted_too() {
    let mut leg = plain();
    let data = DataType::data(Box::new(DataApplicationCapability {
        application: Application::h224(Box::new(DataProtocolCapability::hdlcFrameTunnelling(()))),
        max_bit_rate: 64,
        ..DataApplicationCapability::default()
    }));
    let mut opening = open(6);
    in_open(&mut opening, |open| {
        open.forward_logical_channel_parameters.data_type = data.clone();
        forward_parameters_mut(open).unwrap().dynamic_rtppayload_type = Some(100);
    });
    let clear = opening.clone();
    assert!(leg.master.say(&mut opening, &mut leg.rng).stopped.is_none());
    in_open(&mut opening, |open| {
        let wrapped = &open.forward_logical_channel_parameters.data_type;
        assert_eq!(h235::unwrap(wrapped).unwrap().0, data);
    });
    leg.slave.receive(leg.now, &mut opening, &mut leg.rng);
    assert_eq!(opening.message(), clear.message(), "its payload type, too");
    let mut answer = ack(6);
    let receives = one(leg.slave.say(&mut answer, &mut leg.rng));
    assert_eq!((receives.from_peer, receives.key.payload_type), (true, 100));
}

#[test]
fn session_keys_are_never_shown() {
    let key = SessionKey::from_octets(Algorithm::Aes128, &[0xab; 16]).unwrap();
    let shown = format!("{:?}", super::MediaKey { payload_type: 96, key });
    assert!(!shown.contains("171") && !shown.contains("ab, ab"), "{shown}");
}
