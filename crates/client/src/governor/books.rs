//! The gate's books of the day: who spends, how much is left, and when to ask HubSpot about it.

use jiff::Timestamp;
use tokio::time::Instant;

use super::daily::DailyStanding;
use super::ledger::{Entry, EntryIndex, Spender};
use super::state::State;
use super::usage::Usage;
use super::{AppIndex, Governor};

impl Governor {
    /// Somebody sends: who and what.
    pub(crate) fn note(&self, spender: &Spender<'_>, now: Instant) -> EntryIndex {
        let (midnight, now) = self.state.lock().day_now(now);
        self.ledger.lock().count(spender, midnight, now)
    }

    pub(crate) fn take_back(&self, entry: EntryIndex) {
        self.ledger.lock().take_back(entry);
    }

    /// Resolves when somebody wants to call and the pool is empty as far as we know.
    pub(crate) fn question_wanted(&self) -> impl Future<Output = ()> {
        self.question.notified()
    }

    /// Is it worth a question of our own how much of the day is used? Whoever asks, asks now.
    pub(crate) fn takes_question(&self, app: AppIndex) -> bool {
        self.state.lock().takes_question(app, Instant::now())
    }

    /// What HubSpot answered to it.
    pub(crate) fn told_usage(&self, usage: &Usage) {
        self.state.lock().told_usage(usage, Instant::now());
    }

    /// Today, for people.
    pub fn daily(&self) -> DailyStanding {
        self.state.lock().daily(Instant::now())
    }

    /// Who spent what today, the most first.
    pub fn spenders(&self) -> Vec<Entry> {
        let (midnight, _) = self.state.lock().day_now(Instant::now());
        self.ledger.lock().entries(midnight)
    }
}

impl State {
    /// The midnight that began the portal's day, and the time.
    fn day_now(&mut self, now: Instant) -> (Timestamp, Timestamp) {
        (self.daily.day_starts(), self.wall.time(now))
    }

    pub(super) fn is_question_due(&mut self, app: AppIndex, now: Instant) -> bool {
        let quiet = self.is_quiet(app, now);
        self.daily.is_question_due(quiet, self.wall.time(now))
    }

    fn takes_question(&mut self, app: AppIndex, now: Instant) -> bool {
        let due = self.is_question_due(app, now);
        if due {
            self.daily.asks(self.wall.time(now));
        }
        due
    }

    fn told_usage(&mut self, usage: &Usage, now: Instant) {
        self.daily.told(usage, self.wall.time(now));
    }

    fn daily(&mut self, now: Instant) -> DailyStanding {
        self.daily.report(self.wall.time(now))
    }
}
