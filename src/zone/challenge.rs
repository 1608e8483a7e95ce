//! Connections that a Pinhole makes as the client of a zone prove that they are its own. Whoever is behind the same
//! firewall comes from the same address, and can know the identifier of any call. So the server asks: it sends a number
//! that was never used on the connection itself, and the client answers with a hash over that, the call and the password.
//! What was said on another connection is no answer, however fast it is copied.
//!
//! Number and password also make a bond of the call that both ends have and nobody else: it proves the H.245 connection,
//! if there is one (`separate`), and the keepalives of media.

use pinhole_crypto::token::HASH;
use pinhole_h323::asn::h225::{Content, GenericData, H323UUPDUH323MessageBody as Body};
use pinhole_h323::generic::Parameters as _;
use pinhole_h323::id::{CallId, Crv};
use pinhole_h323::signal::{Leg as Words, Signal};
use rand::RngExt as _;

use super::state::{News, Reason, told};
use super::{Neighbor, Role, ZoneId, mark};
use crate::call::Calls;
use crate::face::StreamId;
use crate::node::Cx;

/// Of a server: the number that is asked about. Of a client: the answer.
const NUMBER: u16 = 1;
const ANSWER: u16 = 2;
/// Octets of the number.
pub(super) const LENGTH: usize = 16;
/// Messages that may come before the answer: what a caller says after its Setup.
const MOST_WAITING: usize = 16;
const MOST_OCTETS: usize = 128 << 10;

/// What both ends of a zone know of a call, and nobody else.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bond([u8; HASH]);

impl std::fmt::Debug for Bond {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bond").finish_non_exhaustive()
    }
}

impl Bond {
    #[cfg(test)]
    pub(super) const fn of(octets: [u8; HASH]) -> Self {
        Self(octets)
    }

    /// The proof of what is said under it.
    pub(crate) fn seal(self, what: &str) -> [u8; HASH] {
        mark::seal(&mark::hex(&self.0), what)
    }
}

/// A connection that has been asked to prove whose it is.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Whose client it is to be, of one for a call.
    zone: Option<ZoneId>,
    answer: [u8; HASH],
    bond: Bond,
    /// What came on it, and waits for the answer.
    waiting: Vec<Vec<u8>>,
}

impl Asked {
    pub(super) const fn new(answer: [u8; HASH], bond: Bond) -> Self {
        Self { zone: None, answer, bond, waiting: Vec::new() }
    }

