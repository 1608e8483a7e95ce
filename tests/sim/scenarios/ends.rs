//! Every way in which a call can end, from either side, in every state: what the other party is told, who is told by
//! RAS, what the record says; and nothing is left.

use std::time::Duration;

use pinhole::event::Event;
use pinhole::node::{Mode, Settings};
use pinhole_h323::address::to_h225;
use pinhole_h323::asn::h225::{
    AliasAddress, ConnectUUIE, H323UUPDUH323MessageBody as Body, RasMessage,
};
use pinhole_h323::cause::{Cause, Release};
use pinhole_h323::control::Control;
use pinhole_h323::{Signal, tpkt, version};

use super::parties::{IPS, Parties, Stage};
use crate::world::{Link, Raw, at, millis, seconds};

const CALLER: usize = 0;
const CALLED: usize = 1;

/// What ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path {
    /// ReleaseComplete: busy.
    Busy,
    /// ReleaseComplete without a word.
    Bare,
    /// endSession, then ReleaseComplete.
    InOrder,
    /// The signalling connection is closed.
    Closed,
    /// It is reset.
    Reset,
    /// Octets that are no TPKT.
    Garbage,
    /// DRQ.
    Disengaged,
    /// DRQ that tells a cause (terminationCause).
    DisengagedAs,
    /// URQ.
    Unregistered,
    /// The system disappears without a word, and with it its registration.
    Vanished,
    /// Nothing more is said.
    Silence,
    /// The gatekeeper ends.
    Shutdown,
    /// The call has lasted as long as it may.
    Limit,
}

use Path::*;

/// The cause and the reason of a ReleaseComplete.
type Words = Option<(Option<u8>, Option<&'static str>)>;

const BUSY: Words = Some((Some(17), Some("inConf")));
const NORMAL: Words = Some((Some(16), Some("destinationRejection")));
const LOST: Words = Some((Some(41), Some("undefinedReason")));
const BROKEN: Words = Some((Some(111), Some("undefinedReason")));

/// What has to follow.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// ReleaseComplete, to caller and called party.
    told: [Words; 2],
    /// DRQ, to caller and called party.
    ordered: [bool; 2],
    /// The cause of the record; none when there never was a call.
    record: Option<u8>,
}

/// The table: what follows from a path that a party takes in a state.
fn outcome(stage: Stage, path: Path, by: usize) -> Outcome {
    // Who has no connection cannot be told on it.
    let reached = [stage > Stage::Admitted, stage > Stage::Placing];
    let both = |words: Words| reached.map(|reached| words.filter(|_| reached));
    let other = |words: Words| {
        let mut told = both(words);
        told[by] = None;
        told
    };
    let mut only = [false; 2];
    only[by] = true;
    let (told, ordered, cause) = match path {
        Busy => (other(BUSY), [false; 2], 17),
        Bare => (other(NORMAL), [false; 2], 16),
        InOrder => (other(NORMAL), [false; 2], 16),
        Closed | Reset => (other(LOST), only, 41),
        // Its connection stands.
        Garbage => (both(BROKEN), [false; 2], 111),
        Disengaged | Unregistered => (both(NORMAL), [false; 2], 16),
        DisengagedAs => (both(BUSY), [false; 2], 17),
        // Of who has disappeared, the connection is given up after a while, or its registration, or the step.
        Vanished if stage == Stage::Calling => {
            let told = Some((Some(18), Some("unreachableDestination")));
            (other(told), [false; 2], 18)
        }
        Vanished => (other(LOST), [false; 2], 41),
        Silence if stage == Stage::Placing => {
            (both(Some((Some(27), Some("unreachableDestination")))), [false; 2], 27)
        }
        Silence if stage == Stage::Calling => {
            (both(Some((Some(18), Some("unreachableDestination")))), [false; 2], 18)
        }
        Silence => (both(Some((Some(19), Some("undefinedReason")))), [false; 2], 19),
        Shutdown => (both(LOST), [false; 2], 41),
        Limit => (both(Some((Some(102), Some("undefinedReason")))), [false; 2], 102),
    };
    Outcome { told, ordered, record: (stage > Stage::Admitted).then_some(cause) }
}

/// Whether a party can take a path in a state.
fn is_possible(stage: Stage, path: Path, by: usize) -> bool {
    let talks = stage >= Stage::Talking;
    let connected = stage > if by == CALLER { Stage::Admitted } else { Stage::Placing };
    match path {
        Busy | Bare | Closed | Reset | Garbage => connected,
        InOrder => talks,
        // The called party learns of the call by its Setup.
        Disengaged | DisengagedAs => by == CALLER || connected,
        Unregistered => stage > Stage::Admitted,
        Vanished => connected && (by == CALLED || stage > Stage::Calling),
        Silence => by == CALLED && !talks && stage > Stage::Admitted,
        Shutdown => by == CALLER && stage > Stage::Admitted,
        Limit => by == CALLER && talks,
    }
}

