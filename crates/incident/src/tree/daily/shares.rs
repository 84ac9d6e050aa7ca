//! Whose calls spent the pool: what we are known to have sent, beside what HubSpot counts.

use hubspot::error::ErrorKind;
use jiff::{SignedDuration, Timestamp};

use super::{CALLS_MAX, OUR_SHARE_PERCENT, Reply, remaining, resets_at};
use crate::facts::Facts;
use crate::facts::traffic::{Connection, Group};

/// Calls past the gateway that are ours all the same: a few diagnoses, an engineer's own tries.
const UNCOUNTED_MAX: u64 = 50;

/// From one reset to the next.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What a report of traffic reaches back to.
const REPORT_SPAN: SignedDuration = SignedDuration::from_mins(15);

/// A count so many times what the gateway last saw is of another time: refusals carry no daily figures.
const STALE_TIMES: u64 = 2;

pub(super) const NO_LEDGER: &str =
    "the gateway's governor is off: it counts only the last minutes of what we send";

/// What we did not send, others did; but only a gateway that has run all day knows all that we sent.
pub(super) fn others(facts: &Facts) -> Reply {
    if !knows_all_since_it_began(facts) {
        return Reply::could_not_tell("traffic", NO_LEDGER);
    }
    match began_within_the_day(facts) {
        Some(began) => Reply::could_not_tell(
            "traffic",
            format!("the gateway started at {began:.0}, within the day, and does not know what came before"),
        ),
        None => share(facts, |ours, used| leaves_others(ours, used, OUR_SHARE_PERCENT)),
    }
}

/// Is less than this share ours, and the rest more than we may have spent past the gateway?
pub(super) fn leaves_others(ours: u64, used: u64, percent: u64) -> bool {
    ours * 100 < used * percent && used.saturating_sub(ours) > UNCOUNTED_MAX
}

/// When the gateway started, if that was after the last reset.
pub(super) fn began_within_the_day(facts: &Facts) -> Option<Timestamp> {
    let day_began = resets_at(facts)
        .map_or(facts.configured.now - DAY, |resets_at| resets_at.saturating_sub(DAY).unwrap_or_default());
    facts.traffic.as_ref()?.since.filter(|began| *began > day_began)
}

/// Compares what we are known to have sent with what HubSpot counts.
pub(super) fn share(facts: &Facts, holds: impl Fn(u64, u64) -> bool) -> Reply {
    let connections = facts.traffic.iter().flat_map(|traffic| &traffic.connections);
    let counted = facts.probes.usage.as_ref().and_then(|usage| usage.used);
    let spent = remaining(facts).map(|(left, of)| of.saturating_sub(left));
    let (mut ours, mut used) = (0, 0);
    for connection in connections {
        let all = connection.daily_used.or(counted).or(spent).or(connection.daily_max).unwrap_or(0);
        ours += sent(facts, connection).min(CALLS_MAX);
        used = used.max(all.min(CALLS_MAX));
    }
    if used == 0 {
        return Reply::could_not_tell("traffic", "no ledger to compare with");
    }
    let newest = counted.into_iter().chain(spent).max().unwrap_or(0).min(CALLS_MAX);
    if newest > used.saturating_mul(STALE_TIMES) {
        let observed =
            format!("the gateway last saw {used} calls spent, of which {ours} ours; now it is {newest}");
        return Reply::could_not_tell("traffic", observed);
    }
    let since = began_within_the_day(facts)
        .map(|began| format!("since the gateway started at {began:.0} "))
        .unwrap_or_default();
    Reply::is(holds(ours, used), "traffic", format!("{since}we sent {ours} of the {used} calls spent today"))
}

/// A gateway whose governor is off keeps no ledger of the day: then what its report covers is the least that was ours.
fn sent(facts: &Facts, connection: &Connection) -> u64 {
    let Some(traffic) = facts.traffic.as_ref().filter(|traffic| !traffic.governed) else {
        return connection.daily_sent;
    };
    let groups = traffic.groups.iter().filter(|group| group.connection == connection.name);
    groups
        .map(|group| group.attempts.saturating_sub(uncounted(group)))
        .sum::<u64>()
        .max(connection.daily_sent)
}

/// What HubSpot refuses for a limit it does not count (facts §1.1).
fn uncounted(group: &Group) -> u64 {
    const LIMITS: [ErrorKind; 3] = [ErrorKind::DailyLimit, ErrorKind::BurstLimit, ErrorKind::SearchLimit];
    let refused = group.errors.iter().filter(|error| error.kind.is_some_and(|kind| LIMITS.contains(&kind)));
    refused.map(|error| error.count).sum()
}

/// Everything we sent since the gateway began is known: by its governor, or by a report that reaches back so far.
pub(super) fn knows_all_since_it_began(facts: &Facts) -> bool {
    facts.traffic.as_ref().is_none_or(|traffic| {
        let now = traffic.now.unwrap_or(facts.configured.now);
        traffic.governed || traffic.since.is_some_and(|since| now.duration_since(since) <= REPORT_SPAN)
    })
}
