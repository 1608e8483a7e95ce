//! The sessions of a call, and the logical channels that use them.

use std::net::IpAddr;

use pinhole_config::Medium;

use super::{Channel, NoSession, Session, Wanted};
use crate::call::{CallKey, Index, Leg};
use crate::event::ChannelRecord;
use crate::face::{FlowCommand, FlowCounts, FlowId, Output, Side};
use crate::node::Cx;

/// Sessions a call may have at a time: audio, two videos, far-end camera, and as many again.
const MOST_SESSIONS: usize = 16;
/// Sessions of a call that may be closing at a time.
const MOST_CLOSING: usize = 64;
/// Addresses of closed sessions that a call remembers, the newest.
const MOST_CAME: usize = 8;
/// Logical channels a call may have at a time.
const MOST_CHANNELS: usize = 64;

/// The sessions of a call.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    pub(in crate::control) open: Vec<Session>,
    /// Closed; the media plane has not reported their counts yet.
    closing: Vec<Session>,
    records: Vec<ChannelRecord>,
    /// From where something came in sessions that are closed by now.
    pub(super) came: Vec<(Side, IpAddr)>,
}

impl Sessions {
    /// The session for a channel that a party opens; made if there is none with this sessionID.
    pub(in crate::control) fn open(
        &mut self,
        cx: &mut Cx<'_>,
        key: CallKey,
        legs: &[Leg; 2],
        index: &mut Index,
        (opener, number): (Side, u16),
        wanted: Wanted,
    ) -> Result<&mut Session, NoSession> {
        // A number that is opened again without having been closed replaces its channel.
        self.close_channel(cx, opener, number);
        if self.channels() >= MOST_CHANNELS {
            return Err(NoSession::TooMany);
        }
        let replaced = wanted.replaces.filter(|_| wanted.id == 0);
        let place = replaced
            .and_then(|number| self.place_of(&Channel { opener, number }))
            .filter(|at| self.open.get(*at).is_some_and(|session| session.fits(legs)));
        let session = match place {
            Some(place) => self.open.get_mut(place).ok_or(NoSession::TooMany)?,
            None => self.session(cx, key, legs, index, wanted.id)?,
        };
        if !session.channels.is_empty() {
            cx.core.out.push(Output::Flow(FlowCommand::Rearm { flow: session.flow }));
        }
        if wanted.datagrams {
            session.carry_datagrams(cx);
        }
        session.channels.push(Channel { opener, number });
        Ok(session)
    }

    /// The session for a channel that is proposed by fast start; it stays until the proposals are answered.
    pub(in crate::control) fn offer(
        &mut self,
        cx: &mut Cx<'_>,
        key: CallKey,
        legs: &[Leg; 2],
        index: &mut Index,
        id: u8,
    ) -> Result<&mut Session, NoSession> {
        let session = self.session(cx, key, legs, index, id)?;
        session.offered = true;
        Ok(session)
    }

    /// A proposed channel is accepted (perhaps once more, in a later message).
    pub(in crate::control) fn accept(
        &mut self,
        id: u8,
        opener: Side,
        number: u16,
    ) -> Option<&mut Session> {
        if self.channels() >= MOST_CHANNELS {
            return None;
        }
        let channel = Channel { opener, number };
        let session = self.open.iter_mut().find(|session| session.id == id)?;
        if !session.channels.contains(&channel) {
            session.channels.push(channel);
        }
        Some(session)
    }

    /// The proposals of fast start are answered, or never will be: what was not accepted is closed.
    pub(crate) fn settle(&mut self, cx: &mut Cx<'_>) {
        let mut kept = Vec::new();
        for mut session in std::mem::take(&mut self.open) {
            let unwanted = session.offered && session.channels.is_empty();
            session.offered = false;
            if unwanted {
                self.close(cx, session);
            } else {
                kept.push(session);
            }
        }
        self.open = kept;
    }

    /// It is known now which legs are encrypted: what has been opened before is no exception.
    pub(crate) fn lock(&mut self, cx: &mut Cx<'_>, legs: &[Leg; 2]) {
        self.open.iter_mut().for_each(|session| session.lock(cx, legs));
    }

    /// An address that a party named for media in clear, in a network where that may not be. Nothing is sent there.
    pub(crate) fn take_exposed(&mut self) -> Option<(Side, IpAddr)> {
        self.open.iter_mut().find_map(|session| session.exposed.take())
    }

    fn channels(&self) -> usize {
        self.open.iter().map(|session| session.channels.len()).sum()
    }

    /// True when there are as many as there may be. What is closing counts when it is much: who opens and closes faster
    /// than the media plane can follow has to wait.
    const fn is_full(&self) -> bool {
        self.open.len() >= MOST_SESSIONS || self.closing.len() >= MOST_CLOSING
    }

    /// The session with this sessionID, if there is one; the newest, should an encrypted one be left from before.
    pub(in crate::control) fn numbered(&mut self, id: u8) -> Option<&mut Session> {
        self.open.iter_mut().rev().find(|session| id != 0 && session.id == id)
    }

