//! The leg of a traversal zone is encrypted by its two gatekeepers, for phones that cannot do it themselves.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use pinhole::event::CallRecord;
use pinhole::firewall::Rules;
use pinhole::phone::Phone;
use pinhole::phone::options::{Destination, Encryption, Gatekeeper, Incoming, Options, Source};
use pinhole::security::Terms;
use pinhole_h323::address::to_h225;
use pinhole_h323::asn::h225::{LocationConfirm, RasMessage};
use pinhole_h323::ras::Ras;

use super::lab::{NAT, NODE, Place, Plan, lab, records};
use super::watch::{Seen, look};
use super::zone::{inner, outer, settings, zone_of, zone_with};
use crate::world::{Chop, at, ip, millis, seconds};

/// Towards the other gatekeeper, as either of them sees it; and nothing of the phones.
const ZONE: &str =
    "[Pinhole::EncryptByNetwork]\n203.0.113.1/32=required,2048\n198.51.100.10/32=required,2048\n";

fn zone_call(more: &str, from_inside: bool, adjust: impl Fn(&mut Options)) {
    let text = format!("{more}{ZONE}");
    let mut zone = zone_with(Rules::port_restricted(), Chop::AsSent, &text);
    zone.up();
    let (outer, inner) = (zone.lab.node, zone.inner);
    zone.lab.world.tap(outer);
    zone.lab.world.tap(inner);
    zone.talk(from_inside, adjust);
    let sent = [zone.lab.world.tap(outer), zone.lab.world.tap(inner)];
    for (sent, other) in sent.iter().zip([NAT, NODE]) {
        let seen = look(sent, ip(other));
        assert!(seen.packets > 200 && seen.clear == 0, "to {other}: {seen:?}");
    }
    // Which leg of either is the zone's: the called party's of the one where the call comes in, the caller's of the other.
    for (gatekeeper, leg) in [(outer, !from_inside), (inner, from_inside)] {
        let leg = if leg { "b" } else { "a" };
        let record = records(&zone.lab.world, gatekeeper).pop().expect("a call");
        assert_eq!(record.channels.len(), 2);
        for channel in &record.channels {
            let [told] = channel.legs.as_slice() else { panic!("{record:#?}") };
            let told = (told.leg, told.cipher, told.dh_bits, told.by);
            assert_eq!(told, (leg, "AES-256-CBC", 2048, "gatekeeper"), "{record:#?}");
        }
    }
}

#[test]
fn plain_phones_on_both_sides_of_an_encrypted_zone() {
    for from_inside in [true, false] {
        for tunnelling in [true, false] {
            for more in ["", "RTPMultiplexing=1\n"] {
                zone_call(more, from_inside, |options| options.tunnelling = tunnelling);
            }
        }
    }
}

#[test]
fn phones_that_encrypt_do_so_through_the_zone() {
    // Both gatekeepers let the phones agree, and both see that they do.
    let text = ZONE;
    let mut zone = zone_with(Rules::port_restricted(), Chop::AsSent, text);
    zone.up();
    let (outer, inner) = (zone.lab.node, zone.inner);
    zone.lab.world.tap(outer);
    zone.lab.world.tap(inner);
    zone.talk(true, |options| {
        options.encryption = Encryption::Required;
        options.terms = Terms::up_to(2048);
    });
    let sent = [zone.lab.world.tap(outer), zone.lab.world.tap(inner)];
    for (sent, other) in sent.iter().zip([NAT, NODE]) {
        // Neither between the gatekeepers nor to the phones.
        let seen = look(sent, ip(other));
        assert!(seen.packets > 90, "to {other}: {seen:?}");
        let everywhere: BTreeSet<IpAddr> = sent.iter().map(|(to, _)| to.ip()).collect();
        assert!(everywhere.len() > 1, "{everywhere:?}");
        for to in everywhere {
            assert_eq!(look(sent, to).clear, 0, "to {to}");
        }
    }
    for gatekeeper in [outer, inner] {
        let record = records(&zone.lab.world, gatekeeper).pop().expect("a call");
        for channel in &record.channels {
            assert!(channel.legs.iter().all(|leg| leg.by == "endpoints"), "{record:#?}");
            assert_eq!(channel.legs.len(), 2);
        }
    }
}

