//! Whether something comes from the media addresses that parties have told.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{Session, Sessions};
use crate::event::Event;
use crate::face::{FlowCommand, FlowCounts, FlowId, Output, Patience, Side};
use crate::node::Cx;

/// What is known of it, of one side of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing has to come.
    Free,
    /// Nothing has come yet.
    Awaited,
    /// Something has.
    Came,
    /// Nothing came for too long: nothing is sent there.
    Paused,
}

/// Nothing is sent before something has come.
const fn none(patience: Patience) -> Patience {
    Patience { first: Duration::ZERO, ..patience }
}

impl Session {
    /// A side has told another address than before.
    pub(super) fn await_answer(&mut self, cx: &mut Cx<'_>, side: Side, told: IpAddr) {
        let Some(peer) = self.peers.get(side.index()).copied() else { return };
        let named = self.named.get(side.index()) == Some(&true);
        let patience = cx.patience((peer, named), told);
        let patience =
            patience.map(|patience| if self.datagrams { none(patience) } else { patience });
        self.be_patient(cx, side, patience);
        if let Some(answer) = self.answers.get_mut(side.index()) {
            *answer = if patience.is_some() { Answer::Awaited } else { Answer::Free };
        }
    }

    /// It carries datagrams that are no RTP from now on. Such can be a word of any protocol, so that nobody gets one for
    /// whom another speaks: something has to come from there before.
    pub(super) fn await_first(&self, cx: &mut Cx<'_>) {
        for side in [Side::A, Side::B] {
            if self.answers.get(side.index()) == Some(&Answer::Awaited) {
                let patience = cx.core.settings.media.patience.map(none);
                self.be_patient(cx, side, patience);
            }
        }
    }

    fn be_patient(&self, cx: &mut Cx<'_>, side: Side, patience: Option<Patience>) {
        let flow = self.flow;
        // The media plane has no bound for an address that it hears of.
        if patience.is_some() {
            cx.core.out.push(Output::Flow(FlowCommand::Patience { flow, side, patience }));
        }
    }

    /// It has ended. Where nothing was sent, nothing could come.
    pub(super) fn spare(&self, cx: &mut Cx<'_>, counts: [FlowCounts; 2]) {
        for side in [Side::A, Side::B] {
            let sent = counts[side.other().index()];
            if let (Some((told, Answer::Awaited)), 0) =
                (self.answer(side), sent.relayed + sent.control)
            {
                cx.core.unanswered.spared(self.peers[side.index()], told);
            }
        }
    }

    /// Where a side wants its media, and what is known of what comes from there.
    fn answer(&self, side: Side) -> Option<(IpAddr, Answer)> {
        let party = self.parties.get(side.index())?;
        Some((party.ip, *self.answers.get(side.index())?))
    }

    /// The addresses from which something has come that had to.
    pub(super) fn answered_from(&self) -> impl Iterator<Item = (Side, IpAddr)> {
        [Side::A, Side::B].into_iter().filter_map(|side| match self.answer(side)? {
            (told, Answer::Came) => Some((side, told)),
            _ => None,
        })
    }

    /// True where nothing is sent, since nothing comes.
    pub(super) fn is_paused(&self, side: Side) -> bool {
        self.answers.get(side.index()) == Some(&Answer::Paused)
    }
}

impl Sessions {
    /// Nothing comes from where a side of a flow wants its media. It is known there if something has come in another session
    /// of the party, or had before that was closed: who watches only may send nothing in this one. What is to be told; nothing when it goes on.
    pub(crate) fn unanswered(
        &mut self,
        cx: &mut Cx<'_>,
        (flow, side): (FlowId, Side),
        instead: Option<SocketAddr>,
        (callid, party): (String, String),
    ) -> Option<Event> {
        let at = self.open.iter().position(|session| session.flow == flow)?;
        let peer = self.open.get(at)?.peers.get(side.index()).copied()?;
        let (to, _) = self.open.get(at)?.answer(side)?;
        let patience = cx.core.settings.media.patience?;
        let known = |session: &Session| session.answer(side) == Some((to, Answer::Came));
        let others = |(n, session): (usize, &Session)| n != at && known(session);
        if self.came.contains(&(side, to)) || self.open.iter().enumerate().any(others) {
            self.open.get(at)?.be_patient(cx, side, Some(patience));
            return None;
        }
        if let Some(answer) = self.open.get_mut(at)?.answers.get_mut(side.index()) {
            *answer = Answer::Paused;
        }
        cx.core.counters.unanswered_media += 1;
        let then = match instead {
            Some(at) => format!("media goes to {at}, from where its own comes"),
            None => "media waits until something does (UnansweredMedia)".to_owned(),
        };
        let sentence =
            format!("{party} at {peer} wants media at {to}, from where nothing comes: {then}");
        Some(Event::MediaUnanswered { callid, party, to, sentence })
    }

    /// Something comes from there. What is to be told, if media was paused.
    pub(crate) fn answered(
        &mut self,
        cx: &mut Cx<'_>,
        (flow, side): (FlowId, Side),
        (callid, party): (String, String),
    ) -> Option<Event> {
        let session = self.open.iter_mut().find(|session| session.flow == flow)?;
        let (to, before) = session.answer(side)?;
        if before == Answer::Free {
            return None;
        }
        *session.answers.get_mut(side.index())? = Answer::Came;
        cx.core.unanswered.answered(session.peers.get(side.index()).copied()?, to);
        let mut resumed = before == Answer::Paused;
        let patience = cx.core.settings.media.patience?;
        for other in &mut self.open {
            if other.answer(side) == Some((to, Answer::Paused)) {
                other.be_patient(cx, side, Some(patience));
                *other.answers.get_mut(side.index())? = Answer::Awaited;
                resumed = true;
            }
        }
        resumed.then_some(Event::MediaAnswered { callid, party, to })
    }
}
