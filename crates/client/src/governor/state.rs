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
use super::desk::Desk;
use super::lanes::Floors;
use super::slots::Slots;
use super::{Answered, AppIndex, Asked, Ceilings, Hit, Level, Marks, Refusal, Spending};

pub(super) struct State {
    /// Search, associations, the journal, and burst for each app of the portal.
    pub(super) desks: Vec<Desk>,
    pub(super) daily: Daily,
    floors: Floors,
    pub(super) arrivals: u64,
    pub(super) waiting: usize,
    pub(super) pump_runs: bool,
    /// The process is going down; nobody waits any more.
    pub(super) closed: bool,
    /// Apps that have gone to another gate.
    pub(super) moved: Vec<AppIndex>,
    refused: u64,
    pub(super) wall: Wall,
}

/// The wall clock, read now and then: the day's end does not need it finer.
pub(super) struct Wall {
    clock: WallClock,
    /// When the reading is too old.
    stale_at: Instant,
    time: Timestamp,
}

/// The desks that all apps share.
pub(super) const SEARCH: usize = 0;
pub(super) const ASSOCIATIONS: usize = 1;
const JOURNAL: usize = 2;
const SHARED: usize = 3;

/// How old a reading may be.
const WALL_AGE_MAX: Duration = Duration::from_millis(250);

