//! Rules over calls: how many fail, how many are refused, how slow they are, and whether any come at all.

use jiff::{SignedDuration, Timestamp};

use super::memory::{Counts, Memory};
use super::settings::Thresholds;
use super::{Firing, RuleId};
use crate::signal::{Calls, Place};

const MINUTE: SignedDuration = SignedDuration::from_secs(60);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const FIVE_MINUTES: SignedDuration = SignedDuration::from_mins(5);

/// A lone failure in a minute happens on any day, after an outage as well.
const GOES_ON_MIN: u64 = 2;

/// Answers in five minutes below which a slowest hundredth means nothing.
const SLOW_ANSWERS_MIN: u64 = 50;

/// Calls that an hour of the week always has, before their absence means anything.
const USUAL_CALLS_MIN: u64 = 120;

pub(super) fn judge(memory: &Memory, thresholds: &Thresholds, now: Timestamp, firings: &mut Vec<Firing>) {
    let mut places: Vec<_> = memory.places.iter().collect();
    places.sort_by_key(|(place, _)| *place);
    let mut widest: Vec<Firing> = Vec::new();
    for (place, counts) in places {
        for (rule, observed) in at_one_place(counts, thresholds, now) {
            // What a whole connection shows is not told again of each of its families: places are in order, and a
            // connection comes before its families.
            let told =
                widest.iter().any(|wide| wide.rule == rule && wide.place.connection == place.connection);
            if !told {
                widest.push(Firing { rule, place: place.clone(), observed });
            }
        }
    }
    firings.append(&mut widest);
    if let Some(observed) = silence(memory, now) {
        firings.push(Firing { rule: RuleId::Silence, place: Place::default(), observed });
    }
}

fn at_one_place(counts: &Counts, thresholds: &Thresholds, now: Timestamp) -> Vec<(RuleId, String)> {
    let minute = counts.fine.sum(now, MINUTE);
    let span = SignedDuration::from_mins(i64::from(thresholds.error_minutes.min(10)));
    let lately = counts.fine.sum(now, span);
    let hour = counts.by_minute.sum(now, HOUR).0;
    let five = counts.fine.sum(now, FIVE_MINUTES);
    let mut found = Vec::new();
    if nothing_works(minute, thresholds) {
        found.push((
            RuleId::NothingWorks,
            format!("{} requests in a minute, none of them answered well", tried(minute)),
        ));
    }
    if minute.denied >= thresholds.denied_per_minute {
        found.push((RuleId::Denied, format!("{} answers 401 or 403 in a minute", minute.denied)));
    }
    if minute.broken > thresholds.server_errors_per_minute {
        found.push((RuleId::ServerErrors, format!("{} answers 5xx or none in a minute", minute.broken)));
    }
    // A long window tells that it matters, the last minute that it still goes on.
    let goes_on =
        minute.failed >= GOES_ON_MIN && is_share(minute.failed, minute.calls, thresholds.error_percent);
    if is_failing(lately, thresholds) && goes_on {
        let observed = format!(
            "{} of {} calls failed in {} minutes",
            lately.failed, lately.calls, thresholds.error_minutes
        );
        found.push((RuleId::ErrorRate, observed));
    }
    if is_rejected(minute, thresholds) {
        let observed =
            format!("{} of {} answers in a minute refuse what was asked", minute.rejected, minute.sent);
        found.push((RuleId::Rejected, observed));
    }
    if hour > thresholds.limited_per_hour && five.limited > 0 {
        found.push((RuleId::Limited, format!("{hour} answers 429 in an hour")));
    }
    if five.sent >= SLOW_ANSWERS_MIN
        && is_share(five.slow, five.sent, 1.0)
        && is_share(minute.slow, minute.sent, 1.0)
    {
        let observed = format!(
            "{} of {} answers in five minutes took more than {} ms",
            five.slow, five.sent, thresholds.p99_ms
        );
        found.push((RuleId::Slow, observed));
    }
    found
}

/// Requests that say something about HubSpot, or about us: those that were refused as too many are another rule's.
fn tried(calls: Calls) -> u64 {
    calls.good + calls.denied + calls.broken
}

fn nothing_works(minute: Calls, thresholds: &Thresholds) -> bool {
    minute.good == 0 && tried(minute) >= thresholds.nothing_works_calls
}

fn is_failing(lately: Calls, thresholds: &Thresholds) -> bool {
    lately.failed >= thresholds.error_calls_min
        && is_share(lately.failed, lately.calls, thresholds.error_percent)
}

fn is_rejected(minute: Calls, thresholds: &Thresholds) -> bool {
    minute.rejected >= thresholds.rejected_per_minute
        && is_share(minute.rejected, minute.sent, thresholds.rejected_percent)
}

#[expect(clippy::cast_precision_loss, reason = "a share of some minutes' calls")]
fn is_share(part: u64, whole: u64, percent: f64) -> bool {
    part as f64 * 100.0 > whole as f64 * percent
}

fn silence(memory: &Memory, now: Timestamp) -> Option<String> {
    let usual = memory.usual.at_least(now).filter(|usual| *usual >= USUAL_CALLS_MIN)?;
    let ten = SignedDuration::from_mins(10);
    let calls: u64 = memory
        .places
        .iter()
        .filter(|(place, _)| place.family.is_none())
        .map(|(_, counts)| counts.fine.sum(now, ten).calls)
        .sum();
    (calls == 0).then(|| format!("no call in ten minutes; this hour of the week always had {usual} or more"))
}
