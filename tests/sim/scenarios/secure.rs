//! Encrypted calls (H.235.6): phones that do it, phones that do not, and a gatekeeper that does it for them.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use pinhole::event::CallRecord;
use pinhole::event::Event;
use pinhole::phone::options::{Encryption, Options};
use pinhole::security::Terms;

use pinhole::node::{Encryption as Wanted, Settings};
use pinhole::security::{Demand, Policy, cipher_name};
use pinhole_crypto::Algorithm;
use pinhole_crypto::dh::Group;

use super::lab::{Lab, NAT, Place, Plan, channel, heard, lab};
use super::watch::look;
use crate::world::{Chop, ip, seconds};
use Place::{Inside, Outside};

const ALICE: f64 = 440.0;
const BOB: f64 = 880.0;
const TALK: u64 = 2;

/// What both channels of a record are encrypted with.
fn ciphers(record: &CallRecord) -> [(String, Option<u32>); 2] {
    ["receive", "transmit"].map(|direction| {
        let channel = channel(record, direction);
        (channel.cipher.clone(), channel.dh_bits)
    })
}

fn both(cipher: &str, dh_bits: u32) -> [(String, Option<u32>); 2] {
    [(cipher.to_owned(), Some(dh_bits)), (cipher.to_owned(), Some(dh_bits))]
}

fn clear() -> [(String, Option<u32>); 2] {
    [("none".to_owned(), None), ("none".to_owned(), None)]
}

fn encrypting(options: &mut Options, bits: usize) {
    options.encryption = Encryption::Optional;
    options.terms = Terms::up_to(bits);
}

/// Calls, measures both tones, and returns both records and what the gatekeeper sent.
fn talk(
    lab: &mut Lab,
    (from, to): (Place, Place),
    caller: impl FnOnce(&mut Options),
    called: impl FnOnce(&mut Options),
) -> ([CallRecord; 2], Vec<(SocketAddr, Vec<u8>)>) {
    let bob = lab.answering("bob", to, BOB, called);
    lab.world.mark_rest();
    lab.world.tap(lab.node);
    let alice = lab.calling("alice", from, ("bob", ALICE, TALK), caller);
    let caller = lab.record(alice, 1, seconds(60));
    heard(&caller, TALK, BOB);
    let called = lab.record(bob, 1, seconds(5));
    heard(&called, TALK, ALICE);
    lab.world.must("alice has ended", |world| world.ended(alice), seconds(30));
    let sent = lab.world.tap(lab.node);
    lab.nothing_left();
    ([caller, called], sent)
}

#[test]
fn two_phones_that_encrypt() {
    for (bits, cipher) in [(1024, "AES-128-CBC"), (2048, "AES-256-CBC"), (4096, "AES-256-CBC")] {
        for tunnelling in [true, false] {
            let mut lab = lab(Plan::with(Chop::AsSent));
            let adjust = |options: &mut Options| {
                encrypting(options, bits);
                options.tunnelling = tunnelling;
            };
            for record in talk(&mut lab, (Inside, Outside), adjust, adjust).0 {
                assert_eq!(ciphers(&record), both(cipher, bits as u32), "{record:#?}");
            }
        }
    }
}

#[test]
fn two_phones_with_every_other_group_and_one_cipher() {
    let both_ciphers = [Some(Algorithm::Aes128), Some(Algorithm::Aes256)];
    let usual = [(1536, None), (6144, None), (8192, None)];
    let chosen = [1024, 2048].into_iter().flat_map(|bits| both_ciphers.map(|one| (bits, one)));
    for (bits, cipher) in usual.into_iter().chain(chosen) {
        let mut lab = lab(Plan::with(Chop::AsSent));
        let adjust = |options: &mut Options| {
            encrypting(options, bits);
            if let Some(cipher) = cipher {
                options.terms = Terms::up_to(bits).with_cipher(cipher);
            }
        };
        let name = cipher.map_or("AES-256-CBC", cipher_name);
        for record in talk(&mut lab, (Outside, Inside), adjust, adjust).0 {
            assert_eq!(ciphers(&record), both(name, bits as u32), "{record:#?}");
        }
    }
}

