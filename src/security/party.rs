//! One end of an encrypted leg, once a secret is agreed: what it says of encryption in H.245 and what it understands,
//! and the session keys that come of it. It never touches a packet.
//!
//! The other end of the leg is called the peer. Whichever is master makes every session key, also those of the
//! channels that the slave opens (H.235.6 §8.6).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pinhole_crypto::Algorithm;
use pinhole_crypto::roll::free_payload_type;
use pinhole_crypto::session::{KeyEncryptionKey, SessionKey};
use pinhole_h323::asn::ObjectIdentifier;
use pinhole_h323::asn::h245::{
    EncryptionSync, OpenLogicalChannel, OpenLogicalChannelAck, OpenLogicalChannelRejectCause,
    RequestMode, TerminalCapabilitySet,
};
use pinhole_h323::control::channel::{ack_parameters_mut, forward_parameters_mut};
use pinhole_h323::h235::{self, WrappedKey};
use rand_chacha::rand_core::CryptoRng;

use super::Terms;
use super::agreement::Agreed;

/// Channels each way that keys are kept of; a peer that opens more does it to fill memory.
const MOST_CHANNELS: usize = 64;
/// The time between new keys of a channel; a peer that wants them faster does it to keep us busy.
pub(super) const BETWEEN_KEYS: Duration = Duration::from_secs(1);
/// The payload type that H.460.19 keepalives usually have: no key gets it.
pub(super) const KEEPALIVE: u8 = 127;

/// A session key, and the RTP payload type of what is encrypted with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaKey {
    /// The payload type.
    pub payload_type: u8,
    /// The key.
    pub key: SessionKey,
}

/// Why a channel cannot be opened on an encrypted leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It was to be clear.
    Clear,
    /// Its cipher is none that was agreed.
    Cipher,
    /// It came without a key from a master, or with one that cannot be used.
    Key,
    /// What it carries cannot be encrypted.
    DataType,
    /// The peer says of no cipher that it has it.
    NoCapability,
    /// It is not known yet who is master.
    NoMaster,
    /// There are too many.
    TooMany,
}

impl Refusal {
    /// For the opener (H.245 §7.3.3).
    pub(crate) const fn cause(self) -> OpenLogicalChannelRejectCause {
        match self {
            Self::DataType => OpenLogicalChannelRejectCause::dataTypeNotSupported(()),
            _ => OpenLogicalChannelRejectCause::securityDenied(()),
        }
    }

    /// The name of that.
    pub(crate) const fn cause_name(self) -> &'static str {
        match self {
            Self::DataType => "dataTypeNotSupported",
            _ => "securityDenied",
        }
    }

    /// Why, as the end of a sentence.
    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::Clear => "a channel in clear on a leg that is encrypted",
            Self::Cipher => "a cipher that was not agreed",
            Self::Key => "no session key, or one that cannot be used",
            Self::DataType => "a medium that cannot be encrypted",
            Self::NoCapability => "no cipher in the capabilities",
            Self::NoMaster => "a channel before master and slave are determined",
            Self::TooMany => "more encrypted channels than a call may have",
        }
    }
}

/// What a message about keys comes to.
#[derive(Debug, PartialEq)]
pub(crate) enum Update {
    /// The peer sends with the newest key of its channel now; nothing is to be said.
    Settled,
    /// Encrypt with this from now on; what is to be said to the peer.
    Encrypt(MediaKey, Option<pinhole_h323::Control>),
    /// Decrypt with this too; what is to be said to the peer, and whether the peer uses nothing else once it has heard it.
    Decrypt(MediaKey, Option<pinhole_h323::Control>, bool),
    /// Only this is to be said.
    Say(pinhole_h323::Control),
}

/// A channel, and what is known of its key.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) algorithm: Algorithm,
    pub(super) key: Option<MediaKey>,
    pub(super) payload_type: Option<u8>,
    /// A key that the peer has been told of and has not acknowledged.
    pub(super) next: Option<MediaKey>,
    pub(super) renewed: Option<Instant>,
    /// A new key of ours has not been answered yet.
    pub(super) unanswered: bool,
    /// Its key has been given to whoever encrypts or decrypts with it.
    pub(super) given: bool,
}

