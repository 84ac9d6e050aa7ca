//! The daily budget of one portal: a pool until midnight in the portal's time zone.
//!
//! HubSpot's headers are the truth, and the usage endpoint where they are silent; between them our own sends are added.
//! What HubSpot counts beyond ours, others spent. Pure: time is an argument.

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::RefusalReason;
use super::days::{Days, Whose};
use super::exhaustion::{self, Forecast};
use super::shed::{PLAN_LASTS, Plan, Pool, Reserves};
use super::usage::Usage;
use crate::lane::Lane;
use crate::stack::Feature;

mod others;
mod question;
mod standing;

use others::{Found, Others};
use question::{Question, Standing};
pub use standing::DailyStanding;

/// With the pool empty and the reset unknown, one call in this time is let through to find out.
const RECHECK: SignedDuration = SignedDuration::from_secs(20);

/// While one call finds out whether the pool is new, the others wait for this long.
const FINDING_OUT: SignedDuration = SignedDuration::from_secs(5);

/// How far answers may overtake each other: a count this much lower than the last is an older answer's.
const OVERTAKEN_MAX: u64 = 100;

/// A reset further away than the longest day is a mistake.
const RESET_MAX: SignedDuration = SignedDuration::from_hours(26);

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
    /// Sent and not answered yet; HubSpot may count them any moment.
    in_flight: u64,
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

