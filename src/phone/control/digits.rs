//! Digits as H.245 UserInputIndication, both ways.

use pinhole_h323::asn::h245::{
    IndicationMessage, MultimediaSystemControlMessage, UserInputIndication,
    UserInputIndicationSignal,
};
use pinhole_h323::asn::{GeneralString, Ia5String};

use super::indicate;

/// How long a digit sounds, in milliseconds.
const DURATION: u16 = 100;

/// What a digit may be (UserInputIndication.signal.signalType).
pub const DIGITS: &str = "0123456789*#ABCD!";

/// Characters of one indication that are looked at.
const MOST: usize = 128;

/// The indication of a digit: as a signal, or for a peer that has not asked for those as a character.
pub(super) fn say(digit: char, as_signal: bool) -> Option<MultimediaSystemControlMessage> {
    if !DIGITS.contains(digit) {
        return None;
    }
    let text = digit.to_string();
    let input = if as_signal {
        UserInputIndication::signal(Box::new(UserInputIndicationSignal {
            signal_type: Ia5String::from(text.as_str()),
            duration: Some(DURATION),
            ..UserInputIndicationSignal::default()
        }))
    } else {
        UserInputIndication::alphanumeric(GeneralString::from(text.as_str()))
    };
    Some(indicate(IndicationMessage::userInput(Box::new(input))))
}

/// The digits that an indication says, if it says some.
pub(super) fn heard(input: &UserInputIndication) -> Option<String> {
    let octets = match input {
        UserInputIndication::alphanumeric(text) => text.as_bytes(),
        UserInputIndication::signal(signal) => signal.signal_type.as_bytes(),
        _ => return None,
    };
    let text = octets.iter().take(MOST).map(|octet| char::from(*octet));
    let text: String = text.filter(|c| !c.is_control()).collect();
    Some(text).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use pinhole_h323::asn::{decode_h245, encode_h245};

    #[test]
    fn digits_in_both_forms() {
        for (as_signal, digit) in [(true, '5'), (true, '#'), (false, '*'), (false, 'D')] {
            let message = say(digit, as_signal).unwrap();
            let arrived = decode_h245(&encode_h245(&message).unwrap()).unwrap();
            let MultimediaSystemControlMessage::indication(indication) = arrived else { panic!() };
            let IndicationMessage::userInput(input) = *indication else { panic!() };
            assert_eq!(heard(&input), Some(digit.to_string()));
        }
        assert_eq!(say('x', true), None);
        assert_eq!(heard(&UserInputIndication::default()), None);
    }
}
