//! The cipher on RTP payload of H.235.6: AES in cipher block chaining, from a start value in each packet's own header.
//!
//! Header, contributing sources and extension stay clear; so does RTCP, which must not come here. Nothing is
//! authenticated: what was decrypted is as untrusted as what came clear. A sequence number or timestamp that is
//! rewritten while encrypted makes the packet unreadable.

use crate::cipher::{BLOCK, Decrypt, Encrypt};
#[cfg(test)]
use crate::lanes::Kernel;
use crate::media::Layout;
use crate::rounds::Rounds;
use crate::session::SessionKey;
use crate::{Algorithm, Packet, Reject, Transform};
use aes::Block;
use std::{fmt, slice};

/// What a sender fills the last block with, before the octet that counts. Receivers look at the count alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Fill {
    /// The count, repeated: accepted by receivers that check every octet (RFC 5652 §6.3).
    #[default]
    Count,
    /// Zeros (RFC 3550 §5.1).
    Zeros,
}

/// Encrypts packets. The payload grows to whole blocks, by at most [`Packet::TAILROOM`] octets, and is marked padded
/// if it had to.
///
/// ```
/// use pinhole_crypto::{Algorithm, Packet, Transform, cbc::{Fill, Open, Seal}, session::SessionKey};
///
/// let key = SessionKey::from_octets(Algorithm::Aes128, &[7; 16]).unwrap();
/// let mut buffer = [0; 64];
/// buffer[0] = 0x80;
/// let mut packet = Packet::new(&mut buffer, 12 + 10).unwrap();
/// Seal::new(&key, Fill::Count).apply(&mut packet).unwrap();
/// assert_eq!(packet.length(), 12 + 16);
/// Open::new(&key).apply(&mut packet).unwrap();
/// assert_eq!(packet.length(), 12 + 10);
/// ```
// In this order, as all that is on the way of a packet (see `roll`).
#[repr(C)]
pub struct Seal {
    algorithm: Algorithm,
    fill: Fill,
    rounds: Rounds,
    /// For a packet that is not in a batch.
    cipher: Encrypt,
}

impl Seal {
    /// Encrypts with `key`.
    #[must_use]
    pub fn new(key: &SessionKey, fill: Fill) -> Self {
        let (algorithm, octets) = (key.algorithm(), key.octets());
        let (rounds, cipher) = (Rounds::new(algorithm, octets), Encrypt::new(algorithm, octets));
        Self { algorithm, fill, rounds, cipher }
    }

    /// Brings the payload to whole blocks, still clear. Padding it came with goes.
    // Into the caller in any case: a layout that goes through memory is written in halves and read as a whole, and a
    // processor waits for that as long as all else takes.
    #[inline(always)]
    pub(crate) fn pad(&self, packet: &mut Packet<'_>) -> Result<Layout, Reject> {
        let layout = packet.layout()?;
        let mut length = packet.length().saturating_sub(layout.start);
        if layout.padded {
            length = unpadded(packet.payload_mut(layout.start), usize::from(u8::MAX))?;
        }
        let added = length.wrapping_neg() % BLOCK;
        packet.resize(layout.start + length + added, added > 0)?;
        if added > 0 {
            let (_, padding) = packet.payload_mut(layout.start).split_at_mut(length);
            if let Some((count, filling)) = padding.split_last_mut() {
                *count = added as u8;
                filling.fill(match self.fill {
                    Fill::Count => *count,
                    Fill::Zeros => 0,
                });
            }
        }
        Ok(layout)
    }

    pub(crate) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) const fn cipher(&self) -> &Encrypt {
        &self.cipher
    }

    /// The same key, for packets side by side.
    pub(crate) const fn rounds(&self) -> &Rounds {
        &self.rounds
    }
}

impl Transform for Seal {
    fn apply(&mut self, packet: &mut Packet<'_>) -> Result<(), Reject> {
        let layout = self.pad(packet)?;
        let (blocks, _) = Block::slice_as_chunks_mut(packet.payload_mut(layout.start));
        self.cipher.chain(&layout.iv.into(), blocks);
        Ok(())
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").field("fill", &self.fill).finish_non_exhaustive()
    }
}

/// Decrypts packets. Takes padding of either fill, and ciphertext stealing.
pub struct Open {
    cipher: Decrypt,
}

impl Open {
    /// Decrypts with `key`.
    #[must_use]
    pub fn new(key: &SessionKey) -> Self {
        Self { cipher: Decrypt::new(key.algorithm(), key.octets()) }
    }

    /// The same with a certain kernel.
    #[cfg(test)]
    pub(crate) fn with(kernel: Kernel, key: &SessionKey) -> Self {
        Self { cipher: Decrypt::with(kernel, key.algorithm(), key.octets()) }
    }

    /// Decrypts a payload that is not whole blocks: its last two ciphertext blocks were swapped, and the then last one
    /// cut (CBC-CS3 of NIST SP 800-38A, addendum).
    fn steal(&self, iv: &Block, payload: &mut [u8]) {
        let (blocks, tail) = Block::slice_as_chunks_mut(payload);
        let Some(last) = blocks.last_mut() else { return };
        self.cipher.chain(&Block::default(), slice::from_mut(last));
        for (stolen, cut) in last.iter_mut().zip(tail) {
            (*stolen, *cut) = (*cut, *stolen ^ *cut);
        }
        self.cipher.chain(iv, blocks);
    }
}

impl Transform for Open {
    fn apply(&mut self, packet: &mut Packet<'_>) -> Result<(), Reject> {
        let Layout { start, padded, iv } = packet.layout()?;
        let payload = packet.payload_mut(start);
        match (payload.len() / BLOCK, payload.len() % BLOCK) {
            (_, 0) => {
                let (blocks, _) = Block::slice_as_chunks_mut(payload);
                self.cipher.chain(&iv.into(), blocks);
            }
            (0, _) => return Err(Reject::Length),
            _ if padded => return Err(Reject::Length),
            _ => self.steal(&iv.into(), payload),
        }
        if padded {
            let length = unpadded(payload, BLOCK)?;
            packet.resize(start + length, false)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open").finish_non_exhaustive()
    }
}

/// Octets before the padding whose count is the last octet, if that is 1 to `most`.
fn unpadded(payload: &[u8], most: usize) -> Result<usize, Reject> {
    let count = payload.last().copied().map_or(0, usize::from);
    if count == 0 || count > most {
        return Err(Reject::Padding);
    }
    payload.len().checked_sub(count).ok_or(Reject::Padding)
}

#[cfg(test)]
mod tests;
