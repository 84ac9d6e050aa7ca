//! The gate says no.

use std::time::Duration;

use hubspot::endpoint::Budget;

/// Why a request may not be sent, and when to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    pub budget: Budget,
    pub reason: RefusalReason,
    /// Honest: the wait that is expected from now.
    pub retry_after: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalReason {
    /// The expected wait passes the caller's deadline.
    Deadline,
    /// The deadline had passed when its turn came, or before.
    Late,
    /// Too many are waiting.
    QueueFull,
    /// The daily pool is empty until its reset.
    DailyPoolEmpty,
    /// What is left of the daily pool is kept for more urgent lanes.
    DailyReserve,
    /// We are going down.
    ShuttingDown,
    /// The app goes through another gate now; ask there.
    Moved,
}

impl Refusal {
    /// Nobody waits for it any more. No limit is at fault, and none says when to come back.
    pub(crate) const LATE: Self =
        Self { budget: Budget::Burst, reason: RefusalReason::Late, retry_after: Duration::ZERO };
}

impl RefusalReason {
    /// Its name in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Late => "late",
            Self::QueueFull => "queue_full",
            Self::DailyPoolEmpty => "daily_pool_empty",
            Self::DailyReserve => "daily_reserve",
            Self::ShuttingDown => "shutting_down",
            Self::Moved => "moved",
        }
    }
}
