//! The drawing of a random world: all of it comes from the seed, before anything runs.

use std::time::Duration;

use pinhole::firewall::Rules;
use pinhole::node::Mode;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::fate::Fate;
use super::plan::{Act, Keeper, Manner, Plan, Where, Who};
use crate::world::{Chop, Link, millis, seconds};

/// For so long things go wrong.
const CHAOS_MS: u64 = 25_000;

impl Plan {
    /// Draws a world.
    pub(super) fn draw(seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x7072_6f78_7900);
        let r = &mut random;
        let nats: Vec<_> = (0..r.random_range(1..=2)).map(|_| rules(r)).collect();
        let count = r.random_range(2..=4);
        let gates = nats.len();
        let residents: Vec<_> =
            (0..count).map(|_| Manner { hold: Some(seconds(9)), ..manner(r, gates) }).collect();
        let mut plan = Self {
            seed,
            chop: [Chop::AsSent, Chop::AsSent, Chop::Random, Chop::EachByte][r.random_range(0..4)],
            keepers: [Keeper::default(); 2],
            nats,
            residents,
            acts: Vec::new(),
            lost: None,
            calls: Vec::new(),
            hostile: r.random_bool(0.5),
            last: None,
        };
        plan.draw_acts(r);
        if r.random_bool(0.2) {
            plan.lost = Some(r.random_range(0..count));
        }
        for _ in 0..r.random_range(1..=2) {
            let hold = Some(seconds(2));
            let calling = Manner { hold, ..manner(r, gates) };
            plan.calls.push((millis(r.random_range(0..1500)), r.random_range(0..count), calling));
        }
        plan
    }

    /// Draws what worlds did not have at first: the worlds of the past stay what they were.
    pub(super) fn widened(mut self) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed ^ 0x77_6964_6572);
        let r = &mut random;
        self.keepers[0].multiplexes = r.random();
        for manner in &mut self.residents {
            widen(r, manner);
        }
        for manner in self.acts.iter_mut().filter_map(|(_, act)| match act {
            Act::Call { manner, .. } => Some(manner),
            _ => None,
        }) {
            widen(r, manner);
            // Who is behind a NAT and knows nothing of it can call, but not be called.
            manner.traversal &= r.random_bool(0.8);
        }
        for (_, _, manner) in &mut self.calls {
            widen(r, manner);
            manner.traversal &= r.random_bool(0.8);
        }
        let (count, callers) = (self.residents.len(), 3);
        for _ in 0..r.random_range(0..3) {
            let (at, seed) = (r.random_range(0..CHAOS_MS), r.random());
            let within = match r.random_range(0..4) {
                0 => Some(Who::Caller(r.random_range(0..callers))),
                1 => Some(Who::Resident(r.random_range(0..count))),
                _ => None,
            };
            let flood = r.random_bool(0.3);
            self.at(at, if flood { Act::Flood { seed } } else { Act::Siege { seed, within } });
        }
        self.disturb_set_ups(r);
        self.acts.sort_by_key(|(at, _)| *at);
        self.keepers[0].mode = mode(r);
        self
    }

    /// Draws who can encrypt, and what the gatekeeper wants of it, in half of the worlds.
    pub(super) fn secured(mut self) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed ^ 0x68_3233_355f);
        let r = &mut random;
        if r.random_bool(0.5) {
            return self;
        }
        self.keepers[0].prefers = r.random_bool(0.7);
        self.keepers[0].requires = r.random_bool(0.4).then(|| {
            let gate = r.random_range(0..self.nats.len());
            [Where::Behind(gate), Where::Open, Where::Ipv6, Where::Elsewhere][r.random_range(0..4)]
        });
        self.keepers[0].renews = r.random_bool(0.4).then(|| r.random_range(50..120));
        let calls = self.calls.iter_mut().map(|(_, _, manner)| manner);
        let acts = self.acts.iter_mut().filter_map(|(_, act)| match act {
            Act::Call { manner, .. } => Some(manner),
            _ => None,
        });
        for manner in self.residents.iter_mut().chain(calls).chain(acts) {
            manner.encrypts = r.random_bool(0.6);
        }
        self
    }

    /// Draws what comes of the last call, and what the operator does beside.
    pub(super) fn fated(mut self) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed ^ 0x66_6174_6564);
        let r = &mut random;
        let fate = Fate::ALL[r.random_range(0..Fate::ALL.len())];
        let there: Vec<_> = (0..self.residents.len()).filter(|n| self.lost != Some(*n)).collect();
        let whom = there[r.random_range(0..there.len())];
        let mut caller = manner(r, self.nats.len());
        widen(r, &mut caller);
        let first = self.keepers[0];
        caller.encrypts = (first.prefers || first.requires.is_some()) && r.random_bool(0.6);
        if r.random_bool(0.2) {
            // Who needs no help, and so may be left to itself.
            for manner in [&mut caller, &mut self.residents[whom]] {
                (manner.place, manner.traversal) = (None, false);
            }
        }
        if fate == Fate::Denied {
            // One of the two has to be able to encrypt, and is not.
            let phone = if r.random() { &mut caller } else { &mut self.residents[whom] };
            phone.encrypts = false;
            self.keepers[0].requires = Some(match (phone.place, phone.ipv6) {
                (Some(gate), _) => Where::Behind(gate),
                (None, true) => Where::Ipv6,
                (None, false) => Where::Open,
            });
        }
        self.last = Some((fate, whom, caller));
        for resident in &mut self.residents {
            resident.hold = Some(seconds(r.random_range(4..=6)));
        }
        let [first, second] = &mut self.keepers;
        let requires = first.requires.filter(|_| fate == Fate::Denied || r.random());
        let renews = first.renews.filter(|_| r.random());
        let prefers = first.prefers && r.random();
        *second = Keeper { prefers, requires, renews, mode: mode(r), ..*first };
        for keeper in &mut self.keepers {
            keeper.accounts = r.random();
            keeper.answer = r.random_bool(0.5).then_some(seconds(3));
            keeper.ringing = (fate == Fate::Unanswered).then_some(seconds(4));
            keeper.longest = (fate == Fate::TooLong).then_some(seconds(3));
        }
        if r.random_bool(0.2) {
            let (at, n) = (r.random_range(0..CHAOS_MS), r.random_range(0..self.residents.len()));
            self.at(at, Act::Leave(n));
            self.acts.sort_by_key(|(at, _)| *at);
        }
        self
    }

    /// Things happen to calls just while they are set up, where most of the states are.
    fn disturb_set_ups(&mut self, r: &mut ChaCha8Rng) {
        let call = |(at, act): &(Duration, Act)| match act {
            Act::Call { whom, .. } => Some((*at, *whom)),
            _ => None,
        };
        let calls: Vec<_> = self.acts.iter().filter_map(call).collect();
        for (caller, (at, whom)) in calls.into_iter().enumerate() {
            let act = match r.random_range(0..8) {
                0 | 1 => Act::HangUp(caller),
                2 => Act::Reset(Who::Resident(whom)),
                3 => Act::Reset(Who::Caller(caller)),
                4 => Act::Stall(Who::Resident(whom), millis(r.random_range(100..3000))),
                _ => continue,
            };
            self.acts.push((at + millis(r.random_range(0..700)), act));
        }
    }

    fn draw_acts(&mut self, r: &mut ChaCha8Rng) {
        let (count, gates) = (self.residents.len(), self.nats.len());
        let callers = r.random_range(1..=3);
        for caller in 0..callers {
            let at = r.random_range(0..CHAOS_MS / 2);
            let hold = Some(millis(r.random_range(200..4000)));
            let manner = Manner { hold, ..manner(r, gates) };
            self.at(at, Act::Call { whom: r.random_range(0..count), manner });
            // Callers begin in the order of their times, not of their drawing; it does not matter which it hits.
            let later = at + r.random_range(0..3000);
            match r.random_range(0..6) {
                0 => self.at(later, Act::HangUp(caller)),
                1 => self.at(later, Act::Vanish(Who::Caller(caller))),
                _ => {}
            }
        }
        for _ in 0..r.random_range(0..7) {
            let at = r.random_range(0..CHAOS_MS);
            self.fault(r, at, callers);
        }
        self.acts.sort_by_key(|(at, _)| *at);
    }

    fn fault(&mut self, r: &mut ChaCha8Rng, at: u64, callers: usize) {
        let count = self.residents.len();
        let who = match r.random_range(0..4) {
            0 => Who::Caller(r.random_range(0..callers)),
            1 => Who::Node,
            _ => Who::Resident(r.random_range(0..count)),
        };
        let seed = r.random();
        match r.random_range(0..13) {
            0 => self.at(at, Act::Vanish(Who::Resident(r.random_range(0..count)))),
            1 => self.at(at, Act::Restart(r.random_range(0..count))),
            2 => {
                self.at(at, Act::NodeEnds { politely: r.random() });
                self.at(at + r.random_range(0..8000), Act::NodeStarts);
            }
            3 | 4 => self.at(at, Act::Weather(who, weather(r))),
            5 => self.at(at, Act::Rebind(r.random_range(0..self.nats.len()))),
            6 => self.at(at, Act::Reset(who)),
            7 => self.at(at, Act::Stall(who, millis(r.random_range(0..6000)))),
            8 => {
                self.at(at, Act::Exhaust(who, true));
                self.at(at + r.random_range(0..4000), Act::Exhaust(who, false));
            }
            9 => {
                let spoofed = r.random_bool(0.5).then(|| r.random_range(0..count));
                self.at(at, Act::RasStorm { seed, spoofed });
            }
            10 => self.at(at, Act::Intruders { seed, at: who }),
            11 => self.at(at, Act::Garble { seed, at: who }),
            _ => self.at(at, Act::MediaStorm { seed }),
        }
    }

    fn at(&mut self, ms: u64, act: Act) {
        self.acts.push((millis(ms), act));
    }
}

