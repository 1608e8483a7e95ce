//! Who was silent for long can still be called, because and only because the keepalives work.

use pinhole::event::Event;
use pinhole::firewall::Rules;
use pinhole::node::{Settings, Traversal};
use pinhole::phone::options::Incoming;

use super::lab::{Lab, Place, Plan, connected, heard, lab, registered, relayed};
use crate::world::{Chop, Link, millis, seconds};
use Place::{Inside, Outside};

const NATS: [fn() -> Rules; 3] = [Rules::full_cone, Rules::port_restricted, Rules::symmetric];

/// What may be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    /// The phone inside sends no keepalives, the NAT remembers as long as usual. The gatekeeper's question whether it is
    /// still there arrives a second before that; its answer would be a keepalive too.
    Mute,
    /// The phone inside sends no keepalives. The NAT forgets before the registration expires: else the gatekeeper's
    /// URQ would still arrive, and the phone would register again.
    MutePhone,
    /// The phone inside sends no keepalives, and its registration is good for ten minutes.
    MuteForLong,
    /// The gatekeeper gives a longer timeToLive than the NAT lives.
    LongLife,
    /// The NAT forgets sooner than the keepalives come.
    HastyNat,
}

/// Whether bob, behind the NAT, can be called after so long a silence. An announcement is repeated for half a minute,
/// so that it may yet reach him through a hole he opens himself meanwhile; that does not count.
fn callable(chop: Chop, silence: u64, mut rules: Rules, flaw: Flaw) -> bool {
    let mut settings = Settings::default();
    let mut living = |keepalive_s| {
        settings.traversal = Some(Traversal { keepalive_s, without_nat: true });
    };
    match flaw {
        Flaw::None | Flaw::Mute => {}
        Flaw::MutePhone => rules.udp_idle = seconds(25),
        Flaw::MuteForLong => living(600),
        Flaw::LongLife => living(60),
        Flaw::HastyNat => rules.udp_idle = seconds(10),
    }
    let mut lab = lab(Plan { rules, settings, ..Plan::with(chop) });
    let bob = lab.answering("bob", Inside, 880.0, |options| {
        options.keepalives = !matches!(flaw, Flaw::Mute | Flaw::MutePhone | Flaw::MuteForLong);
    });
    lab.world.mark_rest();
    lab.world.run_for(seconds(silence));
    let alice = lab.calling("alice", Outside, ("bob", 440.0, 3), |_| {});
    let record = lab.record(alice, 1, seconds(120));
    if !lab.world.told(alice, connected) {
        assert!(!matches!(record.cause, Some(16)), "{record:#?}");
        assert!(!record.sentence.is_empty(), "{record:#?}");
        return false;
    }
    heard(&record, 3, 880.0);
    heard(&lab.record(bob, 1, seconds(5)), 3, 440.0);
    relayed(&lab.record(lab.node, 1, seconds(5)), 3);
    lab.nothing_left();
    record.setup_ms.is_some_and(|setup| setup < 1000)
}

fn after_three_minutes_of_silence(chop: Chop) {
    for rules in NATS {
        assert!(callable(chop, 180, rules(), Flaw::None), "{:?}", rules());
    }
    // The NAT of the mute phone is no obstacle to one that speaks.
    let hasty = Rules { udp_idle: seconds(25), ..Rules::symmetric() };
    assert!(callable(chop, 180, hasty, Flaw::None));
}

fn after_an_hour_of_silence(chop: Chop) {
    for rules in NATS {
        assert!(callable(chop, 3600, rules(), Flaw::None), "{:?}", rules());
    }
}

fn without_keepalives_three_minutes_and_an_hour_are_too_long(chop: Chop) {
    for rules in NATS {
        assert!(!callable(chop, 180, rules(), Flaw::Mute), "{:?}", rules());
        assert!(!callable(chop, 180, rules(), Flaw::MutePhone), "{:?}", rules());
        assert!(!callable(chop, 3600, rules(), Flaw::MutePhone), "{:?}", rules());
        assert!(!callable(chop, 180, rules(), Flaw::MuteForLong), "{:?}", rules());
    }
}

fn keepalives_that_come_too_late_leave_gaps(chop: Chop) {
    let gaps = |flaw| {
        let tries = (0..8).map(|n| 180 + 7 * n);
        tries.filter(|silence| !callable(chop, *silence, Rules::port_restricted(), flaw)).count()
    };
    // Between two refreshes the NAT has forgotten, whichever end the long interval comes from.
    assert!((1..8).contains(&gaps(Flaw::LongLife)));
    assert!((1..8).contains(&gaps(Flaw::HastyNat)));
    assert_eq!(gaps(Flaw::None), 0);
}

