//! The daily budget of one portal: a pool until midnight in the portal's time zone.
//!
//! HubSpot's headers are the truth, and the usage endpoint where they are silent; between them our own sends are added.
//! What HubSpot counts beyond ours, others spent. Pure: time is an argument.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::RefusalReason;
use super::days::{Days, Whose};
use super::exhaustion::{self, Forecast};
use super::shed::{PLAN_LASTS, Plan, Pool, Reserves};
use crate::lane::Lane;
use crate::stack::Feature;

mod handover;
mod others;
mod question;
mod standing;
mod told;

pub(crate) use handover::DayHandover;
use others::Others;
use question::{Question, Standing};
pub use standing::DailyStanding;

/// With the pool empty and the reset unknown, one call in this time is let through to find out.
const RECHECK: SignedDuration = SignedDuration::from_secs(20);

/// While one call finds out whether the pool is new, the others wait for this long.
const FINDING_OUT: SignedDuration = SignedDuration::from_secs(5);

/// How the daily pool is shared out.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DailySettings {
    pub reserves: Reserves,
    /// Off: first come, first served, until the pool is empty.
    pub shedding: Feature,
}

/// What is known of the pool.
#[derive(Debug, Clone)]
pub(crate) struct Daily {
    limit: Option<u64>,
    /// What the limit was before HubSpot changed it; our first guess does not count.
    limit_before: Option<u64>,
    /// HubSpot has told the limit; until then it is a guess, and no reason to refuse anybody.
    told: bool,
    used: u64,
    /// The most that HubSpot has told of, today.
    told_most: u64,
    /// Calls that have ended without a word about it; and those that `told_most` surely holds.
    untold: u64,
    untold_counted: u64,
    /// Sent and not answered yet; HubSpot may count them any moment.
    in_flight: u64,
    /// Answered, or given up.
    ended: u64,
    /// Ours since the last reset.
    sent: u64,
    /// Spent today before we looked for the first time.
    before_us: u64,
    others: Others,
    zone: Option<TimeZone>,
    day_ends: Option<Timestamp>,
    /// The pool is empty; nothing more until it is new. Once the time is up, one call goes to find out.
    exhausted_until: Option<Timestamp>,
    /// How often it has been found empty. A good answer to a call taken after the last time shows that it is not.
    exhaustions: u32,
    question: Question,
    days: Days,
    plan: Plan,
    plan_until: Timestamp,
    settings: DailySettings,
}

/// When a call was taken, in what had happened before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DailyMark {
    exhaustions: u32,
    ended: u64,
    untold: u64,
}

/// Why a call may not be sent today, and when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TurnedAway {
    Empty {
        until: Timestamp,
    },
    /// What is left is kept for more urgent lanes.
    Kept {
        until: Timestamp,
    },
}

impl TurnedAway {
    pub(crate) fn until(self) -> Timestamp {
        match self {
            Self::Empty { until } | Self::Kept { until } => until,
        }
    }

    pub(crate) fn reason(self) -> RefusalReason {
        match self {
            Self::Empty { .. } => RefusalReason::DailyPoolEmpty,
            Self::Kept { .. } => RefusalReason::DailyReserve,
        }
    }
}

impl Daily {
    pub(crate) fn new(
        limit: Option<u64>,
        zone: Option<TimeZone>,
        settings: DailySettings,
        now: Timestamp,
    ) -> Self {
        let days = Days::new(zone.clone(), now);
        let (starts, ends) = days.today();
        Self {
            limit,
            limit_before: None,
            told: false,
            used: 0,
            told_most: 0,
            untold: 0,
            untold_counted: 0,
            in_flight: 0,
            ended: 0,
            sent: 0,
            before_us: 0,
            others: if starts == now { Others::from_midnight(now) } else { Others::default() },
            day_ends: zone.is_some().then_some(ends),
            zone,
            exhausted_until: None,
            exhaustions: 0,
            question: Question::new(now),
            days,
            plan: Plan::default(),
            plan_until: now,
            settings,
        }
    }

    /// Our sends today, HubSpot's count and the pool's size.
    pub(crate) fn spent(&self) -> (u64, Option<u64>, Option<u64>) {
        (self.sent, self.limit.map(|_| self.used), self.limit)
    }

    /// The midnight that began the day.
    pub(crate) fn day_starts(&self) -> Timestamp {
        self.days.today().0
    }

    /// The portal's time zone has become known.
    pub(crate) fn set_zone(&mut self, zone: TimeZone, now: Timestamp) {
        if self.zone.as_ref() == Some(&zone) {
            return;
        }
        self.days.set_zone(zone.clone(), now);
        self.zone = Some(zone);
        self.day_ends = Some(self.days.today().1);
        self.plan_until = now;
        if self.exhausted_until.is_some_and(|until| until > now) {
            self.exhaust(now);
        }
    }

