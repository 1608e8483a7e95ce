//! What strangers do.

use std::net::SocketAddr;

use pinhole_h323::control::Control;
use pinhole_h323::id::CallId;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::plan::Who;
use super::run::{MALLORY, RESIDENTS, Run, ras_port};
use crate::hostile::stock::octets;
use crate::hostile::{Hostile, framed};
use crate::scenarios::lab::NODE;
use crate::scenarios::mutants::{RAS, TPKT, mutants};
use crate::world::{Raw, at, ip, millis};

impl Run {
    /// A stranger's audio, and garbage, at every media port of the gatekeeper.
    pub(super) fn media_storm(&mut self, seed: u64) {
        let mut garbage = mutants(TPKT, seed, 1).swap_remove(0);
        let mut packet = vec![0x80, 8, 0, seed as u8, 0, 0, 0, 0, 0, 0, 0, 9];
        packet.extend((0..160).map(|n| if n % 4 < 2 { 0xaa } else { 0x2a }));
        garbage.truncate(200);
        for to in self.world.media_ports(self.node.host) {
            self.census.saw("strangers at media ports");
            let from = if to.is_ipv6() { "2001:db8:66::1" } else { MALLORY };
            let from = SocketAddr::new(ip(from), 7000);
            self.world.inject_datagram(from, to, &packet);
            self.world.inject_datagram(from, to, &garbage);
        }
    }

    /// Malformed datagrams at the RAS port.
    pub(super) fn ras_storm(&mut self, seed: u64, spoofed: Option<usize>) {
        let name = spoofed.map(|n| RESIDENTS[n]);
        let from = name.and_then(|name| self.seen(name));
        self.census.saw(if from.is_some() { "forged RAS storms" } else { "RAS storms" });
        for bytes in mutants(&RAS[usize::from(from.is_some())..], seed, 20) {
            let from = from.unwrap_or_else(|| at(&format!("{MALLORY}:4000")));
            self.world.inject_datagram(from, ras_port(from), &bytes);
            self.world.run_for(millis(1));
        }
    }

    /// Many connections, of which some say nothing, some a part of a Setup, and some a Setup for nobody.
    pub(super) fn flood(&mut self, seed: u64) {
        let setup = octets(TPKT[1]);
        self.census.saw("floods of Setups");
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        for _ in 0..100 {
            let length = random.random_range(0..=setup.len());
            self.knock(&setup[..length]);
            self.world.run_for(millis(2));
        }
    }

    /// A stranger connects to the gatekeeper, if that listens, and sends this.
    fn knock(&mut self, bytes: &[u8]) {
        let to = at(&format!("{NODE}:1720"));
        if self.world.listeners(self.node.host).contains(&to) && !self.world.ended(self.node.host) {
            self.world.with(self.mallory, |raw: &mut Raw, _| {
                let stream = raw.connect(to);
                raw.send(stream, bytes);
            });
        }
    }

    /// Messages with structured flaws.
    pub(super) fn siege(&mut self, seed: u64, within: Option<Who>) {
        self.census.saw("sieges");
        let mut hostile = Hostile::new(seed, CallId([seed as u8; 16]));
        for n in 0..10 {
            match within {
                Some(who) => {
                    let bytes = match n % 2 {
                        0 => hostile.signalling().octets,
                        _ => framed(&hostile.control().octets),
                    };
                    self.each_stream(who, "hostile messages on streams", |world, host, s| {
                        world.inject_stream(host, s, &bytes);
                    });
                }
                None => {
                    let from = at(&format!("{MALLORY}:4000"));
                    self.world.inject_datagram(from, ras_port(from), &hostile.ras().octets);
                    let bytes = hostile.signalling().octets;
                    self.knock(&bytes);
                }
            }
            self.world.run_for(millis(20));
        }
    }

    /// A stranger connects to everything that somebody listens on.
    pub(super) fn intruders(&mut self, seed: u64, who: Who) {
        let Some(host) = self.host(who) else { return };
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        // The stranger knows only IPv4.
        let to = self.world.listeners(host).into_iter().filter(SocketAddr::is_ipv4);
        self.census.saw("strangers at all listeners");
        for (to, bytes) in to.zip(mutants(TPKT, seed, 8)).collect::<Vec<_>>() {
            self.world.with(self.mallory, |raw: &mut Raw, _| {
                let stream = raw.connect(to);
                raw.send(stream, &bytes);
            });
            self.world.run_for(millis(random.random_range(0..20)));
        }
    }

    /// A stranger connects to every H.245 listener of a call as soon as it is there, before the party that it is for can, and
    /// says that the session is over.
    pub(super) fn knock_at_new_listeners(&mut self) {
        let calls = self.status().calls;
        let legs = calls.iter().flat_map(|call| call.legs.iter().map(|leg| (&call.callid, leg)));
        let all = legs.filter_map(|(callid, leg)| Some((callid.clone(), leg.h245_listener?)));
        for (callid, to) in all.filter(|(_, to)| to.is_ipv4()) {
            if !self.knocked.insert((callid, to)) {
                continue;
            }
            self.census.saw("strangers at H.245 listeners");
            let end = Control::end_session().encode().expect("it can be encoded");
            self.world.with(self.mallory, |raw: &mut Raw, _| {
                let stream = raw.connect(to);
                raw.send(stream, &framed(&end));
            });
        }
    }
}
