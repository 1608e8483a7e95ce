//! What the configuration wants encrypted, leg by leg, and calls that the parties encrypt between themselves.

use std::net::SocketAddr;

use pinhole::event::{CallRecord, Event};
use pinhole::face::StreamId;
use pinhole::node::{Node, Status};
use pinhole::phone::options::{Encryption, Options};
use pinhole::security::Terms;
use pinhole_crypto::Algorithm;
use pinhole_crypto::dh::Group;
use pinhole_h323::Control;
use pinhole_h323::asn::h245::{
    AudioCapability, Capability, CapabilityTableEntry, CapabilityTableEntryNumber,
    MultimediaSystemControlMessage, RequestMessage, TerminalCapabilitySet,
};
use pinhole_h323::control::channel::{Accept, Audio, Codec, Offer};

use super::lab::{Lab, NAT, Place, Plan, connected, heard, lab};
use super::watch::look;
use super::zone::settings;
use crate::hostile::framed;
use crate::world::{Chop, HostId, Sabotage, at, ip, seconds};
use Place::{Inside, Outside};

const ALICE: f64 = 440.0;
const BOB: f64 = 880.0;
const TALK: u64 = 2;
const MODE: &str = "[RoutedMode]\nGKRouted=1\nH245Routed=1\nEnableH46018=1\n[Proxy]\nEnable=1\n";

/// A laboratory whose gatekeeper has this configuration beside the usual.
fn lab_of(text: &str) -> Lab {
    lab(Plan { settings: settings(&format!("{MODE}{text}")), ..Plan::with(Chop::AsSent) })
}

/// Encrypts with these groups.
fn with(groups: &'static [Group], ciphers: &'static [Algorithm]) -> impl Fn(&mut Options) {
    move |options| {
        options.encryption = Encryption::Optional;
        options.terms = Terms::new(groups, ciphers);
    }
}

fn plain(_: &mut Options) {}

const G1: &[Group] = &[Group::Modp1024];
const G2: &[Group] = &[Group::Modp2048];
const BOTH: &[Group] = &[Group::Modp1024, Group::Modp2048];
const A1: &[Algorithm] = &[Algorithm::Aes128];
const A2: &[Algorithm] = &[Algorithm::Aes256];
const ALL: &[Algorithm] = &Algorithm::ALL;

/// What became of a call from alice inside to bob outside.
struct Outcome {
    /// What alice's and bob's phones, and the gatekeeper, say of it.
    alice: CallRecord,
    bob: Option<CallRecord>,
    node: CallRecord,
    /// Audio packets that went to alice, or to bob, in clear.
    clear: [usize; 2],
    rang: bool,
}

fn call(text: &str, caller: impl Fn(&mut Options), called: impl Fn(&mut Options)) -> Outcome {
    let mut lab = lab_of(text);
    let bob = lab.answering("bob", Outside, BOB, called);
    lab.world.mark_rest();
    lab.world.tap(lab.node);
    let alice = lab.calling("alice", Inside, ("bob", ALICE, TALK), caller);
    let record = lab.record(alice, 1, seconds(60));
    let node = lab.record(lab.node, 1, seconds(5));
    lab.world.must("alice has ended", |world| world.ended(alice), seconds(30));
    let sent = lab.world.tap(lab.node);
    let rang = lab.world.told(bob, |event| matches!(event, Event::CallStarted { .. }));
    let bob = super::lab::records(&lab.world, bob).pop();
    lab.nothing_left();
    let clear = [ip(NAT), ip("198.51.100.101")].map(|at| look(&sent, at).clear);
    Outcome { alice: record, bob, node, clear, rang }
}

