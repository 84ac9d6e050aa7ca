//! One kind of traffic: a connection's calls of one family, method and version by one caller.

use std::hash::{DefaultHasher, Hash, Hasher};

use client::call::{Effort, Failure};
use client::lane::Lane;
use client::telemetry::{AttemptResult, CallResult, Label, Span};
use client::transport::TransportFault;
use hubspot::endpoint::Budget;
use hubspot::error::{ApiError, ErrorKind};
use tokio::time::Instant;

use super::histogram::Histogram;
use super::subjects::Subjects;
use super::tally::Tally;
use super::window::Count;

/// Different errors told apart in a group; past it, further ones go into the last.
const ERRORS_MAX: usize = 32;

/// The newest correlation ids kept of an error, for HubSpot's support.
const CORRELATION_IDS_MAX: usize = 5;

#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) calls: Count,
    pub(super) ok: Count,
    pub(super) attempts: Count,
    pub(super) retries: Count,
    /// For lack of a slot, by budget.
    pub(super) refused_for: Vec<(Budget, Count)>,
    pub(super) cancelled: Count,
    pub(super) failed_items: Count,
    pub(super) latency: Histogram,
    pub(super) first_at: Instant,
    pub(super) last_at: Instant,
    pub(super) last_ok_at: Option<Instant>,
    /// By a call or an attempt of one.
    pub(super) used_at: Instant,
    pub(super) errors: Vec<Error>,
    pub(super) transport: Vec<Transport>,
    /// Counted and not yet in the ledger.
    pub(super) tally: Tally,
}

/// One kind of error answer.
#[derive(Debug, Clone)]
pub(super) struct Error {
    pub(super) key: ErrorKey,
    pub(super) count: Count,
    pub(super) first_at: Instant,
    pub(super) last_at: Instant,
    pub(super) correlation_ids: Vec<String>,
    pub(super) subjects: Subjects,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ErrorKey {
    pub(super) status: u16,
    pub(super) kind: ErrorKind,
    pub(super) category: Option<String>,
    pub(super) sub_category: Option<String>,
    pub(super) policy_name: Option<String>,
    pub(super) code: Option<String>,
    pub(super) html: bool,
    pub(super) route: String,
}

/// One kind of broken connection.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    /// `dns`, `connect`, …, or `timeout`.
    pub(super) kind: &'static str,
    pub(super) count: Count,
    pub(super) last_at: Instant,
}

impl Group {
    pub(super) fn new(now: Instant) -> Self {
        let count = Count::new(now);
        Self {
            calls: count,
            ok: count,
            attempts: count,
            retries: count,
            refused_for: Vec::new(),
            cancelled: count,
            failed_items: count,
            latency: Histogram::new(),
            first_at: now,
            last_at: now,
            last_ok_at: None,
            used_at: now,
            errors: Vec::new(),
            transport: Vec::new(),
            tally: Tally::default(),
        }
    }

    pub(super) fn attempt(&mut self, label: &Label<'_>, result: AttemptResult<'_>, span: Span) {
        let now = span.ended;
        self.used_at = now;
        self.attempts.add(1, now);
        self.tally.attempt(result, span);
        match result {
            AttemptResult::Good(_) => self.latency.note(span.took()),
            AttemptResult::Error(error) => {
                self.latency.note(span.took());
                self.error(label, error, now);
            }
            // The caller's doing; a broken connection speaks against HubSpot or the network.
            AttemptResult::Transport(TransportFault::RequestBody) => {}
            AttemptResult::Transport(fault) => self.broken(fault.name(), now),
            AttemptResult::TimedOut => self.broken("timeout", now),
        }
    }

    pub(super) fn call(&mut self, lane: Lane, result: CallResult<'_>, effort: Effort, span: Span) {
        let now = span.ended;
        self.tally.call(lane, result, effort);
        self.used_at = now;
        self.last_at = now;
        self.calls.add(1, now);
        self.retries.add(effort.attempts.saturating_sub(1), now);
        if let CallResult::Failed(Failure::Refused(refusal)) = result {
            self.refused_for(refusal.budget, now).add(1, now);
        }
        match result {
            CallResult::Answered(status, ..) if status.is_success() => {
                self.ok.add(1, now);
                self.last_ok_at = Some(now);
            }
            CallResult::Answered(..) | CallResult::Failed(_) => {}
            CallResult::Cancelled => self.cancelled.add(1, now),
        }
    }

