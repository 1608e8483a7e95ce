//! The token of H.239: only who holds it shows a second video (H.239 §9).

use pinhole_h323::asn::ObjectIdentifier;
use pinhole_h323::asn::h245::{
    CapabilityIdentifier, GenericMessage, GenericParameter, MultimediaSystemControlMessage,
    ParameterIdentifier, ParameterValue, RequestMessage, ResponseMessage,
};

use super::{request, respond};

/// The messages of H.239 (§10).
const MESSAGES: [u32; 5] = [0, 0, 8, 239, 2];

/// subMessageIdentifier.
mod sub {
    /// flowControlReleaseRequest.
    pub(super) const RELEASE_REQUEST: u8 = 1;
    /// flowControlReleaseResponse.
    pub(super) const RELEASE_RESPONSE: u8 = 2;
    /// presentationTokenRequest.
    pub(super) const REQUEST: u8 = 3;
    /// presentationTokenResponse.
    pub(super) const RESPONSE: u8 = 4;
    /// presentationTokenRelease.
    pub(super) const RELEASE: u8 = 5;
}

/// Parameters of the messages.
mod parameter {
    /// channelId.
    pub(super) const CHANNEL: u8 = 42;
    /// symmetryBreaking.
    pub(super) const SYMMETRY_BREAKING: u8 = 43;
    /// terminalLabel.
    pub(super) const TERMINAL: u8 = 44;
    /// acknowledge.
    pub(super) const ACKNOWLEDGE: u8 = 126;
    /// reject.
    pub(super) const REJECT: u8 = 127;
}

/// Who holds the token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Token {
    /// Nobody.
    #[default]
    Free,
    /// We have asked for it, with this symmetryBreaking.
    Asked(u8),
    /// We.
    Ours,
    /// The peer, or it refused us: we do not ask again before it gives the token back.
    Theirs,
}

impl Token {
    /// Asks for the token, for a channel.
    pub(super) fn ask(&mut self, channel: u16, chance: u32) -> MultimediaSystemControlMessage {
        let breaking = (chance % 127) as u8 + 1;
        *self = Self::Asked(breaking);
        let content = vec![
            number(parameter::TERMINAL, 0),
            number(parameter::CHANNEL, channel),
            number(parameter::SYMMETRY_BREAKING, breaking.into()),
        ];
        let message = message(sub::REQUEST, content);
        request(RequestMessage::genericRequest(Box::new(message)))
    }

    /// The answer to a request of H.239; nothing to another.
    pub(super) fn asked(
        &mut self,
        message: &GenericMessage,
    ) -> Option<MultimediaSystemControlMessage> {
        let content = message.message_content.as_deref().unwrap_or_default();
        let channel = read(content, parameter::CHANNEL).unwrap_or(0);
        let (answer, yes) = match of_239(message)? {
            sub::REQUEST => {
                let theirs = read(content, parameter::SYMMETRY_BREAKING).unwrap_or(0);
                (sub::RESPONSE, self.yields(theirs))
            }
            // What the peer wants less of flows on: there is nothing to slow down in a test.
            sub::RELEASE_REQUEST => (sub::RELEASE_RESPONSE, false),
            _ => return None,
        };
        let verdict = if yes { parameter::ACKNOWLEDGE } else { parameter::REJECT };
        let content = vec![
            logical(verdict),
            number(parameter::TERMINAL, 0),
            number(parameter::CHANNEL, channel),
        ];
        let message = self::message(answer, content);
        Some(respond(ResponseMessage::genericResponse(Box::new(message))))
    }

    /// The answer of the peer; true when the token is ours by it.
    pub(super) fn answered(&mut self, message: &GenericMessage) -> bool {
        let Self::Asked(_) = self else { return false };
        if of_239(message) != Some(sub::RESPONSE) {
            return false;
        }
        let content = message.message_content.as_deref().unwrap_or_default();
        let granted = content.iter().any(|one| is(one, parameter::ACKNOWLEDGE));
        *self = if granted { Self::Ours } else { Self::Theirs };
        granted
    }

    /// A command of the peer: it may give the token back.
    pub(super) fn commanded(&mut self, message: &GenericMessage) {
        if of_239(message) == Some(sub::RELEASE) && *self == Self::Theirs {
            *self = Self::Free;
        }
    }