impl Outcome {
    /// The call was heard both ways; its legs are encrypted like this: who, cipher, bits.
    #[track_caller]
    fn legs(&self, expected: [Option<(&str, &str, u32)>; 2]) {
        heard(&self.alice, TALK, BOB);
        heard(self.bob.as_ref().expect("a call"), TALK, ALICE);
        for (side, (name, leg)) in ["a", "b"].into_iter().zip(&expected).enumerate() {
            for channel in self.node.channels.iter().filter(|one| one.media == "audio") {
                let told = channel.legs.iter().find(|told| told.leg == name);
                let told = told.map(|told| (told.by, told.cipher, told.dh_bits));
                assert_eq!(told, *leg, "leg {name}: {:#?}", self.node);
            }
            let clear = self.clear[side] as u64;
            match leg {
                Some(_) => assert_eq!(clear, 0, "leg {name}"),
                None => assert!(clear >= TALK * 45, "leg {name}: {clear}"),
            }
            let summary = &self.node.encryption;
            if let Some(one) = summary.iter().find(|one| one.leg == name) {
                assert_eq!(
                    (one.by != "nobody", one.dh_bits),
                    (leg.is_some(), leg.map(|leg| leg.2))
                );
            }
        }
    }

    /// The call was refused, and this is why.
    #[track_caller]
    fn refused(&self, sentence: &str, rang: bool) {
        assert_eq!(
            self.alice.release_reason.as_deref(),
            Some("securityDenied"),
            "{:#?}",
            self.alice
        );
        assert_eq!(self.node.release_reason.as_deref(), Some("securityDenied"));
        assert_eq!(self.node.sentence, format!("it would not be secure: {sentence}"));
        assert_eq!(self.clear, [0, 0]);
        assert!(self.alice.channels.iter().all(|channel| channel.packets == 0));
        assert_eq!(self.rang, rang);
    }
}

const GATE1: Option<(&str, &str, u32)> = Some(("gatekeeper", "AES-128-CBC", 1024));
const GATE2: Option<(&str, &str, u32)> = Some(("gatekeeper", "AES-256-CBC", 2048));
const ENDS1: Option<(&str, &str, u32)> = Some(("endpoints", "AES-128-CBC", 1024));
const ENDS2: Option<(&str, &str, u32)> = Some(("endpoints", "AES-256-CBC", 2048));

#[test]
fn a_network_an_alias_and_a_default_each_speak_of_their_legs() {
    // Alice is inside a network where nothing is encrypted, everybody else has to.
    let rules = "[Pinhole::Encryption]\nDefault=required\n[Pinhole::EncryptByNetwork]\n203.0.113.0/24=off\n";
    call(rules, plain, with(G1, A1)).legs([None, GATE1]);
    let why = "encryption is required on the side of bob (DH 1024 or more), and bob answered with no encryption";
    call(rules, plain, plain).refused(why, true);
    // Anybody may register under an alias: it takes nothing away.
    for milder in ["off", "preferred"] {
        let alias = format!("{rules}[Pinhole::EncryptByAlias]\nBOB={milder}\n");
        call(&alias, plain, plain).refused(why, true);
        call(&alias, plain, with(G1, A1)).legs([None, GATE1]);
    }
    let preferred =
        "[Pinhole::Encryption]\nDefault=preferred\n[Pinhole::EncryptByAlias]\nbob=off\n";
    call(preferred, plain, with(G1, A1)).legs([None, None]);
    let alias = format!("{rules}[Pinhole::EncryptByAlias]\nalice=required\n");
    let why = "encryption is required on the side of alice (alias alice) (DH 1024 or more), and alice offers no encryption";
    call(&alias, plain, with(G1, A1)).refused(why, false);
    call(&alias, with(G1, A1), with(G1, A1)).legs([ENDS1, ENDS1]);
    // The smallest network.
    let smaller = format!("{rules}203.0.113.1/32=required\n");
    let why = "encryption is required on the side of alice (network 203.0.113.1/32) (DH 1024 or more), and alice offers no encryption";
    call(&smaller, plain, with(G1, A1)).refused(why, false);
}

