//! Events as JSON on stdout, one object a line, written by a thread of its own: whoever reads slowly loses events, not
//! calls.

use std::io::{self, Write as _};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::event::Event;

/// Lines that may wait to be written.
const WAITING_LINES: usize = 10_000;

/// The thread. What was told is written when this ends.
#[derive(Debug)]
pub(super) struct Teller {
    lines: Option<SyncSender<String>>,
    thread: Option<JoinHandle<()>>,
}

impl Teller {
    /// Starts it.
    ///
    /// # Errors
    /// When the system gives us no thread.
    pub(super) fn start() -> io::Result<Self> {
        let (lines, queue) = sync_channel::<String>(WAITING_LINES);
        let write = move || {
            for line in queue {
                let mut stdout = io::stdout().lock();
                // Who closed our stdout does not want to know.
                let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
            }
        };
        let thread = std::thread::Builder::new().name("events".to_owned()).spawn(write)?;
        Ok(Self { lines: Some(lines), thread: Some(thread) })
    }

    /// Tells of an event, unless too many wait.
    pub(super) fn tell(&self, event: &Event) {
        if let (Some(lines), Ok(line)) = (&self.lines, serde_json::to_string(event)) {
            let _ = lines.try_send(line);
        }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.lines = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
