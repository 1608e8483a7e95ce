//! The end of a call, and its record.

use std::time::Duration;

use pinhole_h323::asn::h225::H323UUPDUH323MessageBody as Body;
use pinhole_h323::cause::{Cause, Release};
use pinhole_h323::signal::Signal;

use super::{Call, Carrier, Stage, patience};
use crate::event::{CallRecord, ChannelRecord, Event};
use crate::phone::desk::{CallTimer, Desk};
use crate::phone::media::round;
use crate::phone::requests::Purpose;
use crate::phone::say_ras;

/// Why a call ends.
#[derive(Debug)]
pub(in super::super) struct Ending {
    cause: Option<Cause>,
    reason: Option<Release>,
    sentence: String,
    /// Whether the peer has still to be told.
    tell: bool,
}

impl Ending {
    /// We end it.
    pub(in super::super) const fn ours(cause: Cause, reason: Release, sentence: String) -> Self {
        Self { cause: Some(cause), reason: Some(reason), sentence, tell: true }
    }

    /// The peer has ended it with ReleaseComplete.
    pub(in super::super) fn theirs(signal: &Signal, was_connected: bool) -> Self {
        let told = match signal.body() {
            Some(Body::releaseComplete(body)) => body.reason.as_ref().map(Release::from),
            _ => None,
        };
        let cause = signal.cause();
        let sentence = match (cause, told) {
            (Some(Cause::NORMAL_CLEARING), _) if was_connected => "the other party hung up",
            (Some(cause), None | Some(Release::UndefinedReason)) => cause.sentence(),
            (_, Some(release)) => release.sentence(),
            (None, None) => "the other party ended the call without a reason",
        };
        Self { cause, reason: told, sentence: sentence.to_owned(), tell: false }
    }
}

impl Call {
    /// Hangs up.
    pub(in super::super) fn hang_up(&mut self, desk: &mut Desk) {
        let sentence = "the phone hung up".to_owned();
        let ending = Ending::ours(Cause::NORMAL_CLEARING, Release::UndefinedReason, sentence);
        self.release(desk, ending);
    }

    /// Something went wrong.
    pub(in super::super) fn fail(&mut self, desk: &mut Desk, sentence: &str) {
        self.release(desk, self.failure(sentence));
    }

    fn failure(&self, sentence: &str) -> Ending {
        let (cause, reason) = match self.stage {
            Stage::Connecting | Stage::Calling => {
                (Cause::DESTINATION_OUT_OF_ORDER, Release::UnreachableDestination)
            }
            _ => (Cause::TEMPORARY_FAILURE, Release::UndefinedReason),
        };
        Ending::ours(cause, reason, sentence.to_owned())
    }

    /// The peer has ended the H.245 session, and so the call (H.323 §8.5). Why, its ReleaseComplete says.
    pub(super) fn session_ended(&mut self, desk: &mut Desk) {
        if let Some(end) = self.control.as_mut().and_then(super::Control::end) {
            self.queue(&end);
            self.flush(desk);
        }
        self.media.hush(desk);
        use CallTimer::{Control, Digit, Hold, Step};
        for timer in [Step, Control, Hold, Digit] {
            desk.timers.stop(&self.timer(timer));
        }
        let sentence = "the other party ended the call without a reason".to_owned();
        let ending = Ending::ours(Cause::NORMAL_CLEARING, Release::UndefinedReason, sentence);
        self.await_release(desk, ending);
    }

    /// The peer could not be connected to for H.245; it may be that it has just released the call.
    pub(super) fn control_failed(&mut self, desk: &mut Desk) {
        let ending = self.failure("the other party's H.245 address cannot be connected to");
        self.await_release(desk, ending);
    }

    pub(super) fn await_release(&mut self, desk: &mut Desk, ending: Ending) {
        self.farewell = Some(ending);
        desk.after(self.timer(CallTimer::Farewell), Duration::from_secs(patience::FAREWELL));
    }

    /// H.245 goes on after all.
    pub(super) fn stays(&mut self, desk: &mut Desk) {
        self.farewell = None;
        desk.timers.stop(&self.timer(CallTimer::Farewell));
    }

    /// No ReleaseComplete came.
    pub(super) fn unexplained(&mut self, desk: &mut Desk) {
        if let Some(ending) = self.farewell.take() {
            self.release(desk, ending);
        }
    }

    /// Ends the call.
    pub(in super::super) fn release(&mut self, desk: &mut Desk, ending: Ending) {
        if self.stage == Stage::Over {
            return;
        }
        let can_tell = ending.tell && !matches!(self.stage, Stage::Connecting);
        self.stage = Stage::Over;
        if can_tell {
            self.say_goodbye(desk, &ending);
        }
        self.close_all(desk);
        self.disengage(desk, ending.cause);
        let channels = self.media.end(desk);
        let record = self.record(desk, ending, channels);
        desk.tally.count(&record);
        desk.tell(Event::CallEnded(Box::new(record)));
    }

    /// endSession, then ReleaseComplete (H.323 §8.5).
    fn say_goodbye(&mut self, desk: &mut Desk, ending: &Ending) {
        if let Some(end) = self.control.as_mut().and_then(super::Control::end) {
            self.queue(&end);
        }
        if self.carrier == Carrier::Separate {
            self.flush(desk);
        }
        let reason = ending.reason.unwrap_or(Release::UndefinedReason);
        let mut signal = Signal::release_complete(self.leg(desk), reason, ending.cause);
        if self.carrier == Carrier::Tunnel {
            signal.set_h245_control(std::mem::take(&mut self.waiting));
        }
        self.say(desk, &signal);
    }

    fn close_all(&mut self, desk: &mut Desk) {
        self.close_door(desk);
        self.dismiss_guests(desk);
        let control = self.control_stream.take().map(|(stream, _)| stream);
        for stream in [self.stream.take(), control].into_iter().flatten() {
            desk.close(stream);
        }
        use CallTimer::{Control, Digit, Farewell, Hold, Pinhole, Step};
        for timer in [Step, Control, Hold, Digit, Pinhole, Farewell] {
            desk.timers.stop(&self.timer(timer));
        }
    }

    /// Tells the gatekeeper (H.225.0 §7.13).
    fn disengage(&self, desk: &mut Desk, cause: Option<Cause>) {
        let key = self.key;
        desk.withdraw_all(|purpose| purpose == Purpose::Admit(key));
        if !self.admitted {
            return;
        }
        if let Some(standing) = desk.ras.standing.clone() {
            let request = say_ras::disengage(desk, &standing, &self.name, cause);
            desk.request(Purpose::Disengage(key), request);
        }
    }

    fn record(&self, desk: &Desk, ending: Ending, channels: Vec<ChannelRecord>) -> CallRecord {
        let duration = self.connected_at.map(|at| desk.now.saturating_duration_since(at));
        CallRecord {
            callid: self.name.id.to_string(),
            direction: if self.name.answering { "in" } else { "out" },
            peer: self.peer.clone(),
            cause: ending.cause.map(Cause::value),
            release_reason: ending.reason.map(|reason| reason.name().to_owned()),
            sentence: ending.sentence,
            setup_ms: self.setup_time.map(|time| time.as_millis() as u64),
            duration_s: round(duration.unwrap_or_default().as_secs_f64()),
            channels,
            forwarded_by: Vec::new(),
            encryption: Vec::new(),
        }
    }
}
