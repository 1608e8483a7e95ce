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
mod tests;
