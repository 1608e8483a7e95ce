//! New keys for the channels of an encrypted leg while it lasts (H.245 encryptionUpdateCommand): those that the peer
//! announces, those that we make as master, and those that we ask for as slave.

use std::time::Instant;

use pinhole_crypto::session::SessionKey;
use pinhole_h323::asn::h245::EncryptionSync;
use pinhole_h323::h235;
use rand_chacha::rand_core::CryptoRng;

use super::party::{KEEPALIVE, MediaKey, Party, Update};

impl Party {
    /// The master has a new key for a channel: `to_master` says which of two channels of this number it is, that of the
    /// slave or that of the master. Wrong ones and those that come too fast are ignored.
    pub(crate) fn updated(
        &mut self,
        now: Instant,
        number: u16,
        to_master: bool,
        sync: &EncryptionSync,
    ) -> Option<Update> {
        if self.master != Some(false) {
            return None;
        }
        let channels = if to_master { &self.out } else { &self.into };
        let channel = channels.get(&number)?;
        if channel.is_fresh(now) {
            return None;
        }
        let key = self.unwrapped(sync, channel.algorithm).ok()?;
        let channels = if to_master { &mut self.out } else { &mut self.into };
        let channel = channels.get_mut(&number)?;
        channel.renewed = Some(now);
        channel.payload_type = Some(key.payload_type);
        (channel.key, channel.given) = (Some(key.clone()), true);
        let ack = h235::acknowledge_update(number, key.payload_type, !to_master);
        // A slave that sends begins at once; one that receives says that it is ready.
        Some(match to_master {
            true => Update::Encrypt(key, Some(ack)),
            false => Update::Decrypt(key, Some(ack), true),
        })
    }

    /// The slave wants a new key for a channel, or one is worn: makes it, if we are master. `to_master` as above.
    pub(crate) fn renew(
        &mut self,
        now: Instant,
        number: u16,
        to_master: bool,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Option<Update> {
        if self.master != Some(true) {
            return None;
        }
        let channels = if to_master { &self.into } else { &self.out };
        let channel = channels.get(&number)?;
        let early = channel.is_fresh(now);
        let old = channel.payload_type.unwrap_or(KEEPALIVE);
        // Not the present one, nor the one before it, whose last packets may still be on their way.
        if early {
            return None;
        }
        let payload_type = self.free_payload_type([old, other_than(old)])?;
        let channels = if to_master { &mut self.into } else { &mut self.out };
        let channel = channels.get_mut(&number)?;
        let key = MediaKey { payload_type, key: SessionKey::generate(channel.algorithm, rng) };
        channel.renewed = Some(now);
        channel.unanswered = true;
        if to_master {
            (channel.payload_type, channel.key) = (Some(payload_type), Some(key.clone()));
            channel.given = true;
        } else {
            channel.next = Some(key.clone());
        }
        let command = h235::command_update(number, *self.wrapped(&key)?, !to_master);
        Some(match to_master {
            true => Update::Decrypt(key, Some(command), false),
            false => Update::Say(command),
        })
    }

    /// A key of a channel has served long enough: as master we make another, as slave we ask for one.
    pub(crate) fn wear(
        &mut self,
        now: Instant,
        number: u16,
        opened_by_peer: bool,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Option<Update> {
        let channels = if opened_by_peer { &self.into } else { &self.out };
        if self.master? {
            // Many do not know updates: then the old key has to go on serving.
            let answered = channels.get(&number).is_some_and(|channel| !channel.unanswered);
            return answered.then(|| self.renew(now, number, opened_by_peer, rng)).flatten();
        }
        let payload_type = channels.get(&number)?.payload_type?;
        Some(Update::Say(h235::request_update(number, payload_type, opened_by_peer)))
    }

    /// The slave is ready for the key with this payload type on a channel of ours, or uses it already on one of its own.
    pub(crate) fn update_acknowledged(
        &mut self,
        number: u16,
        to_master: bool,
        payload_type: u8,
    ) -> Option<Update> {
        if self.master != Some(true) {
            return None;
        }
        if to_master {
            let channel = self.into.get_mut(&number)?;
            let newest = channel.payload_type == Some(payload_type);
            channel.unanswered &= !newest;
            return newest.then_some(Update::Settled);
        }
        let channel = self.out.get_mut(&number)?;
        let key = channel.next.take_if(|next| next.payload_type == payload_type)?;
        (channel.payload_type, channel.key) = (Some(payload_type), Some(key.clone()));
        (channel.unanswered, channel.given) = (false, true);
        Some(Update::Encrypt(key, None))
    }
}

/// The payload type that a channel with this one had before, if its keys were renewed here.
const fn other_than(payload_type: u8) -> u8 {
    if payload_type == 96 { 97 } else { 96 }
}
