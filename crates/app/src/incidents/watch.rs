//! From what has passed to signals: the difference of the ledger's sums since the last look, and what stands now.

use std::collections::BTreeMap;
use std::sync::Arc;

use client::call::Source;
use client::stack::Stack;
use gateway::traffic::{Outcome, SeriesKey, Tally, Traffic};
use incident::signal::{Calls, Place, Seen, Signal};
use jiff::Timestamp;

/// Where kept answers stand among [`Source::NAMES`] that were served because HubSpot gave none.
const STALE: usize = Source::NAMES.len() - 1;

/// Calls that we did not let through: their callers asked for more than a limit gives, or something is wrong; they were told
/// when to come again.
const REFUSALS: [&str; 11] = [
    "deadline",
    "late",
    "queue_full",
    "daily_pool_empty",
    "daily_reserve",
    "shutting_down",
    "moved",
    // Held back by a measure or a person: else what we do against an incident would keep it alive.
    "degraded",
    "parked",
    "shed",
    // Asked for an answer from memory or none.
    "not_kept",
];

/// What is looked at.
pub(crate) struct Watch {
    stack: Arc<Stack>,
    pub(super) traffic: Arc<Traffic>,
    slow_ms: u64,
    before: BTreeMap<SeriesKey, Calls>,
}

impl Watch {
    /// Answers that take longer than `slow_ms` miss the objective.
    pub(crate) fn new(stack: Arc<Stack>, traffic: Arc<Traffic>, slow_ms: u64) -> Self {
        Self { stack, traffic, slow_ms, before: BTreeMap::new() }
    }

    /// Everything since the last look.
    pub(super) fn look(&mut self, now: Timestamp) -> Vec<Signal> {
        let mut signals = Vec::new();
        for (key, tally) in self.traffic.totals() {
            let calls = calls(&tally, self.slow_ms);
            let more = calls.since(self.before.get(&key).unwrap_or(&Calls::default()));
            if !more.is_empty() {
                let place = Place {
                    connection: Some(key.connection.to_string()),
                    caller: Some(key.caller.to_string()),
                    family: Some(key.family.name().to_owned()),
                    ..Place::default()
                };
                signals.push(Signal { at: now, place, seen: Seen::Calls(more) });
                self.before.insert(key, calls);
            }
        }
        signals.extend(self.pools(now));
        signals
    }

    fn pools(&self, now: Timestamp) -> Vec<Signal> {
        let pools = self.stack.accounts().into_iter().filter_map(|account| {
            let gate = account.gate()?;
            let spending = gate.governor.spending(gate.app);
            let (used, limit) = (spending.daily_used?, spending.daily_limit?);
            let place = Place { connection: Some(account.name.to_string()), ..Place::default() };
            Some(Signal { at: now, place, seen: Seen::Daily { used, limit } })
        });
        pools.collect()
    }
}

fn calls(tally: &Tally, slow_ms: u64) -> Calls {
    let mut calls = Calls {
        stale: tally.sources[STALE],
        stale_age_seconds: tally.stale_age.as_secs(),
        slow: tally.took.above_ms(slow_ms),
        ..Calls::default()
    };
    for (outcome, count) in tally.calls.iter() {
        ended(&mut calls, outcome, count);
    }
    for (outcome, count) in tally.attempts.iter() {
        answered(&mut calls, outcome, count);
    }
    calls.rejected += tally.failed_items;
    calls
}

/// How a call ended for its caller. What HubSpot refuses for what was asked is the caller's own affair.
fn ended(calls: &mut Calls, outcome: Outcome, count: u64) {
    match (outcome.status, outcome.category) {
        // Who hangs up has not been failed.
        (None, "cancelled") => return,
        (None, reason) if REFUSALS.contains(&reason) => calls.refused += count,
        (None | Some(401 | 403 | 429 | 477 | 500..), _) => calls.failed += count,
        (Some(_), _) => {}
    }
    calls.calls += count;
}

/// How a request was answered.
fn answered(calls: &mut Calls, outcome: Outcome, count: u64) {
    calls.sent += count;
    match (outcome.status, outcome.category) {
        (None, "request_body") => {}
        (None | Some(500..), _) => calls.broken += count,
        (Some(401 | 403), _) => calls.denied += count,
        (Some(429), _) => calls.limited += count,
        (Some(400..), _) => {
            calls.good += count;
            calls.rejected += count;
        }
        (Some(_), _) => calls.good += count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(status: Option<u16>, category: &'static str) -> Outcome {
        Outcome { status, category }
    }

    #[test]
    fn whose_failure_it_is_decides() {
        let mut calls = Calls::default();
        for (status, category) in [
            (Some(200), "ok"),
            (Some(404), "not_found"),
            (Some(409), "conflict"),
            (Some(503), "unavailable"),
            (None, "timeout"),
            (None, "queue_full"),
            (None, "cancelled"),
        ] {
            ended(&mut calls, outcome(status, category), 1);
        }
        assert_eq!((calls.calls, calls.failed, calls.refused), (6, 2, 1));
    }

    #[test]
    fn what_was_served_from_memory_is_told_with_its_age() {
        let age = std::time::Duration::from_millis(90_700);
        let tally = Tally { sources: [5, 0, 1, 2], stale_age: age, ..Tally::default() };
        let calls = calls(&tally, 3_000);
        assert_eq!((calls.stale, calls.stale_age_seconds), (2, 90));
    }

    #[test]
    fn an_answer_about_the_call_shows_that_hubspot_serves() {
        let mut calls = Calls::default();
        answered(&mut calls, outcome(Some(404), "not_found"), 3);
        answered(&mut calls, outcome(None, "reset"), 1);
        answered(&mut calls, outcome(Some(401), "invalid_authentication"), 2);
        assert_eq!((calls.sent, calls.good, calls.broken, calls.denied, calls.rejected), (6, 3, 1, 2, 3));
    }
}
