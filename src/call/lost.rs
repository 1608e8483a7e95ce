//! H.245 connections that end in mid-call, and such as do not come about.

use std::time::Duration;

use tracing::debug;

use super::{Call, CallKey, CallTimer, Calls, ControlLink, Why, carrier};
use crate::face::Side;
use crate::node::{Cx, Timer};

/// How often in a call it is tried to make a lost H.245 connection again.
const MOST_LOSSES: u8 = 100;

/// How long an H.245 connection may take after the other party's, or after it was lost.
pub(super) const CONTROL: Duration = Duration::from_secs(15);

/// True for a party whose H.245 connection was lost in mid-call, and that has none again.
pub(super) fn is_lost(call: &Call, side: Side) -> bool {
    call.leg(side).losses > 0 && !carrier::is_served(call, side)
}

/// Why a call ends in which a party has to be told something by H.245, and cannot.
pub(super) fn for_good(name: &str) -> Why {
    let sentence = format!("the H.245 connection to {name} was lost and could not be made again");
    Why::no_control(sentence)
}

impl Calls {
    /// The H.245 connection of a party ended, or could not be made. In mid-call it is made again; else the other's ends,
    /// too, once what waits for it is sent.
    pub(super) fn control_lost(&mut self, cx: &mut Cx<'_>, key: CallKey, side: Side) {
        let Some(call) = self.live(key) else { return };
        let dialled = matches!(call.leg(side).control, ControlLink::Dialling(_));
        let over = call.legs.iter().any(|leg| leg.session_ended) || !call.is_connected();
        let leg = call.leg_mut(side);
        leg.control = ControlLink::None;
        if !over && !dialled && leg.losses < MOST_LOSSES {
            return self.make_again(cx, key, side);
        }
        if !over && dialled && leg.losses > 0 {
            // The time for it runs already. A server cannot connect to us.
            if !leg.server {
                self.summon(cx, key, side);
            }
            return;
        }
        if dialled && leg.listener.is_some() {
            // It has been told where we listen, and may be about to connect.
            cx.set(Timer::Call(key, CallTimer::Control), CONTROL);
            return;
        }
        if dialled {
            leg.unreached = true;
            let served = |side| carrier::is_served(call, side);
            // Before the call is answered it can wait.
            return match call.is_connected() && [Side::A, Side::B].into_iter().any(served) {
                true => self.without_control(cx, key),
                false => self.expect_control(cx, key),
            };
        }
        self.close_control(cx, key, side.other());
    }

    /// A firewall has forgotten the connection, or the party has reset it. The other party need not know.
    fn make_again(&mut self, cx: &mut Cx<'_>, key: CallKey, side: Side) {
        let Some(call) = self.live(key) else { return };
        let (id, translates) = (call.id, call.translates);
        let leg = call.leg_mut(side);
        leg.losses += 1;
        leg.summoned = false;
        // That one stood.
        leg.dials = leg.dials.saturating_sub(1);
        debug!(call = %id, name = leg.name, losses = leg.losses, "H.245 connection lost");
        let client = leg.client;
        if !client && carrier::tunnelled(call, side) {
            // H.245 goes on in the tunnel; that of both does where one carrier serves both.
            if !translates {
                self.close_control(cx, key, side.other());
            }
            return;
        }
        cx.set(Timer::Call(key, CallTimer::Control), CONTROL);
        // Only the client can make another.
        if client { self.summon(cx, key, side) } else { self.reach(cx, key, side) }
    }

    fn close_control(&mut self, cx: &mut Cx<'_>, key: CallKey, side: Side) {
        let Some(call) = self.live(key) else { return };
        let leg = call.leg_mut(side);
        if let Some(stream) = leg.control.stream() {
            leg.control = ControlLink::None;
            cx.close(stream);
        }
    }

    /// A party could not be connected to for H.245, or has to begin H.245 with another party than it began with. Once the
    /// call is connected, H.245 must come about in another way: in the tunnel, or by a connection that the party makes.
    pub(super) fn expect_control(&mut self, cx: &mut Cx<'_>, key: CallKey) {
        let expected = |call: &&mut Call| {
            call.is_connected()
                && (call.legs.iter().any(|l| l.unreached) || call.route.former.is_paused())
        };
        if self.live(key).filter(expected).is_some() {
            cx.set(Timer::Call(key, CallTimer::Control), CONTROL);
        }
    }

    /// One party has its H.245 connection and the other does not come, or cannot be reached: without H.245 there would
    /// be no media, so the call ends rather than stay silent, unless fast start has given it media already. Where there is
    /// media, a party whose connection was lost is missed when it has to be told something.
    pub(super) fn without_control(&mut self, cx: &mut Cx<'_>, key: CallKey) {
        for side in [Side::A, Side::B] {
            if self.live(key).is_some_and(|call| is_lost(call, side)) {
                self.forsake(cx, key, side);
            }
        }
        let Some(call) = self.live(key).filter(|call| !call.sessions.are_open()) else { return };
        let (a, b) = (carrier::is_served(call, Side::A), carrier::is_served(call, Side::B));
        let missing = match (a, b) {
            (true, false) => Side::B,
            (false, true) => Side::A,
            (false, false) if call.leg(Side::A).unreached => Side::A,
            (false, false) if call.leg(Side::B).unreached => Side::B,
            (false, false) if call.route.former.is_paused() => Side::A,
            _ => return,
        };
        let name = &call.leg(missing).name;
        let sentence = format!("there is no H.245 connection to {name}, so it would have no media");
        self.end(cx, key, &Why::no_control(sentence));
    }

    /// A lost connection has not come about again in time.
    fn forsake(&mut self, cx: &mut Cx<'_>, key: CallKey, side: Side) {
        let Some(call) = self.live(key) else { return };
        let media = call.sessions.are_open();
        let leg = call.leg_mut(side);
        leg.forsaken = true;
        if !media || !leg.queue.is_empty() {
            let why = for_good(&leg.name);
            self.end(cx, key, &why);
        }
    }
}
