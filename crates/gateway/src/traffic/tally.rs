//! What is counted for good: plain sums that only grow, for monitoring.
//!
//! A group counts into a tally of its own; the [`Ledger`](super::ledger::Ledger) takes them over when somebody asks, or
//! when the group makes room.

use std::time::Duration;

use client::call::{Effort, Source};
use client::lane::Lane;
use client::telemetry::{AttemptResult, CallResult, Span};
use client::transport::TransportFault;

use super::histogram::Histogram;

/// Outcomes told apart in a tally. A status and a kind of error usually come in pairs, so that this is plenty; what is
/// beyond counts as [`Outcome::OTHER`].
const OUTCOMES_MAX: usize = 32;

/// Sums of one connection, caller and family.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Calls by how they ended for the caller.
    pub calls: Outcomes,
    /// Requests sent to HubSpot, by what came back.
    pub attempts: Outcomes,
    pub retries: u64,
    /// Items that failed in answers that were a success as a whole (207).
    pub failed_items: u64,
    /// Calls refused before anything was sent, by reason.
    pub refused: Outcomes,
    /// Answered calls, by where the answer came from.
    pub sources: [u64; Source::NAMES.len()],
    /// The ages of stale answers, added up.
    pub stale_age: Duration,
    /// How long calls waited for their slots, by lane.
    pub waits: [Option<Box<Histogram>>; Lane::ALL.len()],
    /// How long HubSpot took to answer.
    pub took: Histogram,
}

/// How something ended, in a few words from closed lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outcome {
    /// `None` where there was no answer.
    pub status: Option<u16>,
    /// `ok`, a kind of error answer, or why there was no answer.
    pub category: &'static str,
}

/// Counts by outcome, few of them.
#[derive(Debug, Clone, Default)]
pub struct Outcomes(Vec<(Outcome, u64)>);

impl Outcome {
    pub const OTHER: Self = Self { status: None, category: "other" };

    const fn reason(category: &'static str) -> Self {
        Self { status: None, category }
    }
}

impl Outcomes {
    fn add(&mut self, outcome: Outcome, count: u64) {
        let place = self.0.iter().position(|(known, _)| *known == outcome);
        let place = place.unwrap_or_else(|| {
            let outcome = if self.0.len() < OUTCOMES_MAX { outcome } else { Outcome::OTHER };
            self.0.iter().position(|(known, _)| *known == outcome).unwrap_or_else(|| {
                self.0.push((outcome, 0));
                self.0.len() - 1
            })
        });
        self.0[place].1 += count;
    }

    pub fn iter(&self) -> impl Iterator<Item = (Outcome, u64)> {
        self.0.iter().copied()
    }
}

impl Tally {
    pub(super) fn attempt(&mut self, result: AttemptResult<'_>, span: Span) {
        let outcome = match result {
            AttemptResult::Good(status) => {
                self.took.note(span.took());
                Outcome { status: Some(status.as_u16()), category: "ok" }
            }
            AttemptResult::Error(error) => {
                self.took.note(span.took());
                self.failed_items += error.failed_items;
                Outcome { status: Some(error.status.as_u16()), category: error.kind.name() }
            }
            AttemptResult::Transport(TransportFault::RequestBody) => Outcome::reason("request_body"),
            AttemptResult::Transport(fault) => Outcome::reason(fault.name()),
            AttemptResult::TimedOut => Outcome::reason("timeout"),
        };
        self.attempts.add(outcome, 1);
    }

    pub(super) fn call(&mut self, lane: Lane, result: CallResult<'_>, effort: Effort) {
        self.retries += u64::from(effort.attempts.saturating_sub(1));
        self.waits[lane as usize].get_or_insert_default().note(effort.waited);
        let outcome = match result {
            CallResult::Answered(status, error, source) => {
                self.sources[source.place()] += 1;
                if let Source::Stale { age } = source {
                    self.stale_age = self.stale_age.saturating_add(age);
                }
                let category = error.map_or("ok", |error| error.kind.name());
                Outcome { status: Some(status.as_u16()), category }
            }
            CallResult::Failed(failure) => {
                let reason = Outcome::reason(failure.name());
                if effort.attempts == 0 && !failure.may_have_been_applied() {
                    self.refused.add(reason, 1);
                }
                reason
            }
            CallResult::Cancelled => Outcome::reason("cancelled"),
        };
        self.calls.add(outcome, 1);
    }

    /// Takes over what `other` counted, and leaves it empty.
    pub(super) fn take(&mut self, other: &mut Self) {
        let other = std::mem::take(other);
        for (mine, theirs) in [
            (&mut self.calls, other.calls),
            (&mut self.attempts, other.attempts),
            (&mut self.refused, other.refused),
        ] {
            theirs.0.into_iter().for_each(|(outcome, count)| mine.add(outcome, count));
        }
        self.retries += other.retries;
        self.failed_items += other.failed_items;
        for (mine, theirs) in self.sources.iter_mut().zip(other.sources) {
            *mine += theirs;
        }
        self.stale_age = self.stale_age.saturating_add(other.stale_age);
        for (mine, theirs) in self.waits.iter_mut().zip(other.waits) {
            if let Some(theirs) = theirs {
                mine.get_or_insert_default().absorb(&theirs);
            }
        }
        self.took.absorb(&other.took);
    }
}
