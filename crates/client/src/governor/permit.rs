//! The right to send one request, and what became of it.

use std::sync::Arc;

use hubspot::endpoint::{Budget, BudgetSet};
use hubspot::rate_headers::RateHeaders;
use tokio::time::Instant;

use super::{Answered, AppIndex, EntryIndex, Governor, Hit, Marks, Spender};
use crate::lane::Lane;

/// One slot of every budget the request draws on. Dropped before [`Permit::sent`] the slots are free at once;
/// dropped after, without an answer, they stay taken for as long as HubSpot may still count the request.
pub struct Permit {
    governor: Arc<Governor>,
    app: AppIndex,
    budgets: BudgetSet,
    lane: Lane,
    marks: Marks,
    wait: Wait,
    state: Progress,
    /// Where it stands in the ledger.
    entry: Option<EntryIndex>,
}

/// Whether a slot was free at once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    None,
    Some,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Taken,
    Sent,
    Settled,
}

impl Permit {
    pub(super) fn new(
        governor: Arc<Governor>,
        app: AppIndex,
        budgets: BudgetSet,
        lane: Lane,
        marks: Marks,
        wait: Wait,
    ) -> Self {
        Self { governor, app, budgets, lane, marks, wait, state: Progress::Taken, entry: None }
    }

    pub(crate) fn had_to_wait(&self) -> bool {
        self.wait == Wait::Some
    }

    /// From here on HubSpot may count the request.
    pub fn sent(&mut self) {
        self.state = Progress::Sent;
    }

    /// The same, and who pays for it out of the day.
    pub(crate) fn sent_by(&mut self, spender: &Spender<'_>, now: Instant) {
        self.sent();
        if self.budgets.contains(Budget::Daily) {
            self.entry = Some(self.governor.note(spender, now));
        }
    }

    /// The request did not reach HubSpot after all: the connection could not be made.
    pub fn never_sent(mut self) {
        self.state = Progress::Taken;
        if let Some(entry) = self.entry {
            self.governor.take_back(entry);
        }
    }

    /// The answer arrived, with what its headers say and the limit it reports, if any.
    pub fn answered(self, at: Instant, seen: &RateHeaders, limit: Option<Hit>) {
        self.settle(at, Some(seen), limit);
    }

    /// No answer within the attempt's time; the window counts from here.
    pub fn timed_out(self, at: Instant) {
        self.settle(at, None, None);
    }

    fn settle(mut self, at: Instant, seen: Option<&RateHeaders>, limit: Option<Hit>) {
        self.state = Progress::Settled;
        let answer = Answered { at, lane: self.lane, marks: self.marks, seen, limit };
        self.governor.answered(self.app, self.budgets, &answer);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        match self.state {
            Progress::Taken => self.governor.give_back(self.app, self.budgets),
            Progress::Sent => self.governor.abandoned(self.app, self.budgets, self.lane),
            Progress::Settled => {}
        }
    }
}