    pub(crate) fn limit_before(&self) -> Option<u64> {
        self.limit_before
    }

    /// Refuses when the pool is empty, or when what is left of it is for others.
    pub(crate) fn check(&mut self, lane: Lane, now: Timestamp) -> Result<(), TurnedAway> {
        self.roll(now);
        let left = self.left();
        if self.exhausted_until.is_none() && self.told && left == Some(0) {
            self.exhaust(now);
        }
        match self.exhausted_until {
            Some(until) if now < until => {
                self.question.want();
                // An empty pool is empty for others as well.
                Whose::ALL.into_iter().for_each(|whose| self.days.silence(whose, now));
                return Err(TurnedAway::Empty { until });
            }
            // One goes to find out.
            Some(_) => return Ok(()),
            None => {}
        }
        let (Some(left), true, Feature::On) = (left, self.told, self.settings.shedding) else {
            return Ok(());
        };
        if now >= self.plan_until {
            self.make_plan(left, now);
        }
        let resumes = |at: Option<Timestamp>| TurnedAway::Kept { until: at.unwrap_or(now + RECHECK) };
        let checked = self.plan.check(lane, left).map_err(resumes);
        if checked.is_err() {
            self.days.silence(Whose::of(lane), now);
        }
        checked
    }

    pub(crate) fn take(&mut self, now: Timestamp) -> DailyMark {
        self.roll(now);
        self.in_flight += 1;
        self.sent += 1;
        if self.exhausted_until.is_some() {
            // This one finds out; the others go on waiting.
            self.exhausted_until = Some(now + FINDING_OUT);
        }
        DailyMark { exhaustions: self.exhaustions, ended: self.ended, untold: self.untold }
    }

    pub(crate) fn give_back(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.sent = self.sent.saturating_sub(1);
    }

    /// A call has ended, answered or not; it counts until HubSpot says otherwise.
    pub(crate) fn ended(&mut self, lane: Lane, now: Timestamp) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.ended += 1;
        self.untold += 1;
        self.used += 1;
        self.question.sent();
        self.days.count(Whose::of(lane), now);
    }

    /// Is it worth a question of our own how much is used? `quiet` says whether anybody would mind.
    pub(crate) fn is_question_due(&self, quiet: bool, now: Timestamp) -> bool {
        let standing = self.standing(now);
        self.limit.is_some()
            && (self.question.is_urgent(standing, now)
                || quiet && self.question.is_due_when_quiet(standing, now))
    }

    /// The question is being asked. HubSpot may count it.
    pub(crate) fn asks(&mut self, now: Timestamp) {
        self.question.asked(now);
        self.sent += 1;
        self.used += 1;
    }

    fn left(&self) -> Option<u64> {
        self.limit.map(|limit| limit.saturating_sub(self.used + self.in_flight))
    }

    fn standing(&self, now: Timestamp) -> Standing {
        match self.exhausted_until {
            Some(until) if now < until => Standing::Parked,
            Some(_) | None => Standing::Open { day_ends: self.day_ends },
        }
    }

    fn forecast(&self, left: u64, now: Timestamp) -> Option<Forecast> {
        // Without a zone nobody knows which part of the day this is.
        self.zone.as_ref()?;
        exhaustion::forecast(&self.days, left, now)
    }

    fn make_plan(&mut self, left: u64, now: Timestamp) {
        let limit = self.limit.unwrap_or(0);
        let day = self.day_ends.map(|ends| (self.days.today().0, ends));
        let pool = Pool { limit, left, now, day };
        let forecast = self.forecast(left, now);
        self.plan = self.plan.make(&pool, &self.settings.reserves, forecast.as_ref());
        self.plan_until = now + SignedDuration::try_from(PLAN_LASTS).expect("half a minute is a duration");
    }

    fn roll(&mut self, now: Timestamp) {
        let Some(ended) = self.day_ends.filter(|end| now >= *end) else { return };
        self.days.turn(now);
        self.used = 0;
        self.told_most = 0;
        self.untold_counted = self.untold;
        self.sent = 0;
        self.before_us = 0;
        self.others = Others::from_midnight(ended);
        self.day_ends = self.zone.is_some().then_some(self.days.today().1).filter(|end| *end > now);
        self.plan = Plan::default();
        self.plan_until = now;
        if self.exhausted_until.is_some() {
            // Our clock may be ahead of HubSpot's.
            self.let_one_find_out(now);
        }
    }
}

#[cfg(test)]
mod tests;
