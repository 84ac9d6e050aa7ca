//! The desk of one budget: its slots, and those who wait for them, lane by lane.
//!
//! A call waits at the desk of the first budget it draws on, and takes a slot at the desks of all.

use std::time::Duration;

use tokio::time::Instant;

use super::demand::{Demand, Stream};
use super::fair::{Fair, Head, Stand};
use super::lanes::{Floors, Owed};
use super::pace::Pace;
use super::queue::Waiter;
use super::slots::{Mark, Slots};
use crate::lane::Lane;

pub(super) struct Desk {
    pub(super) slots: Slots,
    lanes: [Fair; 4],
    waiting: usize,
    floors: Floors,
    owed: Owed,
    stream: Stream,
    demand: Demand,
    pace: Pace,
}

/// What goes before a call.
struct Before {
    /// Calls of all lanes.
    calls: u32,
    /// Those of its own, once nobody more urgent waits.
    after_urgent: u32,
}

/// By what right the head of a lane goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Claim {
    /// Its lane's floor.
    Floor,
    /// Its lane's turn.
    Turn,
}

impl Desk {
    pub(super) fn new(slots: Slots, floors: Floors, now: Instant) -> Self {
        Self {
            slots,
            lanes: Default::default(),
            waiting: 0,
            floors,
            owed: Owed::default(),
            stream: Stream::new(now),
            demand: Demand::new(now),
            pace: Pace::new(now),
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    pub(super) fn lane(&self, lane: Lane) -> &Fair {
        &self.lanes[lane as usize]
    }

    pub(super) fn push(&mut self, lane: Lane, stand: &Stand, waiter: Waiter) {
        self.waiting += 1;
        self.lanes[lane as usize].push(stand, waiter);
    }

    pub(super) fn pop(&mut self, lane: Lane, row: usize) -> Option<Waiter> {
        self.waiting -= 1;
        self.lanes[lane as usize].pop(row)
    }

    /// `false` when it is not here any more.
    pub(super) fn leave(&mut self, lane: Lane, stand: &Stand, arrival: u64) -> bool {
        let left = self.lanes[lane as usize].leave(stand, arrival);
        self.waiting -= usize::from(left);
        left
    }

    pub(super) fn drain(&mut self, pick: impl Fn(super::AppIndex) -> bool) -> Vec<Waiter> {
        let drained: Vec<_> = self.lanes.iter_mut().flat_map(|lane| lane.drain(&pick)).collect();
        self.waiting -= drained.len();
        drained
    }

    /// The first of each row of each lane, with the claim it has.
    pub(super) fn heads(&self) -> impl Iterator<Item = (Claim, Lane, Head)> {
        Lane::ALL.into_iter().flat_map(|lane| {
            let claim = if self.owed.is_due(lane) { Claim::Floor } else { Claim::Turn };
            self.lane(lane).heads().map(move |head| (claim, lane, head))
        })
    }

    /// A call of this lane came, whether or not it has to wait.
    pub(super) fn came(&mut self, lane: Lane, now: Instant) {
        let limit = self.slots.limit();
        self.stream.note(lane, limit.window, now);
        if lane == Lane::Interactive {
            self.demand.note(limit.count, limit.window, now);
        }
    }

    /// Whether a slot is free for this lane, beside those that are `kept` by others.
    pub(super) fn has_room(&mut self, claim: Claim, lane: Lane, kept: u32, now: Instant) -> bool {
        let free = self.slots.free(now);
        if claim == Claim::Turn && lane.is_paced() {
            free > kept + self.reserve(now) && self.pace.is_due(now)
        } else {
            free > kept
        }
    }

    pub(super) fn take(&mut self, lane: Lane, now: Instant) -> Mark {
        if lane.is_paced() {
            let step = self.step(now);
            self.pace.went(step, now);
        }
        if self.waiting > 0 {
            let lanes = &self.lanes;
            self.owed.went(lane, self.floors, |lane| lanes[lane as usize].waiting() > 0);
        }
        self.slots.take(now)
    }

    /// When somebody who waits here may find something changed.
    pub(super) fn next_change_at(&self, now: Instant) -> Option<Instant> {
        let paces = [Lane::Sync, Lane::Bulk].into_iter().any(|lane| self.lane(lane).waiting() > 0);
        let step = paces.then(|| self.pace.next_at());
        let slot = self.slots.next_free_at(now);
        [step, slot].into_iter().flatten().filter(|at| *at > now).min()
    }

    /// When a new call of this lane can expect a slot, with `ahead` of its own lane before it, or more urgent ones.
    pub(super) fn expect(&mut self, lane: Lane, ahead: u32, now: Instant) -> Instant {
        let before = self.before(lane, ahead, now);
        if !lane.is_paced() {
            return self.slots.expect(before.calls, now);
        }
        let limit = self.slots.limit();
        let reserve = self.reserve(now);
        let step = limit.window / limit.count.saturating_sub(reserve).max(1);
        let slot = self.slots.expect(before.calls.saturating_add(reserve), now);
        slot.max(self.pace.expect(before.after_urgent, step, now))
    }

    /// How many calls of all lanes go before one that has `ahead` before it in its own.
    ///
    /// While more urgent ones wait, its lane has its floor; after them, all that those who will come leave. They come as
    /// they came in the last moments. Less urgent ones have their floors, as long as they wait.
    fn before(&self, lane: Lane, ahead: u32, now: Instant) -> Before {
        let part = |percent: u32| f64::from(percent) / 100.0;
        let limit = self.slots.limit();
        let to_come = self.stream.to_come(lane.more_urgent(), limit.window, now);
        let to_come = f64::from(to_come) / f64::from(limit.count);
        let waits = |lane: &Lane| self.lane(*lane).waiting() > 0;
        let below: u32 = lane.less_urgent().filter(waits).map(|lane| self.floors.percent(lane)).sum();
        let below_waiting: usize = lane.less_urgent().map(|lane| self.lane(lane).waiting()).sum();
        let urgent: usize = lane.more_urgent().map(|lane| self.lane(lane).waiting()).sum();
        let (floor, below, own) = (part(self.floors.percent(lane)), part(below), f64::from(ahead));

        let draining = 1.0 - floor - below - to_come;
        let until_drained = if urgent == 0 { 0.0 } else { urgent as f64 / draining.max(f64::EPSILON) };
        let by_floor = (own + 1.0) / floor;
        if by_floor <= until_drained {
            return Before { calls: by_floor as u32, after_urgent: 0 };
        }
        let left = own - floor * until_drained;
        let share = (1.0 - to_come).max(floor);
        let others_have_all = left / share + below_waiting as f64;
        let others_have_floors = left / (share - below).max(floor);
        let calls = (until_drained + others_have_all.min(others_have_floors)).min(by_floor);
        Before { calls: calls as u32, after_urgent: left.max(0.0) as u32 }
    }

    /// Slots left free for interactive calls that will come.
    fn reserve(&self, now: Instant) -> u32 {
        self.demand.kept(self.slots.limit().count, now)
    }

    /// The time between two calls of the paced lanes: the window shared out among the slots that the urgent leave, or
    /// that lie idle.
    fn step(&mut self, now: Instant) -> Duration {
        let limit = self.slots.limit();
        let urgent = self.stream.to_come(Lane::Sync.more_urgent(), limit.window, now);
        let reserve = self.reserve(now);
        let left = limit.count.saturating_sub(self.slots.outside(now)).saturating_sub(urgent);
        let floors = self.floors.percent(Lane::Sync) + self.floors.percent(Lane::Bulk);
        let steps = left.max(self.slots.free(now)).saturating_sub(reserve).max(limit.count * floors / 100);
        limit.window / steps.max(1)
    }
}