    /// Whether the peer may have the token: the higher number wins, and of equal ones neither (H.239 §9.2).
    fn yields(&mut self, theirs: u16) -> bool {
        let yields = match *self {
            Self::Free | Self::Theirs => true,
            Self::Asked(ours) => theirs > u16::from(ours),
            Self::Ours => false,
        };
        if yields {
            *self = Self::Theirs;
        }
        yields
    }
}

/// The subMessageIdentifier of a message of H.239.
fn of_239(message: &GenericMessage) -> Option<u8> {
    let ours = CapabilityIdentifier::standard(ObjectIdentifier::from(MESSAGES));
    (message.message_identifier == ours).then_some(message.sub_message_identifier)?
}

fn message(sub: u8, content: Vec<GenericParameter>) -> GenericMessage {
    GenericMessage {
        message_identifier: CapabilityIdentifier::standard(ObjectIdentifier::from(MESSAGES)),
        sub_message_identifier: Some(sub),
        message_content: Some(content),
        ..GenericMessage::default()
    }
}

fn number(parameter: u8, value: u16) -> GenericParameter {
    GenericParameter {
        parameter_identifier: ParameterIdentifier::standard(parameter),
        parameter_value: ParameterValue::unsignedMin(value),
        ..GenericParameter::default()
    }
}

fn logical(parameter: u8) -> GenericParameter {
    GenericParameter {
        parameter_identifier: ParameterIdentifier::standard(parameter),
        parameter_value: ParameterValue::logical(()),
        ..GenericParameter::default()
    }
}

fn is(one: &GenericParameter, parameter: u8) -> bool {
    one.parameter_identifier == ParameterIdentifier::standard(parameter)
}

fn read(content: &[GenericParameter], parameter: u8) -> Option<u16> {
    match content.iter().find(|one| is(one, parameter))?.parameter_value {
        ParameterValue::unsignedMin(value) | ParameterValue::unsignedMax(value) => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pinhole_h323::asn::{decode_h245, encode_h245};

    fn asking(message: &MultimediaSystemControlMessage) -> GenericMessage {
        match decode_h245(&encode_h245(message).unwrap()).unwrap() {
            MultimediaSystemControlMessage::request(RequestMessage::genericRequest(message)) => {
                *message
            }
            other => panic!("{other:?}"),
        }
    }

    fn answer(message: Option<MultimediaSystemControlMessage>) -> GenericMessage {
        match decode_h245(&encode_h245(&message.unwrap()).unwrap()).unwrap() {
            MultimediaSystemControlMessage::response(response) => match *response {
                ResponseMessage::genericResponse(message) => *message,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_token_goes_to_who_asks_alone() {
        let (mut ours, mut theirs) = (Token::Free, Token::Free);
        let asked = asking(&ours.ask(40_001, 5));
        assert_eq!(read(asked.message_content.as_ref().unwrap(), 42), Some(40_001));
        assert!(ours.answered(&answer(theirs.asked(&asked))));
        assert_eq!((ours, theirs), (Token::Ours, Token::Theirs));
        // Who holds it does not give it away, and who gives it back can be asked again.
        let again = asking(&Token::Free.ask(1, 9));
        assert!(!Token::Asked(3).answered(&answer(ours.asked(&again))));
        theirs.commanded(&message(sub::RELEASE, Vec::new()));
        assert_eq!(theirs, Token::Free);
    }

    #[test]
    fn of_two_who_ask_at_once_the_higher_number_wins() {
        for (one, other, expected) in [
            (7, 3, (Token::Ours, Token::Theirs)),
            (3, 7, (Token::Theirs, Token::Ours)),
            (5, 5, (Token::Theirs, Token::Theirs)),
        ] {
            let (mut ours, mut theirs) = (Token::Free, Token::Free);
            let (first, second) = (asking(&ours.ask(1, one)), asking(&theirs.ask(2, other)));
            let (to_them, to_us) = (ours.asked(&second), theirs.asked(&first));
            ours.answered(&answer(to_us));
            theirs.answered(&answer(to_them));
            assert_eq!((ours, theirs), expected);
        }
    }

    #[test]
    fn what_is_not_of_239_is_not_ours() {
        let other = GenericMessage { sub_message_identifier: Some(3), ..GenericMessage::default() };
        let mut token = Token::Asked(1);
        assert_eq!(token.asked(&other), None);
        assert!(!token.answered(&other));
        assert_eq!(token.asked(&message(9, Vec::new())), None);
        assert_eq!(token, Token::Asked(1));
    }
}
