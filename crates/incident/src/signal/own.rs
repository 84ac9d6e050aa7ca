//! What is observed of ourselves, and of what reaches us.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// Deliveries to our webhook address, by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Deliveries {
    /// Events taken, and those of them that had come before though they say they are first attempts.
    pub events: u64,
    pub repeated: u64,
    /// For an app of ours, and the signature does not fit.
    pub refused: u64,
    /// The signature fits, and was made too long ago or in the future.
    pub untimely: u64,
    /// For no app of ours.
    pub strangers: u64,
    /// Genuine, and our store did not keep them.
    pub not_kept: u64,
    /// Answered so late that HubSpot had given up.
    pub slow: u64,
}

/// Commits to our store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Commits {
    pub all: u64,
    pub failed: u64,
    /// Longer than a commit may ever take.
    pub slow: u64,
}

/// Our own process, in hundredths of what it may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Process {
    pub cpu_percent: u64,
    /// `None` where there is no limit.
    pub memory_percent: Option<u64>,
    pub descriptors_percent: Option<u64>,
    /// How late a timer of ours fired at worst, while somebody waited for us.
    pub lag_ms: u64,
}

/// What is well or ill as a whole, by the account of whoever runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Who wants webhook events, by name.
    Subscriber,
    /// An API family that is left alone because it fails: `CONNECTION/FAMILY`.
    Breaker,
    /// Where a secret comes from, by its reference.
    SecretSource,
    /// The token of an OAuth connection is renewed when its time comes.
    Grant,
    /// Webhooks of a connection come as they usually do.
    Flow,
    /// Our public address, tried from outside.
    Doorbell,
    /// What passes is like a fault that has a name: by its code.
    Likeness,
}

impl AddAssign for Deliveries {
    fn add_assign(&mut self, other: Self) {
        self.events = self.events.saturating_add(other.events);
        self.repeated = self.repeated.saturating_add(other.repeated);
        self.refused = self.refused.saturating_add(other.refused);
        self.untimely = self.untimely.saturating_add(other.untimely);
        self.strangers = self.strangers.saturating_add(other.strangers);
        self.not_kept = self.not_kept.saturating_add(other.not_kept);
        self.slow = self.slow.saturating_add(other.slow);
    }
}

impl AddAssign for Commits {
    fn add_assign(&mut self, other: Self) {
        self.all = self.all.saturating_add(other.all);
        self.failed = self.failed.saturating_add(other.failed);
        self.slow = self.slow.saturating_add(other.slow);
    }
}
