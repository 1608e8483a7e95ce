//! What may come in from a leg and what may leave on it. A leg that is encrypted has no way for a packet in clear, in
//! either direction: an encrypted leg never becomes a clear one again, and a [`Departure`] is made nowhere but here.

use pinhole_crypto::cbc::Fill;
use pinhole_crypto::roll::{Opening, Sealing};
use pinhole_crypto::{Packet, Reject, Transform as _};

use super::batch::Arrived;
use super::keyed::ByChannel;
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
// In this order, and at the start of a line of the processor's cache: with many flows, each line of it that a packet needs
// comes from far away.
#[derive(Debug)]
#[repr(C, align(64))]
struct Keyed<T> {
    /// Packets until it is worn.
    left: u64,
    /// The payload type of what is not encrypted yet, or not any more.
    clear: Option<u8>,
    cipher: T,
}

impl<T> Keyed<T> {
    /// Counts a packet; true when it is the last that the key should serve for.
    const fn wears(&mut self) -> bool {
        let last = self.left == 1;
        self.left = self.left.saturating_sub(1);
        last
    }
}

/// The payload types of what the parties encrypt between themselves in one channel, newest first: as many as a receiver has
/// keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Types([Option<u8>; 3]);

impl Types {
    fn add(&mut self, payload_type: u8) {
        let same = self.0.iter().position(|known| *known == Some(payload_type));
        let last = same.unwrap_or(self.0.len() - 1);
        let kept = &mut self.0[..=last];
        kept.rotate_right(1);
        if let Some(newest) = kept.first_mut() {
            *newest = Some(payload_type);
        }
    }
}

/// The same of all channels.
type Between = ByChannel<Types>;

impl Between {
    fn add(&mut self, channel: u16, payload_type: u8) {
        match self.of(channel) {
            Some(types) => types.add(payload_type),
            None => self.put(channel, Types([Some(payload_type), None, None])),
        }
    }

    fn check(&self, packet: &Packet<'_>) -> Result<(), Reject> {
        let payload_type = packet.payload_type().ok_or(Reject::Truncated)?;
        let known = self.iter().any(|types| types.0.contains(&Some(payload_type)));
        known.then_some(()).ok_or(Reject::PayloadType)
    }
}

/// Packets as they come in from a leg.
#[derive(Debug, Default)]
enum Entry {
    /// As they are: in clear, or encrypted from end to end.
    #[default]
    Open,
    /// Only what a key fits.
    Locked(ByChannel<Keyed<Opening>>),
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
    Locked(ByChannel<Keyed<Sealing>>),
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
            self.entry = Entry::Locked(ByChannel::default());
        }
        if let Exit::Open = self.exit {
            self.exit = Exit::Locked(ByChannel::default());
        }
    }

    /// Decrypts what comes in with this key of a channel, too, and gives it this payload type. The oldest of three keys goes.
    /// After `most` packets the key is worn.
    pub(super) fn decrypt(&mut self, channel: u16, key: &MediaKey, clear: Option<u8>, most: u64) {
        self.lock();
        if !matches!(self.entry, Entry::Locked(_)) {
            self.entry = Entry::Locked(ByChannel::default());
        }
        let Entry::Locked(keys) = &mut self.entry else { return };
        match keys.of(channel) {
            Some(held) => {
                held.cipher.install(key.payload_type, &key.key);
                (held.clear, held.left) = (clear, most);
            }
            None => {
                let cipher = Opening::new(key.payload_type, &key.key);
                keys.put(channel, Keyed { cipher, clear, left: most });
            }
        }
    }

    /// Forgets all keys of a channel for what comes in but the newest.
    pub(super) fn forget_old(&mut self, channel: u16) {
        match &mut self.entry {
            Entry::Locked(keys) => {
                if let Some(held) = keys.of(channel) {
                    held.cipher.forget_old();
                }
            }
            Entry::Between(types) => {
                if let Some(types) = types.of(channel) {
                    types.0[1..].fill(None);
                }
            }
            Entry::Open => {}
        }
    }

    /// Encrypts what leaves in a channel with this key: only packets that have this payload type before, if it is known.
    /// After `most` packets the key is worn.
    pub(super) fn encrypt(&mut self, channel: u16, key: &MediaKey, clear: Option<u8>, most: u64) {
        self.lock();
        if !matches!(self.exit, Exit::Locked(_)) {
            self.exit = Exit::Locked(ByChannel::default());
        }
        if let Exit::Locked(keys) = &mut self.exit {
            let cipher = Sealing::new(key.payload_type, &key.key, Fill::Count);
            keys.put(channel, Keyed { cipher, clear, left: most });
        }
    }

    /// What comes in, or leaves, in a channel with this payload type is encrypted by the parties themselves; nothing else
    /// passes.
    pub(super) fn pass(&mut self, incoming: bool, channel: u16, payload_type: u8) {
        self.lock();
        if incoming {
            if !matches!(self.entry, Entry::Between(_)) {
                self.entry = Entry::Between(Between::default());
            }
            if let Entry::Between(types) = &mut self.entry {
                types.add(channel, payload_type);
            }
        } else {
            if !matches!(self.exit, Exit::Between(_)) {
                self.exit = Exit::Between(Between::default());
            }
            if let Exit::Between(types) = &mut self.exit {
                types.add(channel, payload_type);
            }
        }
    }

    /// A channel is closed: nothing of it comes in from, or leaves on, an encrypted leg any more.
    pub(super) fn forget(&mut self, incoming: bool, channel: u16) {
        match (incoming, &mut self.entry, &mut self.exit) {
            (true, Entry::Locked(keys), _) => keys.remove(channel),
            (true, Entry::Between(types), _) | (false, _, Exit::Between(types)) => {
                types.remove(channel);
            }
            (false, _, Exit::Locked(keys)) => keys.remove(channel),
            (true, Entry::Open, _) | (false, _, Exit::Open) => {}
        }
    }
}

