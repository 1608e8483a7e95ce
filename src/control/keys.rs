//! The keys of a call's channels over its life: made anew when they have served long enough, the old ones forgotten after
//! a time of grace, all of them when their channel is closed (H.235.6 §8.6, H.245 encryptionUpdateCommand).

use std::time::{Duration, Instant};

use super::secure;
use super::session::{Session, Sessions};
use crate::call::Call;
use crate::face::{FlowCommand, FlowId, Output, Side};
use crate::media::keyed::MOST_KEYED;
use crate::node::Cx;
use crate::security::Filtered;

/// How long packets of the old key may still be on their way.
const GRACE: Duration = Duration::from_secs(5);

/// The newest key of a channel.
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
    /// A channel of a direction has a new key.
    pub(super) fn has_key(&mut self, now: Instant, opener: Side, number: u16) {
        let Some(keys) = self.keyed.get_mut(opener.index()) else { return };
        match keys.iter_mut().find(|keyed| keyed.number == number) {
            Some(known) => known.since = now,
            None => {
                // The media plane does not keep more.
                if keys.len() >= MOST_KEYED {
                    keys.remove(0);
                }
                keys.push(Keyed { number, since: now, grace: None });
            }
        }
    }

    /// The receiver of a channel, or its sender, uses the newest key only.
    pub(super) fn settled(&mut self, now: Instant, opener: Side, number: u16) {
        let keys = self.keyed.get_mut(opener.index()).into_iter().flatten();
        for keyed in keys.filter(|keyed| keyed.number == number) {
            keyed.grace = Some(now + GRACE);
        }
    }

    /// A channel is closed: its keys are of no use any more, those of others of its direction are.
    pub(super) fn unkeyed(&mut self, cx: &mut Cx<'_>, opener: Side, channel: u16) {
        let flow = self.flow();
        let Some(keys) = self.keyed.get_mut(opener.index()) else { return };
        let before = keys.len();
        keys.retain(|keyed| keyed.number != channel);
        if keys.len() < before {
            for (side, incoming) in [(opener, true), (opener.other(), false)] {
                let forget = FlowCommand::Forget { flow, side, incoming, channel };
                cx.core.out.push(Output::Flow(forget));
            }
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
            sides.flat_map(move |(keys, side)| keys.iter_mut().map(move |one| (flow, side, one)))
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
            let (side, channel) = (opener, keyed.number);
            cx.core.out.push(Output::Flow(FlowCommand::ForgetOld { flow, side, channel }));
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
    (flow, leg, incoming, number): (FlowId, Side, bool, u16),
) -> Option<(Side, Vec<u8>)> {
    let opener = if incoming { leg } else { leg.other() };
    let is_it = |(of, by, keyed): (FlowId, Side, &mut Keyed)| {
        of == flow && by == opener && keyed.number == number
    };
    if !call.sessions.keys().any(is_it) {
        return None;
    }
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