impl Channel {
    const fn new(algorithm: Algorithm, key: Option<MediaKey>, payload_type: Option<u8>) -> Self {
        let (next, renewed) = (None, None);
        Self { algorithm, key, payload_type, next, renewed, unanswered: false, given: false }
    }

    /// True when it has had a new key a moment ago.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        self.renewed.is_some_and(|last| now.duration_since(last) < BETWEEN_KEYS)
    }

    /// Its key, once.
    fn give(&mut self) -> Option<MediaKey> {
        let key = self.key.clone().filter(|_| !self.given)?;
        self.given = true;
        Some(key)
    }
}

/// See the head of the file.
#[derive(Debug)]
pub(crate) struct Party {
    agreed: Agreed,
    ciphers: Vec<Algorithm>,
    /// What the peer can decrypt; none before its capabilities came.
    theirs: Option<Vec<Algorithm>>,
    pub(super) master: Option<bool>,
    /// Channels that the peer opened.
    pub(super) into: BTreeMap<u16, Channel>,
    /// Channels that we opened.
    pub(super) out: BTreeMap<u16, Channel>,
    /// Payload types that no key of ours gets.
    avoided: Vec<u8>,
}

fn identifier(algorithm: Algorithm) -> ObjectIdentifier {
    ObjectIdentifier::new(algorithm.identifier())
}

/// The ciphers that we have among those named.
pub(crate) fn known(identifiers: &[ObjectIdentifier]) -> impl Iterator<Item = Algorithm> {
    let of = |named: &ObjectIdentifier| {
        Algorithm::ALL.into_iter().find(|algorithm| *named == identifier(*algorithm))
    };
    identifiers.iter().filter_map(of)
}

impl Party {
    /// The end of a leg on which a secret was agreed.
    pub(crate) fn new(agreed: Agreed, terms: &Terms) -> Self {
        let ciphers = terms.ciphers(agreed.group);
        let (into, out) = (BTreeMap::new(), BTreeMap::new());
        let avoided = vec![KEEPALIVE];
        Self { agreed, ciphers, theirs: None, master: None, into, out, avoided }
    }

    /// No key of ours gets one of these payload types, which its peer has for keepalives.
    pub(crate) fn avoid(&mut self, payload_types: impl IntoIterator<Item = u8>) {
        self.avoided.clear();
        self.avoided.extend(payload_types);
        self.avoided.push(KEEPALIVE);
    }

    /// A payload type for a key that has to be none of these, and rather none of a keepalive.
    pub(super) fn free_payload_type(&self, others: impl IntoIterator<Item = u8>) -> Option<u8> {
        let others: Vec<u8> = others.into_iter().collect();
        free_payload_type(&[&others[..], &self.avoided].concat())
    }

    /// Bits of the agreed group.
    pub(crate) fn dh_bits(&self) -> u32 {
        u32::try_from(self.agreed.group.bits()).unwrap_or(u32::MAX)
    }

    /// Who is master is determined: we, or the peer.
    pub(crate) const fn determined(&mut self, master: bool) {
        self.master = Some(master);
    }

    /// Says in our capability set which ciphers we have.
    pub(crate) fn offer(&self, set: &mut TerminalCapabilitySet) {
        let ciphers: Vec<_> = self.ciphers.iter().copied().map(identifier).collect();
        h235::add_capabilities(set, &ciphers);
    }

    /// Takes from the peer's capability set which ciphers it has; what is left is the set of a clear party. A set
    /// without a table changes nothing.
    pub(crate) fn told(&mut self, set: &mut TerminalCapabilitySet) {
        if set.capability_table.is_none() {
            return;
        }
        let entries = h235::capabilities(set);
        let mut theirs = Vec::new();
        for algorithm in entries.iter().flat_map(|entry| known(&entry.algorithms)) {
            if !theirs.contains(&algorithm) {
                theirs.push(algorithm);
            }
        }
        self.theirs = Some(theirs);
        h235::remove_capabilities(set);
    }