/// A packet that crosses from one leg to the other, and the channel whose key is worn by it, on the leg that it came from, and
/// on the one that it leaves on.
pub(super) type Crossed = (Departure, [Option<u16>; 2]);

/// Takes RTP from one leg to the other. After an error it is dropped, without a word to its sender.
pub(super) fn cross(
    from: &mut Gate,
    to: &mut Gate,
    egress: Egress,
    packet: &mut Arrived<'_>,
) -> Result<Crossed, Reject> {
    let mut worn = [None; 2];
    let mut of = None;
    match &mut from.entry {
        Entry::Open => {}
        Entry::Locked(keys) => {
            let payload_type = packet.payload_type().ok_or(Reject::Truncated)?;
            let found = keys.find(None, |held| held.cipher.opens(payload_type));
            let (channel, held) = found.ok_or(Reject::PayloadType)?;
            held.cipher.apply(packet)?;
            of = Some(channel);
            worn[0] = of.filter(|_| held.wears());
            if let Some(payload_type) = held.clear {
                packet.set_payload_type(payload_type);
            }
        }
        Entry::Between(types) => types.check(packet)?,
    }
    match &mut to.exit {
        Exit::Open => {}
        Exit::Locked(keys) => {
            // Comfort noise and telephone events have payload types of their own, and there is no key for those.
            let payload_type = packet.payload_type();
            let fits =
                |held: &Keyed<Sealing>| held.clear.is_none_or(|clear| payload_type == Some(clear));
            let (channel, held) = keys.find(of, fits).ok_or(Reject::PayloadType)?;
            packet.seal(&mut held.cipher)?;
            worn[1] = Some(channel).filter(|_| held.wears());
        }
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
        locked.encrypt(1, &key(109, 1), Some(8), u64::MAX);
        locked.decrypt(1, &key(110, 2), Some(8), u64::MAX);
        assert!(crossed(&mut clear, &mut locked, &rtp(8)).is_ok());
        locked.forget(false, 1);
        assert_eq!(crossed(&mut clear, &mut locked, &rtp(8)), Err(Reject::PayloadType));
        locked.forget(true, 1);
        assert_eq!(crossed(&mut locked, &mut clear, &rtp(110)), Err(Reject::PayloadType));
        locked.lock();
        assert_eq!(crossed(&mut clear, &mut locked, &rtp(8)), Err(Reject::PayloadType));
    }

    #[test]
    fn what_one_leg_encrypts_another_decrypts() {
        let (mut clear, mut locked) = (Gate::default(), Gate::default());
        locked.encrypt(1, &key(109, 1), Some(8), u64::MAX);
        let sealed = crossed(&mut clear, &mut locked, &rtp(8)).unwrap();
        assert_eq!((sealed[1], sealed.len()), (109, 12 + 32));
        let mut other = Gate::default();
        other.decrypt(1, &key(109, 1), Some(8), u64::MAX);
        assert_eq!(crossed(&mut other, &mut clear, &sealed), Ok(rtp(8)));
        // Both legs encrypted, each with its own key.
        let mut third = Gate::default();
        third.encrypt(1, &key(120, 3), Some(8), u64::MAX);
        let bridged = crossed(&mut other, &mut third, &sealed).unwrap();
        assert_eq!((bridged[1], bridged.len()), (120, 12 + 32));
        assert_ne!(bridged[12..], sealed[12..]);
    }

    #[test]
    fn only_the_codecs_payload_type_is_encrypted_and_only_the_ciphers_decrypted() {
        let (mut clear, mut locked) = (Gate::default(), Gate::default());
        locked.encrypt(1, &key(109, 1), Some(8), u64::MAX);
        locked.decrypt(1, &key(109, 1), Some(8), u64::MAX);
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
        locked.decrypt(1, &key(109, 1), Some(8), u64::MAX);
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
            a.pass(true, 1, payload_type);
            b.pass(false, 1, payload_type);
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
        a.forget_old(1);
        assert_eq!(passing(&mut a, &mut b), [122]);
        a.forget(true, 1);
        assert_eq!(passing(&mut a, &mut b), [0; 0]);
    }

    #[test]
    fn each_channel_has_keys_of_its_own() {
        let (mut clear, mut locked) = (Gate::default(), Gate::default());
        locked.encrypt(1, &key(109, 1), Some(8), u64::MAX);
        locked.encrypt(2, &key(110, 2), Some(8), u64::MAX);
        locked.encrypt(3, &key(111, 3), Some(0), u64::MAX);
        let mut to = |locked: &mut Gate, payload_type| -> Option<u8> {
            crossed(&mut clear, locked, &rtp(payload_type)).ok().map(|packet| packet[1])
        };
        assert_eq!([8, 0, 13].map(|one| to(&mut locked, one)), [Some(110), Some(111), None]);
        // The newer is closed, and the older goes on.
        locked.forget(false, 2);
        assert_eq!([8, 0].map(|one| to(&mut locked, one)), [Some(109), Some(111)]);
        locked.forget(false, 1);
        assert_eq!([8, 0].map(|one| to(&mut locked, one)), [None, Some(111)]);
        // What comes in, decrypted for its own channel and encrypted again with that one's key.
        let mut other = Gate::default();
        for (channel, payload_type) in [(1, 120), (2, 121)] {
            other.decrypt(channel, &key(payload_type, 9), Some(8), u64::MAX);
            locked.encrypt(channel, &key(payload_type - 20, 5), Some(8), u64::MAX);
        }
        let sealed = |payload_type| {
            let (mut open, mut gate) = (Gate::default(), Gate::default());
            gate.encrypt(1, &key(payload_type, 9), Some(8), u64::MAX);
            crossed(&mut open, &mut gate, &rtp(8)).unwrap()
        };
        let bridged = |other: &mut Gate, locked: &mut Gate, payload_type| {
            crossed(other, locked, &sealed(payload_type)).ok().map(|packet| packet[1])
        };
        let types = [120, 121];
        let both = types.map(|one| bridged(&mut other, &mut locked, one));
        assert_eq!(both, [Some(100), Some(101)]);
        other.forget(true, 2);
        let one = types.map(|one| bridged(&mut other, &mut locked, one));
        assert_eq!(one, [Some(100), None]);
        // No more than a few.
        for channel in 10..100 {
            other.decrypt(channel, &key(96 + (channel % 30) as u8, 9), Some(8), u64::MAX);
        }
        let Entry::Locked(keys) = &other.entry else { panic!("{other:?}") };
        assert_eq!(keys.iter().count(), super::super::keyed::MOST_KEYED);
    }

    #[test]
    fn a_key_is_worn_once() {
        let (mut clear, mut locked) = (Gate::default(), Gate::default());
        locked.encrypt(1, &key(109, 1), Some(8), 3);
        locked.decrypt(1, &key(110, 2), Some(8), 2);
        let at = "192.0.2.1:5000".parse().unwrap();
        let egress = Egress { pair: PairId(1), channel: Channel::Rtp, to: at, prefix: None };
        let mut batch = Batch::default();
        let mut wears = |from: &mut Gate, to: &mut Gate, payload_type| {
            batch.room().unwrap()[..28].copy_from_slice(&rtp(payload_type)[..28]);
            let mut arrived = batch.arrived(0, 28).unwrap();
            cross(from, to, egress, &mut arrived).unwrap().1
        };
        let sent: Vec<_> = (0..6).map(|_| wears(&mut clear, &mut locked, 8)).collect();
        assert_eq!(sent.iter().filter(|worn| **worn == [None, Some(1)]).count(), 1, "{sent:?}");
        assert_eq!(sent[2], [None, Some(1)]);
        let got: Vec<_> = (0..6).map(|_| wears(&mut locked, &mut clear, 110)).collect();
        assert_eq!(got[1], [Some(1), None], "{got:?}");
        assert_eq!(got.iter().filter(|worn| worn[0].is_some()).count(), 1);
    }

    #[test]
    fn padding_that_cannot_be_is_dropped() {
        let sealed = |last: u8, padded: bool| {
            let (mut clear, mut locked) = (Gate::default(), Gate::default());
            locked.encrypt(1, &key(109, 1), Some(8), u64::MAX);
            let mut packet = [&rtp(8)[..12], &[0xd5; 31], &[last]].concat();
            packet.truncate(44);
            let mut sealed = crossed(&mut clear, &mut locked, &packet).unwrap();
            sealed[0] |= if padded { 0x20 } else { 0 };
            sealed
        };
        let opened = |packet: &[u8]| {
            let (mut locked, mut clear) = (Gate::default(), Gate::default());
            locked.decrypt(1, &key(109, 1), Some(8), u64::MAX);
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