fn walk(parties: &mut Parties, stage: Stage, path: Path, by: usize) {
    let (host, stream) = (parties.hosts[by], parties.streams[by]);
    let end_session = tpkt::wrap(&Control::end_session().encode().unwrap()).unwrap();
    match path {
        Busy => parties.release(by, Some(Release::InConf), Some(Cause::USER_BUSY)),
        Bare => parties.release(by, None, None),
        InOrder => {
            if let Some(control) = parties.controls[by] {
                parties.lab.world.with(host, |raw: &mut Raw, _| {
                    raw.send(control, &end_session);
                });
                parties.lab.world.run_for(millis(100));
            }
            let why = Some(Release::DestinationRejection);
            parties.release(by, why, Some(Cause::NORMAL_CLEARING));
        }
        Closed => parties.lab.world.with(host, |raw: &mut Raw, _| raw.close(stream.unwrap())),
        Reset => parties.lab.world.reset(host, stream.unwrap()),
        Garbage => parties.send(by, b"GET / HTTP/1.1\r\n\r\n"),
        Disengaged | DisengagedAs => {
            let answers = parties.disengage(by, (path == DisengagedAs).then_some(17));
            assert!(matches!(&answers[..], [RasMessage::disengageConfirm(_)]), "{answers:?}");
        }
        Unregistered => {
            if stage == Stage::Placing && by == CALLED {
                *parties.lab.world.link(host) = Link::default();
            }
            parties.unregister(by);
        }
        Vanished => parties.lab.world.vanish(host),
        Silence => {}
        Shutdown => parties.lab.world.shutdown(parties.lab.node),
        Limit => {}
    }
}

/// How long it may take.
fn patience(path: Path) -> Duration {
    match path {
        Vanished | Silence => seconds(250),
        Limit => seconds(70),
        _ => seconds(5),
    }
}

fn settings(path: Path) -> impl FnOnce(&mut Settings) {
    move |settings| match path {
        Limit => settings.handling.longest_call = Some(seconds(60)),
        Vanished => settings.ttl_s = Some(60),
        _ => {}
    }
}

fn record(parties: &Parties) -> Option<u8> {
    let ended =
        parties.lab.world.events(parties.lab.node).iter().filter_map(|(_, event)| match event {
            Event::CallEnded(record) => Some(record.cause.expect("a cause")),
            _ => None,
        });
    let ended: Vec<u8> = ended.collect();
    assert!(ended.len() <= 1, "{ended:?}");
    ended.first().copied()
}

fn ends(stage: Stage, path: Path, by: usize, mode: Mode) {
    println!("{stage:?}: {path:?} by {by}, {mode:?}");
    let mut parties = Parties::at(stage, mode, settings(path));
    parties.forget();
    walk(&mut parties, stage, path, by);
    parties.lab.world.run_for(patience(path));
    let told = [parties.released(CALLER), parties.released(CALLED)];
    let ordered = [parties.ordered(CALLER), parties.ordered(CALLED)];
    let found = Outcome { told, ordered, record: record(&parties) };
    let wanted = outcome(stage, path, by);
    if found != wanted {
        parties.lab.world.fail(&format!("{found:?} instead of {wanted:?}"));
    }
    if stage == Stage::Separate {
        said_goodbye(&mut parties, path, by);
    }
    *parties.lab.world.link(parties.hosts[CALLED]) = Link::default();
    if path == Shutdown || path == Vanished {
        return;
    }
    // What an endpoint says of a call that is over is confirmed, if it is registered.
    for n in [CALLER, CALLED].into_iter().filter(|n| path != Unregistered || *n != by) {
        let answers = parties.disengage(n, None);
        assert!(matches!(&answers[..], [RasMessage::disengageConfirm(_)]), "{answers:?}");
    }
    parties.lab.nothing_left();
}

/// Nobody's H.245 connection ends without endSession, but of who has ended it so itself.
fn said_goodbye(parties: &mut Parties, path: Path, by: usize) {
    for n in [CALLER, CALLED] {
        let gone = n == by && matches!(path, Vanished);
        let times = parties.heard_control(n).iter().filter(|said| said.is_end_session()).count();
        assert_eq!(times, usize::from(!gone), "endSession to {n}");
    }
}

const STAGES: [Stage; 7] = [
    Stage::Admitted,
    Stage::Placing,
    Stage::Calling,
    Stage::Proceeding,
    Stage::Ringing,
    Stage::Talking,
    Stage::Separate,
];

/// Everything that is possible on these paths; how much that is.
fn all(paths: &[Path], mode: Mode) -> usize {
    let mut count = 0;
    for path in paths {
        for (stage, by) in STAGES.into_iter().flat_map(|stage| [(stage, CALLER), (stage, CALLED)]) {
            if is_possible(stage, *path, by) {
                ends(stage, *path, by, mode);
                count += 1;
            }
        }
    }
    count
}

#[test]
fn by_the_words_of_a_party() {
    assert_eq!(all(&[Busy, Bare, InOrder], Mode::Proxied), 26);
    assert_eq!(all(&[Busy, InOrder], Mode::Control), 15);
}

