//! Drives one agent: gives it what arrives, does what it says, wakes it when its time has come.
//!
//! One task owns the agent and all its numbers. Each socket has a task of its own that does nothing but wait and
//! read, and reports through one bounded channel; its senders queue for room in turn, so that nobody who floods
//! us takes more than a turn at a time, and what we cannot keep up with waits in the kernel.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tracing::{debug, warn};

use super::arrival::{Arrival, Hall};
use super::backlog::{Backlog, Most};
use super::clock;
use super::drive::{Ended, Limits};
use super::ground::Ground;
use super::labour::{Answered, Labour};
use super::log;
use super::media::Plane;
use super::sources::Sources;
use super::sparing::Sparing;
use super::status::{Asker, Inquiry};
use super::stop::{Level, Stop};
use super::tcp::{Local, Stream};
use crate::event::Event;
use crate::face::{
    Agent, Answer, Bind, FlowCommand, FlowCounts, FlowFact, FlowId, Input, ListenerId, Output,
    PairId, Question, StreamId,
};

/// Arrivals that may wait for the agent.
const WAITING_ROOM: usize = 256;

/// How long an agent may take to end after it was asked to.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(10);

/// How long its connections may then take to deliver what is queued.
const FLUSH_GRACE: Duration = Duration::from_secs(2);

/// How often an agent hears the time of day.
const TIME: Duration = Duration::from_secs(15);

/// A listener with fewer guests is that of one party of one call.
const FEW_GUESTS: u32 = 8;
/// The part of all connections that is kept for calls: one in so many.
const RESERVE: usize = 8;

/// What an agent is owed before anything new.
#[derive(Debug)]
enum Owed {
    Bound { bind: Bind, at: Option<SocketAddr> },
    Closed { stream: StreamId },
    NoRoom { stream: StreamId },
    Ended { flow: FlowId },
    Fact { flow: FlowId, fact: FlowFact },
}

/// What anybody can make us complain of.
#[derive(Debug, Default)]
struct Complaints {
    turned_away: Sparing,
    not_bound: Sparing,
    not_made: Sparing,
}

/// A driver on some ground.
pub(super) struct Core<G, F> {
    agent: Box<dyn Agent>,
    on_event: F,
    ground: G,
    limits: Limits,
    hall: Hall,
    arrivals: mpsc::Receiver<Arrival>,
    streams: HashMap<u64, Stream>,
    stream_serials: HashMap<StreamId, u64>,
    /// Octets that wait for all peers to read.
    waiting: Arc<AtomicUsize>,
    tasks: JoinSet<()>,
    sources: Sources,
    plane: Plane,
    facts: mpsc::UnboundedReceiver<(FlowId, FlowFact)>,
    labour: Labour,
    answers: mpsc::UnboundedReceiver<Answered>,
    asker: Asker,
    questions: mpsc::Receiver<Inquiry>,
    accepted: u64,
    /// How many connections each listener has accepted.
    guests: HashMap<ListenerId, u32>,
    owed: VecDeque<Owed>,
    sparing: Complaints,
    deadline: Option<Instant>,
    time_told: Option<Instant>,
    finished: bool,
}

impl<G: Ground, F: FnMut(&Event)> Core<G, F> {
    /// Takes an agent and lets it make its beginning.
    pub(super) fn start(agent: Box<dyn Agent>, ground: G, limits: Limits, on_event: F) -> Self {
        let (sender, arrivals) = mpsc::channel(WAITING_ROOM);
        let (facts_sender, facts) = mpsc::unbounded_channel();
        let (answers_sender, answers) = mpsc::unbounded_channel();
        let (asker, questions) = Asker::new();
        let mut core = Self {
            agent,
            on_event,
            ground,
            limits,
            hall: Hall::new(sender),
            arrivals,
            streams: HashMap::new(),
            stream_serials: HashMap::new(),
            waiting: Arc::default(),
            tasks: JoinSet::new(),
            sources: Sources::default(),
            plane: Plane::new(limits.media_workers, limits.media_class, facts_sender),
            facts,
            labour: Labour::new(limits.media_workers, answers_sender),
            answers,
            asker,
            questions,
            accepted: 0,
            guests: HashMap::new(),
            owed: VecDeque::new(),
            sparing: Complaints::default(),
            deadline: None,
            time_told: None,
            finished: false,
        };
        core.tell_time();
        core
    }

    /// Asks the agent what it holds, while it is driven.
    pub(super) fn asker(&self) -> Asker {
        self.asker.clone()
    }

