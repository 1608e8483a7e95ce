//! The registration with a gatekeeper: made, kept, lost and given up (H.225.0 §7.8, §7.9; H.460.18 §7).

use std::time::Duration;

use pinhole_h323::address::from_h225;
use pinhole_h323::asn::h225::{GatekeeperConfirm, RegistrationConfirm};
use pinhole_h323::cause::Reject;
use pinhole_h323::generic::{self, H460_18};
use pinhole_traversal::Backoff;

use super::desk::{Desk, Timer};
use super::options::Gatekeeper;
use super::requests::{Granted, Purpose, Standing};
use super::say_ras;
use crate::event::Event;

/// A registration without timeToLive is refreshed as if it had this one, in seconds.
const DEFAULT_TTL: u32 = 60;

/// A refresh is sent this long before the registration would end, in seconds.
const MARGIN: u32 = 5;

/// Requests in vain after which the gatekeeper's silence is told.
const UNHEARD: u32 = 2;

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// There is no gatekeeper to register with, or nothing was begun.
    Idle,
    /// GRQ or RRQ is sent.
    Trying,
    /// Registered.
    Registered,
    /// Refused after it was registered once: tried again later.
    Resting,
    /// URQ is sent, or nothing is left to give up.
    Leaving,
    /// Refused at the first try.
    Refused,
}

/// See the head of the file.
#[derive(Debug)]
pub(super) struct Registration {
    state: State,
    discovered: bool,
    was_registered: bool,
    rest: Backoff,
}

impl Registration {
    pub(super) const fn new() -> Self {
        let rest = Backoff::new(Duration::from_secs(3), Duration::from_secs(60));
        Self { state: State::Idle, discovered: false, was_registered: false, rest }
    }

    /// True when calls may be made.
    pub(super) fn is_ready(&self, desk: &Desk) -> bool {
        self.state == State::Registered || desk.options.gatekeeper == Gatekeeper::None
    }

    /// True when the gatekeeper has refused from the first.
    pub(super) fn is_refused(&self) -> bool {
        self.state == State::Refused
    }

    /// The RAS socket is there: begins.
    pub(super) fn begin(&mut self, desk: &mut Desk) {
        self.state = State::Trying;
        match desk.options.gatekeeper {
            Gatekeeper::None => self.state = State::Idle,
            Gatekeeper::Discover(at) => {
                desk.ras.gatekeeper = Some(at);
                desk.request(Purpose::Discover, say_ras::discovery(desk));
            }
            Gatekeeper::At(at) => {
                desk.ras.gatekeeper = Some(at);
                self.register(desk);
            }
        }
    }

    /// GCF.
    pub(super) fn discovered(&mut self, desk: &mut Desk, confirm: &GatekeeperConfirm) {
        if let Some(address) = from_h225(&confirm.ras_address)
            && matches!(desk.options.gatekeeper, Gatekeeper::Discover(_))
            && !address.ip().is_unspecified()
        {
            desk.ras.gatekeeper = Some(address);
        }
        self.discovered = true;
        self.register(desk);
    }

    /// RCF.
    pub(super) fn confirmed(&mut self, desk: &mut Desk, confirm: &RegistrationConfirm) {
        if self.state == State::Leaving {
            return;
        }
        let features = confirm.feature_set.as_ref();
        let traversal = features.is_some_and(|set| generic::feature(set, H460_18).is_some());
        let before = desk.ras.standing.as_ref();
        // What the answer to a refresh leaves out stays as it was.
        let granted = before.filter(|_| self.state == State::Registered);
        let granted = granted.map_or_else(Granted::default, |standing| standing.granted);
        let before = before.and_then(|standing| standing.signalling);
        let told = confirm.call_signal_address.first().and_then(from_h225);
        let standing = Standing {
            endpoint: (&confirm.endpoint_identifier).into(),
            gatekeeper: confirm.gatekeeper_identifier.as_ref().map(Into::into),
            traversal: traversal && desk.options.traversal,
            signalling: told.or(before),
            granted: confirm.pre_granted_arq.as_deref().map_or(granted, Granted::read),
        };
        let ttl_s = confirm.time_to_live.as_ref().map_or(DEFAULT_TTL, |ttl| ttl.0);
        if self.state != State::Registered {
            self.announce(desk, &standing, ttl_s);
        }
        desk.ras.standing = Some(standing);
        self.state = State::Registered;
        self.was_registered = true;
        self.rest.reset();
        if desk.options.keepalives {
            desk.after(Timer::Refresh, refresh_after(ttl_s));
        }
    }

    /// GRJ or RRJ.
    pub(super) fn rejected(&mut self, desk: &mut Desk, reject: Reject) {
        if self.state == State::Leaving {
            return;
        }
        match reject {
            Reject::DiscoveryRequired if !self.discovered => {
                desk.request(Purpose::Discover, say_ras::discovery(desk));
            }
            // A refused refresh ends the registration; whether we may register is answered by a full request.
            _ if self.state == State::Registered => {
                Self::lose(desk, "the gatekeeper wants a full registration");
                self.register(desk);
            }
            _ => self.refused(desk, reject.sentence()),
        }
    }