#[test]
fn one_phone_that_encrypts_alone() {
    let mut lab = lab(Plan::with(Chop::AsSent));
    let adjust = |options: &mut Options| encrypting(options, 2048);
    for record in talk(&mut lab, (Inside, Outside), adjust, |_| {}).0 {
        assert_eq!(ciphers(&record), clear(), "{record:#?}");
    }
}

/// A gatekeeper that wants this of both legs, or of one at least.
fn lab_wanting(demand: Demand, one_leg: bool, terms: Terms, multiplexes: bool) -> Lab {
    let default = Policy::new(demand, terms);
    let encryption = Wanted { default, one_leg, ..Wanted::default() };
    let multiplex_port = multiplexes.then_some(3000);
    let settings = Settings { encryption, multiplex_port, ..Settings::default() };
    lab(Plan { settings, ..Plan::with(Chop::AsSent) })
}

/// One call of the matrix.
#[derive(Debug, Clone, Copy)]
struct Case {
    encrypts: [bool; 2],
    demand: Demand,
    one_leg: bool,
    bits: usize,
    /// The cipher, if it is not the one that usually goes with the group.
    cipher: Option<Algorithm>,
    /// Whether the caller is master; chance decides otherwise.
    caller_is_master: Option<bool>,
    tunnelling: bool,
    multiplex: bool,
    video: bool,
    /// A second video (H.239).
    presentation: bool,
    inside_calls: bool,
}

const PLAIN: Case = Case {
    encrypts: [false, true],
    demand: Demand::Preferred,
    one_leg: false,
    bits: 1024,
    cipher: None,
    caller_is_master: None,
    tunnelling: true,
    multiplex: false,
    video: false,
    presentation: false,
    inside_calls: true,
};

impl Case {
    fn lab(self) -> Lab {
        lab_wanting(self.demand, self.one_leg, self.terms(), self.multiplex)
    }

    fn terms(self) -> Terms {
        let group = Group::ALL.into_iter().find(|group| group.bits() == self.bits);
        match self.cipher {
            Some(cipher) => Terms::new(&[group.expect("a group")], &[cipher]),
            None => Terms::up_to(self.bits),
        }
    }

