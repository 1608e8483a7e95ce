//! The test endpoint: registers, calls, answers, plays a tone and measures what it hears.
//!
//! It is a pure machine behind the face of `face.rs`: sockets, clock and files are the host's.

mod announce;
mod call;
mod control;
mod desk;
mod film;
pub mod g711;
mod gatekeeper;
mod hear;
mod input;
pub mod listen;
mod load;
mod media;
mod medium;
pub mod options;
mod password;
mod punch;
mod registration;
mod requests;
mod say_ras;
mod talk;
mod tally;
pub mod tone;

pub use control::DIGITS;

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use pinhole_h323::id::CallId;

use self::call::Call;
use self::desk::{CallKey, Desk, ListenerOwner, Timer};
use self::load::Load;
use self::options::{Gatekeeper, Incoming, Options};
use self::registration::Registration;
use crate::event::Event;
use crate::face::{Agent, Bind, Input, ListenerId, Output};

/// The port of the signalling listener, unless it is taken.
const SIGNALLING: u16 = 1720;

/// How the phone comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// It lives.
    Living,
    /// Calls are released, and confirmed so.
    Leaving,
    /// The registration is given up.
    Unregistering,
    /// Nothing more is done.
    Finished,
}

/// See the head of the file.
#[derive(Debug)]
pub struct Phone {
    desk: Desk,
    registration: Registration,
    calls: BTreeMap<CallKey, Call>,
    last_call: u32,
    load: Load,
    listener: Option<ListenerId>,
    /// Whether the signalling listener takes any port, because its own is taken.
    any_port: bool,
    /// Calls announced lately (H.460.18).
    announced: VecDeque<CallId>,
    life: Life,
}

impl Phone {
    /// A phone that begins at once with what it was told to do.
    #[must_use]
    pub fn new(options: Options, seed: [u8; 32], now: Instant) -> Self {
        let mut desk = Desk::new(options, seed, now);
        let any = desk.options.incoming == Incoming::Refused;
        let default = if any { 0 } else { SIGNALLING };
        let port = desk.options.listen_port.unwrap_or(default);
        let listener = Some(desk.bind_listener(ListenerOwner::Signal, port));
        Self {
            desk,
            registration: Registration::new(),
            calls: BTreeMap::new(),
            last_call: 0,
            load: Load::default(),
            listener,
            any_port: false,
            announced: VecDeque::new(),
            life: Life::Living,
        }
    }

    /// What it was made with.
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.desk.options
    }

    /// Does something with a call and forgets the call if it is over then.
    fn with_call(&mut self, key: CallKey, then: impl FnOnce(&mut Call, &mut Desk)) {
        let Some(call) = self.calls.get_mut(&key) else { return };
        then(call, &mut self.desk);
        if call.stage == call::Stage::Over {
            self.calls.remove(&key);
            self.call_over();
        }
    }

    /// True when no new call is wanted.
    fn is_leaving(&self) -> bool {
        self.life != Life::Living
    }

    /// The listener is there, or there is none: goes on with the gatekeeper, once multiplexed media has its sockets.
    fn listening(&mut self) {
        let options = &self.desk.options;
        let multiplexes = options.multiplex && options.traversal;
        if multiplexes && options.gatekeeper != Gatekeeper::None && self.desk.shared.is_none() {
            return self.desk.bind_shared();
        }
        if self.desk.options.gatekeeper != Gatekeeper::None {
            self.desk.ras.socket = Some(self.desk.bind_ras());
        }
    }

    /// Ends what is going on.
    fn leave(&mut self) {
        if self.is_leaving() {
            return;
        }
        self.life = Life::Leaving;
        self.desk.timers.stop(&Timer::Load);
        let keys: Vec<CallKey> = self.calls.keys().copied().collect();
        for key in keys {
            self.with_call(key, Call::hang_up);
        }
        let streams: Vec<_> = self.desk.streams.keys().copied().collect();
        streams.into_iter().for_each(|stream| self.desk.close(stream));
        if let Some(listener) = self.listener.take() {
            self.desk.unbind(Bind::Tcp(listener));
        }
        if let Some(summary) = self.desk.tally.summary() {
            self.desk.tell(Event::LoadEnded(Box::new(summary)));
        }
    }

    /// After every input: begins what can begin, ends what can end.
    fn settle(&mut self) {
        if self.life == Life::Living {
            self.begin_load();
            if self.is_done() || self.registration.is_refused() {
                self.leave();
            }
        }
        if self.life == Life::Leaving && self.has_disengaged() {
            self.life = Life::Unregistering;
            self.registration.leave(&mut self.desk);
        }
        if self.life == Life::Unregistering && self.desk.ras.is_idle() {
            self.life = Life::Finished;
            self.desk.push(Output::Finished);
        }
    }

    /// True when the gatekeeper knows of the end of all calls, or does not care.
    fn has_disengaged(&self) -> bool {
        !self.desk.ras.waits_for(|purpose| matches!(purpose, requests::Purpose::Disengage(_)))
    }
}

impl Agent for Phone {
    fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        self.desk.now = now;
        if self.life == Life::Finished {
            return;
        }
        self.take(input);
        self.settle();
    }

    fn poll_output(&mut self) -> Output {
        self.desk.poll()
    }
}

#[cfg(test)]
mod tests;