    /// True when something waits.
    pub(super) const fn has_begun(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Keeps a message until the answer comes, unless too much waits already.
    pub(super) fn keep(&mut self, octets: &[u8]) -> Proof {
        let waiting: usize = self.waiting.iter().map(Vec::len).sum();
        if self.waiting.len() >= MOST_WAITING || waiting + octets.len() > MOST_OCTETS {
            return Proof::Wrong;
        }
        self.waiting.push(octets.to_vec());
        Proof::Awaited
    }

    /// What waits for this answer, if it is the right one.
    pub(super) fn given(&mut self, said: &[u8]) -> Option<(Vec<Vec<u8>>, Bond)> {
        let said = said.try_into().ok()?;
        mark::equal(&self.answer, said).then(|| (std::mem::take(&mut self.waiting), self.bond))
    }
}

/// What a message means on a connection that has not said yet what it is for.
#[derive(Debug)]
pub(crate) enum Proof {
    /// Nothing need be proven.
    NotNeeded,
    /// It waits for the proof.
    Awaited,
    /// It is the proof; what came before it, which counts from now on.
    Given(Vec<Vec<u8>>, Bond),
    /// It is a wrong one, or too much came before it.
    Wrong,
}

/// The text that is hashed with the password: for the answer, and for the bond.
fn text(name: &str, call: CallId, number: &[u8]) -> String {
    format!("{name} {call} {}", mark::hex(number))
}

fn answer(secret: &str, text: &str) -> ([u8; HASH], Bond) {
    let of = |what| mark::seal(secret, &format!("pinhole zone {what} {text}"));
    (of("answer"), Bond(of("bond")))
}

/// The number or the answer that a message carries.
fn read(signal: &Signal, parameter: u16) -> Option<Vec<u8>> {
    let Some(Body::facility(_)) = signal.body() else { return None };
    let all = signal.pdu()?.generic_data.as_deref()?;
    Some(all.iter().find(|data| data.id == mark::identifier())?.raw(parameter)?.to_vec())
}

/// A Facility that carries one of both.
fn word(call_id: CallId, from_destination: bool, parameter: u16, octets: &[u8]) -> Signal {
    let words = Words { crv: Crv::GLOBAL, from_destination, call_id, tunnelling: true };
    let mut facility = Signal::transport(words);
    let mut data: GenericData = mark::ours();
    data.set(parameter, Some(Content::raw(octets.to_vec().into())));
    facility.edit(|pdu| pdu.generic_data = Some(vec![data]));
    facility
}

/// The server's side: a message came on a connection that has not said yet what it is for.
pub(crate) fn prove(
    cx: &mut Cx<'_>,
    calls: &Calls,
    stream: StreamId,
    signal: &Signal,
    octets: &[u8],
) -> Proof {
    let Some(known) = cx.core.streams.get_mut(stream) else { return Proof::NotNeeded };
    if let Some(asked) = &mut known.asked {
        let Some(said) = read(signal, ANSWER) else { return asked.keep(octets) };
        let Some((all, bond)) = asked.given(&said) else { return Proof::Wrong };
        known.asked = None;
        return Proof::Given(all, bond);
    }
    let peer = known.peer.ip();
    let Some((zone, call)) = whose(cx, calls, peer, signal) else { return Proof::NotNeeded };
    let number: [u8; LENGTH] = cx.core.rng.random();
    let Some(known) = cx.core.zones.get(zone) else { return Proof::NotNeeded };
    let Some(secret) = known.password() else { return Proof::NotNeeded };
    let (answer, bond) = answer(secret, &text(known.auth_user(), call, &number));
    if let Some(stream) = cx.core.streams.get_mut(stream) {
        let mut asked = Asked::new(answer, bond);
        asked.zone = Some(zone);
        if !matches!(asked.keep(octets), Proof::Awaited) {
            return Proof::Wrong;
        }
        stream.asked = Some(Box::new(asked));
    }
    let caller = matches!(signal.body(), Some(Body::setup(_)));
    if let Ok(octets) = word(call, caller, NUMBER, &number).encode() {
        cx.send(stream, &octets);
    }
    Proof::Awaited
}

/// A connection that was asked says nothing: a call comes to nothing for that.
pub(crate) fn unanswered(cx: &mut Cx<'_>, stream: StreamId) {
    let Some(known) = cx.core.streams.get(stream) else { return };
    let (peer, Some(asked)) = (known.peer, &known.asked) else { return };
    let Some(zone) = asked.zone.and_then(|zone| cx.core.zones.get(zone)) else { return };
    let sentence = format!(
        "a connection from {peer} did not prove that it is the client's, as a Pinhole would"
    );
    let news = News { state: "refused", reason: Reason::NoProof, sentence };
    let event = told(zone, Some(peer), news);
    cx.refusal(event);
}

/// The client of a zone, a Pinhole, for whom somebody who comes from its address wants to take up or make a call.
fn whose(
    cx: &Cx<'_>,
    calls: &Calls,
    peer: std::net::IpAddr,
    signal: &Signal,
) -> Option<(ZoneId, CallId)> {
    let call = signal.call_id()?;
    let zone = match signal.body()? {
        Body::setup(_) => cx.core.zones.grants.get(&call)?.zone,
        Body::facility(_) if cx.core.pinholes.waits(call, peer) => calls.called_zone(call)?,
        _ => return None,
    };
    let known = cx.core.zones.get(zone)?;
    (known.is_at(peer) && known.is_sealing()).then_some((zone, call))
}

impl Neighbor {
    /// True of a client that has shown that it is a Pinhole which has the password.
    fn is_sealing(&self) -> bool {
        matches!(&self.role, Role::Client(watch) if watch.seals()) && self.password().is_some()
    }
}

/// True when the server of a zone is a Pinhole, and so may ask.
pub(crate) fn may_ask(cx: &Cx<'_>, zone: ZoneId) -> bool {
    cx.core.zones.get(zone).is_some_and(|known| known.pinhole)
}

/// The client's side: the server of a zone asks on a connection of ours for a call. The bond, if it did.
pub(crate) fn asked(
    cx: &mut Cx<'_>,
    zone: ZoneId,
    call: CallId,
    stream: StreamId,
    signal: &Signal,
) -> Option<Bond> {
    let number = read(signal, NUMBER).filter(|number| number.len() == LENGTH)?;
    let known = cx.core.zones.get(zone).filter(|known| known.is_server())?;
    let secret = known.config.send_password.as_ref()?;
    let own = cx.core.settings.name.as_str();
    let name = known.config.send_auth_user.as_ref().map_or(own, |name| &name.0);
    let (answer, bond) = answer(&secret.0, &text(name, call, &number));
    let octets = word(call, !signal.q931().from_destination(), ANSWER, &answer).encode().ok()?;
    cx.send(stream, &octets);
    Some(bond)
}

/// The same on a connection that we made for a call that was announced; true if it is that.
pub(crate) fn asked_at_hole(cx: &mut Cx<'_>, stream: StreamId, signal: &Signal) -> bool {
    // It is asked once.
    let Some(hole) = cx.core.zones.holes.get(&stream).filter(|hole| hole.bond.is_none()) else {
        return false;
    };
    let (zone, call) = (hole.zone, hole.call);
    let Some(bond) = asked(cx, zone, call, stream, signal) else { return false };
    if let Some(hole) = cx.core.zones.holes.get_mut(&stream) {
        hole.bond = Some(bond);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: CallId = CallId([7; 16]);

    #[test]
    fn an_answer_is_of_one_password_one_number_one_call_and_one_name() {
        let of = |secret, name, call, number: u8| {
            answer(secret, &text(name, CallId([call; 16]), &[number; LENGTH]))
        };
        let all = [
            of("pw", "a", 1, 1),
            of("qw", "a", 1, 1),
            of("pw", "b", 1, 1),
            of("pw", "a", 2, 1),
            of("pw", "a", 1, 2),
        ];
        for (n, one) in all.iter().enumerate() {
            assert_ne!(one.0, one.1.0, "the answer tells nothing of the bond");
            assert!(all[n + 1..].iter().all(|other| one.0 != other.0 && one.1 != other.1));
        }
    }

    #[test]
    fn numbers_and_answers_survive_the_way() {
        let sent = word(CALL, true, NUMBER, &[9; LENGTH]);
        let came = Signal::decode(&sent.encode().unwrap()).unwrap();
        assert_eq!(read(&came, NUMBER), Some(vec![9; LENGTH]));
        assert_eq!(read(&came, ANSWER), None);
        assert_eq!(came.call_id(), Some(CALL));
        assert!(!came.is_keepalive());
    }
}
