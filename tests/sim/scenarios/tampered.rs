//! Somebody on the way changes what an encrypting endpoint says, or the endpoint itself is hostile: nothing passes in clear
//! where it may not, and nothing weak is agreed.

use pinhole::event::{CallRecord, Event};
use pinhole::node::{Encryption as Wanted, Settings};
use pinhole::phone::options::{Encryption, Options};
use pinhole::security::{Terms, parameters};
use pinhole_config::Config;
use pinhole_crypto::Algorithm;
use pinhole_crypto::dh::Group;
use pinhole_h323::asn::ObjectIdentifier;
use pinhole_h323::asn::h235::ClearToken;
use pinhole_h323::asn::h245::{
    Capability, CapabilityTableEntry, CapabilityTableEntryNumber,
    MultimediaSystemControlMessage as Message, OpenLogicalChannel, OpenLogicalChannelAck,
    RequestMessage as Request, ResponseMessage as Response, TerminalCapabilitySet,
};
use pinhole_h323::h235::{self, HalfKey, WrappedKey};
use pinhole_h323::{Control, Signal};

use super::lab::{Lab, NAT, Place, Plan, connected, heard, lab};
use super::watch::look;
use super::zone::settings;
use crate::hostile::framed;
use crate::world::{Chop, HostId, ip, millis, seconds};
use Place::{Inside, Outside};

const ALICE: f64 = 440.0;
const BOB: f64 = 880.0;
const TALK: u64 = 2;
/// Fewer packets are messages of RAS: a talk has a hundred.
const FEW: usize = 5;
const MODE: &str = "[RoutedMode]\nGKRouted=1\nH245Routed=1\nEnableH46018=1\nH235HalfCallMaxTokenLength=2048\n\
                    [Proxy]\nEnable=1\n";
const BOTH_REQUIRED: &str = "[Pinhole::Encryption]\nDefault=required\n";

fn lab_of(text: &str) -> Lab {
    lab(Plan { settings: settings(&format!("{MODE}{text}")), ..Plan::with(Chop::AsSent) })
}

/// Encrypts with AES-128 and 1024 bits, or, if it may, with more.
fn encrypting(bits: usize) -> impl Fn(&mut Options) {
    move |options| {
        options.encryption = Encryption::Optional;
        options.terms = Terms::up_to(bits);
    }
}

fn plain(_: &mut Options) {}

/// What became of a call whose messages were changed.
struct Outcome {
    alice: CallRecord,
    node: CallRecord,
    /// Packets to alice and to bob, and how many of them were in clear.
    sent: [(usize, usize); 2],
    /// The causes of channels that were refused, and whose they were.
    refused: Vec<(String, &'static str)>,
}

/// A call from alice inside, whose words are changed by `tamper`, to bob outside.
fn call(
    text: &str,
    parties: [&dyn Fn(&mut Options); 2],
    tamper: impl FnOnce(&mut Lab, [HostId; 2]),
) -> Outcome {
    call_at(lab_of(text), parties, tamper)
}

fn call_at(
    mut lab: Lab,
    [caller, called]: [&dyn Fn(&mut Options); 2],
    tamper: impl FnOnce(&mut Lab, [HostId; 2]),
) -> Outcome {
    let bob = lab.answering("bob", Outside, BOB, called);
    lab.world.mark_rest();
    lab.world.tap(lab.node);
    let alice = lab.calling("alice", Inside, ("bob", ALICE, TALK), caller);
    tamper(&mut lab, [alice, bob]);
    let record = lab.record(alice, 1, seconds(60));
    let node = lab.record(lab.node, 1, seconds(5));
    let sent = lab.world.tap(lab.node);
    lab.nothing_left();
    let refused = |event: &Event| match event {
        Event::ChannelRefused { from, cause, .. } => Some((from.clone(), *cause)),
        _ => None,
    };
    let refused =
        lab.world.events(lab.node).iter().filter_map(|(_, event)| refused(event)).collect();
    let sent = [ip(NAT), ip("198.51.100.101")].map(|at| {
        let seen = look(&sent, at);
        (seen.packets, seen.clear)
    });
    Outcome { alice: record, node, sent, refused }
}

impl Outcome {
    #[track_caller]
    fn is_denied(&self, sentence: &str) {
        for record in [&self.alice, &self.node] {
            assert_eq!(record.release_reason.as_deref(), Some("securityDenied"), "{record:#?}");
        }
        assert!(self.node.sentence.contains(sentence), "{}", self.node.sentence);
        assert_eq!(self.sent.map(|(_, clear)| clear), [0, 0]);
    }