/// A gateway is registered by its own name; what is demanded of a number that it leads to counts nevertheless.
#[test]
fn a_rule_for_a_number_counts_behind_a_gateway() {
    let rules =
        "[EP::bob]\nForceGateway=1\nGatewayPrefixes=12\n[Pinhole::EncryptByAlias]\n1234=required\n";
    let call = |number, encryption| {
        let mut lab = lab_of(rules);
        lab.answering("bob", Outside, BOB, |options: &mut Options| options.encryption = encryption);
        let alice = lab.calling("alice", Inside, (number, ALICE, TALK), plain);
        lab.record(alice, 1, seconds(60));
        let record = lab.record(lab.node, 1, seconds(5));
        (record.sentence, record.encryption.iter().any(|leg| leg.by == "gatekeeper"))
    };
    let why = "it would not be secure: encryption is required on the side of bob (alias 1234) (DH 1024 or more), and bob \
               answered with no encryption";
    assert_eq!(call("1234", Encryption::Off), (why.to_owned(), false));
    assert!(call("1234", Encryption::Optional).1);
    let (sentence, encrypted) = call("1235", Encryption::Optional);
    assert!(!sentence.contains("secure") && !encrypted, "{sentence}");
}

#[test]
fn a_minimum_is_kept_by_bridging_where_the_parties_differ() {
    let bits = "[Pinhole::EncryptByAlias]\nbob=required,2048\n";
    // Alice has 1024 bits only: to bob the gatekeeper agrees on 2048 itself. Her leg is nobody's business.
    call(bits, with(G1, A1), with(BOTH, ALL)).legs([None, GATE2]);
    let both = format!("{bits}alice=preferred\n");
    call(&both, with(G1, A1), with(BOTH, ALL)).legs([GATE1, GATE2]);
    // Both have it: between themselves, and the weaker offer does not reach bob.
    call(&both, with(BOTH, ALL), with(BOTH, ALL)).legs([ENDS2, ENDS2]);
    call(&both, with(BOTH, ALL), with(G1, A1))
        .refused("encryption is required on the side of bob (alias bob) (DH 2048 or more), and bob answered with no encryption", true);
    // A minimum of the cipher on one leg: each leg for itself.
    let cipher = "[Pinhole::EncryptByAlias]\nbob=required,AES-256\nalice=preferred\n[RoutedMode]\nH235HalfCallMaxTokenLength=2048\n";
    call(cipher, with(G2, A1), with(G2, ALL))
        .legs([Some(("gatekeeper", "AES-128-CBC", 2048)), GATE2]);
    // On both: between themselves.
    let cipher = cipher.replace("alice=preferred", "alice=preferred,AES-256");
    call(&cipher, with(G2, ALL), with(G2, ALL)).legs([ENDS2, ENDS2]);
    // Never between themselves.
    let bridge = format!("{both}[Pinhole::Encryption]\nEndToEnd=0\n");
    call(&bridge, with(BOTH, ALL), with(BOTH, ALL)).legs([GATE1, GATE2]);
}

#[test]
fn parties_with_a_secret_and_no_cipher_in_common_have_no_call() {
    let rules = "[Pinhole::Encryption]\nDefault=required\n";
    let outcome = call(rules, with(G2, A1), with(G2, A2));
    assert_eq!(outcome.node.release_reason.as_deref(), Some("securityDenied"));
    assert!(outcome.node.sentence.contains("no cipher in common"), "{}", outcome.node.sentence);
    assert_eq!(outcome.clear, [0, 0]);
    // Each leg for itself it works.
    let bridge = format!("{rules}EndToEnd=0\n[RoutedMode]\nH235HalfCallMaxTokenLength=2048\n");
    call(&bridge, with(G2, A1), with(G2, A2))
        .legs([Some(("gatekeeper", "AES-128-CBC", 2048)), GATE2]);
}

#[test]
fn what_remove_h235_call_takes_away() {
    let half = "[RoutedMode]\nEnableH235HalfCallMedia=1\nRemoveH235Call=203.0.113.0/24\n";
    call(half, with(G1, A1), with(G1, A1)).legs([None, GATE1]);
    call("[RoutedMode]\nRemoveH235Call=1\n", with(G1, A1), with(G1, A1)).legs([None, None]);
}

#[test]
fn fast_start_is_withheld_while_a_leg_may_come_to_be_encrypted() {
    let fast = |options: &mut Options| {
        with(G1, A1)(options);
        options.fast_start = true;
    };
    // Nothing is offered to bob, so that it is decided at his answer only that alice's leg is encrypted.
    let removed =
        "[Pinhole::EncryptByAlias]\nalice=required\n[RoutedMode]\nRemoveH235Call=198.51.100.0/24\n";
    let plain_fast = |options: &mut Options| options.fast_start = true;
    call(removed, fast, plain_fast).legs([GATE1, None]);
    call("[Pinhole::Encryption]\nDefault=required\n", fast, fast).legs([ENDS1, ENDS1]);
}

