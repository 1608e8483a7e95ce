//! Addresses, networks and ports.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::{Fault, Remark, Value, Wrong};

/// An IPv4 multicast group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MulticastGroup(pub Ipv4Addr);

/// A port; 0 leaves the choice to the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Port(pub u16);

/// Ports, the first not larger than the last, neither 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    first: u16,
    last: u16,
}

/// Addresses, separated by commas, semicolons or blanks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IpList(pub Vec<IpAddr>);

/// Networks, separated by commas, semicolons or blanks: CIDR, dotted mask, or a single address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NetList(pub Vec<IpNet>);

/// Which of our addresses connections to a network come from: `own/mask` or `network/mask-own`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routes(pub Vec<(IpNet, IpAddr)>);

/// The address told to the outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum External {
    /// This one.
    Address(IpAddr),
    /// That of this host name.
    Named(String),
    /// As a STUN server sees it.
    Stun,
    /// As a cloud's metadata tell it, which are not asked.
    Cloud(String),
}

impl PortRange {
    /// The ports from `first` to `last`; nothing if that is no range.
    #[must_use]
    pub const fn new(first: u16, last: u16) -> Option<Self> {
        if first == 0 || first > last { None } else { Some(Self { first, last }) }
    }

    /// The ports.
    #[must_use]
    pub const fn range(self) -> RangeInclusive<u16> {
        self.first..=self.last
    }

    /// Whether a port is in both.
    #[must_use]
    pub const fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// How many pairs of an even port and the next it has.
    #[must_use]
    pub fn pairs(self) -> u32 {
        let first = u32::from(self.first).next_multiple_of(2);
        (u32::from(self.last) + 1).saturating_sub(first) / 2
    }
}

impl NetList {
    /// Whether a network of the list contains the address; an IPv4-mapped one counts as IPv4.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.0.iter().any(|net| net.contains(&ip))
    }
}

/// The clouds whose metadata GnuGk asks.
const CLOUDS: [&str; 4] = ["AWSPublicIP", "GooglePublicIP", "AzurePublicIP", "AlibabaPublicIP"];

impl MulticastGroup {
    /// Where gatekeepers are looked for (H.225.0 §7.8).
    pub const DISCOVERY: Self = Self(Ipv4Addr::new(224, 0, 1, 41));
}

impl Value for Port {
    const SYNTAX: &'static str = "port";
    const BARE: bool = true;

    fn parse(text: &str) -> Result<Self, Wrong> {
        match text {
            "" => Err(Fault::Empty.into()),
            _ => port(text).map(Self).ok_or_else(|| Fault::NotPort(text.to_owned()).into()),
        }
    }

    fn render(&self) -> String {
        self.0.to_string()
    }
}

impl Value for PortRange {
    const SYNTAX: &'static str = "ports";
    const BARE: bool = true;

    fn parse(text: &str) -> Result<Self, Wrong> {
        let ports: Vec<(usize, &str)> = pieces(text, |c| ",.:-/'".contains(c) || c.is_whitespace());
        let &[(_, first), (at, last)] = ports.as_slice() else {
            return Err(match text {
                "" => Fault::Empty.into(),
                _ => Fault::NotRange(text.to_owned()).into(),
            });
        };
        let whole = |at, text: &str| match port(text) {
            Some(0) | None => Err(Wrong { at, fault: Fault::NotPort(text.to_owned()) }),
            Some(port) => Ok(port),
        };
        let (first, last) = (whole(0, first)?, whole(at, last)?);
        Self::new(first, last).ok_or_else(|| Fault::Backwards { first, last }.into())
    }

    fn render(&self) -> String {
        format!("{}-{}", self.first, self.last)
    }
}

impl Value for IpAddr {
    const SYNTAX: &'static str = "address";

    fn parse(text: &str) -> Result<Self, Wrong> {
        address(text).ok_or_else(|| match text {
            "" => Fault::Empty.into(),
            _ => Fault::NotAddress(text.to_owned()).into(),
        })
    }

    fn render(&self) -> String {
        self.to_string()
    }
}

impl Value for MulticastGroup {
    const SYNTAX: &'static str = "address";

    fn parse(text: &str) -> Result<Self, Wrong> {
        if text.is_empty() {
            return Err(Fault::Empty.into());
        }
        let group = text.parse().ok().filter(Ipv4Addr::is_multicast);
        group.map(Self).ok_or_else(|| Fault::NotGroup(text.to_owned()).into())
    }

    fn render(&self) -> String {
        self.0.to_string()
    }
}

impl Value for IpList {
    const SYNTAX: &'static str = "addresses";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let one = |(at, piece): (usize, &str)| {
            address(piece).ok_or_else(|| Wrong { at, fault: Fault::NotAddress(piece.to_owned()) })
        };
        pieces(text, separates).into_iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    fn render(&self) -> String {
        join(&self.0)
    }
}

