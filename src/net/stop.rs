//! Asks agents to end, and then no longer asks.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How much an end is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Not at all.
    Run,
    /// Once the agent has taken leave.
    Shutdown,
    /// At once.
    Now,
}

/// The end that asks. Cloned, each asks all that listen.
#[derive(Debug, Clone)]
pub struct Stopper(watch::Sender<Level>);

/// The end that listens, handed to each agent's driver.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Level>);

/// A [`Stopper`] and the [`Stop`] that hears it.
#[must_use]
pub fn stopper() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(Level::Run);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Asks the agents to end; asked again, they are ended at once.
    pub fn stop(&self) {
        self.0.send_modify(|level| {
            *level = match level {
                Level::Run => Level::Shutdown,
                Level::Shutdown | Level::Now => Level::Now,
            };
        });
    }

    /// Asks on every SIGTERM and SIGINT from now on.
    ///
    /// # Errors
    /// When the system does not let us listen to signals.
    pub fn on_signals(self) -> io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    Some(()) = terminate.recv() => self.stop(),
                    Some(()) = interrupt.recv() => self.stop(),
                    else => return,
                }
            }
        });
        Ok(())
    }
}

impl Stop {
    /// Waits until more of an end is wanted than `than`; for ever, if nobody can ask any more.
    pub(super) async fn above(&mut self, than: Level) -> Level {
        match self.0.wait_for(|level| *level > than).await {
            Ok(level) => *level,
            Err(_) => std::future::pending().await,
        }
    }
}