    fn cipher(self) -> &'static str {
        match self.cipher {
            Some(cipher) => cipher_name(cipher),
            None if self.bits > 1024 => "AES-256-CBC",
            None => "AES-128-CBC",
        }
    }

    fn adjust(self, side: usize) -> impl FnOnce(&mut Options) {
        move |options| {
            (options.tunnelling, options.multiplex) = (self.tunnelling, self.multiplex);
            options.video = self.video.then_some(128);
            options.presentation = self.presentation.then_some(128);
            if let Some(caller) = self.caller_is_master {
                options.terminal_type = if caller == (side == 0) { 60 } else { 50 };
            }
            if self.encrypts[side] {
                options.encryption = Encryption::Optional;
                options.terms = self.terms();
            }
        }
    }

    /// Which legs are encrypted.
    fn legs(self) -> [bool; 2] {
        match self.demand {
            Demand::Off if !self.one_leg => [self.encrypts[0] && self.encrypts[1]; 2],
            _ => self.encrypts,
        }
    }

    /// The address at which the gatekeeper sees a party.
    fn address(self, place: Place) -> IpAddr {
        if place == Inside { ip(NAT) } else { outside(self.inside_calls) }
    }

    fn runs(self) {
        let mut lab = self.lab();
        let places = if self.inside_calls { (Inside, Outside) } else { (Outside, Inside) };
        for (secure, place) in self.legs().into_iter().zip([places.0, places.1]) {
            if secure {
                lab.world.guard(&[&self.address(place).to_string()]);
            }
        }
        let (records, sent) = talk(&mut lab, places, self.adjust(0), self.adjust(1));
        let cipher = self.cipher();
        for ((record, secure), place) in records.iter().zip(self.legs()).zip([places.0, places.1]) {
            let expected = if secure { both(cipher, self.bits as u32) } else { clear() };
            assert_eq!(ciphers(record), expected, "{self:?} {record:#?}");
            let at = self.address(place);
            let seen = look(&sent, at);
            assert!(seen.packets as u64 >= TALK * 45, "{self:?} {place:?} {seen:?}");
            // The watcher reads the talk on a clear leg, and nothing on an encrypted one. What it cannot tell from RTP,
            // messages of RAS, it counts as unreadable.
            match secure {
                true => assert_eq!(seen.clear, 0, "{self:?} {place:?} {seen:?}"),
                false => assert!(seen.clear as u64 >= TALK * 45, "{self:?} {place:?} {seen:?}"),
            }
            if self.video {
                let video = record.channels.iter().filter(|channel| channel.media == "video");
                let video: Vec<_> = video.collect();
                assert_eq!(video.len(), 2, "{record:#?}");
                for channel in video {
                    assert!(channel.packets > TALK * 20 && channel.lost == 0, "{record:#?}");
                    assert_eq!(channel.cipher != "none", secure, "{record:#?}");
                }
            }
            if self.presentation {
                let second = record.channels.iter().find(|one| one.media == "presentation");
                let second = second.unwrap_or_else(|| panic!("no second video: {record:#?}"));
                assert!(second.packets > 20, "{record:#?}");
                assert_eq!(second.cipher != "none", secure, "{record:#?}");
            }
        }
    }

    fn is_refused(self, named: &str) {
        let mut lab = self.lab();
        lab.world.guard(&["0.0.0.0/0"]);
        let bob = lab.answering("bob", Outside, BOB, self.adjust(1));
        lab.world.mark_rest();
        lab.world.tap(lab.node);
        let alice = lab.calling("alice", Inside, ("bob", ALICE, TALK), self.adjust(0));
        let record = lab.record(alice, 1, seconds(60));
        let sent = lab.world.tap(lab.node);
        for at in [ip(NAT), outside(true)] {
            assert_eq!(look(&sent, at).clear, 0, "{self:?} {at}");
        }
        assert_eq!(
            record.release_reason.as_deref(),
            Some("securityDenied"),
            "{self:?} {record:#?}"
        );
        assert!(record.channels.iter().all(|channel| channel.packets == 0), "{record:#?}");
        let record = lab.record(lab.node, 1, seconds(5));
        assert_eq!(record.release_reason.as_deref(), Some("securityDenied"), "{record:#?}");
        assert!(record.sentence.contains(named), "{self:?} {}", record.sentence);
        if named.contains("alice offers no") {
            assert_eq!(lab.world.count(bob, |event| matches!(event, Event::CallStarted { .. })), 0);
        }
        lab.nothing_left();
    }
}

/// The address of the phone on the open net: the called one is there first.
fn outside(inside_calls: bool) -> IpAddr {
    ip(if inside_calls { "198.51.100.101" } else { "198.51.100.102" })
}

const WHO: [[bool; 2]; 4] = [[false, false], [true, false], [false, true], [true, true]];

#[test]
fn whoever_can_encrypts_when_it_is_preferred() {
    for encrypts in WHO {
        for inside_calls in [true, false] {
            for tunnelling in [true, false] {
                Case { encrypts, inside_calls, tunnelling, ..PLAIN }.runs();
            }
        }
    }
}

#[test]
fn nothing_is_done_when_it_is_off() {
    for encrypts in WHO {
        Case { encrypts, demand: Demand::Off, ..PLAIN }.runs();
    }
}

#[test]
fn half_calls_with_every_cipher_and_group() {
    for encrypts in [[true, false], [false, true]] {
        for bits in [1024, 2048, 4096] {
            Case { encrypts, bits, ..PLAIN }.runs();
        }
    }
}

#[test]
fn half_calls_with_multiplexed_media_and_video() {
    for encrypts in [[true, false], [false, true]] {
        for (multiplex, video) in [(true, false), (false, true), (true, true)] {
            for inside_calls in [true, false] {
                Case { encrypts, multiplex, video, inside_calls, bits: 2048, ..PLAIN }.runs();
            }
        }
    }
}

#[test]
fn what_is_required_is_enforced() {
    for encrypts in WHO {
        let case = Case { encrypts, demand: Demand::Required, ..PLAIN };
        match encrypts {
            [true, true] => case.runs(),
            [false, _] => case.is_refused("alice offers no encryption"),
            [true, false] => case.is_refused("bob answered with no encryption"),
        }
        let case = Case { encrypts, one_leg: true, demand: Demand::Off, ..PLAIN };
        match encrypts {
            [false, false] => case.is_refused("one side at least"),
            _ => case.runs(),
        }
    }
}

