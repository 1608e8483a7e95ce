//! The proof of a separate H.245 connection between the ends of a zone: as on the connection of the call, the server sends
//! a number that was never used, and the client answers with a hash over it, under the bond of the call. So a copy of the
//! answer is worth nothing on another connection, and one of the first message (connectionCorrelation) nothing at all.

use pinhole_crypto::token::HASH;
use pinhole_h323::asn::h245::{
    CapabilityIdentifier, GenericMessage, GenericParameter, IndicationMessage,
    MultimediaSystemControlMessage, ParameterIdentifier, ParameterValue,
};
use pinhole_h323::control::Control;
use pinhole_h323::h46018::Correlation;
use pinhole_h323::id::CallId;
use rand::RngExt as _;

use super::challenge::{Asked, Bond, LENGTH};
use super::{Proof, mark};
use crate::face::StreamId;
use crate::node::Cx;

/// Of a server: the number that is asked about. Of a client: the answer.
const NUMBER: u8 = 1;
const ANSWER: u8 = 2;

fn answer(bond: Bond, call: CallId, number: &[u8]) -> [u8; HASH] {
    bond.seal(&format!("pinhole zone control {call} {}", mark::hex(number)))
}

/// An indication under our identifier that carries one of both.
fn word(parameter: u8, octets: &[u8]) -> Control {
    Control::indication(IndicationMessage::genericIndication(Box::new(GenericMessage {
        message_identifier: CapabilityIdentifier::uuid(mark::OURS.to_vec().into()),
        sub_message_identifier: None,
        message_content: Some(vec![GenericParameter {
            parameter_identifier: ParameterIdentifier::standard(parameter),
            parameter_value: ParameterValue::octetString(octets.to_vec().into()),
            supersedes: None,
            unknown_ext: None,
        }]),
        unknown_ext: None,
    })))
}

/// The number or the answer that a message carries.
fn read(octets: &[u8], parameter: u8) -> Option<Vec<u8>> {
    let control = Control::decode(octets).ok()?;
    let MultimediaSystemControlMessage::indication(indication) = control.message() else {
        return None;
    };
    let IndicationMessage::genericIndication(generic) = &**indication else { return None };
    let CapabilityIdentifier::uuid(identifier) = &generic.message_identifier else { return None };
    if identifier.as_ref() != mark::OURS {
        return None;
    }
    let mut all = generic.message_content.iter().flatten();
    all.find_map(|one| match (&one.parameter_identifier, &one.parameter_value) {
        (ParameterIdentifier::standard(number), ParameterValue::octetString(octets))
            if *number == parameter =>
        {
            Some(octets.to_vec())
        }
        _ => None,
    })
}

/// The server's side: a connection has come that may be the H.245 connection of a call; it is asked.
pub(crate) fn ask_control(cx: &mut Cx<'_>, stream: StreamId, bond: Bond, call: CallId) {
    let number: [u8; LENGTH] = cx.core.rng.random();
    let answer = answer(bond, call, &number);
    let Some(known) = cx.core.streams.get_mut(stream) else { return };
    known.asked = Some(Box::new(Asked::new(answer, bond)));
    if let Ok(octets) = word(NUMBER, &number).encode() {
        cx.send(stream, &octets);
    }
}

/// A message came on it. The first has to say that it is for this call (H.460.18 §11).
pub(crate) fn prove_control(
    cx: &mut Cx<'_>,
    stream: StreamId,
    call: CallId,
    octets: &[u8],
) -> Proof {
    let Some(known) = cx.core.streams.get_mut(stream) else { return Proof::Wrong };
    let Some(asked) = &mut known.asked else { return Proof::Wrong };
    let begins = || {
        let first = Control::decode(octets).ok();
        first.and_then(|first| Correlation::read(&first)).is_some_and(|it| it.call_id == call)
    };
    let Some(said) = read(octets, ANSWER) else {
        return if asked.has_begun() || begins() { asked.keep(octets) } else { Proof::Wrong };
    };
    let Some((all, bond)) = asked.given(&said) else { return Proof::Wrong };
    known.asked = None;
    Proof::Given(all, bond)
}

/// The client's side: the first message that came on an H.245 connection of ours to the server of a zone. True if it asks
/// whose the connection is. Later ones may be of the other party of the call, who is not to have an answer.
pub(crate) fn asked_for_control(
    cx: &mut Cx<'_>,
    stream: StreamId,
    bond: Bond,
    call: CallId,
    octets: &[u8],
) -> bool {
    let number = read(octets, NUMBER).filter(|number| number.len() == LENGTH);
    let Some(number) = number else { return false };
    if let Ok(octets) = word(ANSWER, &answer(bond, call, &number)).encode() {
        cx.send(stream, &octets);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: CallId = CallId([7; 16]);

    #[test]
    fn numbers_and_answers_survive_the_way() {
        let octets = word(NUMBER, &[9; LENGTH]).encode().unwrap();
        assert_eq!(read(&octets, NUMBER), Some(vec![9; LENGTH]));
        assert_eq!(read(&octets, ANSWER), None);
        let other = Correlation { call_id: CALL, answer_call: true }.to_control();
        assert_eq!(read(&other.encode().unwrap(), NUMBER), None);
    }

    #[test]
    fn an_answer_is_of_one_bond_one_call_and_one_number() {
        let all = [
            answer(Bond::of([3; HASH]), CALL, &[1; LENGTH]),
            answer(Bond::of([4; HASH]), CALL, &[1; LENGTH]),
            answer(Bond::of([3; HASH]), CallId([8; 16]), &[1; LENGTH]),
            answer(Bond::of([3; HASH]), CALL, &[2; LENGTH]),
        ];
        for (n, one) in all.iter().enumerate() {
            assert!(!all[n + 1..].contains(one));
        }
    }
}
