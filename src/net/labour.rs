//! Work that takes milliseconds, done on threads of its own: the loop that drives the agent never waits for it. What
//! does not fit into the queue is not done, so that a flood of questions costs no more than the threads have.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::mpsc::UnboundedSender;
use tracing::{error, warn};

use crate::face::{Answer, QuestionId};
use crate::security::agreement::Work;

/// Questions that may wait: with 2048 bits, a second's work of one thread.
const MOST_WAITING: usize = 512;

/// A question that waits for a thread.
type Open = (QuestionId, Work);
/// An answer on its way to the agent.
pub(super) type Answered = (QuestionId, Option<Answer>);

/// The threads. They start with the first question.
#[derive(Debug)]
pub(super) struct Labour {
    wanted: usize,
    questions: Option<SyncSender<Open>>,
    threads: Vec<JoinHandle<()>>,
    answers: UnboundedSender<Answered>,
}

impl Labour {
    /// So many threads, which answer here.
    pub(super) const fn new(wanted: usize, answers: UnboundedSender<Answered>) -> Self {
        Self { wanted, questions: None, threads: Vec::new(), answers }
    }

    /// Takes a question. It is answered in any case, perhaps with nothing.
    pub(super) fn ask(&mut self, id: QuestionId, work: Work) {
        if self.questions.is_none() {
            self.start();
        }
        let taken = self.questions.as_ref().is_some_and(|queue| queue.try_send((id, work)).is_ok());
        if !taken {
            warn!("too many half keys are asked for at once: one is not made");
            // Nobody listens: the driver is gone.
            let _ = self.answers.send((id, None));
        }
    }

    fn start(&mut self) {
        let (questions, queue) = sync_channel(MOST_WAITING);
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..self.wanted.max(1) {
            let (queue, answers) = (queue.clone(), self.answers.clone());
            let name = format!("labour-{number}");
            match std::thread::Builder::new().name(name).spawn(move || work(&queue, &answers)) {
                Ok(thread) => self.threads.push(thread),
                Err(error) => error!(%error, "a thread for half keys cannot start"),
            }
        }
        self.questions = (!self.threads.is_empty()).then_some(questions);
    }
}

fn work(queue: &Mutex<Receiver<Open>>, answers: &UnboundedSender<Answered>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((id, work)) = next else { return };
        let answer = Answer::HalfKeys(work.done());
        if answers.send((id, Some(answer))).is_err() {
            return;
        }
    }
}

impl Drop for Labour {
    fn drop(&mut self) {
        self.questions = None;
        // What is still queued is done first, for nobody: it is not waited for.
        self.threads.clear();
    }
}
