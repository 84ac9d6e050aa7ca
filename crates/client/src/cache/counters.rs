//! How often the cache did what.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counted since the start.
#[derive(Default)]
pub(crate) struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    lost: AtomicU64,
    stale: AtomicU64,
    shared: AtomicU64,
    refreshes: AtomicU64,
    writes: AtomicU64,
    dropped: AtomicU64,
}

/// What the cache has done since the start, and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CacheReport {
    /// Calls answered from memory, in time.
    pub hits: u64,
    /// Calls that could have been, and went to HubSpot.
    pub misses: u64,
    /// Those of them whose answer was here, and had to make room for others before its time was up.
    pub lost: u64,
    /// Calls answered with an older answer, because HubSpot gave none.
    pub stale: u64,
    /// Calls that joined another's request.
    pub shared: u64,
    /// Requests made before an answer's time was up.
    pub refreshes: u64,
    /// Writes that may have made kept answers untrue.
    pub writes: u64,
    /// Kept answers found to be untrue, and dropped.
    pub dropped: u64,
    /// What kept answers weigh now.
    pub bytes: usize,
    pub entries: usize,
}

impl Counters {
    pub(crate) fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn miss(&self) {
        self.misses.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn stale(&self) {
        self.stale.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn shared(&self) {
        self.shared.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refresh(&self) {
        self.refreshes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn write(&self) {
        self.writes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn dropped(&self, entries: usize) {
        self.dropped.fetch_add(entries as u64, Ordering::Relaxed);
    }

    pub(crate) fn report(&self, bytes: usize, entries: usize) -> CacheReport {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        CacheReport {
            hits: count(&self.hits),
            misses: count(&self.misses),
            lost: count(&self.lost),
            stale: count(&self.stale),
            shared: count(&self.shared),
            refreshes: count(&self.refreshes),
            writes: count(&self.writes),
            dropped: count(&self.dropped),
            bytes,
            entries,
        }
    }
}
