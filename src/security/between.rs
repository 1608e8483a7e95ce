//! Two parties that have agreed on a secret between themselves: whether they take it up, as far as their H.245 shows
//! it. Where encryption is required nothing of a call passes that does not.

use std::collections::BTreeMap;
use std::time::Instant;

use pinhole_crypto::Algorithm;
use pinhole_h323::Control;
use pinhole_h323::asn::ObjectIdentifier;
use pinhole_h323::asn::h245::{
    CommandMessage, EncryptionSync, EncryptionUpdateDirection, MiscellaneousCommand,
    MiscellaneousCommandType as Kind, MultimediaSystemControlMessage as Message,
    OpenLogicalChannel, RequestMessage as Request, ResponseMessage as Response,
    TerminalCapabilitySet,
};
use pinhole_h323::h235::{self, WrappedKey};

use super::agreement::Offer;
use super::party::{BETWEEN_KEYS, Refusal, known};
use crate::face::Side;

/// Channels that are kept; who opens more does it to fill memory.
const MOST_CHANNELS: usize = 128;

/// See the head of the file.
#[derive(Debug)]
pub(crate) struct Between {
    /// What the called party answered.
    answer: Offer,
    /// The ciphers that are strong enough.
    ciphers: Vec<Algorithm>,
    /// True when nothing may pass in clear.
    strict: bool,
    /// The ciphers that each party has, once it has told.
    theirs: [Option<Vec<Algorithm>>; 2],
    /// The channels, by opener and number.
    channels: BTreeMap<(Side, u16), Channel>,
}

/// What is known of a channel's key.
#[derive(Debug)]
struct Channel {
    algorithm: Algorithm,
    /// The newest one that went by.
    newest: Option<WrappedKey>,
    /// When it followed another.
    renewed: Option<Instant>,
}

/// A channel that has a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Who opened it, and sends.
    pub(crate) opener: Side,
    /// Its number.
    pub(crate) number: u16,
    /// Its cipher.
    pub(crate) algorithm: Algorithm,
    /// The payload type of what is encrypted.
    pub(crate) payload_type: u8,
}

/// What a message shows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// A channel has a key, or another one.
    pub(crate) taken: Option<Taken>,
    /// The receiver of a channel is ready for its newest key: opener and number.
    pub(crate) settled: Option<(Side, u16)>,
    /// It brings another key too soon after the last, and goes no further.
    pub(crate) early: bool,
    /// The channel must not come about.
    pub(crate) refused: Option<Refusal>,
    /// The call must not go on.
    pub(crate) breach: Option<Breach>,
}

/// What the capabilities of parties lack that have agreed on a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Breach {
    /// The party has no cipher that would do.
    NoCipher,
    /// The two have none in common.
    NoneInCommon,
}

impl Seen {
    fn refused(refusal: Refusal) -> Self {
        Self { refused: Some(refusal), ..Self::default() }
    }
}

impl Between {
    /// Two parties of which the called one answered this.
    pub(crate) const fn new(answer: Offer, ciphers: Vec<Algorithm>, strict: bool) -> Self {
        Self { answer, ciphers, strict, theirs: [None, None], channels: BTreeMap::new() }
    }

    /// True when nothing may pass in clear.
    pub(crate) const fn is_strict(&self) -> bool {
        self.strict
    }

    /// True for the half key that the called party answered with.
    pub(crate) fn is_answer(&self, offer: &Offer) -> bool {
        *offer == self.answer
    }

    /// Bits of the agreed group.
    pub(crate) fn dh_bits(&self) -> u32 {
        u32::try_from(self.answer.group.bits()).unwrap_or(u32::MAX)
    }

    /// Looks at a message of a party, and takes out of it what may not be. `early`: it was said before the agreement, so
    /// that what it leaves out need not be the party's last word.
    pub(crate) fn see(
        &mut self,
        now: Instant,
        from: Side,
        control: &mut Control,
        early: bool,
    ) -> Seen {
        match control.message() {
            Message::request(Request::terminalCapabilitySet(set)) if self.strict => {
                let breach = self.lacks(from, set, early);
                if breach.is_some() {
                    return Seen { breach, ..Seen::default() };
                }
                let allowed = self.identifiers();
                control.edit(|message| {
                    if let Message::request(Request::terminalCapabilitySet(set)) = message {
                        h235::keep_algorithms(set, &allowed);
                        h235::remove_events(set);
                    }
                });
                Seen::default()
            }
            Message::request(Request::openLogicalChannel(open)) => self.opened(now, from, open),
            Message::request(Request::closeLogicalChannel(close)) => {
                self.channels.remove(&(from, close.forward_logical_channel_number.0));
                Seen::default()
            }
            Message::response(response) => match &**response {
                Response::openLogicalChannelAck(ack) => {
                    let channel = (from.other(), ack.forward_logical_channel_number.0);
                    self.told(now, channel, ack.encryption_sync.as_deref())
                }
                Response::openLogicalChannelReject(reject) => {
                    let number = reject.forward_logical_channel_number.0;
                    self.channels.remove(&(from.other(), number));
                    Seen::default()
                }
                _ => Seen::default(),
            },
            Message::command(CommandMessage::miscellaneousCommand(command)) => {
                self.commanded(now, from, command)
            }
            _ => Seen::default(),
        }
    }

