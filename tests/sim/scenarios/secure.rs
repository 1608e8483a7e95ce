//! Encrypted calls (H.235.6): phones that do it, phones that do not, and a gatekeeper that does it for them.

use std::net::{IpAddr, SocketAddr};

use pinhole::event::CallRecord;
use pinhole::event::Event;
use pinhole::phone::options::{Encryption, Options};
use pinhole::security::Terms;

use pinhole::node::{Encryption as Wanted, Settings};
use pinhole::security::{Demand, Policy};

use super::lab::{Lab, NAT, Place, Plan, channel, heard, lab};
use super::watch::look;
use crate::world::{Chop, ip, seconds};
use Place::{Inside, Outside};

const ALICE: f64 = 440.0;
const BOB: f64 = 880.0;
const TALK: u64 = 3;

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
fn one_phone_that_encrypts_alone() {
    let mut lab = lab(Plan::with(Chop::AsSent));
    let adjust = |options: &mut Options| encrypting(options, 2048);
    for record in talk(&mut lab, (Inside, Outside), adjust, |_| {}).0 {
        assert_eq!(ciphers(&record), clear(), "{record:#?}");
    }
}

/// A gatekeeper that wants this of both legs, or of one at least.
fn lab_wanting(demand: Demand, one_leg: bool, bits: usize, multiplexes: bool) -> Lab {
    let default = Policy::new(demand, Terms::up_to(bits));
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
    tunnelling: bool,
    multiplex: bool,
    video: bool,
    inside_calls: bool,
}

const PLAIN: Case = Case {
    encrypts: [false, true],
    demand: Demand::Preferred,
    one_leg: false,
    bits: 1024,
    tunnelling: true,
    multiplex: false,
    video: false,
    inside_calls: true,
};

impl Case {
    fn lab(self) -> Lab {
        lab_wanting(self.demand, self.one_leg, self.bits, self.multiplex)
    }

    fn adjust(self, side: usize) -> impl FnOnce(&mut Options) {
        move |options| {
            (options.tunnelling, options.multiplex) = (self.tunnelling, self.multiplex);
            options.video = self.video.then_some(128);
            if self.encrypts[side] {
                encrypting(options, self.bits);
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

    fn runs(self) {
        let mut lab = self.lab();
        let places = if self.inside_calls { (Inside, Outside) } else { (Outside, Inside) };
        let (records, sent) = talk(&mut lab, places, self.adjust(0), self.adjust(1));
        let cipher = if self.bits > 1024 { "AES-256-CBC" } else { "AES-128-CBC" };
        for ((record, secure), place) in records.iter().zip(self.legs()).zip([places.0, places.1]) {
            let expected = if secure { both(cipher, self.bits as u32) } else { clear() };
            assert_eq!(ciphers(record), expected, "{self:?} {record:#?}");
            let at = if place == Inside { ip(NAT) } else { outside(self.inside_calls) };
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
        }
    }

    fn is_refused(self, named: &str) {
        let mut lab = self.lab();
        let bob = lab.answering("bob", Outside, BOB, self.adjust(1));
        lab.world.mark_rest();
        let alice = lab.calling("alice", Inside, ("bob", ALICE, TALK), self.adjust(0));
        let record = lab.record(alice, 1, seconds(60));
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
