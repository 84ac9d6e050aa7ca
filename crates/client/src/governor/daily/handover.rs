//! The pool from one process to the next.

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Daily;
use super::others::Others;
use crate::governor::days::{Days, DaysHandover};

/// So short a break hides nothing that would matter.
const BREAK_MAX: SignedDuration = SignedDuration::from_mins(15);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DayHandover {
    zone: Option<Zone>,
    limit: Option<u64>,
    limit_before: Option<u64>,
    used: u64,
    sent: u64,
    before_us: u64,
    others: Others,
    day_ends: Option<Timestamp>,
    exhausted_until: Option<Timestamp>,
    /// HubSpot itself named the day's end.
    confirmed: bool,
    days: DaysHandover,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Zone {
    Named(String),
    EastSeconds(i32),
}

impl Zone {
    fn of(zone: &TimeZone) -> Option<Self> {
        let fixed = || zone.to_fixed_offset().ok().map(|offset| Self::EastSeconds(offset.seconds()));
        zone.iana_name().map(|name| Self::Named(name.to_owned())).or_else(fixed)
    }

    fn zone(&self) -> Option<TimeZone> {
        match self {
            Self::Named(name) => TimeZone::get(name).ok(),
            Self::EastSeconds(seconds) => Offset::from_seconds(*seconds).ok().map(TimeZone::fixed),
        }
    }
}

impl DayHandover {
    pub(crate) fn is_sound(&self) -> bool {
        self.days.is_sound()
    }
}

impl Daily {
    /// HubSpot has told something of this pool, or it has a past.
    pub(crate) fn was_told(&self) -> bool {
        self.told || self.days.remembered() > 0
    }

    pub(crate) fn hand_over(&mut self, now: Timestamp) -> DayHandover {
        self.roll(now);
        DayHandover {
            zone: self.zone.as_ref().and_then(Zone::of),
            limit: self.limit.filter(|_| self.told),
            limit_before: self.limit_before,
            // What is under way will be counted, or costs one call at most.
            used: self.used + self.in_flight,
            sent: self.sent,
            before_us: self.before_us,
            others: self.others,
            day_ends: self.day_ends,
            exhausted_until: self.exhausted_until,
            confirmed: self.question.is_confirmed(self.day_ends),
            days: self.days.hand_over(),
        }
    }

    /// Goes on where another process stopped at `stopped_at`. What others spent meanwhile shows with the first headers.
    pub(crate) fn take_over(&mut self, handed: DayHandover, stopped_at: Timestamp, now: Timestamp) {
        let now = now.max(stopped_at);
        self.zone = handed.zone.as_ref().and_then(Zone::zone);
        let seen_through = now.duration_since(stopped_at) <= BREAK_MAX;
        self.days = Days::resumed(handed.days, self.zone.clone(), stopped_at, now);
        self.limit = handed.limit.or(self.limit);
        self.limit_before = handed.limit_before;
        self.plan_until = now;
        // Without a zone nobody knows when the day ends; our own count then begins anew with each day of UTC.
        let (starts, ends) = self.days.today();
        if handed.day_ends.map_or(stopped_at >= starts, |ends| now < ends) {
            self.told = handed.limit.is_some();
            (self.used, self.sent, self.before_us) = (handed.used, handed.sent, handed.before_us);
            self.others = handed.others;
            self.day_ends = handed.day_ends;
            self.exhausted_until = handed.exhausted_until;
            if handed.confirmed {
                self.question.answered(handed.day_ends, now);
            }
        } else {
            self.day_ends = self.zone.is_some().then_some(ends);
            self.others = if seen_through { Others::from_midnight(starts) } else { Others::default() };
        }
    }
}
