//! The last call of a world, when all is quiet, and the model of what must come of it: which cause each party and the
//! gatekeeper tell, and what each of them must have done.

use std::ops::RangeInclusive;

use pinhole::event::{CallRecord, Event};
use pinhole::phone::options::Incoming;
use pinhole_h323::asn::h225::RasMessage;
use pinhole_h323::id::CallId;
use pinhole_h323::ras::Ras;

use super::judge::{of_call, whole};
use super::plan::{Act, Denial, Manner, Plan, Who};
use super::run::{Party, Run};
use super::sane::sane;
use crate::scenarios::lab::{connected, records};
use crate::world::{HostId, Link, millis, seconds};

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The called party hangs up.
    HungUp,
    /// The gatekeeper ends.
    NodeEnds,
    /// The gatekeeper loses the connection of the caller, who does not notice.
    CallerLost,
    /// The same of the called party.
    CalledLost,
    /// The caller disappears, and with it its connection.
    CallerGone,
    /// The caller says something that nobody understands.
    CallerSpoilt,
    /// The called party does.
    CalledSpoilt,
    /// It rings, and nobody picks up.
    Unanswered,
    /// The caller gives up before the called party, whose line is dead, has heard of the call.
    GivenUp,
    /// It lasts longer than calls may.
    TooLong,
    /// A party behind a NAT sends nothing but keepalives.
    Listening,
    /// A party cannot encrypt, and has to.
    Denied,
}

use Fate::{
    CalledLost, CalledSpoilt, CallerGone, CallerLost, CallerSpoilt, Denied, GivenUp, HungUp,
    Listening, NodeEnds, TooLong, Unanswered,
};

/// The causes that caller, called party and gatekeeper tell; 0 of who has no call.
type Causes = [u8; 3];

impl Fate {
    pub(super) const ALL: [Self; 12] = [
        HungUp,
        NodeEnds,
        CallerLost,
        CalledLost,
        CallerGone,
        CallerSpoilt,
        CalledSpoilt,
        Unanswered,
        GivenUp,
        TooLong,
        Listening,
        Denied,
    ];

    /// Its name, in the order of [`Fate::ALL`].
    pub(super) const NAMES: [&'static str; 12] = [
        "the called party hung up",
        "the gatekeeper ended",
        "the caller was lost",
        "the called party was lost",
        "the caller disappeared",
        "the caller was not understood",
        "the called party was not understood",
        "nobody picked up",
        "the caller gave up",
        "lasted too long",
        "one party only listened",
        "one party could not encrypt",
    ];

    fn name(self) -> &'static str {
        let at = Self::ALL.iter().position(|fate| *fate == self);
        Self::NAMES[at.expect("it is one of all")]
    }

    /// Who is lost is told that the call is over by DRQ, which knows no causes.
    const fn causes(self) -> Causes {
        match self {
            HungUp | Listening => [16, 16, 16],
            NodeEnds => [41, 41, 41],
            CallerLost => [16, 41, 41],
            CalledLost => [41, 16, 41],
            CallerGone => [0, 41, 41],
            CallerSpoilt | CalledSpoilt => [111, 111, 111],
            Unanswered => [19, 19, 19],
            GivenUp => [16, 0, 16],
            TooLong => [102, 102, 102],
            Denied => [INSECURE; 3],
        }
    }

    /// What caller and called party read of it; nothing where it is said in the words of the cause.
    const fn sentences(self) -> [Option<&'static str>; 2] {
        let (own, other) = (Some("the phone hung up"), Some("the other party hung up"));
        let dropped = Some("the gatekeeper ended the call");
        match self {
            HungUp | Listening => [other, own],
            CallerLost => [dropped, None],
            CalledLost => [None, dropped],
            GivenUp => [own, None],
            _ => [None, None],
        }
    }
}

/// The cause of a call that would not be secure.
const INSECURE: u8 = 31;

/// Packets of audio of all these calls.
const TALK: RangeInclusive<u64> = 75..=320;