#[test]
fn by_the_end_of_a_connection() {
    assert_eq!(all(&[Closed, Reset, Garbage], Mode::Proxied), 33);
    assert_eq!(all(&[Closed, Garbage], Mode::Control), 22);
}

#[test]
fn by_ras() {
    assert_eq!(all(&[Disengaged, DisengagedAs, Unregistered], Mode::Proxied), 36);
}

#[test]
fn by_silence() {
    assert_eq!(all(&[Vanished, Silence], Mode::Proxied), 13);
}

#[test]
fn by_the_gatekeeper() {
    assert_eq!(all(&[Shutdown, Limit], Mode::Proxied), 8);
}

/// Nobody refreshes its registration.
#[test]
fn by_the_end_of_a_registration_unless_the_configuration_keeps_it() {
    for (kept, stage) in [(false, Stage::Talking), (true, Stage::Talking), (false, Stage::Separate)]
    {
        let mut parties = Parties::at(stage, Mode::Proxied, |settings| {
            settings.ttl_s = Some(60);
            settings.ras.expiry_ends_calls = !kept;
        });
        parties.lab.world.run_for(seconds(120));
        let (lost, ended) = (LOST.filter(|_| !kept), (!kept).then_some(41));
        assert_eq!([parties.released(CALLER), parties.released(CALLED)], [lost; 2]);
        assert_eq!(record(&parties), ended);
        if kept {
            parties.release(CALLED, None, None);
        }
        assert_eq!(record(&parties), ended.or(Some(16)));
        parties.lab.world.run_for(seconds(60));
        let gone = |event: &Event| matches!(event, Event::Unregistered { .. });
        assert_eq!(parties.lab.world.count(parties.lab.node, gone), 2, "and then they go");
        parties.lab.nothing_left();
    }
}

/// The called party wants to be connected to for H.245 before it answers, and cannot be. Once the call is answered that must
/// not last: H.245 comes about in the tunnel, or the call ends.
#[test]
fn by_early_h245_that_fails() {
    for tunnels in [false, true] {
        let mut parties = Parties::at(Stage::Ringing, Mode::Proxied, |_| {});
        let nowhere = at(&format!("{}:2999", IPS[CALLED]));
        parties.say(CALLED, &Signal::start_h245(parties.words(CALLED, false), nowhere));
        parties.lab.world.run_for(seconds(20));
        assert_eq!([CALLER, CALLED].map(|n| parties.released(n)), [None; 2], "it rings");
        let body = ConnectUUIE {
            protocol_identifier: version::h225(),
            call_identifier: Some(parties.words(CALLED, tunnels).call_id.into()),
            ..Default::default()
        };
        let words = parties.words(CALLED, tunnels);
        parties.say(CALLED, &Signal::on(words, Body::connect(Box::new(body))));
        parties.lab.world.run_for(seconds(20));
        let told = LOST.filter(|_| !tunnels);
        assert_eq!([CALLER, CALLED].map(|n| parties.released(n)), [told; 2]);
        assert_eq!(record(&parties), (!tunnels).then_some(41));
        if tunnels {
            parties.release(CALLED, None, None);
        }
        parties.lab.nothing_left();
    }
}

/// Who refuses a call by DRQ, without ReleaseComplete, is not called; somebody else is, if the caller knows more names. Once
/// the call is answered it is over.
#[test]
fn by_a_drq_of_the_called_party_only_once_it_has_answered() {
    const OTHER: &str = "198.51.100.41";
    for answered in [false, true] {
        let mut parties = Parties::at(Stage::Admitted, Mode::Proxied, |settings| {
            settings.handling.failover = true;
        });
        let other = parties.lab.world.host("other", OTHER, Raw::default());
        parties.lab.world.with(other, |raw: &mut Raw, _| raw.listen(OTHER, 1720));
        parties.lab.world.mark_rest();
        parties.set_up(true, |setup| {
            setup.edit(|pdu| {
                let Body::setup(setup) = &mut pdu.h323_message_body else { panic!() };
                let there = to_h225(at(&format!("{OTHER}:1720")));
                let names = setup.destination_address.get_or_insert_default();
                names.push(AliasAddress::transportID(Box::new(there)));
            });
        });
        parties.reached();
        if answered {
            let words = parties.words(CALLED, true);
            let body = ConnectUUIE {
                protocol_identifier: version::h225(),
                call_identifier: Some(words.call_id.into()),
                ..Default::default()
            };
            parties.say(CALLED, &Signal::on(words, Body::connect(Box::new(body))));
        }
        parties.disengage(CALLED, Some(34));
        parties.lab.world.run_for(seconds(2));
        let stream = parties.lab.world.with(other, |raw: &mut Raw, _| raw.accepted());
        assert_eq!(stream.is_some(), !answered);
        assert_eq!(parties.released(CALLER).and_then(|words| words.0), answered.then_some(34));
        if !answered {
            parties.release(CALLER, None, None);
        }
        parties.lab.world.run_for(seconds(1));
        parties.lab.nothing_left();
    }
}
