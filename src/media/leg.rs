//! What may come in from a leg and what may leave on it. A leg that is encrypted has no way for a packet in clear, in
//! either direction: an encrypted leg never becomes a clear one again, and a [`Departure`] is made nowhere but here.

use pinhole_crypto::cbc::Fill;
use pinhole_crypto::roll::{Opening, Sealing};
use pinhole_crypto::{Packet, Reject, Transform as _};

use super::batch::Arrived;
use super::{Channel, Egress};
use crate::security::MediaKey;

/// A packet that may leave: where, and how long it is; at once, or when it is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Departure {
    egress: Egress,
    end: usize,
    waits: bool,
}

impl Departure {
    /// Where it leaves.
    pub(super) const fn egress(&self) -> Egress {
        self.egress
    }

    /// How long it is.
    pub(super) const fn end(&self) -> usize {
        self.end
    }

    /// Whether it is not encrypted yet, and must be.
    pub(super) const fn waits(&self) -> bool {
        self.waits
    }
}

/// A key in use.
#[derive(Debug)]
struct Keyed<T> {
    cipher: T,
    /// The payload type of what is not encrypted yet, or not any more.
    clear: Option<u8>,
    /// Packets until it is worn.
    left: u64,
}

impl<T> Keyed<T> {
    /// Counts a packet; true when it is the last that the key should serve for.
    const fn wears(&mut self) -> bool {
        let last = self.left == 1;
        self.left = self.left.saturating_sub(1);
        last
    }
}

/// The payload types of what the parties encrypt between themselves in one direction, newest first: as many as a receiver
/// has keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Between([Option<u8>; 3]);

impl Between {
    fn add(&mut self, payload_type: u8) {
        let same = self.0.iter().position(|known| *known == Some(payload_type));
        let last = same.unwrap_or(self.0.len() - 1);
        let kept = &mut self.0[..=last];
        kept.rotate_right(1);
        if let Some(newest) = kept.first_mut() {
            *newest = Some(payload_type);
        }
    }

    fn check(&self, packet: &Packet<'_>) -> Result<(), Reject> {
        let payload_type = packet.payload_type().ok_or(Reject::Truncated)?;
        self.0.contains(&Some(payload_type)).then_some(()).ok_or(Reject::PayloadType)
    }
}

/// Packets as they come in from a leg.
#[derive(Debug, Default)]
enum Entry {
    /// As they are: in clear, or encrypted from end to end.
    #[default]
    Open,
    /// Only what a key fits.
    Locked(Option<Box<Keyed<Opening>>>),
    /// Only what the parties encrypt between themselves, by its payload type.
    Between(Between),
}

/// Packets as they leave on a leg.
#[derive(Debug, Default)]
enum Exit {
    /// As they are.
    #[default]
    Open,
    /// Only what is encrypted.
    Locked(Option<Box<Keyed<Sealing>>>),
    /// Only what the parties encrypt between themselves, by its payload type.
    Between(Between),
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

    /// Decrypts what comes in with this key, too, and gives it this payload type. The oldest of three keys goes. After
    /// `most` packets the key is worn.
    pub(super) fn decrypt(&mut self, key: &MediaKey, clear: Option<u8>, most: u64) {
        self.lock();
        if let Entry::Locked(Some(held)) = &mut self.entry {
            held.cipher.install(key.payload_type, &key.key);
            (held.clear, held.left) = (clear, most);
        } else {
            let cipher = Opening::new(key.payload_type, &key.key);
            self.entry = Entry::Locked(Some(Box::new(Keyed { cipher, clear, left: most })));
        }
    }

    /// Forgets all keys for what comes in but the newest.
    pub(super) fn forget_old(&mut self) {
        match &mut self.entry {
            Entry::Locked(Some(held)) => held.cipher.forget_old(),
            Entry::Between(types) => types.0[1..].fill(None),
            Entry::Open | Entry::Locked(None) => {}
        }
    }

    /// Encrypts what leaves with this key: only packets that have this payload type before, if it is known. After `most`
    /// packets the key is worn.
    pub(super) fn encrypt(&mut self, key: &MediaKey, clear: Option<u8>, most: u64) {
        self.lock();
        let cipher = Sealing::new(key.payload_type, &key.key, Fill::Count);
        self.exit = Exit::Locked(Some(Box::new(Keyed { cipher, clear, left: most })));
    }

