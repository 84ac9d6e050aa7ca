//! The right to send one request, and what became of it.

use std::sync::Arc;

use hubspot::endpoint::BudgetSet;
use hubspot::rate_headers::RateHeaders;
use tokio::time::Instant;

use super::{Answered, AppIndex, Governor, Hit, Marks};

/// One slot of every budget the request draws on. Dropped before [`Permit::sent`] the slots are free at once;
/// dropped after, without an answer, they stay taken for as long as HubSpot may still count the request.
pub struct Permit {
    governor: Arc<Governor>,
    app: AppIndex,
    budgets: BudgetSet,
    marks: Marks,
    wait: Wait,
    state: Progress,
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
        marks: Marks,
        wait: Wait,
    ) -> Self {
        Self { governor, app, budgets, marks, wait, state: Progress::Taken }
    }

    pub(crate) fn had_to_wait(&self) -> bool {
        self.wait == Wait::Some
    }

    /// From here on HubSpot may count the request.
    pub fn sent(&mut self) {
        self.state = Progress::Sent;
    }

    /// The request did not reach HubSpot after all: the connection could not be made.
    pub fn never_sent(mut self) {
        self.state = Progress::Taken;
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
        self.governor.answered(self.app, self.budgets, &Answered { at, marks: self.marks, seen, limit });
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        match self.state {
            Progress::Taken => self.governor.give_back(self.app, self.budgets),
            Progress::Sent => self.governor.abandoned(self.app, self.budgets),
            Progress::Settled => {}
        }
    }
}
