//! Counts what our own parts do, for whoever runs them.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::{OwnCache, SLOW_COMMIT_MS, Secrets, SharedCache, Store, StoreProblem};
use crate::facts::minutes::Minutes;

/// Commits remembered for the slowest of twenty.
const COMMITS_MAX: usize = 100;

/// Commits to the durable store.
#[derive(Debug, Default)]
pub struct Commits {
    all: Minutes,
    failed: Minutes,
    last_ok_at: Option<Timestamp>,
    last_failed_at: Option<Timestamp>,
    problem: Option<StoreProblem>,
    took_ms: VecDeque<u64>,
    failed_in_a_row: u64,
    slow_in_a_row: u64,
}

/// Look-ups in the shared cache.
#[derive(Debug, Default)]
pub struct LookUps {
    hits: Minutes,
    misses: Minutes,
    reachable: bool,
    usual_hit_percent: Option<u64>,
}

/// Look-ups in our own cache, by what it has counted since the start.
#[derive(Debug, Default)]
pub struct OwnLookUps {
    hits: Minutes,
    lost: Minutes,
    before: (u64, u64),
    bytes: u64,
}

/// Reads from the secret source.
#[derive(Debug, Default)]
pub struct Reads {
    state: Secrets,
}

impl Commits {
    pub fn committed(&mut self, took_ms: u64, at: Timestamp) {
        self.note(took_ms, at);
        self.last_ok_at = Some(at);
        self.failed_in_a_row = 0;
    }

    pub fn failed(&mut self, problem: StoreProblem, took_ms: u64, at: Timestamp) {
        self.note(took_ms, at);
        self.failed.add(1, at);
        self.failed_in_a_row += 1;
        self.last_failed_at = Some(at);
        self.problem = Some(problem);
    }

    pub fn report(&self, now: Timestamp) -> Store {
        let mut took_ms: Vec<u64> = self.took_ms.iter().copied().collect();
        took_ms.sort_unstable();
        Store {
            commits: self.all.lately(now),
            commits_recent: self.all.recent(now),
            failed: self.failed.lately(now),
            failed_recent: self.failed.recent(now),
            last_ok_at: self.last_ok_at,
            last_failed_at: self.last_failed_at,
            problem: self.problem,
            commit_p95_ms: took_ms.get(took_ms.len().saturating_sub(1) * 95 / 100).copied().unwrap_or(0),
            failed_in_a_row: self.failed_in_a_row,
            slow_in_a_row: self.slow_in_a_row,
        }
    }

    fn note(&mut self, took_ms: u64, at: Timestamp) {
        self.all.add(1, at);
        self.slow_in_a_row = if took_ms >= SLOW_COMMIT_MS { self.slow_in_a_row + 1 } else { 0 };
        if self.took_ms.len() == COMMITS_MAX {
            self.took_ms.pop_front();
        }
        self.took_ms.push_back(took_ms);
    }
}

impl LookUps {
    pub fn hit(&mut self, at: Timestamp) {
        self.hits.add(1, at);
        self.reachable = true;
    }

    pub fn missed(&mut self, at: Timestamp) {
        self.misses.add(1, at);
        self.reachable = true;
    }

    /// It did not answer, which is a miss, too.
    pub fn unreachable(&mut self, at: Timestamp) {
        if self.reachable {
            let (hits, misses) = (self.hits.lately(at), self.misses.lately(at));
            self.usual_hit_percent = (hits * 100).checked_div(hits + misses);
        }
        self.misses.add(1, at);
        self.reachable = false;
    }

    pub fn report(&self, now: Timestamp) -> SharedCache {
        SharedCache {
            reachable: self.reachable,
            hits_recent: self.hits.recent(now),
            misses_recent: self.misses.recent(now),
            usual_hit_percent: self.usual_hit_percent,
        }
    }
}

impl OwnLookUps {
    /// It has counted so many in all by now.
    pub fn counted(&mut self, hits: u64, lost: u64, bytes: u64, at: Timestamp) {
        self.hits.add(hits.saturating_sub(self.before.0), at);
        self.lost.add(lost.saturating_sub(self.before.1), at);
        (self.before, self.bytes) = ((hits, lost), bytes);
    }

    pub fn report(&self, now: Timestamp) -> OwnCache {
        let (hits_recent, lost_recent) = (self.hits.recent(now), self.lost.recent(now));
        OwnCache { hits_recent, lost_recent, bytes: self.bytes }
    }
}

impl Reads {
    /// It answered; is what it holds what we run with?
    pub fn read(&mut self, newer_than_loaded: bool, at: Timestamp) {
        let newer_than_loaded = Some(newer_than_loaded);
        self.state = Secrets { last_ok_at: Some(at), newer_than_loaded, ..Secrets::default() };
    }

    pub fn failed(&mut self, at: Timestamp) {
        self.state.failed += 1;
        self.state.last_failed_at = Some(at);
    }

    pub fn report(&self) -> Secrets {
        self.state.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_772_366_400 + second).unwrap()
    }

    #[test]
    fn commits_tell_how_they_failed_last() {
        let mut commits = Commits::default();
        commits.committed(3, at(0));
        commits.failed(StoreProblem::DiskFull, 9, at(10));
        let store = commits.report(at(20));
        assert_eq!((store.commits, store.failed, store.commit_p95_ms), (2, 1, 3));
        assert_eq!(store.problem, Some(StoreProblem::DiskFull));
    }

    #[test]
    fn a_lost_cache_remembers_how_well_it_served() {
        let mut cache = LookUps::default();
        (0..9).for_each(|second| cache.hit(at(second)));
        cache.missed(at(10));
        cache.unreachable(at(200));
        let report = cache.report(at(200));
        assert_eq!((report.reachable, report.hits_recent, report.misses_recent), (false, 0, 1));
        assert_eq!(report.usual_hit_percent, Some(90));
    }

    #[test]
    fn our_own_cache_is_told_by_what_it_lost_of_late() {
        let mut cache = OwnLookUps::default();
        cache.counted(10, 0, 512, at(0));
        cache.counted(12, 30, 1_024, at(60));
        assert_eq!(cache.report(at(60)), OwnCache { hits_recent: 12, lost_recent: 30, bytes: 1_024 });
        assert_eq!(cache.report(at(200)), OwnCache { hits_recent: 0, lost_recent: 0, bytes: 1_024 });
    }

    #[test]
    fn a_good_read_ends_the_count_of_bad_ones() {
        let mut reads = Reads::default();
        reads.failed(at(0));
        assert_eq!(reads.report().failed, 1);
        reads.read(true, at(1));
        assert_eq!((reads.report().failed, reads.report().newer_than_loaded), (0, Some(true)));
    }
}