    /// What comes in, or leaves, with this payload type is encrypted by the parties themselves; nothing else passes.
    pub(super) fn pass(&mut self, incoming: bool, payload_type: u8) {
        self.lock();
        if incoming {
            let mut types =
                if let Entry::Between(types) = self.entry { types } else { Between::default() };
            types.add(payload_type);
            self.entry = Entry::Between(types);
        } else {
            let mut types =
                if let Exit::Between(types) = self.exit { types } else { Between::default() };
            types.add(payload_type);
            self.exit = Exit::Between(types);
        }
    }

    /// The channel is closed: nothing comes in from, or leaves on, an encrypted leg until there is another key.
    pub(super) fn forget(&mut self, incoming: bool) {
        if incoming && !matches!(self.entry, Entry::Open) {
            self.entry = Entry::Locked(None);
        } else if !incoming && !matches!(self.exit, Exit::Open) {
            self.exit = Exit::Locked(None);
        }
    }
}

/// A packet that crosses from one leg to the other, and on which of them the key is worn by it: the one that it came
/// from, the one that it leaves on.
pub(super) type Crossed = (Departure, [bool; 2]);

/// Takes RTP from one leg to the other. After an error it is dropped, without a word to its sender.
pub(super) fn cross(
    from: &mut Gate,
    to: &mut Gate,
    egress: Egress,
    packet: &mut Arrived<'_>,
) -> Result<Crossed, Reject> {
    let mut worn = [false; 2];
    match &mut from.entry {
        Entry::Open => {}
        Entry::Locked(Some(held)) => {
            held.cipher.apply(packet)?;
            worn[0] = held.wears();
            if let Some(payload_type) = held.clear {
                packet.set_payload_type(payload_type);
            }
        }
        Entry::Locked(None) => return Err(Reject::PayloadType),
        Entry::Between(types) => types.check(packet)?,
    }
    match &mut to.exit {
        Exit::Open => {}
        Exit::Locked(Some(held)) => {
            // Comfort noise and telephone events have payload types of their own, and there is no key for those.
            if held.clear.is_some_and(|clear| packet.payload_type() != Some(clear)) {
                return Err(Reject::PayloadType);
            }
            packet.seal(&mut held.cipher)?;
            worn[1] = held.wears();
        }
        Exit::Locked(None) => return Err(Reject::PayloadType),
        Exit::Between(types) => types.check(packet)?,
    }
    Ok((Departure { egress, end: packet.length(), waits: packet.waits() }, worn))
}

/// True for packets of RTCP, one after another to the last octet (RFC 3550 §A.2), of types that there are: RTP with a marker
/// looks like it in the first two octets only.
fn is_rtcp(mut octets: &[u8]) -> bool {
    loop {
        let [first, kind, high, low, ..] = *octets else { return false };
        let length = 4 * (usize::from(u16::from_be_bytes([high, low])) + 1);
        let known = first >> 6 == 2 && matches!(kind, 192..=195 | 200..=213);
        match octets.get(length..) {
            Some([]) => return known,
            Some(rest) if known => octets = rest,
            _ => return false,
        }
    }
}

