//! When the daily pool will be used up, and how sure that is. Pure.

use jiff::Timestamp;

use super::days::{Days, Whose};
use super::forecast::{Expected, expect, until_the_end, used_up_after};

/// With less of the day seen, nothing is said.
const KNOWN_BINS_MIN: usize = 2;

/// What is expected of the rest of the day.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// When the pool is used up; `None` when the day ends first.
    pub exhausted_at: Option<Timestamp>,
    /// The same, should much come and should little come.
    pub earliest: Option<Timestamp>,
    pub latest: Option<Timestamp>,
    /// Calls still to come today.
    pub to_come: Likely,
    /// Of those: interactive, sync, bulk, others.
    pub to_come_by_whose: [f64; 4],
    /// Days before today that it is drawn from.
    pub days_before: usize,
}

/// A number, and how far it may be off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likely {
    pub low: f64,
    pub middle: f64,
    pub high: f64,
}

/// `None` while too little is known of today.
pub(crate) fn forecast(days: &Days, left: u64, now: Timestamp) -> Option<Forecast> {
    let seen = days.seen(now);
    if days.remembered() == 0 && seen.known() < KNOWN_BINS_MIN {
        return None;
    }
    let each = Whose::ALL.map(|whose| expect(&seen.of(whose), &days.past(whose)));
    let passed = seen.passed();
    let sum = |pick: fn(&Expected) -> &Vec<f64>| -> Vec<f64> {
        (0..each[0].per_bin.len()).map(|bin| each.iter().map(|expected| pick(expected)[bin]).sum()).collect()
    };
    let (low, middle, high) = (sum(|each| &each.low), sum(|each| &each.per_bin), sum(|each| &each.high));
    let when = |per_bin: &[f64]| {
        let after = used_up_after(left as f64, per_bin, passed)?;
        Some(days.time_of(seen.now() as f64 + after))
    };
    Some(Forecast {
        exhausted_at: when(&middle),
        earliest: when(&high),
        latest: when(&low),
        to_come: Likely {
            low: until_the_end(&low, passed),
            middle: until_the_end(&middle, passed),
            high: until_the_end(&high, passed),
        },
        to_come_by_whose: each.map(|expected| until_the_end(&expected.per_bin, passed)),
        days_before: days.remembered(),
    })
}

#[cfg(test)]
mod kinds_of_days;
