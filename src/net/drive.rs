//! Drives agents: the ways to start one, and its end.

use std::io;

use pinhole_config::Config;

use super::behind::Behind;
use super::core::Core;
use super::ground::Open;
use super::status::Asker;
use super::stop::{Stop, stopper};
use crate::event::Event;
use crate::face::Agent;

/// What an agent may use of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// TCP connections, in both directions together. More are turned away.
    pub streams: usize,
    /// TCP connections accepted from one address. It has to be enough for a site behind one NAT.
    pub streams_per_source: usize,
    /// Octets that may wait for one peer to read; with more, its connection is given up.
    pub queue: usize,
    /// The same for all peers together; with more, only a little may wait for each.
    pub queues: usize,
    /// Threads of the media plane; they start with the first flow.
    pub media_workers: usize,
    /// The class of what the media plane sends (DSCP, RFC 2474), 0 to 63.
    pub media_class: u8,
}

impl From<&Config> for Limits {
    fn from(config: &Config) -> Self {
        let limits = &config.limits;
        let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            streams: count(limits.connections.0),
            streams_per_source: count(limits.connections_per_source.0),
            queue: count(limits.queue.0),
            queues: count(limits.queues.0),
            media_workers: std::thread::available_parallelism().map_or(1, Into::into),
            media_class: u8::try_from(config.proxy.rtp_class.0).unwrap_or(0),
        }
    }
}

impl Limits {
    /// Makes the connections fit into so many open files: a third of them, as most are for media.
    #[must_use]
    pub fn within(self, files: usize) -> Self {
        Self { streams: self.streams.min(files / 3), ..self }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::from(&Config::default())
    }
}

/// How an agent came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It said that it had finished.
    Finished,
    /// It was asked to end, and had not finished when the time for that was over.
    Late,
    /// It was told to end at once.
    Stopped,
}

/// An agent and its sockets.
pub struct Driver<F> {
    core: Core<Open, F>,
}

impl<F: FnMut(&Event)> Driver<F> {
    /// Takes an agent and lets it make its beginning: when this returns, all that it bound at first is bound (or
    /// is known not to be). Needs a tokio runtime. `on_event` hears every event of the agent.
    pub fn start(agent: Box<dyn Agent>, limits: Limits, on_event: F) -> Self {
        Self { core: Core::start(agent, Open::default(), limits, on_event) }
    }

    /// Asks the agent what it holds, while it is driven.
    pub fn asker(&self) -> Asker {
        self.core.asker()
    }

    /// Drives the agent to its end.
    pub async fn run(self, stop: Stop) -> Ended {
        self.core.run(stop).await
    }
}

/// Drives an agent from its beginning to its end. Several may be driven at once on one runtime.
pub async fn drive(agent: Box<dyn Agent>, stop: Stop, on_event: impl FnMut(&Event)) -> Ended {
    Driver::start(agent, Limits::default(), on_event).run(stop).await
}

/// Drives an agent that lives behind a firewall, from its beginning to its end.
pub async fn drive_behind(
    agent: Box<dyn Agent>,
    behind: Behind,
    stop: Stop,
    on_event: impl FnMut(&Event),
) -> Ended {
    Core::start(agent, behind, Limits::default(), on_event).run(stop).await
}

/// Drives an agent on a runtime of its own until it ends, or SIGTERM or SIGINT ends it: the first of them asks it
/// to, a second one does not ask.
///
/// # Errors
/// When the system gives us no runtime.
pub fn run(agent: Box<dyn Agent>, on_event: impl FnMut(&Event)) -> io::Result<Ended> {
    super::service::allow_many_sockets();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (stopper, stop) = stopper();
        stopper.on_signals()?;
        Ok(drive(agent, stop, on_event).await)
    })
}