    /// The parties that encrypted with us, by legs.
    fn agreed(&self) -> Vec<(&str, &str)> {
        self.node.encryption.iter().map(|leg| (leg.leg, leg.by)).collect()
    }
}

/// Changes the tokens of a message.
fn tokens(
    name: &'static str,
    edit: impl Fn(&mut Vec<ClearToken>) + 'static,
) -> impl FnMut(&mut Signal) {
    move |signal| {
        if signal.name() == name {
            let mut tokens = signal.clear_tokens().to_vec();
            edit(&mut tokens);
            signal.set_clear_tokens(tokens);
        }
    }
}

fn one_less() -> Vec<u8> {
    let mut prime = Group::Modp1024.prime().to_vec();
    *prime.last_mut().unwrap() -= 1;
    prime
}

/// What may be done to a half key of 1024 bits. None of it may be taken up.
type Distortion = fn(&mut HalfKey);

fn distortions() -> [(&'static str, Distortion); 11] {
    [
        ("half key 0", |key| key.value = vec![0; 128]),
        ("half key 1", |key| key.value = vec![1]),
        ("half key p-1", |key| key.value = one_less()),
        ("half key p", |key| key.value = Group::Modp1024.prime().to_vec()),
        ("a half key that is too long", |key| key.value = vec![9; 200]),
        ("a tiny prime", |key| key.prime = vec![23]),
        ("a prime of its own", |key| key.prime[77] ^= 1),
        ("generator 1", |key| key.generator = vec![1]),
        ("another generator", |key| key.generator = vec![4]),
        ("a group of 512 bits", |key| key.group = [0, 0, 8, 235, 0, 3, 40].into()),
        ("named as a larger group", |key| key.group = [0, 0, 8, 235, 0, 3, 45].into()),
    ]
}

/// Changes every half key.
fn distorted(tokens: &mut [ClearToken], edit: Distortion) {
    for token in tokens {
        if let Some(mut key) = HalfKey::read(token) {
            edit(&mut key);
            *token = key.to_token();
        }
    }
}

#[test]
fn a_downgrade_by_removed_tokens_is_refused_where_encryption_is_required() {
    let crypt = encrypting(2048);
    type Removal = fn(&mut Vec<ClearToken>);
    let removals: [(&str, Removal); 3] = [
        ("all", Vec::clear),
        ("the marker", |tokens| tokens.retain(|one| HalfKey::read(one).is_some())),
        ("the half keys", |tokens| tokens.retain(|one| HalfKey::read(one).is_none())),
    ];
    for (what, remove) in removals {
        // Of the caller's offer.
        let from_setup = |lab: &mut Lab, [alice, _]: [HostId; 2]| {
            lab.world.tamper_signals(alice, tokens("setup", remove))
        };
        let required = "[Pinhole::EncryptByAlias]\nalice=required\n";
        call(required, [&crypt, &plain], from_setup).is_denied("alice offers no encryption");
        // Of the called party's answer, whether it answers us or the caller.
        let from_connect = |lab: &mut Lab, [_, bob]: [HostId; 2]| {
            lab.world.tamper_signals(bob, tokens("connect", remove))
        };
        let required = "[Pinhole::EncryptByAlias]\nbob=required\n";
        let denied = call(required, [&plain, &crypt], from_connect);
        denied.is_denied("bob answered with no encryption");
        let denied = call(BOTH_REQUIRED, [&crypt, &crypt], from_connect);
        denied.is_denied("bob answered with no encryption");
        // Where it is only preferred the call is made, and the record does not claim anything.
        if what == "all" {
            let preferred = "[Pinhole::Encryption]\nDefault=preferred\n";
            let made = call(preferred, [&crypt, &plain], from_setup);
            heard(&made.alice, TALK, BOB);
            assert_eq!(made.agreed(), [("a", "nobody"), ("b", "nobody")]);
        }
    }
}

#[test]
fn weak_and_replaced_half_keys_are_none() {
    let crypt = encrypting(1024);
    for (what, edit) in distortions() {
        println!("{what}");
        let edited = move |tokens: &mut Vec<ClearToken>| distorted(tokens, edit);
        let required = "[Pinhole::EncryptByAlias]\nalice=required\n";
        let in_setup = |lab: &mut Lab, [alice, _]: [HostId; 2]| {
            lab.world.tamper_signals(alice, tokens("setup", edited));
        };
        call(required, [&crypt, &plain], in_setup).is_denied("alice offers no encryption");
        let required = "[Pinhole::EncryptByAlias]\nbob=required\n";
        let in_connect = |lab: &mut Lab, [_, bob]: [HostId; 2]| {
            lab.world.tamper_signals(bob, tokens("connect", edited));
        };
        let denied = call(required, [&plain, &crypt], in_connect);
        denied.is_denied("bob answered with no encryption");
        // Between themselves: the caller does not get to see it.
        let denied = call(BOTH_REQUIRED, [&crypt, &crypt], in_connect);
        denied.is_denied("bob answered with no encryption");
    }
}

/// Changes the channels that a host opens.
fn openings(edit: impl Fn(&mut OpenLogicalChannel) + 'static) -> impl FnMut(&mut Control) {
    move |control| {
        if let Message::request(Request::openLogicalChannel(_)) = control.message() {
            control.edit(|message| {
                if let Message::request(Request::openLogicalChannel(open)) = message {
                    edit(open);
                }
            });
        }
    }
}

/// Changes its answers to channels.
fn answers(edit: impl Fn(&mut OpenLogicalChannelAck) + 'static) -> impl FnMut(&mut Control) {
    move |control| {
        control.edit(|message| {
            if let Message::response(response) = message
                && let Response::openLogicalChannelAck(ack) = &mut **response
            {
                edit(ack);
            }
        });
    }
}

fn master(options: &mut Options) {
    encrypting(1024)(options);
    options.terminal_type = 60;
}

fn slave(options: &mut Options) {
    encrypting(1024)(options);
    options.terminal_type = 50;
}

fn wrap_in(open: &mut OpenLogicalChannel, cipher: &[u32]) {
    let data = &mut open.forward_logical_channel_parameters.data_type;
    if let Some((clear, _)) = h235::unwrap(data) {
        *data = h235::wrap(&clear, ObjectIdentifier::new(cipher)).unwrap();
    }
}

#[test]
fn channels_other_than_agreed_do_not_come_about() {
    // AES-256 where AES-128 was agreed, DES, AES-192, none at all.
    type Edit = fn(&mut OpenLogicalChannel);
    let edits: [(&str, Edit); 4] = [
        ("AES-256", |open| wrap_in(open, Algorithm::Aes256.identifier())),
        ("DES", |open| wrap_in(open, &[1, 3, 14, 3, 2, 7])),
        ("AES-192", |open| wrap_in(open, &[2, 16, 840, 1, 101, 3, 4, 1, 22])),
        ("in clear", |open| {
            let data = &mut open.forward_logical_channel_parameters.data_type;
            if let Some((clear, _)) = h235::unwrap(data) {
                *data = clear;
            }
        }),
    ];
    for (what, edit) in edits {
        for who in [&master as &dyn Fn(&mut Options), &slave] {
            let outcome = call(BOTH_REQUIRED, [who, &encrypting(1024)], |lab, [alice, _]| {
                lab.world.tamper_control(alice, openings(edit));
            });
            // Between themselves here, with us below.
            assert!(
                outcome.refused.contains(&("alice".to_owned(), "securityDenied")),
                "{what} {:?}",
                outcome.refused
            );
            assert_eq!(outcome.sent.map(|(_, clear)| clear), [0, 0], "{what}");
            let rule = "[Pinhole::EncryptByAlias]\nalice=required\n";
            let outcome = call(rule, [who, &plain], |lab, [alice, _]| {
                lab.world.tamper_control(alice, openings(edit));
            });
            assert!(
                outcome.refused.contains(&("alice".to_owned(), "securityDenied")),
                "{what} {:?}",
                outcome.refused
            );
            let [to_alice, to_bob] = outcome.sent;
            assert!(to_alice.1 == 0 && to_bob.0 < FEW, "{what}: what alice sends goes nowhere");
        }
    }
}

#[test]
fn keys_of_a_wrong_length_are_none() {
    let rule = "[Pinhole::EncryptByAlias]\nalice=required\n";
    for octets in [0, 1, 15, 17, 24, 32, 64] {
        let key = move || {
            let wrong = WrappedKey { payload_type: 120, algorithm: None, octets: vec![9; octets] };
            Some(Box::new(wrong.to_sync().unwrap()))
        };
        // For the channel of the master, who is alice.
        let outcome = call(rule, [&master, &plain], |lab, [alice, _]| {
            lab.world.tamper_control(alice, openings(move |open| open.encryption_sync = key()));
        });
        assert!(outcome.refused.contains(&("alice".to_owned(), "securityDenied")), "{octets}");
        assert!(outcome.sent[1].0 < FEW, "{octets}: nothing of hers passes");
        // For bob's, in her answer: without a key nothing is sent to her at all.
        let outcome = call(rule, [&master, &plain], |lab, [alice, _]| {
            lab.world.tamper_control(alice, answers(move |ack| ack.encryption_sync = key()));
        });
        assert!(outcome.sent[0].0 < FEW, "{octets}: nothing goes to her");
    }
}

/// Hundreds of entries, each of which says that it can be encrypted.
fn inflated(set: &mut TerminalCapabilitySet) {
    let Some(table) = &mut set.capability_table else { return };
    let Some(first) = table.iter().find_map(|entry| match &entry.capability {
        Some(Capability::h235SecurityCapability(_)) | None => None,
        Some(capability) => Some(capability.clone()),
    }) else {
        return;
    };
    let security = table.iter().find_map(|entry| match &entry.capability {
        Some(Capability::h235SecurityCapability(one)) => Some(one.clone()),
        _ => None,
    });
    for number in (1000..).step_by(2).take(100) {
        let mut add = |number, capability| {
            table.push(CapabilityTableEntry {
                capability_table_entry_number: CapabilityTableEntryNumber(number),
                capability: Some(capability),
            });
        };
        add(number, first.clone());
        if let Some(mut security) = security.clone() {
            security.media_capability = CapabilityTableEntryNumber(number);
            add(number + 1, Capability::h235SecurityCapability(security));
        }
    }
}

#[test]
fn hundreds_of_capabilities_make_a_call_like_any_other() {
    for encrypting_party in [0, 1] {
        let crypt = encrypting(1024);
        let parties: [&dyn Fn(&mut Options); 2] =
            if encrypting_party == 0 { [&crypt, &plain] } else { [&plain, &crypt] };
        for inflating in [0, 1] {
            let rule = "[Pinhole::Encryption]\nDefault=preferred\n";
            let outcome = call(rule, parties, |lab, hosts| {
                lab.world.tamper_control(hosts[inflating], |control| {
                    control.edit(|message| {
                        if let Message::request(Request::terminalCapabilitySet(set)) = message {
                            inflated(set);
                        }
                    });
                });
            });
            heard(&outcome.alice, TALK, BOB);
            let leg = if encrypting_party == 0 { "a" } else { "b" };
            assert!(outcome.agreed().contains(&(leg, "gatekeeper")), "{:?}", outcome.agreed());
            assert_eq!(outcome.sent[encrypting_party].1, 0);
        }
    }
}

/// The keys of one direction that came to be.
fn keys(lab: &Lab, wanted: &str) -> usize {
    let key = |event: &Event| matches!(event, Event::ChannelEncrypted { direction, .. } if *direction == wanted);
    lab.world.count(lab.node, key)
}

#[test]
fn a_flood_of_wishes_for_keys_brings_one_a_second_and_no_gap() {
    let mut lab = lab_of("[Pinhole::EncryptByAlias]\nalice=required\n");
    // Bob is the master, so the gatekeeper makes alice's keys.
    let bob = lab.answering("bob", Outside, BOB, |options| {
        (options.terminal_type, options.tunnelling) = (60, false);
    });
    lab.world.mark_rest();
    let alice = lab.calling("alice", Inside, ("bob", ALICE, 12), |options| {
        slave(options);
        options.tunnelling = false;
    });
    lab.world.must("talking", |world| world.told(alice, connected), seconds(30));
    lab.world.run_for(seconds(1));
    let channel = |lab: &Lab, wanted: &str| {
        let number = |event: &Event| match event {
            Event::ChannelEncrypted { direction, channel, .. } if *direction == wanted => {
                Some(*channel)
            }
            _ => None,
        };
        lab.world.events(lab.node).iter().find_map(|(_, event)| number(event)).expect("a key")
    };
    let channels = [channel(&lab, "from-party"), channel(&lab, "to-party")];
    let mine = lab.world.streams(alice).into_iter().filter(|(_, to)| to.port() != 1720);
    let mut ends = mine.filter_map(|(stream, _)| lab.world.other_end(alice, stream));
    let stream = ends.next().expect("an H.245 connection");
    drop(ends);
    for n in 0..500 {
        let wish = h235::request_update(channels[n % 2], 96, n % 2 == 1).encode().unwrap();
        let node = lab.node;
        lab.world.inject_stream(node, stream, &framed(&wish));
        lab.world.run_for(millis(20));
    }
    let made = ["from-party", "to-party"].map(|direction| keys(&lab, direction));
    assert!(made.iter().all(|made| (8..=13).contains(made)), "{made:?} keys in ten seconds");
    heard(&lab.record(alice, 1, seconds(30)), 12, BOB);
    heard(&lab.record(bob, 1, seconds(5)), 12, ALICE);
    lab.nothing_left();
}

/// The group that `openssl dhparam` has made.
fn own() -> Group {
    parameters::read(include_bytes!("../../vectors/dh/dh2048.pem")).0[0]
}

/// A laboratory whose gatekeeper has parameters of its operator's own.
fn lab_with_own(text: &str) -> Lab {
    let (config, _) = Config::read(&format!("{MODE}{text}"));
    let encryption = Wanted::with_groups(&config, &[own()]);
    let settings = Settings { encryption, ..Settings::from(&config) };
    lab(Plan { settings, ..Plan::with(Chop::AsSent) })
}

#[test]
fn parameters_of_ones_own_are_offered_pinned_and_nobody_elses_taken() {
    let knowing = |options: &mut Options| {
        options.encryption = Encryption::Optional;
        options.terms = Terms::up_to(1024).with_own(&[own()], 2048);
    };
    let published = encrypting(2048);
    let [a, b] =
        ["alice", "bob"].map(|who| format!("[Pinhole::EncryptByAlias]\n{who}=required,2048\n"));
    let bits = |outcome: &Outcome| -> Vec<u32> {
        outcome.node.channels.iter().filter_map(|channel| channel.dh_bits).collect()
    };
    // Offered by the gatekeeper, and by the caller.
    let tokens_of = |lab: &mut Lab, host: HostId, name: &'static str| {
        lab.world.tamper_signals(host, move |signal| {
            if signal.name() == name {
                let keys: Vec<_> = signal.clear_tokens().iter().filter_map(HalfKey::read).collect();
                assert!(keys.iter().any(|key| key.prime == own().prime()), "{name}");
            }
        });
    };
    let outcome = call_at(lab_with_own(&b), [&plain, &knowing], |lab, [_, bob]| {
        tokens_of(lab, bob, "connect");
    });
    heard(&outcome.alice, TALK, BOB);
    assert_eq!((outcome.sent[1].1, bits(&outcome)), (0, vec![2048; 2]));
    let outcome = call_at(lab_with_own(&a), [&knowing, &plain], |lab, [alice, _]| {
        tokens_of(lab, alice, "setup");
    });
    heard(&outcome.alice, TALK, BOB);
    assert_eq!((outcome.sent[0].1, bits(&outcome)), (0, vec![2048; 2]));
    // A caller may offer the published group as well.
    let outcome = call_at(lab_with_own(&a), [&published, &plain], |_, _| {});
    heard(&outcome.alice, TALK, BOB);
    // A called party that knows the published one only takes no other, and 1024 bits are too few.
    let outcome = call_at(lab_with_own(&b), [&plain, &published], |_, _| {});
    outcome.is_denied("bob answered with no encryption");
    let why = "bob answered with DH 2048 (of the published group of 2048 bits, which counts as none: parameters of \
               H235HalfCallDHParamFile were offered)";
    // In the answer the parameters are replaced by the published ones, or by others, or are left out, which means the
    // published ones: H323Plus does so.
    for prime in [Group::Modp2048.prime().to_vec(), vec![0xff; 256], vec![23], vec![]] {
        let replaced = prime.clone();
        let outcome = call_at(lab_with_own(&b), [&plain, &knowing], |lab, [_, bob]| {
            let prime = replaced;
            lab.world.tamper_signals(bob, move |signal| {
                let edit = |token: &ClearToken| match HalfKey::read(token) {
                    Some(key) if prime.is_empty() => {
                        HalfKey { prime: vec![], generator: vec![], ..key }.to_token()
                    }
                    Some(key) => HalfKey { prime: prime.clone(), ..key }.to_token(),
                    None => token.clone(),
                };
                let edited = signal.clear_tokens().iter().map(edit).collect();
                signal.set_clear_tokens(edited);
            });
        });
        assert_eq!(outcome.node.release_reason.as_deref(), Some("securityDenied"));
        assert_eq!(outcome.sent.map(|(_, clear)| clear), [0, 0]);
        let told = match prime.is_empty() || prime == Group::Modp2048.prime() {
            true => why,
            false => {
                "bob answered with no encryption (a half key of 2048 bits with parameters that are not known here counts as \
                 none)"
            }
        };
        outcome.is_denied(told);
    }
    // Where it is only preferred the leg is in clear, and it is told why.
    let preferred = "[Pinhole::EncryptByAlias]\nbob=preferred,2048\n";
    let mut told = Vec::new();
    let mut lab = lab_with_own(preferred);
    let bob = lab.answering("bob", Outside, BOB, knowing);
    lab.world.tamper_signals(bob, |signal| {
        let edit = |token: &ClearToken| match HalfKey::read(token) {
            Some(key) => HalfKey { prime: vec![], generator: vec![], ..key }.to_token(),
            None => token.clone(),
        };
        let edited = signal.clear_tokens().iter().map(edit).collect();
        signal.set_clear_tokens(edited);
    });
    let alice = lab.calling("alice", Inside, ("bob", ALICE, TALK), plain);
    lab.record(alice, 1, seconds(60));
    for (_, event) in lab.world.events(lab.node) {
        if let Event::LegInClear { party, sentence, .. } = event {
            told.push((party.clone(), sentence.clone()));
        }
    }
    assert_eq!(told, [("bob".to_owned(), format!("{why}: its leg is in clear"))]);
    // Who does not know the group takes no call for it.
    let outcome = call(&a, [&knowing, &plain], |lab, [alice, _]| {
        lab.world.tamper_signals(
            alice,
            tokens("setup", |tokens| {
                tokens
                    .retain(|token| HalfKey::read(token).is_none_or(|key| key.value.len() == 256));
            }),
        );
    });
    outcome.is_denied("alice offers no encryption");
}