    /// Says of the modes that a clear party wants that they are encrypted.
    pub(crate) fn wants(&self, modes: &mut RequestMode) {
        if let Some(cipher) = self.common().or_else(|| self.ciphers.first().copied()) {
            h235::wrap_modes(modes, &identifier(cipher));
        }
    }

    /// True when the peer has told its capabilities, and none of our ciphers is among them.
    pub(crate) fn has_no_cipher(&self) -> bool {
        self.theirs.is_some() && self.common().is_none()
    }

    fn common(&self) -> Option<Algorithm> {
        let theirs = self.theirs.as_ref()?;
        self.ciphers.iter().copied().find(|cipher| theirs.contains(cipher))
    }

    /// The peer opens a channel: what is left is the opening of a clear channel. A clear codec gets its own payload type
    /// back.
    pub(crate) fn opened(
        &mut self,
        open: &mut OpenLogicalChannel,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), Refusal> {
        let number = open.forward_logical_channel_number.0;
        self.into.remove(&number);
        let forward = &mut open.forward_logical_channel_parameters;
        let (clear, named) = h235::unwrap(&forward.data_type).ok_or(Refusal::Clear)?;
        if h235::wrap(&clear, identifier(Algorithm::Aes128)).is_none() {
            return Err(Refusal::DataType);
        }
        // Exactly one, and one of ours.
        let algorithm = match (known(&named).next(), named.len()) {
            (Some(one), 1) if self.ciphers.contains(&one) => one,
            _ => return Err(Refusal::Cipher),
        };
        if self.into.len() >= MOST_CHANNELS {
            return Err(Refusal::TooMany);
        }
        let fixed = h235::static_payload_type(&clear);
        forward.data_type = clear;
        let sync = open.encryption_sync.take();
        let mut told = None;
        if let Some(parameters) = forward_parameters_mut(open) {
            told = parameters.dynamic_rtppayload_type;
            if fixed.is_some() {
                parameters.dynamic_rtppayload_type = None;
            }
        }
        let ours = self.master.ok_or(Refusal::NoMaster)?;
        let key = match sync {
            Some(sync) if !ours => Some(self.unwrapped(&sync, algorithm)?),
            // A master that sends its key later sends it in a command (H.245 encryptionUpdateCommand).
            _ if !ours => None,
            // A slave has no keys to give.
            _ => {
                let payload_type = told.or_else(|| self.free_payload_type([])).unwrap_or(96);
                Some(MediaKey { payload_type, key: SessionKey::generate(algorithm, rng) })
            }
        };
        let payload_type = key.as_ref().map(|key| key.payload_type).or(told);
        self.into.insert(number, Channel::new(algorithm, key, payload_type));
        Ok(())
    }

    /// We acknowledge a channel of the peer: what the answer needs is added. What its packets are decrypted with, if that
    /// is known yet, and was not before.
    pub(crate) fn accept(&mut self, ack: &mut OpenLogicalChannelAck) -> Option<MediaKey> {
        let channel = self.into.get(&ack.forward_logical_channel_number.0)?;
        if self.master == Some(true)
            && let Some(key) = &channel.key
        {
            ack.encryption_sync = self.wrapped(key);
        }
        if let Some(parameters) = ack_parameters_mut(ack) {
            parameters.dynamic_rtppayload_type = channel.payload_type;
        }
        self.into.get_mut(&ack.forward_logical_channel_number.0)?.give()
    }