/// A call to bob, who encrypts, at a gatekeeper that is wrong in what it asks of its media plane.
fn wrong(rules: &str, sabotage: Sabotage) {
    let mut lab = lab_of(rules);
    lab.answering("bob", Outside, BOB, with(G1, A1));
    lab.world.sabotage(lab.node, sabotage);
    lab.calling("alice", Inside, ("bob", ALICE, TALK), plain);
    lab.world.run_for(seconds(10));
}

/// By what it agreed on it says itself that it should have encrypted.
#[test]
#[should_panic(expected = "RTP in clear on a leg that is encrypted")]
fn the_watcher_finds_what_was_not_locked_after_an_agreement() {
    wrong("[Pinhole::EncryptByAlias]\nbob=preferred\n", Sabotage::Forgets);
}

#[test]
#[should_panic(expected = "RTP in clear on a leg that is encrypted")]
fn the_watcher_finds_what_passes_as_the_parties_own() {
    wrong("[Pinhole::EncryptByAlias]\nbob=preferred\n", Sabotage::Confuses);
}

const BY_ALIAS: &str = "[Pinhole::EncryptByAlias]\nbob=required\n";
const BY_NETWORK: &str = "[Pinhole::EncryptByNetwork]\n198.51.100.0/24=required\n";
const BY_DEFAULT: &str =
    "[Pinhole::EncryptByNetwork]\n203.0.113.1/32=off\n[Pinhole::Encryption]\nDefault=required\n";

#[test]
#[should_panic(expected = "media in clear where its configuration forbids it")]
fn the_guard_finds_what_was_not_locked() {
    wrong(BY_ALIAS, Sabotage::Forgets);
}

#[test]
#[should_panic(expected = "media in clear where its configuration forbids it")]
fn the_guard_finds_what_passes_as_the_parties_own() {
    wrong(BY_NETWORK, Sabotage::Confuses);
}

#[test]
#[should_panic(expected = "media in clear where its configuration forbids it")]
fn the_guard_knows_the_rule_for_all_others() {
    wrong(BY_DEFAULT, Sabotage::Confuses);
}

#[test]
#[should_panic(expected = "media in clear on both legs")]
fn the_guard_finds_calls_of_which_no_leg_is_encrypted() {
    wrong("[RoutedMode]\nRequireH235HalfCallMedia=1\n", Sabotage::Confuses);
}

#[test]
fn the_guard_finds_nothing_where_all_is_right() {
    for rules in [BY_ALIAS, BY_NETWORK, BY_DEFAULT] {
        wrong(rules, Sabotage::None);
    }
}

fn status(lab: &mut Lab) -> Status {
    lab.world.with(lab.node, |node: &mut Node, now| node.status(now))
}

/// A call that both encrypt between themselves, on the gatekeeper's demand, with H.245 on connections of its own.
struct Strict {
    lab: Lab,
    alice: HostId,
}

fn strict() -> Strict {
    let mut lab = lab_of("[Pinhole::Encryption]\nDefault=required\n");
    let adjust = |options: &mut Options| {
        with(G1, A1)(options);
        options.tunnelling = false;
    };
    lab.answering("bob", Outside, BOB, adjust);
    let alice = lab.calling("alice", Inside, ("bob", ALICE, 30), adjust);
    lab.world.must("talking", |world| world.told(alice, connected), seconds(30));
    lab.world.run_for(seconds(2));
    Strict { lab, alice }
}

impl Strict {
    /// Says something in the name of alice, at the gatekeeper's end of her H.245 connection.
    fn say(&mut self, control: &Control) {
        let lab = &self.lab;
        let mine = lab.world.streams(self.alice).into_iter();
        let stream: StreamId = mine
            .filter(|(_, to)| to.port() != 1720)
            .find_map(|(stream, _)| lab.world.other_end(self.alice, stream))
            .expect("an H.245 connection");
        let node = self.lab.node;
        self.lab.world.inject_stream(node, stream, &framed(&control.encode().unwrap()));
        self.lab.world.run_for(seconds(1));
    }