/// A call of ten minutes in which nobody says anything by signalling.
fn long_call(chop: Chop, adjust: impl Fn(&mut Rules)) -> Lab {
    let mut rules = Rules::symmetric();
    adjust(&mut rules);
    let mut lab = lab(Plan { rules, ..Plan::with(chop) });
    lab.answering("bob", Inside, 880.0, |_| {});
    lab.world.mark_rest();
    lab
}

fn a_long_call_holds_its_connections_through_a_nat_that_forgets_early(chop: Chop) {
    let mut lab = long_call(chop, |rules| rules.tcp_idle = seconds(40));
    // Only what the phones say themselves may hold the connection, not their systems.
    lab.world.patience().keepalive = None;
    let alice = lab.calling("alice", Outside, ("bob", 440.0, 600), |_| {});
    heard(&lab.record(alice, 1, seconds(700)), 600, 880.0);
    relayed(&lab.record(lab.node, 1, seconds(5)), 600);
    lab.nothing_left();
}

fn a_registration_survives_a_lossy_line(chop: Chop) {
    let lost = |event: &Event| matches!(event, Event::Unregistered { .. });
    let mut losses = 0;
    for seed in 0..20 {
        let mut lab = lab(Plan { seed, ..Plan::with(chop) });
        let bob = lab.phone("bob", Inside, |options| options.incoming = Incoming::Answer);
        *lab.world.link(bob) = Link { loss: 0.05, jitter: millis(20), ..Link::default() };
        lab.world.must("registered", |world| world.told(bob, registered), seconds(60));
        lab.world.run_for(seconds(3600));
        assert!(!lab.world.told(lab.node, lost), "seed {seed}");
        losses += lab.world.count(bob, lost);
        assert_eq!(lab.world.count(bob, registered), lab.world.count(bob, lost) + 1, "seed {seed}");
    }
    // Of 5000 refreshes every tenth is lost one way or the other. Without retransmission, so many registrations.
    assert!(losses < 20, "{losses}");
}

fn calls_come_about_on_a_lossy_line(chop: Chop) {
    for seed in 0..10 {
        let mut lab = lab(Plan { seed, ..Plan::with(chop) });
        let bob = lab.answering("bob", Inside, 880.0, |_| {});
        lab.world.mark_rest();
        for host in [bob, lab.node] {
            *lab.world.link(host) = Link { loss: 0.05, jitter: millis(20), ..Link::default() };
        }
        let alice = lab.calling("alice", Outside, ("bob", 440.0, 10), |_| {});
        let record = lab.record(alice, 1, seconds(120));
        assert_eq!(record.cause, Some(16), "seed {seed}: {record:#?}");
        let receive = super::lab::channel(&record, "receive");
        assert!(receive.packets > 350, "seed {seed}: {record:#?}");
        assert!(receive.lost > 0, "seed {seed}: {record:#?}");
        lab.nothing_left();
    }
}

fn a_registration_ends_with_its_time_to_live(chop: Chop) {
    let mut lab = lab(Plan::with(chop));
    let bob = lab.answering("bob", Inside, 880.0, |_| {});
    lab.world.run_for(seconds(100));
    lab.world.vanish(bob);
    let gone = |event: &Event| matches!(event, Event::Unregistered { alias, .. } if alias == "bob");
    assert!(!lab.world.told(lab.node, gone));
    let node = lab.node;
    lab.world.must("expired", |world| world.told(node, gone), seconds(60));
    let alice = lab.calling("alice", Outside, ("bob", 440.0, 3), |_| {});
    let record = lab.record(alice, 1, seconds(10));
    assert!(!lab.world.told(alice, connected), "{record:#?}");
    assert_ne!(record.cause, Some(16), "{record:#?}");
}

fn a_nat_that_changes_its_ports_is_followed(chop: Chop) {
    for rules in NATS {
        let mut lab = lab(Plan { rules: rules(), ..Plan::with(chop) });
        let bob = lab.answering("bob", Inside, 880.0, |_| {});
        lab.world.mark_rest();
        lab.world.run_for(seconds(100));
        let gate = lab.gate;
        lab.world.gate(gate).rebind();
        lab.world.run_for(seconds(25));
        let alice = lab.calling("alice", Outside, ("bob", 440.0, 3), |_| {});
        heard(&lab.record(alice, 1, seconds(60)), 3, 880.0);
        lab.record(bob, 1, seconds(5));
        lab.nothing_left();
    }
}

as_sent_and_octet_by_octet! {
    after_three_minutes_of_silence,
    after_an_hour_of_silence,
    without_keepalives_three_minutes_and_an_hour_are_too_long,
    keepalives_that_come_too_late_leave_gaps,
    a_long_call_holds_its_connections_through_a_nat_that_forgets_early,
    a_registration_survives_a_lossy_line,
    calls_come_about_on_a_lossy_line,
    a_registration_ends_with_its_time_to_live,
    a_nat_that_changes_its_ports_is_followed,
}
