//! The simulator's wall clock: the time it was born, plus tokio's time since then. Under paused time it stands still
//! with everything else.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

#[derive(Debug, Clone, Copy)]
pub struct Clock {
    base: Timestamp,
    started: Instant,
}

impl Clock {
    /// A clock that shows `base` now.
    pub fn starting_at(base: Timestamp) -> Self {
        Self { base, started: Instant::now() }
    }

    pub fn now(&self) -> Timestamp {
        let elapsed: Duration = self.started.elapsed();
        self.base + SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::MAX)
    }
}