impl Value for IpNet {
    const SYNTAX: &'static str = "network";

    fn parse(text: &str) -> Result<Self, Wrong> {
        network(text).ok_or_else(|| Fault::NotNetwork(text.to_owned()).into())
    }

    fn render(&self) -> String {
        self.to_string()
    }
}

impl Value for NetList {
    const SYNTAX: &'static str = "networks";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let one = |(at, piece): (usize, &str)| {
            network(piece).ok_or_else(|| Wrong { at, fault: Fault::NotNetwork(piece.to_owned()) })
        };
        pieces(text, separates).into_iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    fn render(&self) -> String {
        join(&self.0)
    }
}

impl Value for Routes {
    const SYNTAX: &'static str = "`own/mask` or `network/mask-own`; several";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let one = |(at, piece): (usize, &str)| {
            let read = match piece.split_once('-') {
                Some((net, own)) => network(net).zip(address(own)),
                None => piece.split_once('/').and_then(|(own, _)| network(piece).zip(address(own))),
            };
            let same = read.filter(|(net, own)| net.addr().is_ipv4() == own.is_ipv4());
            same.ok_or_else(|| Wrong { at, fault: Fault::NotRoute(piece.to_owned()) })
        };
        pieces(text, separates).into_iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    fn render(&self) -> String {
        self.0.iter().map(|(net, own)| format!("{net}-{own}")).collect::<Vec<_>>().join(",")
    }
}

impl Value for External {
    const SYNTAX: &'static str = "address, host name or `STUN`";

    fn parse(text: &str) -> Result<Self, Wrong> {
        if text.is_empty() {
            return Err(Fault::Empty.into());
        }
        if text.eq_ignore_ascii_case("STUN") {
            return Ok(Self::Stun);
        }
        if CLOUDS.iter().any(|cloud| cloud.eq_ignore_ascii_case(text)) {
            return Ok(Self::Cloud(text.to_owned()));
        }
        let named = || is_name(text).then(|| Self::Named(text.to_owned()));
        let external = address(text).map(Self::Address).or_else(named);
        external.ok_or_else(|| Fault::NotHost(text.to_owned()).into())
    }

    fn render(&self) -> String {
        match self {
            Self::Address(ip) => ip.to_string(),
            Self::Named(name) | Self::Cloud(name) => name.clone(),
            Self::Stun => "STUN".to_owned(),
        }
    }

    fn remark(&self) -> Option<Remark> {
        match self {
            Self::Cloud(name) => Some(Remark::NoCloud(name.clone())),
            Self::Address(_) | Self::Named(_) | Self::Stun => None,
        }
    }
}

fn port(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// True for what can be a host's name, or one of its spellings.
pub(super) fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
    text.len() <= 253 && text.chars().all(fits) && text.chars().any(|c| c.is_ascii_alphabetic())
}

/// An address; IPv6 also in brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok()
}

pub(super) fn network(text: &str) -> Option<IpNet> {
    let Some((ip, mask)) = text.split_once('/') else {
        return address(text).map(IpNet::from);
    };
    let ip = address(ip)?;
    let net = match mask.parse::<Ipv4Addr>() {
        Ok(mask) if ip.is_ipv4() => IpNet::with_netmask(ip, mask.into()).ok()?,
        _ if mask.bytes().all(|byte| byte.is_ascii_digit()) => {
            IpNet::new(ip, mask.parse().ok()?).ok()?
        }
        _ => return None,
    };
    Some(net.trunc())
}

pub(super) const fn separates(c: char) -> bool {
    matches!(c, ',' | ';' | ' ' | '\t')
}

/// The non-empty pieces between separators, each with its distance in characters from the beginning.
pub(super) fn pieces(text: &str, separates: impl Fn(char) -> bool) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut at = 0;
    for piece in text.split(separates) {
        if !piece.is_empty() {
            found.push((at, piece));
        }
        at += piece.chars().count() + 1;
    }
    found
}