impl Default for Keeper {
    fn default() -> Self {
        Self {
            multiplexes: false,
            prefers: false,
            words: "",
            requires: None,
            renews: None,
            mode: Mode::Proxied,
            accounts: false,
            answer: None,
            ringing: None,
            longest: None,
        }
    }
}

fn mode(r: &mut ChaCha8Rng) -> Mode {
    [Mode::Proxied, Mode::Proxied, Mode::Control, Mode::Routed][r.random_range(0..4)]
}

fn rules(r: &mut ChaCha8Rng) -> Rules {
    [Rules::full_cone, Rules::port_restricted, Rules::symmetric][r.random_range(0..3)]()
}

fn manner(r: &mut ChaCha8Rng, gates: usize) -> Manner {
    let place = r.random_bool(0.65).then(|| r.random_range(0..gates));
    Manner {
        place,
        traversal: place.is_some() || r.random(),
        tunnelling: r.random(),
        fast_start: r.random_bool(0.3),
        multiplex: false,
        ipv6: false,
        encrypts: false,
        video: false,
        hold: None,
    }
}

fn widen(r: &mut ChaCha8Rng, manner: &mut Manner) {
    manner.multiplex = r.random();
    manner.ipv6 = r.random_bool(0.25) && manner.place.is_none();
}

fn weather(r: &mut ChaCha8Rng) -> Link {
    Link {
        latency: millis(r.random_range(1..200)),
        jitter: millis(r.random_range(0..60)),
        loss: r.random_range(0.0..0.3),
        repeats: r.random_range(0.0..0.2),
        reorders: r.random(),
        ..Link::default()
    }
}
