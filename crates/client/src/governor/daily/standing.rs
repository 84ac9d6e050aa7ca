//! The pool as people are told of it.

use jiff::Timestamp;

use super::Daily;
use crate::governor::days::Whose;
use crate::governor::exhaustion::Forecast;
use crate::lane::Lane;
use crate::stack::Feature;

/// What people are told of the pool.
#[derive(Debug, Clone, PartialEq)]
pub struct DailyStanding {
    /// `None` where there is no daily pool (publicly distributed OAuth apps).
    pub limit: Option<u64>,
    /// HubSpot has told the limit; until then it is a guess.
    pub told: bool,
    pub used: u64,
    pub resets_at: Option<Timestamp>,
    /// HubSpot named this reset; else it is midnight in the portal's zone.
    pub reset_confirmed: bool,
    pub time_zone: Option<String>,
    /// Empty: nothing is sent until the reset.
    pub parked: bool,
    /// Lanes that had to stop, so that something is left for those above them.
    pub stopped: Vec<Lane>,
    /// What each lane leaves to those above it.
    pub leaves: [u64; 4],
    /// Ours, others', and what was spent before we looked for the first time today.
    pub ours: u64,
    pub others: u64,
    pub before_us: u64,
    /// Of each hour since midnight: interactive, sync, bulk, others.
    pub hours: Vec<(Timestamp, [u64; 4])>,
    pub forecast: Option<Forecast>,
    /// How often the usage endpoint has been asked.
    pub questions: u64,
}

impl Daily {
    /// All that people want to know.
    pub(crate) fn report(&mut self, now: Timestamp) -> DailyStanding {
        self.roll(now);
        let left = self.left();
        if let Some(left) = left.filter(|_| self.told && self.settings.shedding == Feature::On) {
            self.make_plan(left, now);
        }
        let hours = self.days.hours();
        let others = hours.iter().map(|(_, calls)| calls[Whose::Others as usize]).sum();
        DailyStanding {
            limit: self.limit,
            told: self.told,
            used: self.used,
            resets_at: self.day_ends,
            reset_confirmed: self.question.is_confirmed(self.day_ends),
            time_zone: self.zone.as_ref().and_then(|zone| zone.iana_name()).map(str::to_owned),
            parked: self.exhausted_until.is_some(),
            stopped: self.plan.stopped(),
            leaves: Lane::ALL.map(|lane| self.plan.leaves(lane)),
            ours: self.sent,
            others,
            before_us: self.before_us,
            hours,
            forecast: left.and_then(|left| self.forecast(left, now)),
            questions: self.question.count(),
        }
    }
}
