//! How long a new call would wait: what decides whether it may, and the Retry-After it is told otherwise.

use hubspot::endpoint::{Budget, BudgetSet};
use tokio::time::Instant;

use super::state::State;
use super::{AppIndex, Asking, Refusal, RefusalReason};
use crate::lane::Lane;

impl State {
    /// The refusal of a call whose expected wait is too long, with that wait.
    pub(super) fn too_late(&mut self, asking: &Asking<'_>, now: Instant) -> Refusal {
        let (expected, budget) = self.expect(asking, now);
        let retry_after = expected.saturating_duration_since(now);
        Refusal { budget, reason: RefusalReason::Deadline, retry_after }
    }

    /// When a new call can expect its turn, and which budget it waits for longest.
    fn expect(&mut self, asking: &Asking<'_>, now: Instant) -> (Instant, Budget) {
        let mut longest = (now, Budget::Burst);
        for budget in asking.budgets.iter() {
            let ahead = self.ahead(asking, budget, now);
            if let Some(desk) = self.desk(asking.app, budget) {
                let at = desk.expect(asking.lane, ahead, now);
                if at >= longest.0 {
                    longest = (at, budget);
                }
            }
        }
        longest
    }

    /// How many of its own lane go before a new call, of those that draw on a budget: at the desk where it waits, in the
    /// fair order; elsewhere, all.
    fn ahead(&self, asking: &Asking<'_>, budget: Budget, now: Instant) -> u32 {
        let (app, lane) = (asking.app, asking.lane);
        let draws = |other: AppIndex, others: BudgetSet| {
            others.contains(budget) && (budget != Budget::Burst || other == app)
        };
        let here = Self::waits_at(app, asking.budgets);
        let own = Self::desk_number(app, budget).filter(|number| Some(*number) == here);
        let elsewhere: usize = self
            .desks()
            .enumerate()
            .filter(|(number, desk)| desk.waiting() > 0 && Some(*number) != own)
            .map(|(_, desk)| {
                lane.more_urgent().chain([lane]).map(|lane| desk.lane(lane).waiting_in(draws)).sum::<usize>()
            })
            .sum();
        let here = own.map_or(0, |number| self.ahead_at(number, lane, asking, now));
        here.saturating_add(u32::try_from(elsewhere).unwrap_or(u32::MAX))
    }

    fn ahead_at(&self, number: usize, lane: Lane, asking: &Asking<'_>, now: Instant) -> u32 {
        let desk = self.desks().nth(number).expect("a desk of ours");
        let lasting = desk.slots.limit().window;
        desk.lane(lane).ahead(&asking.who(), asking.weight, lasting, now)
    }
}
