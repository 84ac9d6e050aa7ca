//! Those who wait, in order of arrival.
//!
//! Requests that draw on the same budgets of the same app stand in one line. The next to go is the oldest head
//! whose budgets are all free, so that a search waiting for its second does not hold up a read. Lanes, when they
//! come, order the lines; packing takes more than one from a line.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use hubspot::endpoint::{Budget, BudgetSet};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::lane::Lane;

use super::{AppIndex, Governor, Marks, Refusal, RefusalReason};

/// One window: by then every slot has come free once.
const PATIENT: Duration = Duration::from_secs(10);

pub(super) type Grant = Result<Marks, Refusal>;

#[derive(Default)]
pub(super) struct Queue {
    lines: Vec<Line>,
    arrivals: u64,
}

struct Line {
    lane: Lane,
    app: AppIndex,
    budgets: BudgetSet,
    waiting: VecDeque<Waiter>,
}

struct Waiter {
    arrival: u64,
    since: Instant,
    grant: oneshot::Sender<Grant>,
}

impl Queue {
    pub(super) fn push(
        &mut self,
        app: AppIndex,
        budgets: BudgetSet,
        lane: Lane,
        now: Instant,
    ) -> oneshot::Receiver<Grant> {
        let (grant, granted) = oneshot::channel();
        self.arrivals += 1;
        let waiter = Waiter { arrival: self.arrivals, since: now, grant };
        match self.lines.iter_mut().find(|line| line.is(app, budgets, lane)) {
            Some(line) => line.waiting.push_back(waiter),
            None => self.lines.push(Line { lane, app, budgets, waiting: VecDeque::from([waiter]) }),
        }
        granted
    }

    /// How many wait. Those that hung up count until their turn or until they are forgotten.
    pub(super) fn len(&self) -> usize {
        self.lines.iter().map(|line| line.waiting.len()).sum()
    }

    pub(super) fn by_lane(&self, app: AppIndex) -> [usize; Lane::ALL.len()] {
        Lane::ALL.map(|lane| {
            let lines = self.lines.iter().filter(|line| line.app == app && line.lane == lane);
            lines.map(|line| line.waiting.len()).sum()
        })
    }

    /// How many go before a new request of this lane, of those that share a budget with it.
    pub(super) fn ahead(&self, lane: Lane, shares: impl Fn(AppIndex, BudgetSet) -> bool) -> u32 {
        let ahead = self.lines.iter().filter(|line| line.lane <= lane && shares(line.app, line.budgets));
        u32::try_from(ahead.map(|line| line.waiting.len()).sum::<usize>()).unwrap_or(u32::MAX)
    }

    pub(super) fn has_line(&self, app: AppIndex, budgets: BudgetSet, lane: Lane) -> bool {
        self.lines.iter().any(|line| line.is(app, budgets, lane) && !line.waiting.is_empty())
    }

    /// Those whose caller hung up leave the heads of their lines.
    pub(super) fn sweep(&mut self) {
        for line in &mut self.lines {
            while line.waiting.front().is_some_and(|waiter| waiter.grant.is_closed()) {
                line.waiting.pop_front();
            }
        }
        self.lines.retain(|line| !line.waiting.is_empty());
    }

    pub(super) fn forget_those_who_hung_up(&mut self) {
        for line in &mut self.lines {
            line.waiting.retain(|waiter| !waiter.grant.is_closed());
        }
    }

