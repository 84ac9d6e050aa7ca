//! One line for each call that did not come to a good end: who, what kind, why, after how much effort.
//!
//! No ids, no bodies, no query strings: paths are logged as routes. Correlation ids are, for HubSpot's support.

use std::sync::Arc;
use std::time::Duration;

use client::call::{Effort, Failure};
use client::degraded::Change;
use client::telemetry::{AttemptResult, CallResult, Label, Observer, Span};
use hubspot::error::ApiError;
use parking_lot::Mutex;
use tokio::time::Instant;

/// In an outage every call fails; a log that repeats it a thousand times a second helps nobody.
const LINES_MAX: u32 = 20;
const PERIOD: Duration = Duration::from_secs(1);

/// Logs, and passes everything on.
pub struct Log<O> {
    next: Arc<O>,
    allowance: Mutex<Allowance>,
}

struct Allowance {
    since: Instant,
    lines: u32,
    left_out: u64,
}

impl<O> Log<O> {
    pub fn new(next: Arc<O>) -> Self {
        Self { next, allowance: Mutex::new(Allowance { since: Instant::now(), lines: 0, left_out: 0 }) }
    }
}

impl Allowance {
    /// May one more line be written, and how many were left out before it?
    fn take(&mut self, now: Instant) -> Option<u64> {
        if now.saturating_duration_since(self.since) >= PERIOD {
            self.since = now;
            self.lines = 0;
        }
        if self.lines == LINES_MAX {
            self.left_out += 1;
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

impl<O: Observer> Observer for Log<O> {
    fn attempt(&self, label: &Label<'_>, result: AttemptResult<'_>, span: Span) {
        self.next.attempt(label, result, span);
    }

    fn forestalled(&self, label: &Label<'_>, error: &ApiError, span: Span) {
        self.next.forestalled(label, error, span);
    }

    fn degraded(&self, change: &Change) {
        self.next.degraded(change);
        tracing::warn!(
            connection = change.scope.connection.as_deref(),
            family = change.scope.family.map(hubspot::endpoint::ApiFamily::name),
            by = change.by.name(),
            reason = %change.reason,
            "degraded mode is {}",
            change.turned.name(),
        );
    }

    fn call(&self, label: &Label<'_>, result: CallResult<'_>, effort: Effort, span: Span) {
        self.next.call(label, result, effort, span);
        let (why, error) = match result {
            CallResult::Answered(_, Some(error), _) if !error.kind.is_everyday() => {
                (error.kind.name().to_owned(), Some(error))
            }
            // Its caller's own wish.
            CallResult::Failed(Failure::NotKept) => return,
            CallResult::Failed(failure) => (failure.to_string(), None),
            CallResult::Answered(..) | CallResult::Cancelled => return,
        };
        let Some(left_out) = self.allowance.lock().take(span.ended) else { return };
        tracing::warn!(
            connection = %label.account.name,
            caller = %label.caller,
            method = %label.method,
            route = %hubspot::endpoint::route(label.method, label.path),
            status = error.map(|error| error.status.as_u16()),
            category = error.and_then(|error| error.category.as_deref()),
            correlation_id = error.and_then(|error| error.correlation_id.as_deref()),
            attempts = effort.attempts,
            took_ms = u64::try_from(span.took().as_millis()).unwrap_or(u64::MAX),
            lines_left_out = left_out,
            "call failed: {why}",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_is_cut_and_counted() {
        let start = Instant::now();
        let mut allowance = Allowance { since: start, lines: 0, left_out: 0 };
        let written = (0..100).filter(|_| allowance.take(start).is_some()).count();
        assert_eq!(written, 20);
        assert_eq!(allowance.take(start + PERIOD), Some(80));
    }
}