    /// Drives the agent to its end.
    pub(super) async fn run(mut self, mut stop: Stop) -> Ended {
        let mut level = Level::Run;
        let mut give_up = None;
        let ended = loop {
            if self.finished {
                break Ended::Finished;
            }
            tokio::select! {
                wanted = stop.above(level) => {
                    level = wanted;
                    if level == Level::Now {
                        return Ended::Stopped;
                    }
                    give_up = Some(clock::now() + SHUTDOWN_GRACE);
                    self.input(Input::Shutdown);
                }
                () = until(give_up) => break Ended::Late,
                () = until(self.deadline) => {
                    self.tell_time();
                    self.input(Input::Timeout);
                }
                Some((flow, fact)) = self.facts.recv() => self.tell(flow, fact),
                Some((id, answer)) = self.answers.recv() => self.input(Input::Answer { id, answer }),
                Some(question) = self.questions.recv() => {
                    // Who asked may have gone.
                    let _ = question.send(self.agent.status_document(clock::now()));
                }
                Some(arrival) = self.arrivals.recv() => self.arrive(arrival),
                Some(ended) = self.tasks.join_next_with_id() => self.sources.leave(task_of(&ended)),
            }
        };
        if ended == Ended::Late {
            warn!("ended without leave: the agent took too long over it");
        }
        self.flush(stop).await;
        ended
    }

    /// Gives the agent an input, and does what it wants then.
    fn input(&mut self, input: Input<'_>) {
        self.agent.handle_input(clock::now(), input);
        self.drain();
    }

    /// Tells the agent the time of day, at first and whenever the last time is a while ago.
    fn tell_time(&mut self) {
        let now = clock::now();
        if self.time_told.is_none_or(|told| now.duration_since(told) >= TIME) {
            self.time_told = Some(now);
            self.input(Input::Clock { unix: clock::since_1970().as_secs() });
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Datagram { serial, from, bytes } => {
                let socket = self.ground.socket(&mut self.hall, serial, from, &bytes);
                if let Some(socket) = socket {
                    self.input(Input::Datagram { socket, from, bytes: &bytes });
                }
                for (flow, fact) in self.ground.take_facts() {
                    self.input(Input::Flow { flow, fact });
                }
            }
            Arrival::Accepted { serial, stream, peer } => self.accept(serial, stream, peer),
            Arrival::Answer { id, addresses } => {
                let answer = Some(Answer::Addresses(addresses));
                self.input(Input::Answer { id, answer });
            }
            Arrival::Connected { serial, local } => {
                if let Some(stream) = self.streams.get_mut(&serial) {
                    stream.connected = true;
                    let stream = stream.id;
                    let local = self.ground.local(local);
                    self.input(Input::Connected { stream, local });
                }
            }
            Arrival::Bytes { serial, bytes } => {
                if let Some(stream) = self.streams.get(&serial).map(|stream| stream.id) {
                    self.input(Input::Bytes { stream, bytes: &bytes });
                }
            }
            Arrival::NoRoom { serial } => {
                if let Some(stream) = self.streams.get(&serial).map(|stream| stream.id) {
                    self.forget(stream);
                    self.input(Input::NoRoom { stream });
                }
            }
            Arrival::Closed { serial } => {
                if let Some(stream) = self.streams.get(&serial).map(|stream| stream.id) {
                    self.forget(stream);
                    self.input(Input::Closed { stream });
                }
            }
        }
    }

    fn accept(&mut self, listener: u64, stream: TcpStream, peer: SocketAddr) {
        let (Some(listener), Ok(local)) =
            (self.ground.listener(listener, peer), stream.local_addr())
        else {
            return;
        };
        if self.tasks.len() >= self.most_streams(listener)
            || self.sources.of(peer.ip()) >= self.limits.streams_per_source
        {
            if let Some(untold) = self.sparing.turned_away.tells(clock::now()) {
                warn!(%peer, untold, "connection turned away: too many of them");
            }
            return;
        }
        let id = StreamId::accepted(self.accepted);
        self.accepted += 1;
        let guests = self.guests.entry(listener).or_default();
        *guests = guests.saturating_add(1);
        let (serial, arrivals) = self.hall.enter();
        let stream =
            Stream::accepted(id, serial, stream, (arrivals, self.backlog()), &mut self.tasks);
        self.sources.enter(stream.task(), peer.ip());
        self.remember(serial, stream);
        self.input(Input::Accepted { listener, stream: id, local, peer });
    }

