//! Which ports of a host are taken.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// The taken ports of one transport of one host.
#[derive(Debug, Default)]
pub(crate) struct PortBook {
    taken: BTreeSet<(u16, IpAddr)>,
    exhausted: bool,
}

impl PortBook {
    /// What `0..=0` means.
    const EPHEMERAL: RangeInclusive<u16> = 32_768..=60_999;

    /// Takes a port, or an even one and the next. From a given range the lowest, so that a port just given back
    /// is soon met again; else one at random.
    pub(crate) fn take(
        &mut self,
        ip: IpAddr,
        range: &RangeInclusive<u16>,
        pair: bool,
        random: &mut ChaCha8Rng,
    ) -> Option<SocketAddr> {
        if self.exhausted {
            return None;
        }
        let fits = |port: &u16| {
            let odd = port.checked_add(1);
            let next = odd.is_some_and(|odd| self.free(ip, odd));
            self.free(ip, *port) && (!pair || (port.is_multiple_of(2) && next))
        };
        let port = if *range == (0..=0) {
            let from = random.random_range(Self::EPHEMERAL);
            (from..=*Self::EPHEMERAL.end()).chain(*Self::EPHEMERAL.start()..from).find(fits)?
        } else {
            let last = if pair { range.end().saturating_sub(1) } else { *range.end() };
            (*range.start()..=last).find(fits)?
        };
        self.taken.insert((port, ip));
        if pair {
            self.taken.insert((port + 1, ip));
        }
        Some(SocketAddr::new(ip, port))
    }

    /// Gives a port back.
    pub(crate) fn give_back(&mut self, at: SocketAddr) {
        self.taken.remove(&(at.port(), at.ip()));
    }

    /// From now on there is no port, or there are ports again.
    pub(crate) const fn exhaust(&mut self, exhausted: bool) {
        self.exhausted = exhausted;
    }

    fn free(&self, ip: IpAddr, port: u16) -> bool {
        let clash = |other: &IpAddr| {
            other.is_ipv4() == ip.is_ipv4()
                && (*other == ip || other.is_unspecified() || ip.is_unspecified())
        };
        let first = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let mut same = self.taken.range((port, first)..).take_while(|(p, _)| *p == port);
        port != 0 && !same.any(|(_, other)| clash(other))
    }
}