#[test]
fn a_rule_for_a_neighbor_speaks_of_the_zone() {
    let outer = outer("[Pinhole::EncryptByNeighbor]\ninner=required\n");
    let inner = inner(NODE, "clientpw", "[Pinhole::EncryptByNeighbor]\nOUTER=preferred\n");
    let mut zone = zone_of(outer, inner, Rules::port_restricted(), Chop::AsSent);
    zone.up();
    zone.lab.world.guard(&[NAT, NODE]);
    zone.talk(true, |_| {});
    for gatekeeper in [zone.lab.node, zone.inner] {
        let record = records(&zone.lab.world, gatekeeper).pop().expect("a call");
        assert!(record.channels.iter().all(|channel| channel.legs.len() == 1), "{record:#?}");
    }
}

const NEIGHBOR: &str = "198.51.100.30";
const FAR: &str = "192.0.2.61";
const THERE: &str = "192.0.2.0/24";

/// A call to a phone that a plain neighbour in direct mode tells of, which is in another network: what the gatekeeper
/// writes down, and what it sent to that phone. Nothing of the caller may be read in the `secret` networks. Who calls
/// somebody at an address of the gatekeeper is not registered, so the neighbour is asked for its Setup, and not for its ARQ.
fn through_a_plain_neighbor(
    called: &str,
    rules: &str,
    encryption: Encryption,
    secret: &[&str],
) -> (CallRecord, Seen) {
    let text = format!(
        "[RoutedMode]\nGKRouted=1\nH245Routed=1\n[Proxy]\nEnable=1\n[RasSrv::Neighbors]\nInner=GnuGk\n\
         [Neighbor::Inner]\nHost={NEIGHBOR}\nSendPrefixes=*\n{rules}"
    );
    let mut lab = lab(Plan { settings: settings(&text), ..Plan::with(Chop::AsSent) });
    let mut options = Options::new("bob");
    options.gatekeeper = Gatekeeper::None;
    options.ip = ip(FAR);
    options.listen_port = Some(Destination::PORT);
    options.incoming = Incoming::Answer;
    options.source = Source::Tone(880.0);
    options.encryption = encryption;
    let bob = Phone::new(options, [61; 32], lab.world.now());
    lab.world.host("bob", FAR, bob);
    lab.world.tap(lab.node);
    lab.calling("alice", Place::Outside, (called, 440.0, 2), |options| {
        if called.contains('@') {
            options.gatekeeper = Gatekeeper::None;
        }
    });
    lab.world.guard(secret);
    let asked = |(_, bytes): &(SocketAddr, Vec<u8>)| {
        let ras = Ras::decode(bytes).ok()?;
        let RasMessage::locationRequest(request) = ras.message() else { return None };
        Some(request.request_seq_num.clone())
    };
    let number = (0..200).find_map(|_| {
        lab.world.run_for(millis(50));
        lab.world.tap(lab.node).iter().find_map(asked)
    });
    let confirm = RasMessage::locationConfirm(Box::new(LocationConfirm {
        request_seq_num: number.expect("the neighbour is asked"),
        call_signal_address: to_h225(SocketAddr::new(ip(FAR), Destination::PORT)),
        ras_address: to_h225(at("198.51.100.30:1719")),
        ..Default::default()
    }));
    let confirm = Ras::new(confirm).encode().unwrap();
    lab.world.inject_datagram(at("198.51.100.30:1719"), at("198.51.100.10:1719"), &confirm);
    let record = lab.record(lab.node, 1, seconds(60));
    (record, look(&lab.world.tap(lab.node), ip(FAR)))
}