    fn identifiers(&self) -> Vec<ObjectIdentifier> {
        let ciphers = self.ciphers.iter();
        ciphers.map(|cipher| ObjectIdentifier::new(cipher.identifier())).collect()
    }

    /// What a capability set lacks. One without a table says nothing of ciphers (a pause, H.323 §8.4.6).
    fn lacks(&mut self, from: Side, set: &TerminalCapabilitySet, early: bool) -> Option<Breach> {
        set.capability_table.as_ref()?;
        let entries = h235::capabilities(set);
        let named = entries.iter().flat_map(|entry| known(&entry.algorithms));
        let theirs: Vec<Algorithm> = named.filter(|one| self.ciphers.contains(one)).collect();
        if theirs.is_empty() {
            return (!early).then_some(Breach::NoCipher);
        }
        let other = self.theirs.get(from.other().index()).and_then(Option::as_ref);
        let none = other.is_some_and(|other| !theirs.iter().any(|cipher| other.contains(cipher)));
        if let Some(slot) = self.theirs.get_mut(from.index()) {
            *slot = Some(theirs);
        }
        none.then_some(Breach::NoneInCommon)
    }

    /// False when a party has told its ciphers, and this is none of them.
    fn takes(&self, party: Side, cipher: Algorithm) -> bool {
        let theirs = self.theirs.get(party.index()).and_then(Option::as_ref);
        theirs.is_none_or(|theirs| theirs.contains(&cipher))
    }

    fn opened(&mut self, now: Instant, from: Side, open: &OpenLogicalChannel) -> Seen {
        let channel = (from, open.forward_logical_channel_number.0);
        self.channels.remove(&channel);
        let data = &open.forward_logical_channel_parameters.data_type;
        let algorithm = match h235::unwrap(data) {
            _ if self.strict && open.reverse_logical_channel_parameters.is_some() => {
                return Seen::refused(Refusal::DataType);
            }
            None if self.strict => return Seen::refused(Refusal::Clear),
            None => return Seen::default(),
            Some((_, named)) => match (known(&named).next(), named.len()) {
                (Some(one), 1) if self.ciphers.contains(&one) && self.takes(from.other(), one) => {
                    one
                }
                _ if self.strict => return Seen::refused(Refusal::Cipher),
                _ => return Seen::default(),
            },
        };
        if self.channels.len() >= MOST_CHANNELS {
            return if self.strict { Seen::refused(Refusal::TooMany) } else { Seen::default() };
        }
        self.channels.insert(channel, Channel { algorithm, newest: None, renewed: None });
        self.told(now, channel, open.encryption_sync.as_deref())
    }

    /// The key of a channel goes by: it has to be wrapped, and of the channel's cipher. Said again it is no other key, and
    /// others may come as seldom as our own peers may have them.
    fn told(&mut self, now: Instant, channel: (Side, u16), sync: Option<&EncryptionSync>) -> Seen {
        let (Some(known), Some(sync)) = (self.channels.get_mut(&channel), sync) else {
            return Seen::default();
        };
        let algorithm = known.algorithm;
        let fresh = known.renewed.is_some_and(|last| now.duration_since(last) < BETWEEN_KEYS);
        let of_it = |key: &WrappedKey| {
            let named = key.algorithm.as_ref();
            named.is_none_or(|named| *named == ObjectIdentifier::new(algorithm.identifier()))
                && key.octets.len() == algorithm.key_length()
                && key.payload_type < 128
        };
        match WrappedKey::read(sync).filter(of_it) {
            Some(key) if known.newest.as_ref() == Some(&key) => Seen::default(),
            Some(_) if fresh => Seen { early: true, ..Seen::default() },
            Some(key) => {
                let (opener, number) = channel;
                let payload_type = key.payload_type;
                // The first key of a channel may be followed by another at once.
                known.renewed = known.newest.is_some().then_some(now);
                known.newest = Some(key);
                let taken = Some(Taken { opener, number, algorithm, payload_type });
                Seen { taken, ..Seen::default() }
            }
            None if self.strict => Seen::refused(Refusal::Key),
            None => Seen::default(),
        }
    }

    /// An update of a key, or the answer to it.
    fn commanded(&mut self, now: Instant, from: Side, command: &MiscellaneousCommand) -> Seen {
        let number = command.logical_channel_number.0;
        let (sync, master) = match &command.r_type {
            Kind::encryptionUpdateCommand(update) => (Some(&update.encryption_sync), from),
            Kind::encryptionUpdate(sync) => (Some(&**sync), from),
            Kind::encryptionUpdateAck(_) => (None, from.other()),
            _ => return Seen::default(),
        };
        let opener = match &command.direction {
            Some(EncryptionUpdateDirection::masterToSlave(())) => master,
            Some(EncryptionUpdateDirection::slaveToMaster(())) => master.other(),
            _ if self.channels.contains_key(&(master, number)) => master,
            _ => master.other(),
        };
        match sync {
            Some(_) => self.told(now, (opener, number), sync),
            None if self.channels.contains_key(&(opener, number)) => {
                Seen { settled: Some((opener, number)), ..Seen::default() }
            }
            None => Seen::default(),
        }
    }
}