    /// How many connections there may be before a listener accepts no more. Where everybody connects, fewer: the rest is
    /// for the connections of calls that there are, whose listeners have few guests.
    fn most_streams(&self, listener: ListenerId) -> usize {
        let all = self.limits.streams;
        let crowded = self.guests.get(&listener).is_some_and(|guests| *guests >= FEW_GUESTS);
        if crowded { all - all / RESERVE } else { all }
    }

    /// Does what the agent wants, until it wants nothing more and is owed nothing.
    fn drain(&mut self) {
        loop {
            match self.agent.poll_output() {
                Output::Timeout(at) => {
                    self.deadline = at;
                    let Some(owed) = self.owed.pop_front() else { return };
                    let input = match owed {
                        Owed::Bound { bind, at } => Input::Bound { bind, at },
                        Owed::Closed { stream } => Input::Closed { stream },
                        Owed::NoRoom { stream } => Input::NoRoom { stream },
                        Owed::Fact { flow, fact } => Input::Flow { flow, fact },
                        Owed::Ended { flow } => {
                            let counts = [FlowCounts::default(); 2];
                            Input::Flow { flow, fact: FlowFact::Ended { counts } }
                        }
                    };
                    self.agent.handle_input(clock::now(), input);
                }
                Output::Finished => {
                    self.finished = true;
                    return;
                }
                output => self.act(output),
            }
        }
    }

    fn act(&mut self, output: Output) {
        match output {
            Output::Bind { bind, ip, ports, class } => {
                let bound = self.ground.bind(&mut self.hall, bind, ip, (&ports, class));
                if let Err(error) = &bound {
                    let (first, last) = ports.into_inner();
                    if let Some(untold) = self.sparing.not_bound.tells(clock::now()) {
                        warn!(%ip, first, last, %error, untold, "cannot bind");
                    }
                }
                self.owed.push_back(Owed::Bound { bind, at: bound.ok() });
            }
            Output::Join { socket, group, interface } => {
                let bound = self.ground.join(&mut self.hall, socket, group, interface);
                if let Err(error) = &bound {
                    warn!(%group, %interface, %error, "cannot listen to the group");
                }
                self.owed.push_back(Owed::Bound { bind: Bind::Udp(socket), at: bound.ok() });
            }
            Output::Unbind(bind) => {
                if let Bind::Tcp(listener) = bind {
                    self.guests.remove(&listener);
                }
                self.ground.unbind(bind);
            }
            Output::Datagram { socket, to, bytes } => {
                self.ground.send(&mut self.hall, socket, to, &bytes);
            }
            Output::Connect { stream, from, ports, to, class } => {
                self.connect(stream, (from, ports, class), to);
            }
            Output::Send { stream, bytes } => self.send(stream, bytes),
            Output::Close { stream } => self.close(stream),
            Output::Ask { id, question: Question::Addresses { hosts } } => {
                super::answer::look_up(id, hosts, &mut self.hall);
            }
            Output::Ask { id, question: Question::Mapped { server, from } } => {
                super::answer::ask_stun(id, server, from, &mut self.hall);
            }
            Output::Ask { id, question: Question::HalfKeys(work) } => self.labour.ask(id, work),
            Output::Pace { stream, by } => self.pace(stream, by),
            Output::Halt { stream, time } => self.halt(stream, time),
            Output::Flow(command) => self.flow(command),
            Output::Event(event) => {
                log::event(&event);
                (self.on_event)(&event);
            }
            // Both end the drain, which has seen to them.
            Output::Finished | Output::Timeout(_) => {}
        }
    }

    fn connect(&mut self, id: StreamId, (from, ports, class): Local, to: SocketAddr) {
        if self.tasks.len() >= self.limits.streams {
            if let Some(untold) = self.sparing.not_made.tells(clock::now()) {
                warn!(%to, untold, "no connection made: too many of them");
            }
            self.owed.push_back(Owed::NoRoom { stream: id });
            return;
        }
        let (serial, arrivals) = self.hall.enter();
        let ends = ((self.ground.source(from, to.ip()), ports, class), to);
        let fed = (arrivals, self.backlog());
        let stream = Stream::connect(id, serial, ends, fed, &mut self.tasks);
        self.remember(serial, stream);
    }

    fn send(&mut self, id: StreamId, bytes: Vec<u8>) {
        let most = Most { own: self.limits.queue, all: self.limits.queues };
        let serials = &self.stream_serials;
        let stream = serials.get(&id).and_then(|serial| self.streams.get_mut(serial));
        if stream.is_some_and(|stream| !stream.send(bytes, most)) {
            debug!(stream = id.0, "connection given up: its peer does not read");
            if let Some(stream) = self.forget(id) {
                stream.abort();
            }
            self.owed.push_back(Owed::Closed { stream: id });
        }
    }

