//! Ourselves, as our own process sees itself. Counts cover the last 15 minutes, `recent` ones this minute and the last.

pub mod ledger;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Inside {
    pub store: Option<Store>,
    pub disk: Option<Disk>,
    pub process: Option<Process>,
    pub cache: Option<SharedCache>,
    pub own_cache: Option<OwnCache>,
    pub secrets: Option<Secrets>,
    pub watch: Option<Watch>,
    /// Versions of one program that run side by side, newest first.
    pub versions: Vec<Version>,
}

/// The durable store: a database of ours, or the file beside us.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Store {
    pub commits: u64,
    pub commits_recent: u64,
    pub failed: u64,
    pub failed_recent: u64,
    pub last_ok_at: Option<Timestamp>,
    pub last_failed_at: Option<Timestamp>,
    pub problem: Option<StoreProblem>,
    /// The slowest of twenty of the latest commits.
    pub commit_p95_ms: u64,
    /// The latest ones, without one between them that went well.
    pub failed_in_a_row: u64,
    pub slow_in_a_row: u64,
}

/// A commit is a few milliseconds; HubSpot gives a webhook 5 s in all (facts §6.5).
pub const SLOW_COMMIT_MS: u64 = 2_000;

/// How the store failed last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreProblem {
    /// No connection, or no answer in time.
    Unreachable,
    /// It answered, and refused.
    Refused,
    /// ENOSPC.
    DiskFull,
    /// EIO, or an fsync that failed.
    Io,
    #[serde(other)]
    Other,
}

/// The disk that the store, or its file, lies on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Disk {
    pub free_bytes: u64,
    pub total_bytes: u64,
}

/// The process we are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Process {
    /// Of what we may use, over the last minute.
    pub cpu_percent: u64,
    pub memory_bytes: u64,
    /// Where there is a limit.
    pub memory_bytes_max: Option<u64>,
    pub descriptors: u64,
    pub descriptors_max: Option<u64>,
    /// How late a timer of ours fires: the worst of the last minute.
    pub lag_ms_max: u64,
    /// The same while a call or a delivery waited for us; `None` where nobody has looked whether one did.
    pub lag_ms_felt: Option<u64>,
    /// How late they may fire, where somebody has said so.
    pub lag_ms_borne: Option<u64>,
    /// Connections that could not be taken for want of descriptors or memory, in this minute and the last.
    pub refused_recent: u64,
}

impl Process {
    /// How late we are for those we work for. A busy machine makes an idle process late, which hurts nobody.
    pub fn lag_ms_felt(&self) -> u64 {
        self.lag_ms_felt.unwrap_or(self.lag_ms_max)
    }
}

/// The cache shared with other instances.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SharedCache {
    pub reachable: bool,
    pub hits_recent: u64,
    pub misses_recent: u64,
    /// Of a hundred look-ups, before the last quarter of an hour.
    pub usual_hit_percent: Option<u64>,
}

/// Our own cache, in memory.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OwnCache {
    pub hits_recent: u64,
    /// Look-ups whose answer had been here, and had made room for others before its time was up.
    pub lost_recent: u64,
    pub bytes: u64,
}

/// Where secrets come from.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Secrets {
    pub last_ok_at: Option<Timestamp>,
    /// Reads that failed since the last good one.
    pub failed: u64,
    pub last_failed_at: Option<Timestamp>,
    /// What is there now is not what we loaded.
    pub newer_than_loaded: Option<bool>,
}

/// Are we watching at all?
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Watch {
    /// A beat of our own that passes through the counting; it comes whatever callers do.
    pub beat_every_s: u64,
    pub last_beat_at: Option<Timestamp>,
    /// When any counter last moved.
    pub last_signal_at: Option<Timestamp>,
}

/// One version of a program beside others.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Version {
    /// As traffic names the program; `hubkeeper` are we ourselves, by the version that ran here before.
    pub caller: String,
    pub version: String,
    pub since: Option<Timestamp>,
    pub calls: u64,
    pub failed: u64,
    pub p50_ms: u64,
}