/// When a call was taken, in exhaustions before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DailyMark(u32);

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
            in_flight: 0,
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
        DailyMark(self.exhaustions)
    }

    pub(crate) fn give_back(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.sent = self.sent.saturating_sub(1);
    }

    /// A call has ended, answered or not; it counts until HubSpot says otherwise.
    pub(crate) fn ended(&mut self, lane: Lane, now: Timestamp) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.used += 1;
        self.question.sent();
        self.days.count(Whose::of(lane), now);
    }

    /// HubSpot took a call: the pool is not empty, if the call was made after it was found so.
    pub(crate) fn accepted(&mut self, mark: DailyMark) {
        if mark.0 == self.exhaustions && self.exhausted_until.take().is_some() {
            // By our count it was; that count is good for nothing until HubSpot tells.
            self.told &= self.left() != Some(0);
        }
    }

    /// Corrects the numbers by an answer's headers.
    pub(crate) fn observe(&mut self, limit: Option<u64>, remaining: Option<u64>, now: Timestamp) {
        if limit.is_some() && limit != self.limit {
            self.limit_before = self.limit.filter(|_| self.told);
            self.limit = limit;
            self.plan_until = now;
        }
        self.told |= limit.is_some();
        let (Some(limit), Some(remaining)) = (limit, remaining) else { return };
        self.question.told(now);
        let told = limit.saturating_sub(remaining);
        self.used = if told + OVERTAKEN_MAX >= self.used { told.max(self.used) } else { told };
        self.look_for_others(told, now);
        if remaining == 0 {
            self.exhaust(now);
        } else if remaining > self.in_flight {
            self.exhausted_until = None;
        }
    }

    /// HubSpot refused with policy DAILY, or shows nothing remaining.
    pub(crate) fn exhaust(&mut self, now: Timestamp) {
        self.exhaustions = self.exhaustions.wrapping_add(1);
        self.exhausted_until = Some(self.day_ends.filter(|end| *end > now).unwrap_or(now + RECHECK));
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

    /// What the usage endpoint told.
    pub(crate) fn told(&mut self, usage: &Usage, now: Timestamp) {
        match usage {
            Usage::Told { limit, used, resets_at } => {
                let sound = |at: &Timestamp| *at > now && at.duration_since(now) <= RESET_MAX;
                if let Some(resets_at) = resets_at.filter(sound) {
                    if self.zone.is_none() {
                        self.set_zone(zone_of(resets_at), now);
                    }
                    self.day_ends = Some(resets_at);
                }
                self.question.answered(self.day_ends, now);
                let parked = self.exhausted_until.is_some();
                if self.limit != Some(*limit) && (parked || !self.told) {
                    self.limit_before = self.limit.filter(|_| self.told);
                    self.limit = Some(*limit);
                    self.plan_until = now;
                }
                self.told = true;
                self.used = if parked { *used } else { self.used.max(*used) };
                self.look_for_others(*used, now);
                if parked && used < limit {
                    self.let_one_find_out(now);
                } else if parked {
                    self.exhaust(now);
                }
            }
            Usage::Empty => self.question.answered(self.day_ends, now),
            Usage::Unknown => {
                self.question.fruitless();
                if self.exhausted_until.is_some() {
                    self.let_one_find_out(now);
                }
            }
        }
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

    fn let_one_find_out(&mut self, now: Timestamp) {
        self.exhausted_until = Some(now);
    }

    fn look_for_others(&mut self, used: u64, now: Timestamp) {
        match self.others.look(used.saturating_sub(self.sent), now) {
            Found::BeforeUs(calls) => self.before_us = calls,
            Found::More(calls, since) => self.days.count_others(calls, since, now),
            Found::Nothing => {}
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

/// A zone whose midnight is then, until the portal's own is known.
fn zone_of(midnight: Timestamp) -> TimeZone {
    const DAY_S: i64 = 86_400;
    const EAST_MAX_S: i64 = 14 * 3600;
    let after_utc_s = midnight.as_second().rem_euclid(DAY_S);
    let east_s = if DAY_S - after_utc_s <= EAST_MAX_S { DAY_S - after_utc_s } else { -after_utc_s };
    let offset = i32::try_from(east_s).ok().and_then(|east_s| Offset::from_seconds(east_s).ok());
    TimeZone::fixed(offset.unwrap_or(Offset::UTC))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: DailySettings = DailySettings { reserves: Reserves::NONE, shedding: Feature::On };

    fn check(daily: &mut Daily, now: Timestamp) -> Result<(), Timestamp> {
        daily.check(Lane::Interactive, now).map_err(TurnedAway::until)
    }

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    fn new_york() -> Option<TimeZone> {
        Some(TimeZone::get("America/New_York").expect("bundled"))
    }

    #[test]
    fn an_empty_pool_parks_until_midnight_in_the_portals_zone() {
        // The sample of hubspot-facts §1.2: collected 22:25Z, resets 05:00Z.
        let now = at("2025-12-12T22:25:00Z");
        let mut daily = Daily::new(Some(250_000), new_york(), SETTINGS, now);
        daily.exhaust(now);
        assert_eq!(check(&mut daily, now), Err(at("2025-12-13T05:00:00Z")));
        assert_eq!(check(&mut daily, at("2025-12-13T05:00:00Z")), Ok(()));
    }

    #[test]
    fn a_day_with_a_clock_change_has_its_true_length() {
        let now = at("2026-03-08T05:30:00Z"); // 00:30 in New York; clocks go forward at 02:00
        let mut daily = Daily::new(Some(10), new_york(), SETTINGS, now);
        daily.exhaust(now);
        assert_eq!(check(&mut daily, now), Err(at("2026-03-09T04:00:00Z")));
    }

    #[test]
    fn without_a_known_zone_one_call_in_a_while_finds_out() {
        let now = at("2026-01-01T12:00:00Z");
        let mut daily = Daily::new(Some(10), None, SETTINGS, now);
        daily.exhaust(now);
        assert_eq!(check(&mut daily, now), Err(at("2026-01-01T12:00:20Z")));
        assert_eq!(check(&mut daily, at("2026-01-01T12:00:20Z")), Ok(()));
    }

    #[test]
    fn headers_are_the_truth() {
        let now = at("2026-01-01T12:00:00Z");
        let mut daily = Daily::new(None, new_york(), SETTINGS, now);
        daily.take(now);
        daily.ended(Lane::Interactive, now);
        daily.observe(Some(1000), Some(200), now);
        assert_eq!(daily.spent(), (1, Some(800), Some(1000)));
        daily.observe(Some(1000), Some(0), now);
        assert!(check(&mut daily, now).is_err());
        daily.observe(Some(2000), Some(1000), now); // somebody bought a pack
        assert_eq!(check(&mut daily, now), Ok(()));
    }

    #[test]
    fn what_is_under_way_counts_before_hubspot_says_so() {
        let now = at("2026-01-01T12:00:00Z");
        let mut daily = Daily::new(None, new_york(), SETTINGS, now);
        daily.observe(Some(10), Some(2), now);
        for _ in 0..2 {
            assert_eq!(check(&mut daily, now), Ok(()));
            daily.take(now);
        }
        assert!(check(&mut daily, now).is_err(), "two are left and two are under way");
    }

    #[test]
    fn a_good_answer_after_the_pool_was_found_empty_opens_it() {
        let now = at("2026-01-01T12:00:00Z");
        let mut daily = Daily::new(None, None, SETTINGS, now);
        let before = daily.take(now);
        daily.exhaust(now);
        daily.accepted(before);
        assert!(check(&mut daily, now).is_err(), "an answer from before says nothing");
        let later = at("2026-01-01T12:05:00Z");
        let after = daily.take(later);
        daily.accepted(after);
        assert_eq!(check(&mut daily, later), Ok(()));
    }

    fn told(limit: u64, used: u64, resets_at: &str) -> Usage {
        Usage::Told { limit, used, resets_at: Some(at(resets_at)) }
    }

    #[test]
    fn the_usage_endpoint_names_the_reset_and_stands_in_for_the_zone() {
        let now = at("2026-01-01T12:00:00Z");
        let mut daily = Daily::new(Some(10), None, SETTINGS, now);
        daily.exhaust(now);
        daily.told(&told(10, 10, "2026-01-02T05:00:00Z"), now);
        assert_eq!(check(&mut daily, now), Err(at("2026-01-02T05:00:00Z")));
        assert_eq!(daily.day_starts(), at("2026-01-01T05:00:00Z"));
        assert!(daily.report(now).reset_confirmed);
        // The next day ends a day later; a reset that makes no sense is not believed.
        let tomorrow = at("2026-01-02T05:00:00Z");
        assert_eq!(check(&mut daily, tomorrow), Ok(()));
        daily.told(&told(10, 3, "2031-01-01T00:00:00Z"), tomorrow);
        assert_eq!(daily.report(tomorrow).resets_at, Some(at("2026-01-03T05:00:00Z")));
        let zones =
            ["2026-01-02T05:00:00Z", "2026-01-02T15:00:00Z", "2026-01-02T10:30:00Z", "2026-01-02T00:00:00Z"];
        let east = zones.map(|midnight| zone_of(at(midnight)).to_offset(now).seconds() / 60);
        assert_eq!(east, [-300, 540, 810, 0]);
    }

    #[test]
    fn a_pool_that_has_grown_lets_one_call_find_out_and_then_all() {
        let now = at("2026-01-01T12:00:00Z");
        let mut daily = Daily::new(Some(10), new_york(), SETTINGS, now);
        daily.observe(Some(10), Some(0), now);
        assert!(check(&mut daily, now).is_err());
        assert!(daily.is_question_due(false, now), "somebody wanted to call");
        daily.asks(now);
        assert!(!daily.is_question_due(true, now));
        daily.told(&told(1_000, 10, "2026-01-02T05:00:00Z"), now);
        assert_eq!(check(&mut daily, now), Ok(()));
        let mark = daily.take(now);
        assert!(check(&mut daily, now).is_err(), "one finds out");
        daily.ended(Lane::Interactive, now);
        daily.accepted(mark);
        assert_eq!(check(&mut daily, now), Ok(()));
    }

    #[test]
    fn a_question_that_tells_nothing_lets_one_real_call_go() {
        let now = at("2026-01-01T12:00:00Z");
        let mut daily = Daily::new(Some(10), new_york(), SETTINGS, now);
        daily.exhaust(now);
        daily.told(&Usage::Empty, now);
        assert!(check(&mut daily, now).is_err(), "being refused is an answer");
        daily.told(&Usage::Unknown, now);
        assert_eq!(check(&mut daily, now), Ok(()));
        daily.take(now);
        daily.exhaust(now);
        assert_eq!(check(&mut daily, now), Err(at("2026-01-02T05:00:00Z")));
    }

    #[test]
    fn the_first_moments_of_a_new_day_are_one_calls_as_our_clock_may_be_ahead() {
        let now = at("2026-01-01T12:00:00Z");
        let mut daily = Daily::new(Some(10), new_york(), SETTINGS, now);
        daily.exhaust(now);
        let midnight = at("2026-01-02T05:00:00Z");
        assert_eq!(check(&mut daily, midnight), Ok(()));
        daily.take(midnight);
        assert_eq!(check(&mut daily, midnight), Err(at("2026-01-02T05:00:05Z")));
    }
}
