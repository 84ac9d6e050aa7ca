//! What the gate decides, given the time.

use std::time::Duration;

use hubspot::endpoint::{Budget, BudgetSet};
use hubspot::error::ErrorKind;
use hubspot::limits::{Limits, RollingLimit};
use hubspot::rate_headers::RateHeaders;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::time::Instant;

use crate::clock::WallClock;
use crate::lane::Lane;

use super::daily::{Daily, DailySettings};
use super::queue::{Queue, Reserved};
use super::slots::{Mark, Slots};
use super::{Answered, AppIndex, Asked, Ceilings, Hit, Level, Marks, Refusal, RefusalReason, Spending};

pub(super) struct State {
    /// One per app of the portal.
    bursts: Vec<Slots>,
    search: Slots,
    associations: Slots,
    pub(super) daily: Daily,
    pub(super) queue: Queue,
    pub(super) pump_runs: bool,
    /// The process is going down; nobody waits any more.
    pub(super) closed: bool,
    /// Apps that have gone to another gate.
    moved: Vec<AppIndex>,
    refused: u64,
    pub(super) wall: Wall,
}

/// The wall clock, read now and then: the day's end does not need it finer.
pub(super) struct Wall {
    clock: WallClock,
    read_at: Instant,
    time: Timestamp,
}

/// How old a reading may be.
const WALL_AGE_MAX: Duration = Duration::from_millis(250);

impl Wall {
    pub(super) fn time(&mut self, now: Instant) -> Timestamp {
        if now.saturating_duration_since(self.read_at) >= WALL_AGE_MAX {
            self.read_at = now;
            self.time = self.clock.now();
        }
        self.time
    }
}

impl State {
    pub(super) fn new(
        limits: &Limits,
        ceilings: Ceilings,
        zone: Option<TimeZone>,
        daily: DailySettings,
        now: Instant,
        clock: WallClock,
    ) -> Self {
        Self {
            bursts: Vec::new(),
            // No headers tell what a process before us spent of these two: sit one window out.
            search: Slots::new(limits.search, ceilings.search, now).spent(now),
            associations: Slots::new(limits.associations, ceilings.associations, now).spent(now),
            daily: Daily::new(limits.daily, zone, daily, clock.now()),
            queue: Queue::default(),
            pump_runs: false,
            closed: false,
            moved: Vec::new(),
            refused: 0,
            wall: Wall { time: clock.now(), read_at: now, clock },
        }
    }

    pub(super) fn add_app(
        &mut self,
        limits: &Limits,
        ceilings: Ceilings,
        seen: Option<&RateHeaders>,
        now: Instant,
    ) -> AppIndex {
        let mut slots = Slots::new(limits.burst, ceilings.burst, now);
        let seen = seen.filter(|seen| seen.max.is_some());
        if seen.is_none() {
            slots = slots.cold(now);
        }
        self.bursts.push(slots);
        let app = AppIndex(self.bursts.len() - 1);
        if let Some(seen) = seen {
            // The call that told this was ours.
            let budgets = BudgetSet::default().with(Budget::Burst).with(Budget::Daily);
            let marks = self.take(app, budgets, now);
            self.answered(
                app,
                budgets,
                &Answered { at: now, lane: Lane::Probe, marks, seen: Some(seen), limit: None },
            );
        }
        app
    }

    fn slots(&mut self, app: AppIndex, budget: Budget) -> Option<&mut Slots> {
        match budget {
            Budget::Burst => Some(&mut self.bursts[app.0]),
            Budget::Search => Some(&mut self.search),
            Budget::Associations => Some(&mut self.associations),
            Budget::Daily => None,
        }
    }

    fn each(&mut self, app: AppIndex, budgets: BudgetSet, mut act: impl FnMut(&mut Slots)) {
        for budget in budgets.iter() {
            if let Some(slots) = self.slots(app, budget) {
                act(slots);
            }
        }
    }

    fn all_free(&mut self, app: AppIndex, budgets: BudgetSet, reserved: &[u32; 4], now: Instant) -> bool {
        budgets.iter().all(|budget| {
            self.slots(app, budget).is_none_or(|slots| slots.free(now) > reserved[budget as usize])
        })
    }

    fn take(&mut self, app: AppIndex, budgets: BudgetSet, now: Instant) -> Marks {
        let mut marks = Marks::default();
        for budget in budgets.iter() {
            let mark = self.slots(app, budget).map(|slots| slots.take(now));
            if budget == Budget::Burst {
                marks.burst = mark.unwrap_or_default();
            }
        }
        if budgets.contains(Budget::Daily) {
            marks.daily = self.daily.take(self.wall.time(now));
        }
        marks
    }

