//! The addresses of this host.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::bind;

/// Where Linux tells what becomes of its IPv6 addresses.
const INET6: &str = "/proc/net/if_inet6";
/// How often, and after what time, the host is asked again while it makes sure that an address is its own (RFC 4862
/// §5.4), which takes one or two seconds after an interface has come up.
const PATIENCE: (u32, Duration) = (15, Duration::from_millis(200));

/// Temporary (RFC 8981), not unique, deprecated: the flags of addresses that peers should not be told.
const UNFIT: u8 = 0x01 | 0x08 | 0x20;
/// Not known to be unique yet, and not to be used before (RFC 4429).
const TENTATIVE: u8 = 0x40;
const OPTIMISTIC: u8 = 0x04;

/// The addresses of this host that a gatekeeper without `Home` listens on, loopback too: all of IPv4; of IPv6 those that
/// last and can be told to peers.
///
/// # Errors
/// When the system does not tell them.
pub fn local_addresses() -> io::Result<Vec<IpAddr>> {
    let (times, wait) = PATIENCE;
    let mut flags = flags();
    for _ in 0..times {
        if !flags.values().any(|flags| is_undecided(*flags)) {
            break;
        }
        std::thread::sleep(wait);
        flags = self::flags();
    }
    let mut all = fit(if_addrs::get_if_addrs()?.iter().map(if_addrs::Interface::ip), &flags);
    all.retain(|ip| ip.is_ipv4() || bind::udp(*ip, &(0..=0)).is_ok());
    Ok(all)
}

/// The flags of the IPv6 addresses; none where the host has no IPv6, or tells none.
fn flags() -> BTreeMap<Ipv6Addr, u8> {
    std::fs::read_to_string(INET6).map(|text| read(&text)).unwrap_or_default()
}

/// Reads lines of address, interface, length of the prefix, scope, flags (each in hexadecimal) and name.
fn read(text: &str) -> BTreeMap<Ipv6Addr, u8> {
    let line = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        let address = u128::from_str_radix(words.next()?, 16).ok()?;
        let flags = u32::from_str_radix(words.nth(3)?, 16).ok()?;
        Some((Ipv6Addr::from(address), u8::try_from(flags & 0xff).ok()?))
    };
    text.lines().filter_map(line).collect()
}

const fn is_undecided(flags: u8) -> bool {
    flags & TENTATIVE != 0 && flags & (UNFIT | OPTIMISTIC) == 0
}

/// Those that can be listened on. Addresses that others can reach come first, loopback last.
fn fit(all: impl Iterator<Item = IpAddr>, flags: &BTreeMap<Ipv6Addr, u8>) -> Vec<IpAddr> {
    let is_fit = |ip: &IpAddr| match ip {
        IpAddr::V4(_) => true,
        IpAddr::V6(ip) => {
            let flags = flags.get(ip).copied().unwrap_or(0);
            !ip.is_unicast_link_local() && flags & UNFIT == 0 && !is_undecided(flags)
        }
    };
    let mut all: Vec<IpAddr> = all.filter(is_fit).collect();
    all.sort_unstable_by_key(|ip| (ip.is_loopback(), *ip));
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Linux writes it: a lasting address, a temporary one, one that is deprecated, one that another host has, one that
    /// is not sure yet and one that may be used all the same, link local, loopback.
    const SEEN: &str = "\
        20010db8000000000000000000000010 02 40 00 80     eth0\n\
        20010db8000000000000000000000aaa 02 40 00 01     eth0\n\
        20010db8000000000000000000000bbb 02 40 00 20     eth0\n\
        20010db8000000000000000000000ccc 02 40 00 c8     eth0\n\
        20010db8000000000000000000000ddd 02 40 00 40     eth0\n\
        20010db8000000000000000000000eee 02 40 00 44     eth0\n\
        fe80000000000000fc00fffffe000001 04 40 20 80     eth0\n\
        00000000000000000000000000000001 01 80 10 80       lo\n\
        nonsense\n";

    fn ips(text: &str) -> Vec<IpAddr> {
        text.split(' ').map(|ip| ip.parse().unwrap()).collect()
    }

    #[test]
    fn of_ipv6_what_lasts_is_listened_on() {
        let flags = read(SEEN);
        assert_eq!(flags.len(), 8);
        let others = ips("::1 127.0.0.1 fd00::2 198.51.100.7 198.51.100.7");
        let all = flags.keys().map(|ip| IpAddr::V6(*ip)).chain(others);
        let expected = "198.51.100.7 2001:db8::10 2001:db8::eee fd00::2 127.0.0.1 ::1";
        assert_eq!(fit(all, &flags), ips(expected));
    }

    #[test]
    fn only_an_address_that_will_do_is_waited_for() {
        let undecided = |flags: u8| is_undecided(flags);
        assert!(undecided(0x40) && undecided(0xc0));
        assert!(!undecided(0x80) && !undecided(0x44) && !undecided(0x41) && !undecided(0x48));
    }

    #[test]
    fn what_this_host_tells_can_be_bound() {
        let all = local_addresses().unwrap();
        assert!(all.last().is_some_and(IpAddr::is_loopback), "{all:?}");
        for ip in &all {
            std::net::UdpSocket::bind((*ip, 0)).unwrap();
        }
        let has_ipv6 = std::net::UdpSocket::bind("[::1]:0").is_ok();
        assert_eq!(all.iter().any(IpAddr::is_ipv6), has_ipv6, "{all:?}");
    }
}
