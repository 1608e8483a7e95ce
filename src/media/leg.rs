//! What may come in from a leg and what may leave on it. A leg that is encrypted has no way for a packet in clear, in
//! either direction: an encrypted leg never becomes a clear one again, and a [`Departure`] is made nowhere but here.

use pinhole_crypto::cbc::Fill;
use pinhole_crypto::roll::{Opening, Sealing};
use pinhole_crypto::{Packet, Reject, Transform as _};

use super::{Channel, Egress};
use crate::security::MediaKey;

/// A packet that may leave: where, and how much of the buffer it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Departure {
    egress: Egress,
    end: usize,
}

impl Departure {
    /// Where it leaves.
    #[must_use]
    pub const fn egress(&self) -> Egress {
        self.egress
    }

    /// Where it ends in the buffer; it begins after [`Egress::skip`].
    #[must_use]
    pub const fn end(&self) -> usize {
        self.end
    }

    /// The same, behind `skip` octets of the buffer that are not passed on.
    pub(super) const fn behind(mut self, skip: usize) -> Self {
        self.egress.skip = skip;
        self.end += skip;
        self
    }
}

/// Packets as they come in from a leg.
#[derive(Debug, Default)]
enum Entry {
    /// As they are: in clear, or encrypted from end to end.
    #[default]
    Open,
    /// Only what a key fits.
    Locked(Option<Box<(Opening, Option<u8>)>>),
}

/// Packets as they leave on a leg.
#[derive(Debug, Default)]
enum Exit {
    /// As they are.
    #[default]
    Open,
    /// Only what is encrypted.
    Locked(Option<Box<(Sealing, Option<u8>)>>),
}

/// What is between the relay and a leg.
#[derive(Debug, Default)]
pub(super) struct Gate {
    entry: Entry,
    exit: Exit,
}

impl Gate {
    /// The leg is encrypted, and stays so. Nothing passes before there are keys.
    pub(super) fn lock(&mut self) {
        if let Entry::Open = self.entry {
            self.entry = Entry::Locked(None);
        }
        if let Exit::Open = self.exit {
            self.exit = Exit::Locked(None);
        }
    }

    /// Decrypts what comes in with this key, too, and gives it this payload type. The oldest of three keys goes.
    pub(super) fn decrypt(&mut self, key: &MediaKey, clear: Option<u8>) {
        self.lock();
        let Entry::Locked(held) = &mut self.entry else { return };
        match held {
            Some(held) => {
                held.0.install(key.payload_type, &key.key);
                held.1 = clear;
            }
            None => *held = Some(Box::new((Opening::new(key.payload_type, &key.key), clear))),
        }
    }

    /// Forgets all keys for what comes in but the newest.
    pub(super) fn forget_old(&mut self) {
        if let Entry::Locked(Some(held)) = &mut self.entry {
            held.0.forget_old();
        }
    }

    /// Encrypts what leaves with this key: only packets that have this payload type before, if it is known.
    pub(super) fn encrypt(&mut self, key: &MediaKey, clear: Option<u8>) {
        self.lock();
        let sealing = Sealing::new(key.payload_type, &key.key, Fill::Count);
        if let Exit::Locked(held) = &mut self.exit {
            *held = Some(Box::new((sealing, clear)));
        }
    }

    /// The channel is closed: nothing comes in from, or leaves on, an encrypted leg until there is another key.
    pub(super) fn forget(&mut self, incoming: bool) {
        match (incoming, &mut self.entry, &mut self.exit) {
            (true, Entry::Locked(held), _) => *held = None,
            (false, _, Exit::Locked(held)) => *held = None,
            _ => {}
        }
    }
}

/// Takes RTP from one leg to the other. After an error it is dropped, without a word to its sender.
pub(super) fn cross(
    from: &mut Gate,
    to: &mut Gate,
    egress: Egress,
    packet: &mut Packet<'_>,
) -> Result<Departure, Reject> {
    match &mut from.entry {
        Entry::Open => {}
        Entry::Locked(Some(held)) => {
            let (opening, clear) = &mut **held;
            opening.apply(packet)?;
            if let Some(payload_type) = clear {
                packet.set_payload_type(*payload_type);
            }
        }
        Entry::Locked(None) => return Err(Reject::PayloadType),
    }
    match &mut to.exit {
        Exit::Open => {}
        Exit::Locked(Some(held)) => {
            let (sealing, clear) = &mut **held;
            // Comfort noise and telephone events have payload types of their own, and there is no key for those.
            if clear.is_some_and(|clear| packet.payload_type() != Some(clear)) {
                return Err(Reject::PayloadType);
            }
            sealing.apply(packet)?;
        }
        Exit::Locked(None) => return Err(Reject::PayloadType),
    }
    Ok(Departure { egress, end: packet.length() })
}