#[test]
fn the_network_counts_that_a_plain_neighbor_sends_the_call_to() {
    let required = "[Pinhole::EncryptByNetwork]\n192.0.2.0/24=required\n";
    let trusted = format!("{required}[Pinhole::EncryptByNeighbor]\nInner=off\n");
    for rules in [required, &trusted] {
        let (record, seen) = through_a_plain_neighbor("bob", rules, Encryption::Off, &[THERE]);
        assert_eq!(record.release_reason.as_deref(), Some("securityDenied"), "{record:#?}");
        let why = "it would not be secure: encryption is required on the side of Inner (network 192.0.2.0/24) \
                   (DH 1024 or more), and Inner answered with no encryption";
        assert_eq!(record.sentence, why);
        assert_eq!(seen.packets, 0);
        let (record, seen) = through_a_plain_neighbor("bob", rules, Encryption::Optional, &[THERE]);
        assert_eq!(record.cause, Some(16), "{record:#?}");
        assert!(seen.packets > 80 && seen.clear == 0, "{seen:?}");
    }
    // Where the neighbour itself is does not matter.
    let elsewhere = "[Pinhole::EncryptByNetwork]\n198.51.100.30/32=required\n";
    let (record, seen) = through_a_plain_neighbor("bob", elsewhere, Encryption::Off, &[]);
    assert_eq!(record.cause, Some(16), "{record:#?}");
    assert!(seen.clear > 80, "{seen:?}");
}

/// Where the called party is not known yet, nothing is known of its leg: not even that its offers are taken out.
#[test]
fn a_call_is_not_judged_before_it_is_known_where_it_goes() {
    let one_leg =
        "[RoutedMode]\nAcceptUnregisteredCalls=1\nRequireH235HalfCallMedia=1\nRemoveH235Call=";
    let call = |removed: &str, encryption| {
        let rules = format!("{one_leg}{removed}\n");
        through_a_plain_neighbor("bob@198.51.100.10", &rules, encryption, &[THERE])
    };
    let (record, seen) = call("198.51.100.10/32", Encryption::Optional);
    assert_eq!(record.cause, Some(16), "{record:#?}");
    assert!(seen.packets > 80 && seen.clear == 0, "{seen:?}");
    let (record, seen) = call("198.51.100.10/32", Encryption::Off);
    let why = "it would not be secure: encryption is required on one side at least; 198.51.100.101 offers no encryption, \
               Inner answered with no encryption";
    assert_eq!((record.sentence.as_str(), seen.packets), (why, 0));
    let (record, _) = call("192.0.2.0/24", Encryption::Optional);
    assert_eq!(record.release_reason.as_deref(), Some("securityDenied"), "{record:#?}");
}

#[test]
fn a_rule_for_a_name_counts_by_which_the_caller_was_admitted() {
    // The Setup says 1234#, as it was dialled; the ARQ was for 1234.
    let rules =
        "[RasSrv::ARQFeatures]\nRemoveTrailingChar=#\n[Pinhole::EncryptByAlias]\n1234=required\n";
    let (record, seen) = through_a_plain_neighbor("1234#", rules, Encryption::Off, &[THERE]);
    let why = "it would not be secure: encryption is required on the side of Inner (alias 1234) (DH 1024 or more), \
               and Inner answered with no encryption";
    assert_eq!(record.sentence, why, "{record:#?}");
    assert_eq!(seen.packets, 0);
    let (record, seen) = through_a_plain_neighbor("1235#", rules, Encryption::Off, &[]);
    assert_eq!(record.cause, Some(16), "{record:#?}");
    assert!(seen.clear > 80, "{seen:?}");
}

#[test]
#[should_panic(expected = "media in clear where the test forbids it")]
fn the_guard_finds_what_the_gatekeeper_thinks_is_right() {
    through_a_plain_neighbor("bob", "", Encryption::Off, &[THERE]);
}
