//! Supplementary services (H.450) in `h4501SupplementaryService`: opaque to us, but for the transport addresses that an
//! APDU names.
//!
//! The argument of an operation is an open type whose schema is in the Recommendation of the service, or of nobody but a
//! maker. What is common to all is how they name somebody by address: AliasAddress with transportID (H.225.0), the
//! alternative of which came later, so that it is an open type of its own and begins at an octet.

use std::net::{IpAddr, SocketAddr};

/// The open type of a transportID with IPv4: seven octets, the first of which says ipAddress; address and port follow.
const IPV4: [u8; 2] = [7, 0x00];
/// With IPv6: 19 octets, the first of which says ip6Address.
const IPV6: [u8; 2] = [19, 0x30];
/// What comes before, in bits: the second of the alternatives that came later. It is filled up with zeros to an octet.
const TRANSPORT_ID: u16 = 0b1000_0001;

/// The transport addresses that an APDU names (callTransfer, H.450.2; diversion, H.450.3; and whatever else does).
pub fn addresses(apdu: &[u8]) -> impl Iterator<Item = SocketAddr> {
    (1..apdu.len()).filter_map(|at| {
        let (before, rest) = apdu.split_at_checked(at)?;
        let named = read::<4>(rest, IPV4).or_else(|| read::<16>(rest, IPV6))?;
        ends_with_transport_id(before).then_some(named)
    })
}

fn ends_with_transport_id(before: &[u8]) -> bool {
    let mut last = before.iter().rev().copied().map(u16::from);
    let low = last.next().unwrap_or(0);
    let bits = last.next().unwrap_or(0) << 8 | low;
    let filled = bits.trailing_zeros().min(7);
    (0..=filled).any(|filled| bits >> filled & 0xff == TRANSPORT_ID)
}

fn read<const N: usize>(octets: &[u8], begin: [u8; 2]) -> Option<SocketAddr>
where
    IpAddr: From<[u8; N]>,
{
    let rest = octets.strip_prefix(&begin)?;
    let (ip, rest) = rest.split_first_chunk::<N>()?;
    let port = u16::from_be_bytes(*rest.first_chunk()?);
    Some(SocketAddr::new(IpAddr::from(*ip), port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::to_h225;
    use crate::alias::Alias;
    use crate::aper;
    use crate::asn::h225::AliasAddress;

    fn named(at: &str) -> AliasAddress {
        AliasAddress::transportID(Box::new(to_h225(at.parse().unwrap())))
    }

    #[test]
    fn an_address_is_found_wherever_it_is() {
        for at in ["10.99.88.77:1720", "[2001:db8::7]:1721"] {
            for before in 0..20 {
                // Something of any length comes first, and something after it.
                let digits = "1".repeat(before + 1);
                let list = vec![
                    Alias::DialedDigits(digits).to_asn(),
                    named(at),
                    Alias::from_text("bob").to_asn(),
                ];
                let octets = aper::encode(&list).unwrap();
                let found: Vec<String> = addresses(&octets).map(|at| at.to_string()).collect();
                assert_eq!(found, [at], "{octets:02x?}");
                assert!(octets.len() < 60 && addresses(&octets[..octets.len() / 3]).count() == 0);
            }
        }
    }

    #[test]
    fn names_and_numbers_are_no_addresses() {
        let list: Vec<AliasAddress> = ["bob", "0077", "11111111", "h323:carol@example.org", "1720"]
            .map(|text| Alias::from_text(text).to_asn())
            .to_vec();
        assert_eq!(addresses(&aper::encode(&list).unwrap()).count(), 0);
        assert_eq!(addresses(&[0x81, 7, 0, 1, 2, 3, 4, 5]).count(), 0, "cut off");
        // A number of eight digits is preceded by what begins an address, too.
        let number = vec![Alias::DialedDigits("1".repeat(8)).to_asn(); 3];
        assert_eq!(addresses(&aper::encode(&number).unwrap()).count(), 0);
        assert_eq!(addresses(&[]).count(), 0);
    }
}
