//! What an end of an encrypted leg makes of H.245 messages: those of the peer become those of a clear party, those of a
//! clear party become what the peer has to hear.

use std::time::Instant;

use pinhole_h323::Control;
use pinhole_h323::asn::h245::{
    CommandMessage, EncryptionUpdateDirection, MasterSlaveDeterminationAckDecision as Decision,
    MiscellaneousCommand, MiscellaneousCommandType as Kind,
    MultimediaSystemControlMessage as Message, RequestMessage as Request,
    ResponseMessage as Response,
};
use pinhole_h323::h235;
use rand_chacha::rand_core::CryptoRng;

use super::party::{MediaKey, Party, Refusal, Update};

/// What becomes of a message.
#[derive(Debug, Default)]
pub(crate) struct Filtered {
    /// The keys that it brought.
    pub(crate) keys: Vec<Key>,
    /// A channel of the peer on which only the newest key is used from now on.
    pub(crate) settled: Option<u16>,
    /// It goes no further; why, if a channel was refused by it.
    pub(crate) stopped: Option<Option<Refusal>>,
    /// What the one who said it is answered.
    pub(crate) answer: Option<Control>,
}

/// A key for a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// The number of the channel.
    pub(crate) channel: u16,
    /// True when the peer opened it, so that its packets are decrypted; false when they are encrypted.
    pub(crate) from_peer: bool,
    /// The key.
    pub(crate) key: MediaKey,
}

impl Filtered {
    fn key(channel: u16, from_peer: bool, key: MediaKey) -> Self {
        Self { keys: vec![Key { channel, from_peer, key }], ..Self::default() }
    }

    /// What an update of a channel's key comes to.
    pub(crate) fn of(channel: u16, update: Update) -> Self {
        match update {
            Update::Encrypt(key, answer) => Self { answer, ..Self::key(channel, false, key) },
            Update::Decrypt(key, answer, alone) => {
                let settled = alone.then_some(channel);
                Self { answer, settled, ..Self::key(channel, true, key) }
            }
            Update::Settled => Self { settled: Some(channel), ..Self::default() },
            Update::Say(answer) => Self { answer: Some(answer), ..Self::default() },
        }
    }

    fn refused(channel: u16, refusal: Refusal) -> Self {
        let answer = Some(Control::reject(channel, refusal.cause()));
        Self { stopped: Some(Some(refusal)), answer, ..Self::default() }
    }
}