/// Makes the last call, and looks what has come of it.
pub(super) fn last_call(run: &mut Run, plan: &Plan) {
    let Some((drawn, whom, manner)) = plan.last else { return };
    let called = run.residents[whom];
    // Only of a client whose media is relayed the gatekeeper has to learn where it is.
    let client = |manner: Manner| manner.place.is_some() && manner.traversal;
    let listens = client(called.manner) || client(manner);
    let denial = run.keeper().denies(manner, called.manner);
    let fate = match (denial, drawn) {
        (Some(_), _) => Denied,
        (None, Denied) => HungUp,
        (None, Listening) if !listens => HungUp,
        (None, drawn) => drawn,
    };
    run.census.saw(fate.name());
    if let Some(denial) = denial {
        let caller = run.call(whom, Manner { hold: None, ..manner });
        let caller = run.callers[caller];
        run.quiet(seconds(6));
        let [record] = records(&run.world, caller.host).try_into().unwrap_or_else(|all| {
            run.world.fail(&format!("{} has not had one call: {all:?}", caller.name))
        });
        return is_denied(run, &caller, whom, &record.callid, denial);
    }
    if fate == Unanswered {
        run.restart(whom, Incoming::Ring);
        run.quiet(seconds(2));
    }
    let before = [called.host, run.node.host].map(|host| records(&run.world, host).len());
    if fate == GivenUp {
        *run.world.link(called.host) = Link { loss: 1.0, ..Link::default() };
    }
    run.world.tap(called.host);
    let caller = run.call(whom, Manner { hold: None, ..manner });
    let caller = run.callers[caller];
    run.world.tap(caller.host);
    let muted = if client(called.manner) { called } else { caller };
    if fate == Listening {
        run.world.muted.insert(muted.host);
    }
    befalls(run, fate, caller, called);
    run.world.muted.clear();
    judge(run, fate, (caller, called), before, muted);
}

/// What happens to the call.
fn befalls(run: &mut Run, fate: Fate, caller: Party, called: Party) {
    if fate == GivenUp {
        run.quiet(millis(500));
        run.world.shutdown(caller.host);
        run.quiet(millis(200));
        *run.world.link(called.host) = Link::default();
        return run.quiet(seconds(10));
    }
    run.quiet(millis(2500));
    if fate != Unanswered && !run.world.told(caller.host, connected) {
        run.world.fail(&format!("{} is not answered", caller.name));
    }
    let garbage = |run: &mut Run, party: Party| {
        let node = run.node.host;
        let stream = run.world.signalling(node, party.host).expect("it has a connection");
        run.world.inject_stream(node, stream, b"GET / HTTP/1.1\r\n\r\n");
    };
    match fate {
        NodeEnds => run.shutdown(Who::Node, "gatekeepers ended"),
        CallerLost => run.world.sever(run.node.host, caller.host),
        CalledLost => run.world.sever(run.node.host, called.host),
        CallerGone => {
            run.world.sever(run.node.host, caller.host);
            run.act(Act::Vanish(Who::Caller(run.callers.len() - 1)));
        }
        CallerSpoilt => garbage(run, caller),
        CalledSpoilt => garbage(run, called),
        HungUp | Unanswered | GivenUp | TooLong | Listening | Denied => {}
    }
    // What the gatekeeper has to let go of it lets go of at once.
    sane(run);
    run.quiet(seconds(6));
    run.node_starts();
}

