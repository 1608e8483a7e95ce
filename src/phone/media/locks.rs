//! The keys of a medium: what leaves is encrypted, what arrives decrypted, once there are any.

use pinhole_crypto::cbc::Fill;
use pinhole_crypto::roll::{Opening, Sealing};
use pinhole_crypto::{Packet, Transform as _};

use crate::phone::control::Lock;
use crate::security::cipher_name;

/// How something is encrypted, for the record.
type Told = (&'static str, u32);

/// See the head of the file.
#[derive(Debug, Default)]
pub(super) struct Locks {
    outgoing: Option<(Sealing, Told)>,
    incoming: Option<(Opening, Told)>,
}

impl Locks {
    /// Takes a key. Packets that arrive may have an older one for a while.
    pub(super) fn set(&mut self, lock: &Lock) {
        let key = &lock.key;
        let told = (cipher_name(key.key.algorithm()), lock.dh_bits);
        if lock.outgoing {
            self.outgoing = Some((Sealing::new(key.payload_type, &key.key, Fill::Count), told));
        } else if let Some((opening, _)) = &mut self.incoming {
            opening.install(key.payload_type, &key.key);
        } else {
            self.incoming = Some((Opening::new(key.payload_type, &key.key), told));
        }
    }

    /// Nothing is sent any more.
    pub(super) fn forget_outgoing(&mut self) {
        self.outgoing = None;
    }

    /// Nothing is expected any more.
    pub(super) fn forget_incoming(&mut self) {
        self.incoming = None;
    }

    /// A packet as it leaves; nothing if it cannot be encrypted.
    pub(super) fn seal(&mut self, mut packet: Vec<u8>) -> Option<Vec<u8>> {
        let Some((sealing, _)) = &mut self.outgoing else { return Some(packet) };
        let length = packet.len();
        packet.resize(length + Packet::TAILROOM, 0);
        let mut sealed = Packet::new(&mut packet, length).ok()?;
        sealing.apply(&mut sealed).ok()?;
        let length = sealed.length();
        packet.truncate(length);
        Some(packet)
    }

    /// A packet as it was before it was encrypted, with the payload type of its codec; nothing if it was not, and should
    /// have been.
    pub(super) fn open(&mut self, packet: &[u8], payload_type: u8) -> Option<Vec<u8>> {
        let mut packet = packet.to_vec();
        let Some((opening, _)) = &mut self.incoming else { return Some(packet) };
        let length = packet.len();
        let mut opened = Packet::new(&mut packet, length).ok()?;
        opening.apply(&mut opened).ok()?;
        opened.set_payload_type(payload_type);
        let length = opened.length();
        packet.truncate(length);
        Some(packet)
    }

    /// The cipher and the size of the group, as records tell them.
    pub(super) fn told(&self, outgoing: bool) -> (String, Option<u32>) {
        let outgoing_told = self.outgoing.as_ref().map(|(_, told)| told);
        let incoming_told = self.incoming.as_ref().map(|(_, told)| told);
        let told = if outgoing { outgoing_told } else { incoming_told };
        told.map_or_else(
            || ("none".to_owned(), None),
            |(cipher, bits)| ((*cipher).to_owned(), Some(*bits)),
        )
    }
}
