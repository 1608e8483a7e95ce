//! The leg of a traversal zone is encrypted by its two gatekeepers, for phones that cannot do it themselves.

use std::collections::BTreeSet;
use std::net::IpAddr;

use pinhole::firewall::Rules;
use pinhole::phone::options::{Encryption, Options};
use pinhole::security::Terms;

use super::lab::{NAT, NODE, records};
use super::watch::look;
use super::zone::{inner, outer, zone_of, zone_with};
use crate::world::{Chop, ip};

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
    zone.talk(true, |_| {});
    for gatekeeper in [zone.lab.node, zone.inner] {
        let record = records(&zone.lab.world, gatekeeper).pop().expect("a call");
        assert!(record.channels.iter().all(|channel| channel.legs.len() == 1), "{record:#?}");
    }
}
