//! Asks a STUN server by which address it sees us (RFC 5389): one Binding request, and what answers it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;

/// How long an answer is waited for, each time the request is sent (RFC 5389 §7.2.1).
const WAITS: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_millis(1000),
    Duration::from_millis(2000),
    Duration::from_millis(3500),
];

const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_RESPONSE: [u8; 2] = [0x01, 0x01];
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER: usize = 20;
const MAPPED_ADDRESS: u16 = 0x0001;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
/// An answer is not longer than fits into a packet everywhere (RFC 5389 §7.1).
const LONGEST: usize = 548;

/// The transaction of a request, which whoever answers has to know.
type Transaction = [u8; 12];

/// The address by which a server sees a local one, or any of ours.
///
/// # Errors
/// When it cannot be asked, or nothing of its answers can be understood.
pub(super) async fn ask(server: SocketAddr, from: Option<IpAddr>) -> io::Result<SocketAddr> {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let from = from.filter(|ip| ip.is_ipv4() == server.is_ipv4()).unwrap_or(any);
    let socket = UdpSocket::bind((from, 0)).await?;
    // From others nothing is taken then.
    socket.connect(server).await?;
    let transaction: Transaction = rand::random();
    let mut room = [0; LONGEST];
    for wait in WAITS {
        socket.send(&request(transaction)).await?;
        let answered = timeout(wait, async {
            loop {
                let length = socket.recv(&mut room).await?;
                if let Some(mapped) = mapped(room.get(..length).unwrap_or_default(), transaction) {
                    return io::Result::Ok(mapped);
                }
            }
        });
        if let Ok(answer) = answered.await {
            return answer;
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

fn request(transaction: Transaction) -> Vec<u8> {
    [&BINDING_REQUEST[..], &[0, 0], &COOKIE, &transaction].concat()
}

/// The address in an answer to the request of this transaction; nothing in anything else.
fn mapped(answer: &[u8], transaction: Transaction) -> Option<SocketAddr> {
    let (header, attributes) = answer.split_at_checked(HEADER)?;
    let expected = [&COOKIE[..], &transaction].concat();
    let length = usize::from(u16::from_be_bytes(*header.get(2..4)?.first_chunk()?));
    if header.get(..2)? != BINDING_RESPONSE || header.get(4..)? != expected {
        return None;
    }
    let mut rest = attributes.get(..length)?;
    let mut plain = None;
    while let Some((head, tail)) = rest.split_first_chunk::<4>() {
        let [kind, length] = [[head[0], head[1]], [head[2], head[3]]].map(u16::from_be_bytes);
        let length = usize::from(length);
        let value = tail.get(..length)?;
        match kind {
            XOR_MAPPED_ADDRESS => return address(value, header.get(4..)?),
            // Of servers older than RFC 5389.
            MAPPED_ADDRESS => plain = address(value, &[0; 16]),
            _ => {}
        }
        rest = tail.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    plain
}

/// An address attribute, XORed with a key (RFC 5389 §15.2).
fn address(value: &[u8], key: &[u8]) -> Option<SocketAddr> {
    let (head, ip) = value.split_first_chunk::<4>()?;
    let plain: Vec<u8> = ip.iter().zip(key).map(|(octet, key)| octet ^ key).collect();
    let port = u16::from_be_bytes([head[2] ^ key.first()?, head[3] ^ key.get(1)?]);
    let ip: IpAddr = match (head[1], ip.len()) {
        (1, 4) => <[u8; 4]>::try_from(plain).ok()?.into(),
        (2, 16) => <[u8; 16]>::try_from(plain).ok()?.into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answers of RFC 5769 §2.2 and §2.3, without what proves who they are from.
    const TRANSACTION: Transaction =
        [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

    fn answer(attributes: &[u8]) -> Vec<u8> {
        let length = u16::try_from(attributes.len()).unwrap().to_be_bytes();
        [&BINDING_RESPONSE[..], &length, &COOKIE, &TRANSACTION, attributes].concat()
    }

    const SOFTWARE: &[u8] = b"\x80\x22\x00\x0btest vector\x20";
    const V4: &[u8] = &[0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
    #[rustfmt::skip]
    const V6: &[u8] = &[
        0, 0x20, 0, 20, 0, 2, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25,
        0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9,
    ];
    const PLAIN: &[u8] = &[0, 1, 0, 8, 0, 1, 0x80, 0x55, 192, 0, 2, 1];

    #[test]
    fn answers_of_the_standards_test_vectors() {
        let of = |attributes: &[&[u8]]| {
            mapped(&answer(&attributes.concat()), TRANSACTION).map(|at| at.to_string())
        };
        assert_eq!(of(&[SOFTWARE, V4]).as_deref(), Some("192.0.2.1:32853"));
        let v6 = "[2001:db8:1234:5678:11:2233:4455:6677]:32853";
        assert_eq!(of(&[SOFTWARE, V6]).as_deref(), Some(v6));
        assert_eq!(of(&[PLAIN, SOFTWARE]).as_deref(), Some("192.0.2.1:32853"));
    }

    #[test]
    fn what_is_no_answer_is_none() {
        let good = answer(&[SOFTWARE, V4].concat());
        for length in 0..good.len() {
            assert_eq!(mapped(&good[..length], TRANSACTION), None, "{length} octets");
        }
        for at in (0..20).chain([22, 36, 37, 38, 39, 41]) {
            let mut bad = good.clone();
            bad[at] ^= 0x41;
            assert_eq!(mapped(&bad, TRANSACTION), None, "octet {at}");
        }
        assert_eq!(mapped(&good, [0; 12]), None);
        assert_eq!(mapped(&answer(SOFTWARE), TRANSACTION), None);
    }
}