    fn place_of(&self, channel: &Channel) -> Option<usize> {
        self.open.iter().position(|session| session.channels.contains(channel))
    }

    /// The session with this sessionID, made if there is none. One that is locked for a leg that is in clear by now is left
    /// to the channels that it has: nothing in clear would pass there.
    fn session(
        &mut self,
        cx: &mut Cx<'_>,
        key: CallKey,
        legs: &[Leg; 2],
        index: &mut Index,
        id: u8,
    ) -> Result<&mut Session, NoSession> {
        let fits = |session: &Session| id != 0 && session.id == id && session.fits(legs);
        let found = self.open.iter().position(fits);
        let at = match found {
            Some(at) => at,
            None if self.is_full() => return Err(NoSession::TooMany),
            None => {
                self.open.push(Session::new(cx, key, legs, index, id)?);
                self.open.len() - 1
            }
        };
        self.open.get_mut(at).ok_or(NoSession::TooMany)
    }

    /// The session of a channel.
    pub(in crate::control) fn of_channel(
        &mut self,
        opener: Side,
        number: u16,
    ) -> Option<&mut Session> {
        let channel = Channel { opener, number };
        self.open.iter_mut().find(|session| session.channels.contains(&channel))
    }

    /// A channel is closed or was refused; the session ends with its last one.
    pub(in crate::control) fn close_channel(&mut self, cx: &mut Cx<'_>, opener: Side, number: u16) {
        let channel = Channel { opener, number };
        let Some(at) = self.place_of(&channel) else { return };
        let Some(session) = self.open.get_mut(at) else { return };
        session.channels.retain(|known| *known != channel);
        session.unkeyed(cx, opener, number);
        if session.channels.is_empty() && !session.offered {
            let session = self.open.remove(at);
            self.close(cx, session);
        }
    }

    /// The call is over.
    pub(crate) fn close_all(&mut self, cx: &mut Cx<'_>) {
        for session in std::mem::take(&mut self.open) {
            self.close(cx, session);
        }
    }

    fn close(&mut self, cx: &mut Cx<'_>, session: Session) {
        cx.core.out.push(Output::Flow(FlowCommand::Close { flow: session.flow }));
        session.pairs.iter().for_each(|pair| cx.core.ports.left(cx.now, pair.id));
        session.receive.into_iter().flatten().for_each(|id| cx.core.marks.free(id));
        for from in session.answered_from() {
            self.came.retain(|known| *known != from);
            self.came.push(from);
        }
        self.came.drain(..self.came.len().saturating_sub(MOST_CAME));
        self.closing.push(session);
    }

    /// The media plane has reported a flow.
    pub(crate) fn ended(&mut self, cx: &mut Cx<'_>, flow: FlowId, counts: [FlowCounts; 2]) {
        let Some(at) = self.closing.iter().position(|session| session.flow == flow) else { return };
        let session = self.closing.remove(at);
        let pairs = session.pairs.map(|pair| pair.id);
        cx.core.ports.given_back(cx.now, pairs, &mut cx.core.out);
        session.spare(cx, counts);
        session.record(counts, &mut self.records);
    }

    /// Asks what came in channels of a kind.
    pub(crate) fn listen(&self, cx: &mut Cx<'_>, medium: Medium) {
        for session in self.open.iter().filter(|session| session.senders(medium) != [false; 2]) {
            cx.core.out.push(Output::Flow(FlowCommand::Listen { flow: session.flow }));
        }
    }

    /// What came in a session; how often in a row nothing did, of each side that has opened a channel of this kind.
    pub(crate) fn heard(&mut self, flow: FlowId, medium: Medium, from: [bool; 2]) -> [u8; 2] {
        let Some(session) = self.open.iter_mut().find(|session| session.flow == flow) else {
            return [0; 2];
        };
        let senders = session.senders(medium);
        for ((silent, heard), sends) in session.silent.iter_mut().zip(from).zip(senders) {
            *silent = if heard || !sends { 0 } else { silent.saturating_add(1) };
        }
        session.silent
    }

    /// The numbers of the channels that a party has opened.
    pub(crate) fn numbers(&self, opener: Side) -> Vec<u16> {
        let channels = self.open.iter().flat_map(|session| &session.channels);
        channels.filter(|channel| channel.opener == opener).map(|channel| channel.number).collect()
    }

    /// True while there is media.
    pub(crate) const fn are_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// True when every flow has been reported.
    pub(crate) const fn all_ended(&self) -> bool {
        self.open.is_empty() && self.closing.is_empty()
    }

    /// The flows that have not been reported.
    pub(crate) fn flows(&self) -> impl Iterator<Item = FlowId> {
        self.open.iter().chain(&self.closing).map(|session| session.flow)
    }

    /// The records of all channels; what was not reported counts as nothing.
    pub(crate) fn into_records(mut self) -> Vec<ChannelRecord> {
        for session in self.open.drain(..).chain(self.closing.drain(..)) {
            session.record([FlowCounts::default(); 2], &mut self.records);
        }
        self.records
    }
}