    fn channels(&mut self) -> usize {
        status(&mut self.lab).calls[0].sessions.iter().map(|one| one.channels.len()).sum()
    }
}

#[test]
fn media_in_clear_does_not_go_to_a_network_where_encryption_is_required() {
    // Where bob's signalling is, nothing is demanded.
    let rules = "[Pinhole::EncryptByNetwork]\n192.0.2.0/24=required\n192.0.2.9/32=preferred\n";
    let usual = "[Pinhole::Encryption]\nDefault=required\n[Pinhole::EncryptByNetwork]\n203.0.113.0/24=off\n\
                 198.51.100.0/24=off\n192.0.2.9/32=preferred\n";
    for (rules, media, rule) in [
        (rules, "192.0.2.8:6000", Some(" (network 192.0.2.0/24)")),
        (rules, "192.0.2.9:6000", None),
        (usual, "192.0.2.8:6000", Some("")),
        (usual, "192.0.2.9:6000", None),
    ] {
        let mut lab = lab_of(rules);
        let separate = |options: &mut Options| options.tunnelling = false;
        // Bob tells where he wants media; it is not learned from what he sends.
        let told = |options: &mut Options| (options.tunnelling, options.traversal) = (false, false);
        let bob = lab.answering("bob", Outside, BOB, told);
        let alice = lab.calling("alice", Inside, ("bob", ALICE, 30), separate);
        lab.world.guard(&["192.0.2.8/32"]);
        lab.world.must("talking", |world| world.told(alice, connected), seconds(30));
        lab.world.run_for(seconds(2));
        let (node, media) = (lab.node, at(media));
        lab.world.tap(node);
        let session = status(&mut lab).calls[0].sessions[0].clone();
        let channel = session.channels.iter().find(|one| one.from == "a").unwrap().number;
        let accept =
            Accept { channel, session: Some(session.id), media: Some(media), control: Some(media) };
        let said = framed(&Control::accept(accept.to_asn()).encode().unwrap());
        // The connection for H.245 is the later one.
        let streams = lab.world.streams(bob).into_iter();
        let ends = streams.filter_map(|(stream, _)| lab.world.other_end(bob, stream));
        let stream = ends.last().expect("an H.245 connection");
        lab.world.inject_stream(node, stream, &said);
        lab.world.run_for(seconds(1));
        let sent = lab.world.tap(node);
        let there = look(&sent, media.ip()).packets;
        let Some(rule) = rule else {
            assert!(there > 20, "{there}");
            continue;
        };
        assert_eq!(there, 0);
        let record = lab.record(node, 1, seconds(5));
        assert_eq!(record.release_reason.as_deref(), Some("securityDenied"));
        let why = "it would not be secure: bob wants media in clear at 192.0.2.8, where encryption is required";
        assert_eq!(record.sentence, format!("{why}{rule}"));
    }
}

/// Two parties that encrypt between themselves where nobody demands it, and one whose media is where it is demanded.
#[test]
fn media_that_need_not_be_encrypted_does_not_go_where_it_must_be() {
    let rules = "[Pinhole::EncryptByNetwork]\n192.0.2.0/24=required\n203.0.113.0/24=preferred\n";
    let mut lab = lab_of(rules);
    let separate = |options: &mut Options| {
        with(G1, A1)(options);
        (options.tunnelling, options.traversal) = (false, false);
    };
    let bob = lab.answering("bob", Outside, BOB, separate);
    let alice = lab.calling("alice", Inside, ("bob", ALICE, 30), |options| {
        with(G1, A1)(options);
        options.tunnelling = false;
    });
    lab.world.must("talking", |world| world.told(alice, connected), seconds(30));
    lab.world.run_for(seconds(2));
    let session = status(&mut lab).calls[0].sessions[0].clone();
    let channel = session.channels.iter().find(|one| one.from == "a").unwrap().number;
    let media = Some(at("192.0.2.8:6000"));
    let accept = Accept { channel, session: Some(session.id), media, control: media };
    let said = framed(&Control::accept(accept.to_asn()).encode().unwrap());
    let streams = lab.world.streams(bob).into_iter();
    let ends = streams.filter_map(|(stream, _)| lab.world.other_end(bob, stream));
    let (node, stream) = (lab.node, ends.last().expect("an H.245 connection"));
    lab.world.inject_stream(node, stream, &said);
    let record = lab.record(node, 1, seconds(5));
    assert_eq!(
        record.sentence,
        "it would not be secure: bob wants media at 192.0.2.8, where encryption is required (network 192.0.2.0/24), and by \
         the rules of their legs the parties need not encrypt it"
    );
}