    /// For a diagnosis it is as if HubSpot had answered; the sums since the start count what went on to HubSpot.
    pub(super) fn forestalled(&mut self, label: &Label<'_>, error: &ApiError, now: Instant) {
        (self.used_at, self.last_at) = (now, now);
        self.calls.add(1, now);
        self.error(label, error, now);
    }

    fn error(&mut self, label: &Label<'_>, error: &ApiError, now: Instant) {
        self.failed_items.add(u32::try_from(error.failed_items).unwrap_or(u32::MAX), now);
        let key = ErrorKey {
            status: error.status.as_u16(),
            kind: error.kind,
            category: error.category.clone(),
            sub_category: error.sub_category.clone(),
            policy_name: error.policy_name.clone(),
            code: error.codes.first().cloned(),
            html: error.html,
            route: hubspot::endpoint::route(label.method, label.path).to_string(),
        };
        let entry = self.error_of(key, now);
        entry.count.add(1, now);
        entry.last_at = now;
        if let Some(id) = &error.correlation_id {
            entry.remember(id.clone());
        }
        let mut hasher = DefaultHasher::new();
        label.path.hash(&mut hasher);
        // All creates have one path; what is there already is named in the text, of which nothing is kept.
        if error.kind == ErrorKind::Conflict {
            error.message.hash(&mut hasher);
        }
        entry.subjects.note(hasher.finish(), now);
    }

    fn broken(&mut self, kind: &'static str, now: Instant) {
        let entry = self.transport_of(kind, now);
        entry.count.add(1, now);
        entry.last_at = now;
    }

    /// Takes over what a group counted that makes room for others.
    pub(super) fn absorb(&mut self, gone: Self, now: Instant) {
        self.calls.absorb(gone.calls, now);
        self.ok.absorb(gone.ok, now);
        self.attempts.absorb(gone.attempts, now);
        self.retries.absorb(gone.retries, now);
        for (budget, count) in gone.refused_for {
            self.refused_for(budget, now).absorb(count, now);
        }
        self.cancelled.absorb(gone.cancelled, now);
        self.failed_items.absorb(gone.failed_items, now);
        self.latency.absorb(&gone.latency);
        self.last_at = self.last_at.max(gone.last_at);
        self.last_ok_at = self.last_ok_at.max(gone.last_ok_at);
        self.used_at = self.used_at.max(gone.used_at);
        for error in gone.errors {
            let entry = self.error_of(error.key, error.first_at);
            entry.count.absorb(error.count, now);
            entry.first_at = entry.first_at.min(error.first_at);
            entry.last_at = entry.last_at.max(error.last_at);
            error.correlation_ids.into_iter().for_each(|id| entry.remember(id));
            entry.subjects.absorb(error.subjects);
        }
        for broken in gone.transport {
            let entry = self.transport_of(broken.kind, broken.last_at);
            entry.count.absorb(broken.count, now);
            entry.last_at = entry.last_at.max(broken.last_at);
        }
    }

    fn refused_for(&mut self, budget: Budget, now: Instant) -> &mut Count {
        let known = self.refused_for.iter().position(|(known, _)| *known == budget);
        let index = known.unwrap_or_else(|| {
            self.refused_for.push((budget, Count::new(now)));
            self.refused_for.len() - 1
        });
        &mut self.refused_for[index].1
    }

    fn error_of(&mut self, key: ErrorKey, now: Instant) -> &mut Error {
        let known = self.errors.iter().position(|known| known.key == key);
        let index = known.unwrap_or_else(|| {
            if self.errors.len() < ERRORS_MAX {
                self.errors.push(Error::new(key, now));
            }
            self.errors.len() - 1
        });
        &mut self.errors[index]
    }

    fn transport_of(&mut self, kind: &'static str, now: Instant) -> &mut Transport {
        let index = self.transport.iter().position(|known| known.kind == kind).unwrap_or_else(|| {
            self.transport.push(Transport { kind, count: Count::new(now), last_at: now });
            self.transport.len() - 1
        });
        &mut self.transport[index]
    }
}

impl Error {
    fn new(key: ErrorKey, now: Instant) -> Self {
        Self {
            key,
            count: Count::new(now),
            first_at: now,
            last_at: now,
            correlation_ids: Vec::new(),
            subjects: Subjects::new(now),
        }
    }

    /// The newest go on being known.
    fn remember(&mut self, correlation_id: String) {
        if self.correlation_ids.len() == CORRELATION_IDS_MAX {
            self.correlation_ids.remove(0);
        }
        self.correlation_ids.push(correlation_id);
    }
}
