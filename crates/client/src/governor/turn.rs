//! Whose turn it is, over all desks.
//!
//! First a lane whose floor is owed, then by lane, then by the fair order within it; between desks, who came first.
//! The next to go is the first in this order whose budgets are all free, so that a search waiting for its second does
//! not hold up a read. One of several budgets that has waited for long keeps a slot of each from those behind it: each
//! coming free at its own moments, it might never find all.

use std::time::Duration;

use hubspot::endpoint::{Budget, BudgetSet};
use tokio::time::Instant;

use super::AppIndex;
use super::desk::{Claim, Desk};
use super::fair::Head;
use crate::lane::Lane;

/// One window: by then every slot has come free once.
const PATIENT: Duration = Duration::from_secs(10);

/// The head of one row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    pub(super) desk: usize,
    pub(super) lane: Lane,
    pub(super) claim: Claim,
    pub(super) head: Head,
}

/// Everybody who could be next, in order.
pub(super) fn in_order<'a>(desks: impl Iterator<Item = &'a Desk>) -> Vec<Turn> {
    let mut turns = Vec::new();
    for (desk, place) in desks.enumerate().filter(|(_, desk)| desk.waiting() > 0) {
        turns.extend(place.heads().map(|(claim, lane, head)| Turn { desk, lane, claim, head }));
    }
    if turns.len() > 1 {
        sort(&mut turns);
    }
    turns
}

fn sort(turns: &mut [Turn]) {
    let fair = |turn: &Turn| (turn.head.turn, turn.head.arrival);
    turns.sort_unstable_by_key(|turn| (turn.claim, turn.lane, turn.desk, fair(turn)));
    // Turns of different desks have nothing to do with each other: there, who came first.
    let same_lane = |a: &Turn, b: &Turn| (a.claim, a.lane) == (b.claim, b.lane);
    for lane in turns.chunk_by_mut(same_lane) {
        if lane.first().map(|turn| turn.desk) != lane.last().map(|turn| turn.desk) {
            let first_of = |desk| lane.iter().find(|turn| turn.desk == desk).map(|turn| turn.head.arrival);
            let mut arrivals: Vec<_> = lane.iter().map(|turn| (first_of(turn.desk), *turn)).collect();
            arrivals.sort_by_key(|(arrival, turn)| (*arrival, turn.desk));
            for (place, (_, turn)) in lane.iter_mut().zip(arrivals) {
                *place = turn;
            }
        }
    }
}

/// Slots kept from those behind by those of several budgets who have waited for long.
#[derive(Default)]
pub(super) struct Kept(Vec<(AppIndex, BudgetSet)>);

impl Kept {
    pub(super) fn by(&mut self, turn: &Turn, now: Instant) {
        let head = &turn.head;
        let several = head.budgets.iter().filter(|budget| *budget != Budget::Daily).count() > 1;
        if several && now.saturating_duration_since(head.since) > PATIENT {
            self.0.push((head.app, head.budgets));
        }
    }

    /// How many slots of a budget are kept from an app.
    pub(super) fn count(&self, app: AppIndex, budget: Budget) -> u32 {
        let keeps = |(other, budgets): &&(AppIndex, BudgetSet)| {
            budgets.contains(budget) && (budget != Budget::Burst || *other == app)
        };
        u32::try_from(self.0.iter().filter(keeps).count()).unwrap_or(u32::MAX)
    }
}