impl Party {
    /// Takes a message of the peer. What is left of it is for a clear party.
    pub(crate) fn receive(
        &mut self,
        now: Instant,
        control: &mut Control,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Filtered {
        if !concerns(control) {
            return Filtered::default();
        }
        control.edit(|message| self.receive_message(now, message, rng))
    }

    fn receive_message(
        &mut self,
        now: Instant,
        message: &mut Message,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Filtered {
        match message {
            Message::request(Request::terminalCapabilitySet(set)) => self.told(set),
            Message::request(Request::openLogicalChannel(open)) => {
                let number = open.forward_logical_channel_number.0;
                // Which way a key of a channel with two ways would work, nobody has written down.
                let two_ways = open.reverse_logical_channel_parameters.is_some();
                let opened = if two_ways { Err(Refusal::DataType) } else { self.opened(open, rng) };
                if let Err(refusal) = opened {
                    return Filtered::refused(number, refusal);
                }
            }
            Message::request(Request::closeLogicalChannel(close)) => {
                self.closed(close.forward_logical_channel_number.0, true);
            }
            Message::request(Request::requestMode(modes)) => h235::unwrap_modes(modes),
            Message::response(response) => return self.responded(now, response),
            Message::command(CommandMessage::miscellaneousCommand(command)) => {
                return self.commanded(now, command, rng);
            }
            _ => {}
        }
        Filtered::default()
    }

    fn responded(&mut self, now: Instant, response: &mut Response) -> Filtered {
        match response {
            Response::masterSlaveDeterminationAck(ack) => {
                self.determined(matches!(ack.decision, Decision::master(())));
            }
            Response::openLogicalChannelAck(ack) => {
                let number = ack.forward_logical_channel_number.0;
                match self.acknowledged(now, ack) {
                    Ok(Some(key)) => return Filtered::key(number, false, key),
                    Ok(None) => {}
                    Err(refusal) => {
                        // It stays without a key, and so without a packet.
                        return Filtered { stopped: Some(Some(refusal)), ..Filtered::default() };
                    }
                }
            }
            Response::openLogicalChannelReject(reject) => {
                self.closed(reject.forward_logical_channel_number.0, false);
            }
            _ => {}
        }
        Filtered::default()
    }

    fn commanded(
        &mut self,
        now: Instant,
        command: &MiscellaneousCommand,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Filtered {
        let number = command.logical_channel_number.0;
        let told = match &command.direction {
            Some(EncryptionUpdateDirection::masterToSlave(())) => Some(false),
            Some(EncryptionUpdateDirection::slaveToMaster(())) => Some(true),
            _ => None,
        };
        let update = match &command.r_type {
            Kind::encryptionUpdateCommand(update) => {
                let to_master = told.unwrap_or_else(|| self.is_open(number, false));
                self.updated(now, number, to_master, &update.encryption_sync)
            }
            Kind::encryptionUpdate(sync) => {
                let to_master = told.unwrap_or_else(|| self.is_open(number, false));
                self.updated(now, number, to_master, sync)
            }
            Kind::encryptionUpdateRequest(_) => {
                let to_master = told.unwrap_or_else(|| self.is_open(number, true));
                self.renew(now, number, to_master, rng)
            }
            Kind::encryptionUpdateAck(ack) => {
                let to_master = told.unwrap_or_else(|| !self.is_open(number, false));
                self.update_acknowledged(number, to_master, ack.synch_flag)
            }
            _ => return Filtered::default(),
        };
        let filtered = update.map_or_else(Filtered::default, |update| Filtered::of(number, update));
        Filtered { stopped: Some(None), ..filtered }
    }

    /// Says a message of a clear party to the peer.
    pub(crate) fn say(
        &mut self,
        control: &mut Control,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Filtered {
        if !concerns(control) {
            return Filtered::default();
        }
        control.edit(|message| match message {
            Message::request(Request::terminalCapabilitySet(set)) => {
                self.offer(set);
                Filtered::default()
            }
            Message::request(Request::openLogicalChannel(open)) => {
                let number = open.forward_logical_channel_number.0;
                let two_ways = open.reverse_logical_channel_parameters.is_some();
                let opened = if two_ways { Err(Refusal::DataType) } else { self.open(open, rng) };
                opened.err().map_or_else(Filtered::default, |why| Filtered::refused(number, why))
            }
            Message::request(Request::closeLogicalChannel(close)) => {
                self.closed(close.forward_logical_channel_number.0, false);
                Filtered::default()
            }
            Message::request(Request::requestMode(modes)) => {
                self.wants(modes);
                Filtered::default()
            }
            Message::response(response) => match &mut **response {
                Response::masterSlaveDeterminationAck(ack) => {
                    // It says what the peer is.
                    self.determined(matches!(ack.decision, Decision::slave(())));
                    Filtered::default()
                }
                Response::openLogicalChannelAck(ack) => {
                    let number = ack.forward_logical_channel_number.0;
                    let key = self.accept(ack);
                    key.map_or_else(Filtered::default, |key| Filtered::key(number, true, key))
                }
                Response::openLogicalChannelReject(reject) => {
                    self.closed(reject.forward_logical_channel_number.0, true);
                    Filtered::default()
                }
                _ => Filtered::default(),
            },
            _ => Filtered::default(),
        })
    }
}

/// True for a message that has to do with encryption: all others keep their octets.
fn concerns(control: &Control) -> bool {
    match control.message() {
        Message::request(request) => matches!(
            request,
            Request::terminalCapabilitySet(_)
                | Request::openLogicalChannel(_)
                | Request::closeLogicalChannel(_)
                | Request::requestMode(_)
        ),
        Message::response(response) => matches!(
            &**response,
            Response::masterSlaveDeterminationAck(_)
                | Response::openLogicalChannelAck(_)
                | Response::openLogicalChannelReject(_)
        ),
        Message::command(CommandMessage::miscellaneousCommand(command)) => matches!(
            &command.r_type,
            Kind::encryptionUpdate(_)
                | Kind::encryptionUpdateRequest(_)
                | Kind::encryptionUpdateCommand(_)
                | Kind::encryptionUpdateAck(_)
        ),
        _ => false,
    }
}
