//! What packing asks the gate: is a slot free at once, how long would one wait, how full is the window.

use std::sync::Arc;
use std::time::Duration;

use hubspot::endpoint::Budget;
use tokio::time::Instant;

use super::permit::Wait;
use super::{AppIndex, Asking, Governor, Permit, Refusal};

/// How full an app's burst window is, and how many wait at the gate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    pub(crate) free: u32,
    pub(crate) limit: u32,
    /// What the window sustains: one request in this time.
    pub(crate) pace: Duration,
    pub(crate) waiting: usize,
    pub(crate) waiting_max: usize,
}

impl Governor {
    /// The right to send one request, if it can be had without waiting.
    pub(crate) fn try_acquire(self: &Arc<Self>, asking: Asking<'_>, now: Instant) -> Option<Permit> {
        let Asking { app, budgets, lane, .. } = self.in_line(asking);
        let mut state = self.state.lock();
        if state.closed || state.has_moved(app) {
            return None;
        }
        state.grant(now);
        state.check_daily(budgets, lane, now).ok()?;
        let marks = state.try_take(app, budgets, lane, now)?;
        Some(Permit::new(self.clone(), app, budgets, lane, marks, Wait::None))
    }

    /// The refusal of a request that could not wait as long as one that asks now has to.
    pub(crate) fn outlook(&self, asking: Asking<'_>, now: Instant) -> Refusal {
        let asking = self.in_line(asking);
        let mut state = self.state.lock();
        let refusal = state.too_late(&asking, now);
        state.check_daily(asking.budgets, asking.lane, now).err().unwrap_or(refusal)
    }

    /// How full the window is.
    pub(crate) fn room(&self, app: AppIndex, now: Instant) -> Room {
        let mut state = self.state.lock();
        let (free, limit) = state.burst_room(app, now);
        Room {
            free,
            limit: limit.count,
            pace: limit.window / limit.count.max(1),
            waiting: state.waiting,
            waiting_max: self.queue.waiting_max,
        }
    }

    /// Counts a refusal that was decided elsewhere.
    pub(crate) fn refuse(&self, refusal: Refusal) -> Refusal {
        debug_assert_ne!(refusal.budget, Budget::Search, "no search is packed");
        self.state.lock().refuse(refusal)
    }
}