#[test]
fn a_second_video_on_half_calls() {
    for encrypts in [[true, false], [false, true], [true, true]] {
        let case = Case { encrypts, video: true, presentation: true, ..PLAIN };
        case.runs();
        Case { tunnelling: false, multiplex: true, ..case }.runs();
    }
}

/// The whole matrix, in its order: who can, what is wanted, cipher and group, master, carrier, multiplexing, video.
fn matrix() -> Vec<Case> {
    let mut all = vec![PLAIN];
    let mut each = |values: &dyn Fn(Case) -> Vec<Case>| {
        all = all.iter().flat_map(|case| values(*case)).collect();
    };
    let two = [true, false];
    each(&|case| WHO.map(|encrypts| Case { encrypts, ..case }).to_vec());
    each(&|case| {
        let wanted = [
            (Demand::Off, false),
            (Demand::Preferred, false),
            (Demand::Required, false),
            (Demand::Off, true),
        ];
        wanted.map(|(demand, one_leg)| Case { demand, one_leg, ..case }).to_vec()
    });
    each(&|case| Algorithm::ALL.map(|cipher| Case { cipher: Some(cipher), ..case }).to_vec());
    each(&|case| [1024, 2048, 4096].map(|bits| Case { bits, ..case }).to_vec());
    each(&|case| two.map(|caller| Case { caller_is_master: Some(caller), ..case }).to_vec());
    each(&|case| two.map(|tunnelling| Case { tunnelling, ..case }).to_vec());
    each(&|case| two.map(|multiplex| Case { multiplex, ..case }).to_vec());
    each(&|case| two.map(|video| Case { video, ..case }).to_vec());
    each(&|case| two.map(|inside_calls| Case { inside_calls, ..case }).to_vec());
    all
}

impl Case {
    /// Its values, each with the number of what it is a value of.
    fn values(self) -> Vec<(u8, String)> {
        let texts = [
            format!("{:?}", self.encrypts),
            format!("{:?}{}", self.demand, self.one_leg),
            format!("{:?}", self.cipher),
            self.bits.to_string(),
            format!("{:?}", self.caller_is_master),
            self.tunnelling.to_string(),
            self.multiplex.to_string(),
            self.video.to_string(),
            self.inside_calls.to_string(),
        ];
        (0..).zip(texts).collect()
    }
}

/// Every twentieth of the three thousand cases of the matrix, such that every three values meet; with `PINHOLE_MATRIX=whole`
/// every one.
#[test]
fn the_matrix() {
    let all = matrix();
    assert_eq!(all.len(), 3072);
    let triples = |case: &Case| -> Vec<[(u8, String); 3]> {
        let values = case.values();
        let mut triples = Vec::new();
        for (a, one) in values.iter().enumerate() {
            for (b, two) in values.iter().enumerate().skip(a + 1) {
                let thirds = values.iter().skip(b + 1);
                triples.extend(thirds.map(|three| [one.clone(), two.clone(), three.clone()]));
            }
        }
        triples
    };
    let mut open: BTreeSet<[(u8, String); 3]> = all.iter().flat_map(triples).collect();
    let whole = std::env::var("PINHOLE_MATRIX").is_ok_and(|asked| asked == "whole");
    let mut run = 0;
    // In an order that has nothing to do with that of the matrix: 1229 and 3072 have no divisor in common.
    for case in (0..all.len()).map(|n| all[n * 1229 % all.len()]) {
        let fresh = triples(&case).iter().filter(|triple| open.contains(*triple)).count();
        if !whole && (fresh < 3 && open.len() > 40 || fresh == 0) {
            continue;
        }
        triples(&case).iter().for_each(|triple| {
            open.remove(triple);
        });
        run += 1;
        let refused = match (case.demand, case.one_leg, case.encrypts) {
            (Demand::Required, _, [false, _]) => Some("alice offers no encryption"),
            (Demand::Required, _, [true, false]) => Some("bob answered with no encryption"),
            (_, true, [false, false]) => Some("one side at least"),
            _ => None,
        };
        match refused {
            Some(why) => case.is_refused(why),
            None => case.runs(),
        }
    }
    assert!((60..200).contains(&run) || whole && run == all.len(), "{run} cases were run");
}