    /// An answer arrived, or its time has passed.
    pub(super) fn answered(&mut self, app: AppIndex, budgets: BudgetSet, answer: &Answered<'_>) {
        let now = answer.at;
        self.each(app, budgets, |slots| slots.answered(now));
        if budgets.contains(Budget::Daily) {
            self.daily.ended(answer.lane, self.wall.time(now));
            if answer.seen.is_some() && answer.limit.is_none() {
                self.daily.accepted(answer.marks.daily);
            }
        }
        if let Some(seen) = answer.seen.filter(|_| budgets.contains(Budget::Burst)) {
            self.observe(app, seen, answer.marks.burst, now);
        }
        if let Some(hit) = answer.limit {
            self.hit(app, budgets, hit, now);
        }
    }

    pub(super) fn abandoned(&mut self, app: AppIndex, budgets: BudgetSet, lane: Lane, now: Instant) {
        self.each(app, budgets, |slots| slots.abandoned(now));
        if budgets.contains(Budget::Daily) {
            self.daily.ended(lane, self.wall.time(now));
        }
    }

    /// Takes everything for two windows: an app joins with spending, and calls under way, that this gate has not seen.
    pub(super) fn sit_out(&mut self, app: AppIndex, now: Instant) {
        for budget in [Budget::Burst, Budget::Search, Budget::Associations] {
            if let Some(slots) = self.slots(app, budget) {
                slots.full(now, slots.limit().window * 2);
            }
        }
    }

    /// What an answer's headers say, `mark` being the burst slot's of its request.
    fn observe(&mut self, app: AppIndex, seen: &RateHeaders, mark: Mark, now: Instant) {
        self.bursts[app.0].observe(seen.max, seen.remaining, seen.window, mark, now);
        if seen.daily.is_some() {
            self.daily.observe(seen.daily, seen.daily_remaining, self.wall.time(now));
        }
    }

    /// Takes a slot of every budget, unless one is not free or others have waited longer for the same.
    pub(super) fn try_take(
        &mut self,
        app: AppIndex,
        budgets: BudgetSet,
        lane: Lane,
        now: Instant,
    ) -> Option<Marks> {
        let reserved = match lane {
            Lane::Probe => [0; 4],
            Lane::Interactive | Lane::Sync | Lane::Bulk => kept(&self.queue.reserved(now), app),
        };
        let first = !self.queue.has_line(app, budgets, lane) && self.all_free(app, budgets, &reserved, now);
        first.then(|| self.take(app, budgets, now))
    }

    pub(super) fn give_back(&mut self, app: AppIndex, budgets: BudgetSet) {
        self.each(app, budgets, Slots::give_back);
        if budgets.contains(Budget::Daily) {
            self.daily.give_back();
        }
    }

    /// Lets go everyone whose slots are free, the longest waiting first.
    pub(super) fn grant(&mut self, now: Instant) {
        self.queue.sweep();
        let mut queue = std::mem::take(&mut self.queue);
        let next = |queue: &Queue, state: &mut Self| {
            queue.next(now, |app, budgets, reserved| state.all_free(app, budgets, &kept(reserved, app), now))
        };
        while let Some(line) = next(&queue, self) {
            let (app, budgets, lane) = queue.who(line);
            let grant = self.check_daily(budgets, lane, now).map(|()| self.take(app, budgets, now));
            if !queue.release(line, grant) && grant.is_ok() {
                self.give_back(app, budgets);
            }
        }
        queue.sweep();
        self.queue = queue;
    }

    pub(super) fn check_daily(
        &mut self,
        budgets: BudgetSet,
        lane: Lane,
        now: Instant,
    ) -> Result<(), Refusal> {
        if !budgets.contains(Budget::Daily) {
            return Ok(());
        }
        let wall = self.wall.time(now);
        self.daily.check(lane, wall).map_err(|turned_away| Refusal {
            budget: Budget::Daily,
            reason: turned_away.reason(),
            retry_after: (turned_away.until() - wall).try_into().unwrap_or_default(),
        })
    }

    pub(super) fn refuse(&mut self, refusal: Refusal) -> Refusal {
        self.refused += 1;
        refusal
    }

    /// The refusal of a request whose expected wait is too long.
    pub(super) fn too_late(
        &mut self,
        app: AppIndex,
        budgets: BudgetSet,
        lane: Lane,
        now: Instant,
    ) -> Refusal {
        let (expected, budget) = self.expect(app, budgets, lane, now);
        let retry_after = expected.saturating_duration_since(now);
        Refusal { budget, reason: RefusalReason::Deadline, retry_after }
    }