/// RTCP passes as it is: H.235.6 leaves it in clear. On an encrypted leg nothing else passes beside it.
pub(super) fn control(to: &Gate, egress: Egress, packet: &Packet<'_>) -> Option<Departure> {
    let is_rtcp = packet.octets().get(1).is_some_and(|kind| (192..=223).contains(kind));
    let may = is_rtcp || matches!(to.exit, Exit::Open);
    (egress.channel == Channel::Rtcp && may).then_some(Departure { egress, end: packet.length() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::PairId;
    use pinhole_crypto::Algorithm;
    use pinhole_crypto::session::SessionKey;

    fn key(payload_type: u8, octet: u8) -> MediaKey {
        let key = SessionKey::from_octets(Algorithm::Aes128, &[octet; 16]).unwrap();
        MediaKey { payload_type, key }
    }

    /// What becomes of a packet of twenty octets with this payload type.
    fn crossed(from: &mut Gate, to: &mut Gate, packet: &[u8]) -> Result<Vec<u8>, Reject> {
        let at = "192.0.2.1:5000".parse().unwrap();
        let egress =
            Egress { pair: PairId(1), channel: Channel::Rtp, to: at, skip: 0, prefix: None };
        let mut buffer = [packet, &[0; Packet::TAILROOM]].concat();
        let mut packet = Packet::new(&mut buffer, packet.len()).unwrap();
        let end = cross(from, to, egress, &mut packet)?.end();
        buffer.truncate(end);
        Ok(buffer)
    }

    fn rtp(payload_type: u8) -> Vec<u8> {
        [&[0x80, payload_type, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4][..], &[0xd5; 20]].concat()
    }

    #[test]
    fn open_legs_change_nothing() {
        let (mut a, mut b) = (Gate::default(), Gate::default());
        assert_eq!(crossed(&mut a, &mut b, &rtp(8)), Ok(rtp(8)));
    }

    #[test]
    fn a_locked_leg_lets_nothing_pass_without_a_key() {
        let (mut clear, mut locked) = (Gate::default(), Gate::default());
        locked.lock();
        assert_eq!(crossed(&mut clear, &mut locked, &rtp(8)), Err(Reject::PayloadType));
        assert_eq!(crossed(&mut locked, &mut clear, &rtp(8)), Err(Reject::PayloadType));
        locked.encrypt(&key(109, 1), Some(8));
        locked.decrypt(&key(110, 2), Some(8));
        assert!(crossed(&mut clear, &mut locked, &rtp(8)).is_ok());
        locked.forget(false);
        assert_eq!(crossed(&mut clear, &mut locked, &rtp(8)), Err(Reject::PayloadType));
        locked.forget(true);
        assert_eq!(crossed(&mut locked, &mut clear, &rtp(110)), Err(Reject::PayloadType));
        locked.lock();
        assert_eq!(crossed(&mut clear, &mut locked, &rtp(8)), Err(Reject::PayloadType));
    }

    #[test]
    fn what_one_leg_encrypts_another_decrypts() {
        let (mut clear, mut locked) = (Gate::default(), Gate::default());
        locked.encrypt(&key(109, 1), Some(8));
        let sealed = crossed(&mut clear, &mut locked, &rtp(8)).unwrap();
        assert_eq!((sealed[1], sealed.len()), (109, 12 + 32));
        let mut other = Gate::default();
        other.decrypt(&key(109, 1), Some(8));
        assert_eq!(crossed(&mut other, &mut clear, &sealed), Ok(rtp(8)));
        // Both legs encrypted, each with its own key.
        let mut third = Gate::default();
        third.encrypt(&key(120, 3), Some(8));
        let bridged = crossed(&mut other, &mut third, &sealed).unwrap();
        assert_eq!((bridged[1], bridged.len()), (120, 12 + 32));
        assert_ne!(bridged[12..], sealed[12..]);
    }

    #[test]
    fn only_the_codecs_payload_type_is_encrypted_and_only_the_ciphers_decrypted() {
        let (mut clear, mut locked) = (Gate::default(), Gate::default());
        locked.encrypt(&key(109, 1), Some(8));
        locked.decrypt(&key(109, 1), Some(8));
        for other in [0, 13, 101, 109, 127] {
            assert_eq!(crossed(&mut clear, &mut locked, &rtp(other)), Err(Reject::PayloadType));
        }
        for other in [0, 8, 13, 101, 127] {
            assert_eq!(crossed(&mut locked, &mut clear, &rtp(other)), Err(Reject::PayloadType));
        }
    }

    #[test]
    fn damaged_packets_are_dropped() {
        let (mut clear, mut locked) = (Gate::default(), Gate::default());
        locked.decrypt(&key(109, 1), Some(8));
        for short in 0..12 {
            assert!(crossed(&mut locked, &mut clear, &rtp(109)[..short]).is_err());
        }
        assert_eq!(crossed(&mut locked, &mut clear, &rtp(109)[..20]), Err(Reject::Length));
    }
}