    /// We open a channel: what makes it an encrypted one is added.
    pub(crate) fn open(
        &mut self,
        open: &mut OpenLogicalChannel,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), Refusal> {
        let number = open.forward_logical_channel_number.0;
        self.out.remove(&number);
        let algorithm = self.common().ok_or(Refusal::NoCapability)?;
        let forward = &mut open.forward_logical_channel_parameters;
        forward.data_type =
            h235::wrap(&forward.data_type, identifier(algorithm)).ok_or(Refusal::DataType)?;
        if self.out.len() >= MOST_CHANNELS {
            return Err(Refusal::TooMany);
        }
        let master = self.master.ok_or(Refusal::NoMaster)?;
        // Packets of a channel that is about to be replaced may still be on their way.
        let in_use = || self.out.values().filter_map(|channel| channel.payload_type);
        let taken = |told: &u8| self.avoided.contains(told) || in_use().any(|used| used == *told);
        let told = forward_parameters_mut(open).and_then(|told| told.dynamic_rtppayload_type);
        let payload_type = told
            .filter(|told| !taken(told))
            .or_else(|| self.free_payload_type(in_use()))
            .or_else(|| self.free_payload_type([]))
            .ok_or(Refusal::TooMany)?;
        if let Some(parameters) = forward_parameters_mut(open) {
            parameters.dynamic_rtppayload_type = Some(payload_type);
        }
        let key =
            master.then(|| MediaKey { payload_type, key: SessionKey::generate(algorithm, rng) });
        open.encryption_sync = key.as_ref().and_then(|key| self.wrapped(key));
        let payload_type = Some(payload_type);
        self.out.insert(number, Channel::new(algorithm, key, payload_type));
        Ok(())
    }

    /// The peer acknowledges a channel of ours: what is left is the answer of a clear party. What its packets are
    /// encrypted with, if that is known yet, and was not before. Acknowledged again it changes nothing, but that a master may
    /// name another key, as seldom as in an update.
    pub(crate) fn acknowledged(
        &mut self,
        now: Instant,
        ack: &mut OpenLogicalChannelAck,
    ) -> Result<Option<MediaKey>, Refusal> {
        let number = ack.forward_logical_channel_number.0;
        let sync = ack.encryption_sync.take();
        if let Some(parameters) = ack_parameters_mut(ack) {
            // It repeats the payload type of the cipher, which is nothing for the clear side to send.
            parameters.dynamic_rtppayload_type = None;
        }
        let Some(channel) = self.out.get(&number) else { return Ok(None) };
        let told = match sync {
            Some(sync) if self.master == Some(false) && !channel.is_fresh(now) => {
                Some(self.unwrapped(&sync, channel.algorithm)?)
            }
            _ => None,
        };
        let Some(channel) = self.out.get_mut(&number) else { return Ok(None) };
        if let Some(told) = told.filter(|told| channel.key.as_ref() != Some(told)) {
            // The opener chose the payload type; some masters name another one all the same.
            channel.payload_type = Some(told.payload_type);
            // The first key of a channel may be followed by another at once.
            channel.renewed = channel.key.is_some().then_some(now);
            (channel.key, channel.given) = (Some(told), false);
        }
        Ok(channel.give())
    }

    /// A channel of the peer, or of ours, is closed.
    pub(crate) fn closed(&mut self, number: u16, opened_by_peer: bool) {
        let channels = if opened_by_peer { &mut self.into } else { &mut self.out };
        channels.remove(&number);
    }

    /// True when the peer, or we, have a channel of this number open.
    pub(crate) fn is_open(&self, number: u16, by_peer: bool) -> bool {
        if by_peer { self.into.contains_key(&number) } else { self.out.contains_key(&number) }
    }

    fn wrapping_key(&self, algorithm: Algorithm) -> KeyEncryptionKey {
        self.agreed.secret.key_encryption_key(algorithm)
    }

    pub(super) fn wrapped(&self, key: &MediaKey) -> Option<Box<EncryptionSync>> {
        let algorithm = key.key.algorithm();
        let octets = self.wrapping_key(algorithm).wrap(&key.key).ok()?;
        let (payload_type, algorithm) = (key.payload_type, Some(identifier(algorithm)));
        WrappedKey { payload_type, algorithm, octets }.to_sync().ok().map(Box::new)
    }

    pub(super) fn unwrapped(
        &self,
        sync: &EncryptionSync,
        algorithm: Algorithm,
    ) -> Result<MediaKey, Refusal> {
        let told = WrappedKey::read(sync).ok_or(Refusal::Key)?;
        if told.algorithm.is_some_and(|named| named != identifier(algorithm)) {
            return Err(Refusal::Cipher);
        }
        if told.payload_type > 127 {
            return Err(Refusal::Key);
        }
        let key = self.wrapping_key(algorithm).unwrap(&told.octets).map_err(|_| Refusal::Key)?;
        Ok(MediaKey { payload_type: told.payload_type, key })
    }
}
