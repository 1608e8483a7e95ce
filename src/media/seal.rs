//! Keepalives of H.460.19 that only one party can make: between two Pinholes, each carries a hash under a key of its flow
//! in fields that say nothing else. To others they are keepalives like any.

use pinhole_crypto::token::{HASH, TokenKey};
use pinhole_h323::rtcp;
use pinhole_h323::rtp;

use super::Channel;
use crate::face::KeepaliveKey;

/// Octets of the hash that fit into the header of RTP: in place of time stamp and source.
const RTP_HASH: usize = 8;

fn hash(key: KeepaliveKey, channel: Channel, sequence: u16) -> [u8; HASH] {
    let [high, low] = sequence.to_be_bytes();
    let text = [&[channel as u8, high, low][..], &[0; HASH]].concat();
    TokenKey::new(&key.0).hash(&text, 3).unwrap_or_default()
}

/// The keepalive of RTP.
pub(super) fn rtp(key: KeepaliveKey, payload_type: u8, sequence: u16) -> [u8; 12] {
    let mut octets = rtp::keepalive(payload_type, sequence);
    let hash = hash(key, Channel::Rtp, sequence);
    octets.iter_mut().skip(4).zip(hash).for_each(|(octet, hash)| *octet = hash);
    octets
}

/// The keepalive of RTCP: its number is in place of the source, the hash in place of the times.
pub(super) fn rtcp(key: KeepaliveKey, sequence: u16) -> [u8; 28] {
    let mut octets = rtcp::KEEPALIVE;
    let hash = hash(key, Channel::Rtcp, sequence);
    let contents = sequence.to_be_bytes().into_iter().chain(hash);
    octets.iter_mut().skip(6).zip(contents).for_each(|(octet, content)| *octet = content);
    octets
}

/// The number of a keepalive, if it carries the right hash.
pub(super) fn sequence(key: KeepaliveKey, channel: Channel, packet: &[u8]) -> Option<u16> {
    let (number, at, length) = match channel {
        Channel::Rtp => (2, 4, RTP_HASH),
        Channel::Rtcp => (6, 8, HASH),
    };
    let sequence = packet.get(number..)?.first_chunk().copied().map(u16::from_be_bytes)?;
    let said = packet.get(at..at + length)?;
    let hash = hash(key, channel, sequence);
    pinhole_crypto::password::equal(hash.get(..length)?, said).then_some(sequence)
}

#[cfg(test)]
mod tests {
    use pinhole_h323::rtp::is_keepalive as rtp_is_keepalive;

    use super::*;

    #[test]
    fn a_keepalive_is_of_one_key_one_channel_and_one_number() {
        let [key, other] = [[1; HASH], [2; HASH]].map(KeepaliveKey);
        let packet = rtp(key, 127, 300);
        assert!(rtp_is_keepalive(&packet));
        assert_eq!(sequence(key, Channel::Rtp, &packet), Some(300));
        assert_eq!(sequence(other, Channel::Rtp, &packet), None);
        for at in 2..12 {
            let mut changed = packet;
            changed[at] ^= 1;
            assert_eq!(sequence(key, Channel::Rtp, &changed), None, "{at}");
        }
        let packet = rtcp(key, 300);
        assert_eq!(packet[..4], rtcp::KEEPALIVE[..4]);
        assert_eq!(sequence(key, Channel::Rtcp, &packet), Some(300));
        assert_eq!(sequence(other, Channel::Rtcp, &packet), None);
        assert_eq!(sequence(key, Channel::Rtcp, &rtp(key, 127, 300)), None);
        assert_eq!(sequence(key, Channel::Rtcp, &rtcp::KEEPALIVE), None);
    }
}