    /// The line whose head comes first, by lane and then by arrival, among those that `ready` lets go. One that has
    /// waited for long keeps a slot of each budget it needs from those behind it: else a request of two budgets, each
    /// coming free at its own moments, might never find both.
    pub(super) fn next(
        &self,
        now: Instant,
        mut ready: impl FnMut(AppIndex, BudgetSet, &Reserved<'_>) -> bool,
    ) -> Option<usize> {
        let mut heads: Vec<_> = self
            .lines
            .iter()
            .enumerate()
            .filter_map(|(index, line)| Some((line.lane, line.waiting.front()?, index)))
            .collect();
        heads.sort_unstable_by_key(|(lane, head, _)| (*lane, head.arrival));
        let mut reserved = Reserved::default();
        for (_, head, index) in heads {
            let line = &self.lines[index];
            if ready(line.app, line.budgets, &reserved) {
                return Some(index);
            }
            if head.waits_long(now) {
                reserved.0.push(line);
            }
        }
        None
    }

    /// What those who have waited for long keep from a newcomer.
    pub(super) fn reserved(&self, now: Instant) -> Reserved<'_> {
        let long = |line: &&Line| line.waiting.front().is_some_and(|head| head.waits_long(now));
        Reserved(self.lines.iter().filter(long).collect())
    }

    /// Sends those of one app who wait elsewhere.
    pub(super) fn move_away(&mut self, app: AppIndex) {
        let refusal =
            Refusal { budget: Budget::Burst, reason: RefusalReason::Moved, retry_after: Duration::ZERO };
        for line in self.lines.iter_mut().filter(|line| line.app == app) {
            for waiter in line.waiting.drain(..) {
                let _hung_up = waiter.grant.send(Err(refusal));
            }
        }
    }

    /// Refuses everyone who waits.
    pub(super) fn close(&mut self) {
        let refusal = Refusal {
            budget: Budget::Burst,
            reason: RefusalReason::ShuttingDown,
            retry_after: Duration::ZERO,
        };
        for waiter in self.lines.drain(..).flat_map(|line| line.waiting) {
            let _hung_up = waiter.grant.send(Err(refusal));
        }
    }

    pub(super) fn who(&self, line: usize) -> (AppIndex, BudgetSet, Lane) {
        let Line { app, budgets, lane, .. } = self.lines[line];
        (app, budgets, lane)
    }

    /// Lets the head of a line go. `false` where nobody listens any more.
    pub(super) fn release(&mut self, line: usize, grant: Grant) -> bool {
        self.lines[line].waiting.pop_front().is_some_and(|waiter| waiter.grant.send(grant).is_ok())
    }
}

impl Line {
    fn is(&self, app: AppIndex, budgets: BudgetSet, lane: Lane) -> bool {
        self.app == app && self.budgets == budgets && self.lane == lane
    }
}

impl Waiter {
    fn waits_long(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) > PATIENT
    }
}

/// Lines whose head has waited for long; each keeps one slot of what it needs.
#[derive(Default)]
pub(super) struct Reserved<'a>(Vec<&'a Line>);

impl Reserved<'_> {
    /// How many slots of a budget are kept from an app.
    pub(super) fn count(&self, app: AppIndex, budget: Budget) -> u32 {
        let keeps =
            |line: &&&Line| line.budgets.contains(budget) && (budget != Budget::Burst || line.app == app);
        u32::try_from(self.0.iter().filter(keeps).count()).unwrap_or(u32::MAX)
    }
}

/// A place in the queue. Dropped with a slot already granted, it gives the slot back.
pub(super) struct Place {
    granted: oneshot::Receiver<Grant>,
    governor: Arc<Governor>,
    app: AppIndex,
    budgets: BudgetSet,
    left: bool,
}

impl Place {
    pub(super) fn new(
        granted: oneshot::Receiver<Grant>,
        governor: Arc<Governor>,
        app: AppIndex,
        budgets: BudgetSet,
    ) -> Self {
        Self { granted, governor, app, budgets, left: false }
    }

    pub(super) async fn granted(&mut self) -> Grant {
        let grant = (&mut self.granted).await.expect("the queue answers every waiter before it drops it");
        self.left = true;
        grant
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.left {
            return;
        }
        self.granted.close();
        if let Ok(Ok(_mark)) = self.granted.try_recv() {
            self.governor.give_back(self.app, self.budgets);
        } else {
            // The pump sweeps the empty place away.
            self.governor.changed.notify_one();
        }
    }
}