impl Wall {
    pub(super) fn time(&mut self, now: Instant) -> Timestamp {
        if now >= self.stale_at {
            self.stale_at = now + WALL_AGE_MAX;
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
        floors: Floors,
        now: Instant,
        clock: WallClock,
    ) -> Self {
        // No headers tell what a process before us spent of these: sit one window out.
        let search = Slots::new(limits.search, ceilings.search, now).spent(now);
        let associations = Slots::new(limits.associations, ceilings.associations, now).spent(now);
        let journal = Slots::new(limits.journal, None, now).spent(now);
        Self {
            desks: [search, associations, journal].map(|slots| Desk::new(slots, floors, now)).into(),
            daily: Daily::new(limits.daily, zone, daily, clock.now()),
            floors,
            arrivals: 0,
            waiting: 0,
            pump_runs: false,
            closed: false,
            moved: Vec::new(),
            refused: 0,
            wall: Wall { time: clock.now(), stale_at: now + WALL_AGE_MAX, clock },
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
        self.desks.push(Desk::new(slots, self.floors, now));
        let app = AppIndex(self.desks.len() - 1 - SHARED);
        if let Some(seen) = seen {
            // The call that told this was ours.
            let budgets = BudgetSet::default().with(Budget::Burst).with(Budget::Daily);
            let marks = self.take(app, budgets, Lane::Probe, now);
            self.answered(
                app,
                budgets,
                &Answered { at: now, lane: Lane::Probe, marks, seen: Some(seen), limit: None },
            );
        }
        app
    }

    /// Which desk a budget has; the day is kept elsewhere.
    pub(super) fn desk_number(app: AppIndex, budget: Budget) -> Option<usize> {
        match budget {
            Budget::Burst => Some(SHARED + app.0),
            Budget::Search => Some(SEARCH),
            Budget::Associations => Some(ASSOCIATIONS),
            Budget::Journal => Some(JOURNAL),
            Budget::Daily => None,
        }
    }

    pub(super) fn desk(&mut self, app: AppIndex, budget: Budget) -> Option<&mut Desk> {
        Self::desk_number(app, budget).map(|number| &mut self.desks[number])
    }

    /// Where a call waits: at the first of its budgets' desks.
    pub(super) fn waits_at(app: AppIndex, budgets: BudgetSet) -> Option<usize> {
        budgets.iter().find_map(|budget| Self::desk_number(app, budget))
    }

    fn burst(&self, app: AppIndex) -> &Slots {
        &self.desks[SHARED + app.0].slots
    }

    fn each(&mut self, app: AppIndex, budgets: BudgetSet, mut act: impl FnMut(&mut Slots)) {
        for budget in budgets.iter() {
            if let Some(desk) = self.desk(app, budget) {
                act(&mut desk.slots);
            }
        }
    }

    pub(super) fn take(&mut self, app: AppIndex, budgets: BudgetSet, lane: Lane, now: Instant) -> Marks {
        let mut marks = Marks::default();
        for budget in budgets.iter() {
            let mark = self.desk(app, budget).map(|desk| desk.take(lane, now));
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
            self.observe(app, seen, answer.marks, now);
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
        for budget in [Budget::Burst, Budget::Search, Budget::Associations, Budget::Journal] {
            if let Some(Desk { slots, .. }) = self.desk(app, budget) {
                slots.full(now, slots.limit().window * 2);
            }
        }
    }

    /// What an answer's headers say, `marks` being those of its request.
    fn observe(&mut self, app: AppIndex, seen: &RateHeaders, marks: Marks, now: Instant) {
        self.desks[SHARED + app.0].slots.observe(seen.max, seen.remaining, seen.window, marks.burst, now);
        if seen.daily.is_some() {
            self.daily.observe(seen.daily, seen.daily_remaining, marks.daily, self.wall.time(now));
        }
    }

    pub(super) fn give_back(&mut self, app: AppIndex, budgets: BudgetSet) {
        self.each(app, budgets, Slots::give_back);
        if budgets.contains(Budget::Daily) {
            self.daily.give_back();
        }
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

    pub(super) fn has_moved(&self, app: AppIndex) -> bool {
        self.moved.contains(&app)
    }

    /// A call of an app that was sent before the app came here.
    pub(super) fn count_one(&mut self, app: AppIndex, asked: Asked, now: Instant) {
        let budgets = BudgetSet::default().with(Budget::Burst).with(Budget::Daily);
        match asked {
            Asked::No => {}
            Asked::Answered => {
                let marks = self.take(app, budgets, Lane::Probe, now);
                self.answered(
                    app,
                    budgets,
                    &Answered { at: now, lane: Lane::Probe, marks, seen: None, limit: None },
                );
            }
            Asked::Unanswered => {
                self.take(app, budgets, Lane::Probe, now);
                self.abandoned(app, budgets, Lane::Probe, now);
            }
        }
    }

    pub(super) fn is_quiet(&mut self, app: AppIndex, now: Instant) -> bool {
        let burst = &mut self.desks[SHARED + app.0].slots;
        self.waiting == 0 && burst.free(now) * 2 >= burst.limit().count
    }

    /// Free slots of an app's burst window, and its limit.
    pub(super) fn burst_room(&mut self, app: AppIndex, now: Instant) -> (u32, RollingLimit) {
        let burst = &mut self.desks[SHARED + app.0].slots;
        (burst.free(now), burst.limit())
    }

    pub(super) fn set_zone(&mut self, zone: TimeZone, now: Instant) {
        self.daily.set_zone(zone, self.wall.time(now));
    }

    /// When somebody who waits may find something changed.
    pub(super) fn next_change_at(&self, now: Instant) -> Option<Instant> {
        self.desks.iter().filter_map(|desk| desk.next_change_at(now)).min()
    }

    pub(super) fn desks(&self) -> impl Iterator<Item = &Desk> {
        self.desks.iter()
    }

    /// HubSpot says that a limit is reached although we kept it: somebody else spends too.
    fn hit(&mut self, app: AppIndex, budgets: BudgetSet, hit: Hit, now: Instant) {
        let budget = match hit.kind {
            ErrorKind::DailyLimit => return self.daily.exhaust(self.wall.time(now)),
            ErrorKind::SearchLimit | ErrorKind::BurstLimit if budgets.contains(Budget::Journal) => {
                Budget::Journal
            }
            ErrorKind::SearchLimit => Budget::Search,
            ErrorKind::BurstLimit if budgets.contains(Budget::Burst) => Budget::Burst,
            ErrorKind::BurstLimit => Budget::Associations,
            // Imports, exports, forms: a limit of one feature, nobody else's.
            _ => return,
        };
        if !budgets.contains(budget) {
            return;
        }
        if let Some(Desk { slots, .. }) = self.desk(app, budget) {
            let wait = hit.retry_after.unwrap_or(slots.limit().window);
            slots.full(now, wait);
        }
    }

    pub(super) fn levels(&mut self, app: AppIndex, now: Instant) -> [Level; 3] {
        [Budget::Burst, Budget::Search, Budget::Associations].map(|budget| {
            let desk = self.desk(app, budget).expect("each rolling budget has a desk");
            desk.slots.level(budget, now)
        })
    }

    pub(super) fn spending(&self, app: AppIndex, now: Instant) -> Spending {
        let burst = self.burst(app);
        let (daily_sent, daily_used, daily_limit) = self.daily.spent();
        Spending {
            burst_limit: burst.limit().count,
            burst_window_ms: u64::try_from(burst.limit().window.as_millis()).unwrap_or(u64::MAX),
            burst_limit_before: burst.before().map(|(count, _)| count),
            burst_limit_changed_ago: burst.before().map(|(_, at)| now.saturating_duration_since(at)),
            burst_sent_peak: burst.peaks(now).0,
            burst_outside_peak: burst.peaks(now).1,
            burst_outside_recent: burst.outside_recent(now),
            daily_sent,
            daily_used,
            daily_limit,
            daily_limit_before: self.daily.limit_before(),
            waiting: self.waiting,
            refused: self.refused,
        }
    }
}
