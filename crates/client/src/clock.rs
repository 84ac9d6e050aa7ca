//! The wall clock, handed in by the front door.
//!
//! Waiting uses tokio's clock, which tests can pause. The wall clock only says which day it is in a portal's
//! time zone and stamps what people read.

use std::sync::Arc;

use jiff::Timestamp;

/// Tells the time of day. Cheap to clone.
#[derive(Clone)]
pub struct WallClock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl WallClock {
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The machine's own clock.
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock comes in")]
    pub fn system() -> Self {
        Self::new(Timestamp::now)
    }

    /// A clock that starts at `start` and runs with tokio's, so that paused time moves both.
    pub fn from(start: Timestamp) -> Self {
        let origin = tokio::time::Instant::now();
        Self::new(move || {
            start
                + jiff::SignedDuration::try_from(origin.elapsed())
                    .expect("a process lives less than 292 years")
        })
    }

    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}
