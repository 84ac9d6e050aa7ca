//! What HubSpot tells of the pool, and what follows from it: headers, refusals, the usage endpoint's figures.

use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::others::Found;
use super::{Daily, DailyMark, RECHECK};
use crate::governor::usage::Usage;

/// How far answers may overtake each other, besides our own calls: a count this much lower is an older answer's.
const OVERTAKEN_MAX: u64 = 100;

/// A reset further away than the longest day is a mistake.
const RESET_MAX: SignedDuration = SignedDuration::from_hours(26);

impl Daily {
    /// HubSpot took a call: the pool is not empty, if the call was made after it was found so.
    pub(crate) fn accepted(&mut self, mark: DailyMark) {
        if mark.exhaustions == self.exhaustions && self.exhausted_until.take().is_some() {
            // By our count it was; that count is good for nothing until HubSpot tells.
            self.told &= self.left() != Some(0);
        }
    }

    /// Corrects the numbers by the headers of an answer, whose call has ended. HubSpot counts one call after the other: the
    /// highest count holds all calls that were told a lower one, and all that had ended before its own was sent.
    pub(crate) fn observe(
        &mut self,
        limit: Option<u64>,
        remaining: Option<u64>,
        mark: DailyMark,
        now: Timestamp,
    ) {
        if limit.is_some() && limit != self.limit {
            self.limit_before = self.limit.filter(|_| self.told);
            self.limit = limit;
            self.plan_until = now;
        }
        self.told |= limit.is_some();
        let (Some(limit), Some(remaining)) = (limit, remaining) else { return };
        self.question.told(now);
        let told = limit.saturating_sub(remaining);
        self.untold = self.untold.saturating_sub(1);
        let beside_it = self.ended.saturating_sub(mark.ended) + self.in_flight;
        if told + OVERTAKEN_MAX + beside_it < self.told_most {
            self.told_most = 0;
        }
        if told >= self.told_most {
            self.told_most = told;
            self.untold_counted = self.untold_counted.max(mark.untold).min(self.untold);
        }
        self.used = self.told_most + self.untold.saturating_sub(self.untold_counted);
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
                (self.told_most, self.untold_counted) = (self.used, self.untold);
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

    pub(super) fn let_one_find_out(&mut self, now: Timestamp) {
        self.exhausted_until = Some(now);
    }

    fn look_for_others(&mut self, used: u64, now: Timestamp) {
        match self.others.look(used.saturating_sub(self.sent), now) {
            Found::BeforeUs(calls) => self.before_us = calls,
            Found::More(calls, since) => self.days.count_others(calls, since, now),
            Found::Nothing => {}
        }
    }
}

/// A zone whose midnight is then, until the portal's own is known.
pub(super) fn zone_of(midnight: Timestamp) -> TimeZone {
    const DAY_S: i64 = 86_400;
    const EAST_MAX_S: i64 = 14 * 3600;
    let after_utc_s = midnight.as_second().rem_euclid(DAY_S);
    let east_s = if DAY_S - after_utc_s <= EAST_MAX_S { DAY_S - after_utc_s } else { -after_utc_s };
    let offset = i32::try_from(east_s).ok().and_then(|east_s| Offset::from_seconds(east_s).ok());
    TimeZone::fixed(offset.unwrap_or(Offset::UTC))
}