fn judge(
    run: &mut Run,
    fate: Fate,
    (caller, called): (Party, Party),
    before: [usize; 2],
    muted: Party,
) {
    let causes = fate.causes();
    let [read, read_there] = fate.sentences();
    let all = records(&run.world, run.node.host).split_off(before[1]);
    let [at_node] = all.try_into().unwrap_or_else(|all| {
        run.world.fail(&format!("{fate:?}: the gatekeeper has not had one call: {all:?}"))
    });
    said(run, fate, &at_node, causes[2], None);
    let callid = &at_node.callid;
    let mut talks = Vec::new();
    for (party, from, cause, read) in
        [(caller, 0, causes[0], read), (called, before[0], causes[1], read_there)]
    {
        if cause == 0 {
            continue;
        }
        let record = of_call(run, &party, callid, from);
        said(run, fate, &record, cause, read);
        if fate != NodeEnds {
            disengaged(run, party, callid);
        }
        talks.push((party, record));
    }
    let heard = |event: &Event| match event {
        Event::CallStarted { callid: of, .. } | Event::Pinhole { callid: of, .. } => of == callid,
        _ => false,
    };
    if fate == GivenUp && run.world.told(called.host, heard) {
        run.world.fail(&format!("{} hears of a call that is over", called.name));
    }
    for (party, record) in &talks {
        match fate {
            GivenUp | Unanswered => {}
            Listening if party.host == muted.host => {
                let partner = if party.host == caller.host { called } else { caller };
                let receive = whole(run, record, "receive", TALK);
                if receive.tone_hz.is_none_or(|tone| (tone - partner.tone).abs() > 5.0) {
                    run.world.fail(&format!("who only listens should hear: {record:#?}"));
                }
            }
            Listening => {}
            // Whatever ended the call, it was a good one until then.
            _ => {
                whole(run, record, "transmit", TALK);
                whole(run, record, "receive", TALK);
            }
        }
    }
}

/// A call was refused because it would not be secure: nobody has sent anything, and who had to hear why has heard it.
pub(super) fn is_denied(run: &Run, caller: &Party, whom: usize, callid: &str, denial: Denial) {
    let called = run.residents[whom];
    let mut told = vec![of_call(run, caller, callid, 0), of_call(run, &run.node, callid, 0)];
    match denial {
        Denial::AtOnce => {
            let hears = |event: &Event| matches!(event, Event::CallStarted { callid: of, .. } if of == callid);
            if run.world.told(called.host, hears) {
                run.world.fail(&format!("{} hears of a call that is refused", called.name));
            }
        }
        Denial::AtTheAnswer => told.push(of_call(run, &called, callid, 0)),
    }
    for record in told {
        said(run, Denied, &record, INSECURE, None);
        let media = record.channels.iter().any(|channel| channel.packets > 0);
        if record.release_reason.as_deref() != Some("securityDenied") || media {
            run.world.fail(&format!("it should be refused as not secure: {record:#?}"));
        }
    }
}

/// A record has this cause, and this sentence.
fn said(run: &Run, fate: Fate, record: &CallRecord, cause: u8, sentence: Option<&str>) {
    let words = sentence.is_none_or(|sentence| record.sentence == sentence);
    if record.cause != Some(cause) || !words {
        run.world.fail(&format!("{fate:?}: cause {cause}, {sentence:?}, not {record:#?}"));
    }
}

/// A party has told the gatekeeper that the call is over for it (H.225.0 §7.13), unless it need not ask about calls
/// (`PregrantARQ`).
fn disengaged(run: &mut Run, party: Party, callid: &str) {
    let told = tapped(run, party.host).iter().any(|ras| match ras.message() {
        RasMessage::disengageRequest(request) => request
            .call_identifier
            .as_ref()
            .map(CallId::from)
            .is_some_and(|id| id.to_string() == callid),
        _ => false,
    });
    if !told && !run.keeper().words.contains("PregrantARQ=1") {
        run.world.fail(&format!("{} has not sent DRQ for {callid}", party.name));
    }
}

/// The RAS messages that a host has sent since it was tapped.
fn tapped(run: &mut Run, host: HostId) -> Vec<Ras> {
    let sent = run.world.tap(host);
    sent.iter()
        .filter(|(to, _)| to.port() == 1719)
        .filter_map(|(_, octets)| Ras::decode(octets).ok())
        .collect()
}

impl Run {
    /// Time passes in which nothing goes wrong, at most that strangers knock; the gatekeeper is looked at all the while.
    pub(super) fn quiet(&mut self, time: std::time::Duration) {
        let end = self.world.elapsed() + time;
        while self.world.elapsed() < end {
            let left = end - self.world.elapsed();
            self.world.run_for(left.min(millis(150)));
            sane(self);
        }
    }
}