/// RTCP passes as it is: H.235.6 leaves it in clear. On an encrypted leg nothing else passes beside it.
pub(super) fn control(to: &Gate, egress: Egress, packet: &Packet<'_>) -> Option<Departure> {
    let may = matches!(to.exit, Exit::Open) || is_rtcp(packet.octets());
    let departure = Departure { egress, end: packet.length(), waits: false };
    (egress.channel == Channel::Rtcp && may).then_some(departure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::face::PairId;
    use crate::media::Batch;
    use pinhole_crypto::Algorithm;
    use pinhole_crypto::session::SessionKey;

    fn key(payload_type: u8, octet: u8) -> MediaKey {
        let key = SessionKey::from_octets(Algorithm::Aes128, &[octet; 16]).unwrap();
        MediaKey { payload_type, key }
    }

    /// What becomes of a packet of twenty octets with this payload type.
    fn crossed(from: &mut Gate, to: &mut Gate, packet: &[u8]) -> Result<Vec<u8>, Reject> {
        let at = "192.0.2.1:5000".parse().unwrap();
        let egress = Egress { pair: PairId(1), channel: Channel::Rtp, to: at, prefix: None };
        let mut batch = Batch::default();
        batch.room().unwrap()[..packet.len()].copy_from_slice(packet);
        let mut arrived = batch.arrived(0, packet.len()).unwrap();
        let (departure, _) = cross(from, to, egress, &mut arrived)?;
        let left = batch.leaves(0, &departure).map(|leaving| leaving.octets().to_vec());
        let waited = batch.sealed().next().map(|leaving| leaving.octets().to_vec());
        assert_eq!((left.is_some(), waited.is_some()), (!departure.waits(), departure.waits()));
        Ok(left.or(waited).unwrap())
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
        locked.encrypt(&key(109, 1), Some(8), u64::MAX);
        locked.decrypt(&key(110, 2), Some(8), u64::MAX);
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
        locked.encrypt(&key(109, 1), Some(8), u64::MAX);
        let sealed = crossed(&mut clear, &mut locked, &rtp(8)).unwrap();
        assert_eq!((sealed[1], sealed.len()), (109, 12 + 32));
        let mut other = Gate::default();
        other.decrypt(&key(109, 1), Some(8), u64::MAX);
        assert_eq!(crossed(&mut other, &mut clear, &sealed), Ok(rtp(8)));
        // Both legs encrypted, each with its own key.
        let mut third = Gate::default();
        third.encrypt(&key(120, 3), Some(8), u64::MAX);
        let bridged = crossed(&mut other, &mut third, &sealed).unwrap();
        assert_eq!((bridged[1], bridged.len()), (120, 12 + 32));
        assert_ne!(bridged[12..], sealed[12..]);
    }

    #[test]
    fn only_the_codecs_payload_type_is_encrypted_and_only_the_ciphers_decrypted() {
        let (mut clear, mut locked) = (Gate::default(), Gate::default());
        locked.encrypt(&key(109, 1), Some(8), u64::MAX);
        locked.decrypt(&key(109, 1), Some(8), u64::MAX);
        for other in [0, 13, 101, 109, 127] {
            assert_eq!(crossed(&mut clear, &mut locked, &rtp(other)), Err(Reject::PayloadType));
        }
        for other in [0, 8, 13, 101, 127] {
            assert_eq!(crossed(&mut locked, &mut clear, &rtp(other)), Err(Reject::PayloadType));
        }
    }

    #[test]
    fn beside_an_encrypted_leg_nothing_but_rtcp_leaves_in_clear() {
        let report = [&[0x80, 200, 0, 6][..], &[7; 24]].concat();
        let name = [&[0x81, 202, 0, 1][..], &[7; 4]].concat();
        let compound = [&report[..], &name].concat();
        let with = |at: usize, octet: u8| {
            let mut packet = compound.clone();
            packet[at] = octet;
            packet
        };
        // RTP with a marker and payload type 72, and a sequence number that would be a length.
        let rtp = [&[0x80, 200, 0, 2, 0, 0, 0, 9, 1, 2, 3, 4][..], &[0xd5; 160]].concat();
        let passes = |packet: &[u8]| {
            let at = "192.0.2.1:5001".parse().unwrap();
            let egress = Egress { pair: PairId(1), channel: Channel::Rtcp, to: at, prefix: None };
            let mut octets = packet.to_vec();
            let packet = Packet::new(&mut octets, packet.len()).unwrap();
            let (open, mut locked) = (Gate::default(), Gate::default());
            locked.lock();
            assert!(control(&open, egress, &packet).is_some());
            control(&locked, egress, &packet).is_some()
        };
        for rtcp in [&report, &name, &compound] {
            assert!(passes(rtcp), "{rtcp:02x?}");
        }
        let kinds: Vec<u8> = (0..=255).filter(|kind| passes(&with(1, *kind))).collect();
        assert_eq!(kinds, (192..=195).chain(200..=213).collect::<Vec<u8>>());
        for other in [&rtp, &with(0, 0x40), &with(3, 5), &with(3, 0), &with(29, 96), &with(31, 2)] {
            assert!(!passes(other), "{other:02x?}");
        }
    }

    #[test]
    fn damaged_packets_are_dropped() {
        let (mut clear, mut locked) = (Gate::default(), Gate::default());
        locked.decrypt(&key(109, 1), Some(8), u64::MAX);
        for short in 0..12 {
            assert!(crossed(&mut locked, &mut clear, &rtp(109)[..short]).is_err());
        }
        assert_eq!(crossed(&mut locked, &mut clear, &rtp(109)[..20]), Err(Reject::Length));
    }

    #[test]
    fn what_the_parties_encrypt_themselves_passes_by_its_payload_type_only() {
        let (mut a, mut b) = (Gate::default(), Gate::default());
        a.lock();
        b.lock();
        assert_eq!(crossed(&mut a, &mut b, &rtp(120)), Err(Reject::PayloadType), "no key yet");
        let told = |a: &mut Gate, b: &mut Gate, payload_type| {
            a.pass(true, payload_type);
            b.pass(false, payload_type);
        };
        told(&mut a, &mut b, 120);
        assert_eq!(crossed(&mut a, &mut b, &rtp(120)), Ok(rtp(120)), "as it came");
        for clear in [0, 8, 13, 101, 121] {
            assert_eq!(crossed(&mut a, &mut b, &rtp(clear)), Err(Reject::PayloadType));
        }
        assert_eq!(crossed(&mut b, &mut a, &rtp(120)), Err(Reject::PayloadType), "one way");
        [121, 122, 123, 122].into_iter().for_each(|next| told(&mut a, &mut b, next));
        let passing = |a: &mut Gate, b: &mut Gate| -> Vec<u8> {
            (0..128).filter(|one| crossed(a, b, &rtp(*one)).is_ok()).collect()
        };
        assert_eq!(passing(&mut a, &mut b), [121, 122, 123], "as many as there are keys");
        a.forget_old();
        assert_eq!(passing(&mut a, &mut b), [122]);
        a.forget(true);
        assert_eq!(passing(&mut a, &mut b), [0; 0]);
    }

    #[test]
    fn a_key_is_worn_once() {
        let (mut clear, mut locked) = (Gate::default(), Gate::default());
        locked.encrypt(&key(109, 1), Some(8), 3);
        locked.decrypt(&key(110, 2), Some(8), 2);
        let at = "192.0.2.1:5000".parse().unwrap();
        let egress = Egress { pair: PairId(1), channel: Channel::Rtp, to: at, prefix: None };
        let mut batch = Batch::default();
        let mut wears = |from: &mut Gate, to: &mut Gate, payload_type| {
            batch.room().unwrap()[..28].copy_from_slice(&rtp(payload_type)[..28]);
            let mut arrived = batch.arrived(0, 28).unwrap();
            cross(from, to, egress, &mut arrived).unwrap().1
        };
        let sent: Vec<_> = (0..6).map(|_| wears(&mut clear, &mut locked, 8)).collect();
        assert_eq!(sent.iter().filter(|worn| **worn == [false, true]).count(), 1, "{sent:?}");
        assert_eq!(sent[2], [false, true]);
        let got: Vec<_> = (0..6).map(|_| wears(&mut locked, &mut clear, 110)).collect();
        assert_eq!(got[1], [true, false], "{got:?}");
        assert_eq!(got.iter().filter(|worn| worn[0]).count(), 1);
    }

    #[test]
    fn padding_that_cannot_be_is_dropped() {
        let sealed = |last: u8, padded: bool| {
            let (mut clear, mut locked) = (Gate::default(), Gate::default());
            locked.encrypt(&key(109, 1), Some(8), u64::MAX);
            let mut packet = [&rtp(8)[..12], &[0xd5; 31], &[last]].concat();
            packet.truncate(44);
            let mut sealed = crossed(&mut clear, &mut locked, &packet).unwrap();
            sealed[0] |= if padded { 0x20 } else { 0 };
            sealed
        };
        let opened = |packet: &[u8]| {
            let (mut locked, mut clear) = (Gate::default(), Gate::default());
            locked.decrypt(&key(109, 1), Some(8), u64::MAX);
            crossed(&mut locked, &mut clear, packet).map(|packet| packet.len() - 12)
        };
        assert_eq!(opened(&sealed(17, false)), Ok(32), "without the bit there is none");
        for (last, left) in [(1, 31), (15, 17), (16, 16)] {
            assert_eq!(opened(&sealed(last, true)), Ok(left));
        }
        for last in [0, 17, 32, 33, 128, 255] {
            assert_eq!(opened(&sealed(last, true)), Err(Reject::Padding), "{last}");
        }
        // Longer than the payload, of one block.
        let mut short = sealed(33, true);
        short.truncate(28);
        assert_eq!(opened(&short), Err(Reject::Padding));
        for length in 13..28 {
            assert!(opened(&sealed(1, true)[..length]).is_err(), "{length}");
        }
    }
}