    /// A refresh or another try is due.
    pub(super) fn due(&mut self, desk: &mut Desk) {
        match (self.state, desk.ras.standing.clone()) {
            (State::Registered, Some(standing)) => {
                desk.request(Purpose::Refresh, say_ras::refresh(desk, &standing));
            }
            (State::Resting, _) => self.begin(desk),
            _ => {}
        }
    }

    /// A refresh was never answered.
    pub(super) fn silent(&mut self, desk: &mut Desk) {
        if self.state == State::Registered {
            Self::lose(desk, "the gatekeeper does not answer");
            self.register(desk);
        }
    }

    /// A first request was not answered, and is sent again. It is told once, when chance can not be to blame.
    pub(super) fn unheard(&self, desk: &mut Desk, sent: u32) {
        if sent == UNHEARD && self.state == State::Trying {
            Self::tell_silence(desk, "it is asked again");
        }
    }

    /// The gatekeeper was asked often enough. Who was registered once comes back; a first try is over.
    pub(super) fn given_up(&mut self, desk: &mut Desk) {
        if self.state != State::Trying {
            return;
        }
        Self::tell_silence(desk, "the phone gives up");
        if self.was_registered {
            self.wait(desk);
        } else {
            self.state = State::Refused;
        }
    }

    fn tell_silence(desk: &mut Desk, then: &str) {
        let Some(peer) = desk.ras.gatekeeper else { return };
        let sentence = if peer.ip().is_multicast() {
            format!("no gatekeeper answers the discovery; {then}")
        } else {
            format!("the gatekeeper does not answer; {then}")
        };
        desk.tell(Event::GatekeeperSilent { peer, sentence });
    }

    /// The gatekeeper does not know us any more: registers anew.
    pub(super) fn forgotten(&mut self, desk: &mut Desk) {
        if self.state == State::Registered {
            Self::lose(desk, "the gatekeeper has forgotten the registration");
            self.register(desk);
        }
    }

    /// URQ of the gatekeeper: the registration is over, and is tried again.
    pub(super) fn revoked(&mut self, desk: &mut Desk) {
        if self.state == State::Registered {
            Self::lose(desk, "the gatekeeper ended the registration");
            self.wait(desk);
        }
    }

    /// Gives the registration up.
    pub(super) fn leave(&mut self, desk: &mut Desk) {
        if self.state == State::Leaving {
            return;
        }
        self.state = State::Leaving;
        desk.timers.stop(&Timer::Refresh);
        desk.withdraw_all(|purpose| {
            matches!(purpose, Purpose::Discover | Purpose::Register | Purpose::Refresh)
        });
        if let Some(standing) = desk.ras.standing.clone() {
            desk.request(Purpose::Unregister, say_ras::unregistration(desk, &standing));
        }
    }

    /// UCF or URJ came, or nothing: the registration is given up.
    pub(super) fn left(desk: &mut Desk) {
        Self::lose(desk, "the phone ended it");
    }

    fn register(&mut self, desk: &mut Desk) {
        self.state = State::Trying;
        desk.timers.stop(&Timer::Refresh);
        desk.withdraw_all(|purpose| matches!(purpose, Purpose::Register | Purpose::Refresh));
        desk.request(Purpose::Register, say_ras::registration(desk, self.discovered));
    }

    fn announce(&self, desk: &mut Desk, standing: &Standing, ttl_s: u32) {
        let Some(peer) = desk.ras.gatekeeper else { return };
        let alias = desk.options.name().to_owned();
        let traversal = if standing.traversal { "H.460.18" } else { "none" };
        desk.tell(Event::Registered { alias, peer, ttl_s, traversal });
    }

    fn lose(desk: &mut Desk, sentence: &str) {
        desk.timers.stop(&Timer::Refresh);
        desk.withdraw_all(|purpose| purpose == Purpose::Refresh);
        if desk.ras.standing.take().is_some() {
            let alias = desk.options.name().to_owned();
            desk.tell(Event::Unregistered { alias, sentence: sentence.to_owned() });
        }
    }

    fn refused(&mut self, desk: &mut Desk, sentence: &str) {
        let alias = desk.options.name().to_owned();
        if let Some(peer) = desk.ras.gatekeeper {
            let sentence = sentence.to_owned();
            desk.tell(Event::RegistrationRefused { alias, peer, sentence });
        }
        Self::lose(desk, "the gatekeeper refused to renew the registration");
        if self.was_registered {
            self.wait(desk);
        } else {
            self.state = State::Refused;
        }
    }

    fn wait(&mut self, desk: &mut Desk) {
        self.state = State::Resting;
        // To come back would keep the registration alive, and the way to us open.
        if desk.options.keepalives {
            let rest = self.rest.wait();
            desk.after(Timer::Refresh, rest);
        }
    }
}

/// When to refresh a registration of so many seconds.
fn refresh_after(ttl_s: u32) -> Duration {
    let seconds = if ttl_s > 2 * MARGIN { ttl_s - MARGIN } else { (ttl_s / 2).max(1) };
    Duration::from_secs(seconds.into())
}