    fn backlog(&self) -> Backlog {
        Backlog::new(Arc::clone(&self.waiting))
    }

    fn pace(&self, id: StreamId, by: StreamId) {
        let stream = |id| self.streams.get(self.stream_serials.get(&id)?);
        if let (Some(stream), Some(by)) = (stream(id), stream(by)) {
            stream.pace(by);
        }
    }

    fn halt(&self, id: StreamId, time: Duration) {
        if let Some(stream) = self.stream_serials.get(&id).and_then(|at| self.streams.get(at)) {
            stream.halt(time);
        }
    }

    fn close(&mut self, id: StreamId) {
        // What the agent has closed does not report its end any more.
        let of = |stream: &StreamId| *stream == id;
        self.owed.retain(
            |owed| !matches!(owed, Owed::Closed { stream } | Owed::NoRoom { stream } if of(stream)),
        );
        if let Some(stream) = self.forget(id)
            && stream.owes_nothing()
        {
            stream.abort();
        }
    }

    fn flow(&mut self, command: FlowCommand) {
        let command = self.ground.flow(&mut self.hall, command);
        let facts = self.ground.take_facts().into_iter();
        self.owed.extend(facts.map(|(flow, fact)| Owed::Fact { flow, fact }));
        let Some(command) = command else { return };
        let (flow, done) = match command {
            FlowCommand::Share { pair } => {
                let shared =
                    self.ground.take_pair(pair).is_some_and(|it| self.plane.share(pair, it));
                if !shared {
                    warn!(pair = pair.0, "pair not shared: it is not bound");
                }
                return;
            }
            FlowCommand::Open { flow, pairs } => {
                let pairs = pairs.map(|pair| (pair, self.ground.take_pair(pair)));
                let usable = |(pair, sockets): &(PairId, Option<_>)| {
                    sockets.is_some() || self.plane.is_shared(*pair)
                };
                if !pairs.iter().all(usable) {
                    warn!(flow = flow.0, "flow not opened: its pairs are not bound");
                    return;
                }
                (flow, self.plane.open(flow, pairs))
            }
            FlowCommand::Multiplex { flow, .. }
            | FlowCommand::Beside { flow, .. }
            | FlowCommand::Patience { flow, .. }
            | FlowCommand::Datagrams { flow }
            | FlowCommand::Rearm { flow }
            | FlowCommand::Listen { flow }
            | FlowCommand::Lock { flow, .. }
            | FlowCommand::Decrypt { flow, .. }
            | FlowCommand::Encrypt { flow, .. }
            | FlowCommand::Pass { flow, .. }
            | FlowCommand::ForgetOld { flow, .. }
            | FlowCommand::Forget { flow, .. }
            | FlowCommand::Punch { flow, .. }
            | FlowCommand::Party { flow, .. } => (flow, self.plane.command(flow, command)),
            FlowCommand::Close { flow } => {
                let passed_on = self.plane.command(flow, command);
                if !passed_on {
                    // A flow that never opened ends as well.
                    self.owed.push_back(Owed::Ended { flow });
                }
                (flow, passed_on)
            }
        };
        if !done {
            debug!(flow = flow.0, "no media worker has this flow");
        }
    }

    fn tell(&mut self, flow: FlowId, fact: FlowFact) {
        if matches!(fact, FlowFact::Ended { .. }) {
            self.plane.ended(flow);
        }
        self.input(Input::Flow { flow, fact });
    }

    fn remember(&mut self, serial: u64, stream: Stream) {
        if let Some(replaced) = self.stream_serials.insert(stream.id, serial) {
            self.streams.remove(&replaced);
        }
        self.streams.insert(serial, stream);
    }

    fn forget(&mut self, id: StreamId) -> Option<Stream> {
        let serial = self.stream_serials.remove(&id)?;
        self.streams.remove(&serial)
    }

    /// Closes all, and waits (not for long) until the connections have delivered what is queued.
    async fn flush(mut self, mut stop: Stop) {
        self.streams.clear();
        // The tasks that still want to report must not wait for someone who listens no more.
        self.arrivals.close();
        while self.arrivals.try_recv().is_ok() {}
        let all = async { while self.tasks.join_next().await.is_some() {} };
        tokio::select! {
            () = all => {}
            () = tokio::time::sleep(FLUSH_GRACE) => {}
            Level::Now = stop.above(Level::Shutdown) => {}
        }
    }
}

fn task_of(ended: &Result<(Id, ()), JoinError>) -> Id {
    match ended {
        Ok((id, ())) => *id,
        Err(error) => error.id(),
    }
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
