//! How long anything may take: its own limit, and never past the end of the run.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

/// One run's time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    began: Instant,
    deadline: Instant,
}

/// The limit passed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimedOut;

impl Pace {
    pub(super) fn begin(overall: Duration) -> Self {
        let began = Instant::now();
        Self { began, deadline: began + overall }
    }

    /// Runs `work`, at most for `limit`, at most until the run's end.
    pub(super) async fn within<F: Future>(&self, limit: Duration, work: F) -> Result<F::Output, TimedOut> {
        let end = self.deadline.min(Instant::now() + limit);
        timeout_at(end, work).await.map_err(|_| TimedOut)
    }

    /// What is left of the run's first `span`.
    pub(super) fn left_of(&self, span: Duration) -> Duration {
        span.saturating_sub(self.began.elapsed())
    }

    /// Until its end.
    pub(super) fn left_of_the_run(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Milliseconds since the run began.
    pub(super) fn elapsed_ms(&self) -> u64 {
        ms_since(self.began)
    }
}

pub(super) fn ms_since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn ends_at_its_own_limit_or_at_the_runs_end() {
        let pace = Pace::begin(Duration::from_secs(3));
        assert_eq!(pace.within(Duration::from_secs(2), pending::<()>()).await, Err(TimedOut));
        assert_eq!(pace.elapsed_ms(), 2_000);
        assert_eq!(pace.within(Duration::from_secs(2), pending::<()>()).await, Err(TimedOut));
        assert_eq!(pace.elapsed_ms(), 3_000, "the run's end comes before the second limit");
        assert_eq!(pace.within(Duration::from_secs(2), async { 7 }).await, Ok(7));
    }
}
