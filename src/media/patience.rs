//! Whether something comes from where media goes. A party may tell any address as that of its media: without an answer a
//! stream would go on to whoever lives there, for as long as the party likes.

use std::time::{Duration, Instant};

use crate::face::Patience;

/// So long the network's word that nobody takes what is sent does not count: some open their port a little later than they
/// tell it.
const LATE: Duration = Duration::from_secs(1);

/// What is known of the answers of one side.
#[derive(Debug)]
pub(super) struct Wait {
    patience: Patience,
    state: State,
    /// When the first packet was sent that nothing has followed yet.
    since: Option<Instant>,
    news: Option<News>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing has come yet.
    Expecting,
    /// Something has come.
    Answered,
    /// Nothing has come for too long.
    Over,
}

/// What is told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    Answered,
    Unanswered,
}

impl Wait {
    pub(super) const fn new(patience: Patience) -> Self {
        Self { patience, state: State::Expecting, since: None, news: None }
    }

    /// Whether a packet may be sent.
    pub(super) fn allows(&mut self, now: Instant) -> bool {
        let longest = match self.state {
            State::Expecting => self.patience.first,
            State::Answered => self.patience.later,
            State::Over => return false,
        };
        let since = *self.since.get_or_insert(now);
        if now.saturating_duration_since(since) < longest {
            return true;
        }
        (self.state, self.news) = (State::Over, Some(News::Unanswered));
        false
    }

    /// Something valid has come.
    pub(super) fn answered(&mut self) {
        self.since = None;
        if self.state != State::Answered {
            (self.state, self.news) = (State::Answered, Some(News::Answered));
        }
    }

    /// The network says that nobody takes what is sent. Where somebody has answered, that is his affair.
    pub(super) fn unreachable(&mut self, now: Instant) {
        let late = |since| now.saturating_duration_since(since) >= LATE;
        if self.state == State::Expecting && self.since.is_some_and(late) {
            self.patience.first = Duration::ZERO;
        }
    }

    /// What has not been told yet.
    pub(super) const fn take_news(&mut self) -> Option<News> {
        self.news.take()
    }
}
