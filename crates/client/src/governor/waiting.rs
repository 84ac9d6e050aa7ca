//! Who waits, and who goes next.

use std::time::Duration;

use hubspot::endpoint::{Budget, BudgetSet};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::desk::Claim;
use super::fair::{Fair, Head, Stand};
use super::queue::{Grant, Waiter};
use super::state::State;
use super::turn::{Kept, Turn, in_order};
use super::{AppIndex, Asking, Marks, Refusal, RefusalReason};
use crate::lane::Lane;

impl State {
    /// Takes a slot of every budget, unless one is not free for this lane or others have waited longer for the same.
    pub(super) fn try_take(
        &mut self,
        app: AppIndex,
        budgets: BudgetSet,
        lane: Lane,
        now: Instant,
    ) -> Option<Marks> {
        for budget in budgets.iter() {
            if let Some(desk) = self.desk(app, budget) {
                desk.came(lane, now);
            }
        }
        let kept = if self.waiting == 0 { Kept::default() } else { self.kept_from(lane, now) };
        let first =
            !self.has_line(app, budgets, lane) && self.has_room(app, budgets, Claim::Turn, lane, &kept, now);
        first.then(|| self.take(app, budgets, lane, now))
    }

    fn has_line(&self, app: AppIndex, budgets: BudgetSet, lane: Lane) -> bool {
        self.waiting > 0
            && Self::waits_at(app, budgets).is_some_and(|number| {
                self.desks[number].lane(lane).waiting_in(|other, others| other == app && others == budgets)
                    > 0
            })
    }

    /// What those who have waited for long keep from a newcomer.
    fn kept_from(&self, lane: Lane, now: Instant) -> Kept {
        let mut kept = Kept::default();
        if lane != Lane::Probe {
            let before = |turn: &&Turn| turn.claim == Claim::Floor || turn.lane <= lane;
            in_order(self.desks.iter()).iter().filter(before).for_each(|turn| kept.by(turn, now));
        }
        kept
    }

    fn has_room(
        &mut self,
        app: AppIndex,
        budgets: BudgetSet,
        claim: Claim,
        lane: Lane,
        kept: &Kept,
        now: Instant,
    ) -> bool {
        budgets.iter().all(|budget| {
            let kept = kept.count(app, budget);
            self.desk(app, budget).is_none_or(|desk| desk.has_room(claim, lane, kept, now))
        })
    }

    /// Lets a call wait; it gets its slots from [`Self::grant`].
    pub(super) fn wait(
        &mut self,
        lane: Lane,
        stand: &Stand,
        now: Instant,
    ) -> (u64, oneshot::Receiver<Grant>) {
        let desk = Self::waits_at(stand.app, stand.budgets).expect("what draws on no slots never waits");
        self.arrivals += 1;
        self.waiting += 1;
        let (waiter, granted) = Waiter::new(self.arrivals, now);
        self.desks[desk].push(lane, stand, waiter);
        (self.arrivals, granted)
    }

    /// `false` when it does not wait any more.
    pub(super) fn leave(&mut self, lane: Lane, stand: &Stand, arrival: u64) -> bool {
        let left = Self::waits_at(stand.app, stand.budgets)
            .is_some_and(|desk| self.desks[desk].leave(lane, stand, arrival));
        self.waiting -= usize::from(left);
        left
    }

    /// Lets go everyone whose turn it is and whose slots are free.
    pub(super) fn grant(&mut self, now: Instant) {
        while self.waiting > 0
            && let Some(Turn { desk, lane, head, .. }) = self.next(now)
        {
            let Head { app, budgets, row, .. } = head;
            self.waiting -= 1;
            let waiter = self.desks[desk].pop(lane, row).expect("the head of a row waits");
            let grant = self.check_daily(budgets, lane, now).map(|()| self.take(app, budgets, lane, now));
            if !waiter.tell(grant) && grant.is_ok() {
                self.give_back(app, budgets);
            }
        }
    }

    fn next(&mut self, now: Instant) -> Option<Turn> {
        let mut kept = Kept::default();
        for turn in in_order(self.desks.iter()) {
            let Head { app, budgets, .. } = turn.head;
            if self.has_room(app, budgets, turn.claim, turn.lane, &kept, now) {
                return Some(turn);
            }
            kept.by(&turn, now);
        }
        None
    }

    /// The app goes to another gate, and those who wait for it with it.
    pub(super) fn move_away(&mut self, app: AppIndex) {
        self.moved.push(app);
        self.send_away(|other| other == app, RefusalReason::Moved);
    }

    /// Refuses everyone who waits, and everyone who comes: the process is going down.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.send_away(|_| true, RefusalReason::ShuttingDown);
    }

    fn send_away(&mut self, pick: impl Fn(AppIndex) -> bool, reason: RefusalReason) {
        let refusal = Refusal { budget: Budget::Burst, reason, retry_after: Duration::ZERO };
        for desk in &mut self.desks {
            for waiter in desk.drain(&pick) {
                self.waiting -= 1;
                waiter.tell(Err(refusal));
            }
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many wait in the lane of a call, and how many of its own caller's.
    pub(super) fn waiting_in_lane(&self, asking: &Asking<'_>) -> (usize, usize) {
        let lanes = || self.desks.iter().map(|desk| desk.lane(asking.lane));
        let who = asking.who();
        (lanes().map(Fair::waiting).sum(), lanes().map(|lane| lane.waiting_of(&who)).sum())
    }

    /// How many calls of an app wait in each lane.
    pub(super) fn waiting_by_lane(&self, app: AppIndex) -> [usize; Lane::ALL.len()] {
        let of_app = |other, _budgets| other == app;
        Lane::ALL.map(|lane| self.desks.iter().map(|desk| desk.lane(lane).waiting_in(of_app)).sum())
    }
}
