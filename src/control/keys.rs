//! The keys of a call's channels over its life: made anew when they have served long enough, the old ones forgotten after
//! a time of grace, all of them when their channel is closed (H.235.6 §8.6, H.245 encryptionUpdateCommand).

use std::time::{Duration, Instant};

use super::secure;
use super::session::{Session, Sessions};
use crate::call::Call;
use crate::face::{FlowCommand, FlowId, Output, Side};
use crate::node::Cx;
use crate::security::Filtered;

/// How long packets of the old key may still be on their way.
const GRACE: Duration = Duration::from_secs(5);

/// The newest key of one direction of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Keyed {
    /// The channel that it belongs to.
    number: u16,
    /// Since when it serves.
    since: Instant,
    /// Until when the keys before it are good.
    grace: Option<Instant>,
}

impl Session {
    /// A direction has a new key.
    pub(super) fn has_key(&mut self, now: Instant, opener: Side, number: u16) {
        if let Some(slot) = self.keyed.get_mut(opener.index()) {
            let grace = slot.and_then(|known| known.grace);
            *slot = Some(Keyed { number, since: now, grace });
        }
    }

    /// Its receiver, or its sender, uses the newest key only.
    pub(super) fn settled(&mut self, now: Instant, opener: Side) {
        if let Some(Some(keyed)) = self.keyed.get_mut(opener.index()) {
            keyed.grace = Some(now + GRACE);
        }
    }

    /// A channel is closed: its keys are of no use any more. Where another channel of this direction has the newest key, the
    /// older ones are those of the closed one.
    pub(super) fn unkeyed(&mut self, cx: &mut Cx<'_>, opener: Side, number: u16) {
        let flow = self.flow();
        let Some(slot) = self.keyed.get_mut(opener.index()) else { return };
        if slot.take_if(|keyed| keyed.number == number).is_some() {
            for (side, incoming) in [(opener, true), (opener.other(), false)] {
                cx.core.out.push(Output::Flow(FlowCommand::Forget { flow, side, incoming }));
            }
        } else if slot.is_some() {
            cx.core.out.push(Output::Flow(FlowCommand::ForgetOld { flow, side: opener }));
        }
    }
}

impl Sessions {
    /// The payload types that a leg's party has for the keepalives of its media.
    pub(super) fn keepalive_types(&self, leg: Side) -> impl Iterator<Item = u8> {
        self.open.iter().filter_map(move |session| session.keepalive_type(leg))
    }

    /// All keys, with their sessions and openers.
    fn keys(&mut self) -> impl Iterator<Item = (FlowId, Side, &mut Keyed)> {
        self.open.iter_mut().flat_map(|session| {
            let flow = session.flow();
            let sides = session.keyed.iter_mut().zip([Side::A, Side::B]);
            sides.filter_map(move |(keyed, side)| Some((flow, side, keyed.as_mut()?)))
        })
    }
}

/// When something has to be done about the keys of a call.
pub(super) fn next(cx: &Cx<'_>, call: &mut Call) -> Option<Instant> {
    let after = cx.core.settings.encryption.renewal.map(|renewal| renewal.after);
    let dues = call.sessions.keys().flat_map(|(_, _, keyed)| {
        [keyed.grace, after.and_then(|after| keyed.since.checked_add(after))]
    });
    dues.flatten().min()
}

/// The time has come to look after the keys of a call: what is to be said to which party.
pub(crate) fn renew(cx: &mut Cx<'_>, call: &mut Call) -> Vec<(Side, Vec<u8>)> {
    let now = cx.now;
    let after = cx.core.settings.encryption.renewal.map(|renewal| renewal.after);
    let mut due = Vec::new();
    for (flow, opener, keyed) in call.sessions.keys() {
        if keyed.grace.take_if(|until| *until <= now).is_some() {
            cx.core.out.push(Output::Flow(FlowCommand::ForgetOld { flow, side: opener }));
        }
        if after.is_some_and(|after| now.duration_since(keyed.since) >= after) {
            keyed.since = now;
            due.push((opener, keyed.number));
        }
    }
    let say = due.into_iter().flat_map(|(opener, number)| {
        [Side::A, Side::B].into_iter().map(move |leg| (leg, opener, number))
    });
    let said: Vec<_> =
        say.filter_map(|(leg, opener, number)| anew(cx, call, leg, opener, number)).collect();
    secure::watch_keys(cx, call);
    said
}

/// A key has served for as many packets as it may.
pub(crate) fn worn(
    cx: &mut Cx<'_>,
    call: &mut Call,
    (flow, leg, incoming): (FlowId, Side, bool),
) -> Option<(Side, Vec<u8>)> {
    let wanted = if incoming { leg } else { leg.other() };
    let mut keys = call.sessions.keys();
    let (_, opener, keyed) = keys.find(|(of, opener, _)| *of == flow && *opener == wanted)?;
    let number = keyed.number;
    drop(keys);
    anew(cx, call, leg, opener, number)
}

/// Another key for a channel, on a leg that we encrypt.
fn anew(
    cx: &mut Cx<'_>,
    call: &mut Call,
    leg: Side,
    opener: Side,
    number: u16,
) -> Option<(Side, Vec<u8>)> {
    let party = secure::party(call, leg)?;
    let update = party.wear(cx.now, number, leg == opener, &mut cx.core.rng)?;
    let filtered = Filtered::of(number, update);
    secure::apply(cx, call, leg, &filtered);
    Some((leg, filtered.answer?.encode().ok()?))
}