pub(super) fn join<T: ToString>(all: &[T]) -> String {
    all.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_splits_on_any_of_its_separators() {
        let range = PortRange::new(20000, 20999).unwrap();
        for text in ["20000-20999", "20000,20999", "20000.20999", "20000:20999", "20000/20999"] {
            assert_eq!(PortRange::parse(text), Ok(range), "{text}");
        }
        assert_eq!(PortRange::parse("20000'20999"), Ok(range));
        assert_eq!(PortRange::parse("20000 - 20999"), Ok(range));
    }

    #[test]
    fn what_is_no_range_is_told() {
        let say = |text| {
            let wrong = PortRange::parse(text).unwrap_err();
            (wrong.at, wrong.fault.to_string())
        };
        assert_eq!(say("5000"), (0, "'5000' is not a range of ports, such as 30000-39999".into()));
        assert_eq!(say("1-2-3").0, 0);
        assert_eq!(say("30000-x"), (6, "'x' is not a port (0 to 65535)".into()));
        assert_eq!(say("0-9").1, "'0' is not a port (0 to 65535)");
        assert_eq!(say("9-8"), (0, "the first port, 9, is larger than the last, 8".into()));
        assert_eq!(say("1-65536").1, "'65536' is not a port (0 to 65535)");
    }

    #[test]
    fn pairs_begin_on_even_ports() {
        let pairs = |first, last| PortRange::new(first, last).unwrap().pairs();
        assert_eq!(pairs(50000, 59999), 5000);
        assert_eq!(pairs(50001, 50002), 0);
        assert_eq!(pairs(50001, 50003), 1);
        assert_eq!(pairs(65535, 65535), 0);
        assert_eq!(pairs(65534, 65535), 1);
    }

    #[test]
    fn ranges_overlap_when_they_share_a_port() {
        let range = |first, last| PortRange::new(first, last).unwrap();
        assert!(range(1, 10).overlaps(range(10, 20)));
        assert!(range(5, 6).overlaps(range(1, 10)));
        assert!(!range(1, 10).overlaps(range(11, 20)));
    }

    #[test]
    fn networks_have_three_spellings_and_two_families() {
        let list =
            NetList::parse("10.0.1.0/24, 192.168.0.0/255.255.0.0;1.2.3.4\t2001:db8::/32").unwrap();
        assert_eq!(list.render(), "10.0.1.0/24,192.168.0.0/16,1.2.3.4/32,2001:db8::/32");
        for (ip, inside) in [
            ("10.0.1.9", true),
            ("10.0.2.9", false),
            ("::ffff:10.0.1.9", true),
            ("1.2.3.4", true),
            ("2001:db8::1", true),
            ("2001:db9::1", false),
        ] {
            assert_eq!(list.contains(ip.parse().unwrap()), inside, "{ip}");
        }
    }

    #[test]
    fn host_bits_do_not_count() {
        assert_eq!(NetList::parse("10.0.1.5/24").unwrap().render(), "10.0.1.0/24");
    }

    #[test]
    fn the_wrong_network_of_a_list_is_pointed_at() {
        for (text, at) in
            [("10.0.0.0/8,10.0.0/8", 11), ("10.0.0.0/33", 0), ("1.2.3.4/255.0.255.0", 0)]
        {
            assert_eq!(NetList::parse(text).unwrap_err().at, at, "{text}");
        }
        assert!(NetList::parse("2001:db8::/255.0.0.0").is_err());
        assert!(NetList::parse("10.0.0.0/+8").is_err());
    }

    #[test]
    fn addresses_are_of_both_families() {
        let list = IpList::parse("192.168.1.1, [2001:db8::1]").unwrap();
        assert_eq!(list.render(), "192.168.1.1,2001:db8::1");
        let wrong = IpList::parse("192.168.1.1,localhost").unwrap_err();
        assert_eq!((wrong.at, wrong.fault), (12, Fault::NotAddress("localhost".into())));
    }

    #[test]
    fn a_group_is_one_of_multicast() {
        assert_eq!(MulticastGroup::parse("224.0.1.41"), Ok(MulticastGroup::DISCOVERY));
        for text in ["10.0.0.1", "ff02::1", "group"] {
            let fault = Fault::NotGroup(text.to_owned());
            assert_eq!(MulticastGroup::parse(text), Err(fault.into()), "{text}");
        }
    }

    #[test]
    fn routes_have_two_spellings() {
        let routes =
            Routes::parse("10.2.1.5/16, 11.0.0.0/8-20.1.1.1;2001:db8::/32-2001:db8::5").unwrap();
        let expected = "10.2.0.0/16-10.2.1.5,11.0.0.0/8-20.1.1.1,2001:db8::/32-2001:db8::5";
        assert_eq!(routes.render(), expected);
        for (text, at) in [
            ("10.2.1.5", 0),
            ("10.2.1.5/16,x", 12),
            ("10.0.0.0/8-x", 0),
            ("10.0.0.0/8-2001:db8::5", 0),
            ("10.0.0.0/33-10.0.0.1", 0),
        ] {
            assert_eq!(Routes::parse(text).unwrap_err().at, at, "{text}");
        }
    }

    #[test]
    fn an_external_address_may_be_looked_up_in_several_ways() {
        assert_eq!(External::parse("192.0.2.1").unwrap().remark(), None);
        let named = External::parse("gk.example.org").unwrap();
        assert_eq!(named, External::Named("gk.example.org".to_owned()));
        assert_eq!(named.remark(), None);
        assert_eq!(External::parse("stun").unwrap(), External::Stun);
        let cloud = External::parse("awspublicip").unwrap();
        assert_eq!(cloud.remark(), Some(Remark::NoCloud("awspublicip".to_owned())));
        for wrong in ["192.0.2.300", "a b", "h:1", ""] {
            assert!(External::parse(wrong).is_err(), "{wrong}");
        }
    }
}