#[test]
fn after_an_agreement_no_channel_is_opened_in_clear() {
    let mut call = strict();
    assert_eq!(call.channels(), 2);
    let shown = status(&mut call.lab).calls.remove(0);
    let by = shown.encryption.iter().map(|leg| (leg.leg, leg.demand, leg.by, leg.dh_bits));
    let each = |leg| (leg, "required", "endpoints", Some(1024));
    assert_eq!(by.collect::<Vec<_>>(), [each("a"), each("b")]);
    for direction in &shown.sessions[0].encryption {
        assert!(direction.iter().all(|leg| leg.cipher == "AES-128-CBC"));
        assert_eq!(direction.len(), 2);
    }
    let audio = Audio { codec: Codec::Pcma, frames: 20 };
    let at = Some(at("10.0.0.12:6001"));
    let offer = Offer { channel: 99, session: 4, audio, media: None, control: at };
    call.say(&Control::open(offer.to_forward()));
    assert_eq!(call.channels(), 2);
    let refused = |event: &Event| matches!(event, Event::ChannelRefused { cause: "securityDenied", from, .. } if from == "alice");
    assert_eq!(call.lab.world.count(call.lab.node, refused), 1);
}

#[test]
fn after_an_agreement_nothing_in_clear_passes() {
    let mut call = strict();
    let session = status(&mut call.lab).calls[0].sessions[0].clone();
    let (from, to) = (session.sides[0].rtp.unwrap(), session.sides[0].local);
    call.lab.world.tap(call.lab.node);
    // As if alice had sent it: her own stream, in clear, and what looks like events, comfort noise, keepalives.
    for payload_type in (0..128).filter(|one| !(96..=126).contains(one) && !(72..=76).contains(one))
    {
        let packet =
            [&[0x80, payload_type, 0, 1, 0, 0, 0, 0, 9, 9, 9, 9][..], &[0x5a; 160]].concat();
        call.lab.world.inject_datagram(from, to, &packet);
    }
    call.lab.world.run_for(seconds(1));
    let sent: Vec<(SocketAddr, Vec<u8>)> = call.lab.world.tap(call.lab.node);
    let leaked = sent.iter().filter(|(_, packet)| packet.ends_with(&[0x5a; 160])).count();
    assert_eq!(leaked, 0);
    assert_eq!(look(&sent, ip("198.51.100.101")).clear, 0);
    assert!(look(&sent, ip("198.51.100.101")).packets > 40, "the talk goes on");
}

#[test]
fn after_an_agreement_capabilities_without_a_cipher_end_the_call() {
    let mut call = strict();
    let set = TerminalCapabilitySet {
        capability_table: Some(vec![CapabilityTableEntry {
            capability_table_entry_number: CapabilityTableEntryNumber(1),
            capability: Some(Capability::receiveAudioCapability(Box::new(
                AudioCapability::g711Alaw64k(20),
            ))),
        }]),
        ..TerminalCapabilitySet::default()
    };
    call.say(&Control::new(MultimediaSystemControlMessage::request(
        RequestMessage::terminalCapabilitySet(Box::new(set)),
    )));
    let record = call.lab.record(call.lab.node, 1, seconds(5));
    assert_eq!(record.release_reason.as_deref(), Some("securityDenied"));
    let why = "it would not be secure: alice has agreed on a secret with bob, and offers no cipher that would do";
    assert_eq!(record.sentence, why);
}