    /// When a new request can expect its turn, and which budget it waits for longest.
    fn expect(&mut self, app: AppIndex, budgets: BudgetSet, lane: Lane, now: Instant) -> (Instant, Budget) {
        let mut longest = (now, Budget::Burst);
        for budget in budgets.iter() {
            let ahead = self.queue.ahead(lane, |other, others| {
                others.contains(budget) && (budget != Budget::Burst || other == app)
            });
            if let Some(at) = self.slots(app, budget).map(|slots| slots.expect(ahead, now))
                && at >= longest.0
            {
                longest = (at, budget);
            }
        }
        longest
    }

    /// The app goes to another gate, and those who wait for it with it.
    pub(super) fn move_away(&mut self, app: AppIndex) {
        self.moved.push(app);
        self.queue.move_away(app);
    }

    pub(super) fn has_moved(&self, app: AppIndex) -> bool {
        self.moved.contains(&app)
    }

    /// A call of an app that was sent before the app came here.
    pub(super) fn count_one(&mut self, app: AppIndex, asked: Asked, now: Instant) {
        let budgets = BudgetSet::default().with(Budget::Burst).with(Budget::Daily);
        match asked {
            Asked::No => {}
            Asked::Answered => {
                let marks = self.take(app, budgets, now);
                self.answered(
                    app,
                    budgets,
                    &Answered { at: now, lane: Lane::Probe, marks, seen: None, limit: None },
                );
            }
            Asked::Unanswered => {
                self.take(app, budgets, now);
                self.abandoned(app, budgets, Lane::Probe, now);
            }
        }
    }

    pub(super) fn is_quiet(&mut self, app: AppIndex, now: Instant) -> bool {
        let burst = &mut self.bursts[app.0];
        self.queue.len() == 0 && burst.free(now) * 2 >= burst.limit().count
    }

    /// Free slots of an app's burst window, and its limit.
    pub(super) fn burst(&mut self, app: AppIndex, now: Instant) -> (u32, RollingLimit) {
        let burst = &mut self.bursts[app.0];
        (burst.free(now), burst.limit())
    }

    pub(super) fn set_zone(&mut self, zone: TimeZone, now: Instant) {
        self.daily.set_zone(zone, self.wall.time(now));
    }

    /// When the next slot of any budget comes free that somebody waits for.
    pub(super) fn next_free_at(&self, now: Instant) -> Option<Instant> {
        let shared = [&self.search, &self.associations];
        self.bursts
            .iter()
            .chain(shared)
            .filter_map(|slots| slots.next_free_at(now))
            .filter(|at| *at > now)
            .min()
    }

    /// HubSpot says that a limit is reached although we kept it: somebody else spends too.
    fn hit(&mut self, app: AppIndex, budgets: BudgetSet, hit: Hit, now: Instant) {
        let budget = match hit.kind {
            ErrorKind::DailyLimit => return self.daily.exhaust(self.wall.time(now)),
            ErrorKind::SearchLimit => Budget::Search,
            ErrorKind::BurstLimit if budgets.contains(Budget::Burst) => Budget::Burst,
            ErrorKind::BurstLimit => Budget::Associations,
            // Imports, exports, forms: a limit of one feature, nobody else's.
            _ => return,
        };
        if !budgets.contains(budget) {
            return;
        }
        if let Some(slots) = self.slots(app, budget) {
            let wait = hit.retry_after.unwrap_or(slots.limit().window);
            slots.full(now, wait);
        }
    }

    pub(super) fn levels(&mut self, app: AppIndex, now: Instant) -> [Level; 3] {
        [
            self.bursts[app.0].level(Budget::Burst, now),
            self.search.level(Budget::Search, now),
            self.associations.level(Budget::Associations, now),
        ]
    }

    pub(super) fn spending(&self, app: AppIndex, now: Instant) -> Spending {
        let burst = &self.bursts[app.0];
        let (daily_sent, daily_used, daily_limit) = self.daily.spent();
        Spending {
            burst_limit: burst.limit().count,
            burst_window_ms: u64::try_from(burst.limit().window.as_millis()).unwrap_or(u64::MAX),
            burst_limit_before: burst.before().map(|(count, _)| count),
            burst_limit_changed_ago: burst.before().map(|(_, at)| now.saturating_duration_since(at)),
            burst_sent_peak: burst.peaks(now).0,
            burst_outside_peak: burst.peaks(now).1,
            daily_sent,
            daily_used,
            daily_limit,
            daily_limit_before: self.daily.limit_before(),
            waiting: self.queue.len(),
            refused: self.refused,
        }
    }
}

/// Slots kept from an app by those who have waited for long, by budget.
fn kept(reserved: &Reserved<'_>, app: AppIndex) -> [u32; 4] {
    Budget::ALL.map(|budget| reserved.count(app, budget))
}
