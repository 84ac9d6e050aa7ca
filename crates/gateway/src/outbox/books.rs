//! How the outbox stands, for people and for monitoring.

use std::time::Duration;

use parking_lot::Mutex;
use store::failure::StoreError;
use store::outbox::{Ending, Line, State};
use tokio::time::Instant;

use super::Outbox;
use super::forecast::{Flow, Outlook};

/// What has been counted since the start, and how it stood at the last look.
pub(super) struct Books {
    began: Instant,
    state: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    flow: Flow,
    standing: Standing,
    stopped: Vec<(Line, Instant)>,
    totals: Totals,
    lines: usize,
}

/// Counted since the start; they only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub accepted: u64,
    pub applied: u64,
    pub dead: u64,
    pub unknown: u64,
    /// Tries after which an operation was put back.
    pub again: u64,
    /// Settled ones that are not kept any more: old, or dropped by a person.
    pub dropped: u64,
}

/// How many operations are in each state, and since when the oldest waits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    pub states: Vec<(State, u64)>,
    pub oldest_accepted_at: Option<jiff::Timestamp>,
}

/// A line that has come to a stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    pub line: Line,
    pub next_try_in: Duration,
}

impl Default for Books {
    fn default() -> Self {
        Self { began: Instant::now(), state: Mutex::default() }
    }
}

impl Standing {
    pub fn of(&self, state: State) -> u64 {
        self.states.iter().find(|(own, _)| *own == state).map_or(0, |(_, count)| *count)
    }

    pub fn waiting(&self) -> u64 {
        self.of(State::Pending) + self.of(State::Sending)
    }
}

impl Books {
    pub(super) fn accepted(&self) {
        let mut kept = self.state.lock();
        kept.totals.accepted += 1;
        kept.flow.accepted(self.began.elapsed());
    }

    pub(super) fn ended(&self, ending: &Ending) {
        let mut kept = self.state.lock();
        let count = match ending {
            Ending::Applied(_) => &mut kept.totals.applied,
            Ending::Dead { .. } => &mut kept.totals.dead,
            Ending::Unknown { .. } => &mut kept.totals.unknown,
            Ending::Again { .. } => {
                kept.totals.again += 1;
                return;
            }
        };
        *count += 1;
        kept.flow.settled(self.began.elapsed());
    }

    pub(super) fn dropped(&self, count: usize) {
        self.state.lock().totals.dropped += count as u64;
    }

    pub(super) fn note_lines(&self, lines: usize, stopped: Vec<(Line, Instant)>) {
        let mut kept = self.state.lock();
        (kept.lines, kept.stopped) = (lines, stopped);
    }
}

impl Outbox {
    /// Looks at the store, and remembers what it found for those who cannot wait.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn look(&self) -> Result<Standing, StoreError> {
        let draining = self.queueing.is_draining();
        let states = self.store.counts().await?;
        let standing = Standing { states, oldest_accepted_at: self.store.oldest().await? };
        self.books.state.lock().standing = standing.clone();
        if draining && standing.waiting() == 0 {
            self.queueing.drained();
        }
        Ok(standing)
    }

    /// As it stood at the last look, seconds ago.
    pub fn standing(&self) -> Standing {
        self.books.state.lock().standing.clone()
    }

    pub fn totals(&self) -> Totals {
        self.books.state.lock().totals
    }

    pub fn outlook(&self) -> Outlook {
        let kept = self.books.state.lock();
        let stopped = kept.lines > 0 && kept.stopped.len() == kept.lines;
        kept.flow.outlook(kept.standing.waiting(), stopped, self.books.began.elapsed())
    }

    /// Lines in which nothing gets through at the moment.
    pub fn stopped(&self) -> Vec<Stopped> {
        let now = Instant::now();
        let kept = self.books.state.lock();
        let stopped = kept.stopped.iter().filter(|(_, until)| *until > now);
        stopped.map(|(line, until)| Stopped { line: line.clone(), next_try_in: *until - now }).collect()
    }
}
