//! Encrypted calls (H.235.6): phones that do it, phones that do not, and a gatekeeper that does it for them.

use pinhole::event::CallRecord;
use pinhole::phone::options::{Encryption, Options};
use pinhole::security::Terms;

use pinhole::node::{Encryption as Wanted, Settings};
use pinhole::security::{Demand, Policy};

use super::lab::{Lab, Place, Plan, channel, heard, lab};
use crate::world::{Chop, seconds};
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

fn talk(
    lab: &mut Lab,
    (from, to): (Place, Place),
    caller: impl FnOnce(&mut Options),
    called: impl FnOnce(&mut Options),
) -> [CallRecord; 2] {
    let bob = lab.answering("bob", to, BOB, called);
    lab.world.mark_rest();
    let alice = lab.calling("alice", from, ("bob", ALICE, TALK), caller);
    let caller = lab.record(alice, 1, seconds(60));
    heard(&caller, TALK, BOB);
    let called = lab.record(bob, 1, seconds(5));
    heard(&called, TALK, ALICE);
    lab.world.must("alice has ended", |world| world.ended(alice), seconds(30));
    lab.nothing_left();
    [caller, called]
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
            for record in talk(&mut lab, (Inside, Outside), adjust, adjust) {
                assert_eq!(ciphers(&record), both(cipher, bits as u32), "{record:#?}");
            }
        }
    }
}
#[test]
fn one_phone_that_encrypts_alone() {
    let mut lab = lab(Plan::with(Chop::AsSent));
    let adjust = |options: &mut Options| encrypting(options, 2048);
    for record in talk(&mut lab, (Inside, Outside), adjust, |_| {}) {
        assert_eq!(ciphers(&record), clear(), "{record:#?}");
    }
}

/// A gatekeeper that wants this of both legs.
fn lab_wanting(demand: Demand, bits: usize) -> Lab {
    let default = Policy { demand, terms: Terms::up_to(bits) };
    let encryption = Wanted { default, ..Wanted::default() };
    lab(Plan {
        settings: Settings { encryption, ..Settings::default() },
        ..Plan::with(Chop::AsSent)
    })
}

#[test]
fn a_gatekeeper_encrypts_for_the_one_who_cannot() {
    for (bits, cipher) in [(1024, "AES-128-CBC"), (2048, "AES-256-CBC")] {
        for tunnelling in [true, false] {
            for caller_encrypts in [true, false] {
                let mut lab = lab_wanting(Demand::Preferred, bits);
                let adjust = |encrypts: bool| {
                    move |options: &mut Options| {
                        options.tunnelling = tunnelling;
                        if encrypts {
                            encrypting(options, bits);
                        }
                    }
                };
                let [caller, called] = talk(
                    &mut lab,
                    (Inside, Outside),
                    adjust(caller_encrypts),
                    adjust(!caller_encrypts),
                );
                let (secure, plain) =
                    if caller_encrypts { (caller, called) } else { (called, caller) };
                assert_eq!(ciphers(&secure), both(cipher, bits as u32), "{secure:#?}");
                assert_eq!(ciphers(&plain), clear(), "{plain:#?}");
            }
        }
    }
}
