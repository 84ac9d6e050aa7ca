//! The right to send one request, and what became of it.

use std::sync::Arc;

use hubspot::endpoint::BudgetSet;
use hubspot::rate_headers::RateHeaders;

use super::{AppIndex, Governor, Hit};

/// One slot of every budget the request draws on. Dropped before [`Permit::sent`] the slots are free at once;
/// dropped after, without an answer, they stay taken for as long as HubSpot may still count the request.
pub struct Permit {
    governor: Arc<Governor>,
    app: AppIndex,
    budgets: BudgetSet,
    state: Progress,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Taken,
    Sent,
    Settled,
}

impl Permit {
    pub(super) fn new(governor: Arc<Governor>, app: AppIndex, budgets: BudgetSet) -> Self {
        Self { governor, app, budgets, state: Progress::Taken }
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
    pub fn answered(mut self, seen: &RateHeaders, limit: Option<Hit>) {
        self.state = Progress::Settled;
        self.governor.answered(self.app, self.budgets, Some(seen), limit);
    }

    /// No answer within the attempt's time; the window counts from here.
    pub fn timed_out(mut self) {
        self.state = Progress::Settled;
        self.governor.answered(self.app, self.budgets, None, None);
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
