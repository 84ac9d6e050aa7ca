//! What our own parts tell while they work: noted as it happens, read by the incident room.
//!
//! | module | notes |
//! |---|---|
//! | `hooks` | deliveries as they come, events as they go on |
//! | [`vitals`] | our own process and disk |

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use client::cache::CacheReport;
use client::clock::WallClock;
use incident::detector::settings::Thresholds;
use incident::facts::inbox::Doorbell;
use incident::facts::inside::ledger::{Commits, OwnLookUps, Reads};
use incident::facts::inside::{Disk, Inside, Process, Secrets, StoreProblem};
use incident::facts::{forwarding, inbox};
use incident::signal::{self, Deliveries};
use jiff::Timestamp;
use parking_lot::Mutex;
use store::failure::{Refusing, StoreError};

mod hooks;
pub(crate) mod vitals;

use vitals::Vitals;

/// A commit that takes longer says that the store is in trouble; usual are a few milliseconds.
const COMMIT_SLOW: Duration = Duration::from_secs(2);

/// Everything that is noted.
pub(crate) struct Ledgers {
    clock: WallClock,
    /// An event that takes longer is late.
    late: Duration,
    /// So is a timer of ours.
    lag_ms_borne: u64,
    pub(crate) inbox: Mutex<inbox::ledger::Ledger>,
    pub(crate) forwarding: Mutex<forwarding::ledger::Ledger>,
    commits: Mutex<Commits>,
    reads: Mutex<Reads>,
    look_ups: Mutex<OwnLookUps>,
    vitals: Mutex<Vitals>,
    /// Where our store lies, if on a disk of ours.
    disk: Option<PathBuf>,
    doorbell: Mutex<Bell>,
    fresh: Mutex<Fresh>,
    /// When the certificates in use end, by listener.
    certificates: Mutex<BTreeMap<&'static str, Timestamp>>,
}

/// Our own delivery to our public address.
#[derive(Default)]
struct Bell {
    /// What the delivery under way carries.
    nonce: Option<u64>,
    /// It has arrived at least once: the address can be reached from where we are.
    ever: bool,
    last: Option<Doorbell>,
}

/// What was noted since it was last asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Fresh {
    pub(crate) deliveries: Deliveries,
    pub(crate) commits: signal::Commits,
    /// Events taken, those of them that were late, and by how much the latest.
    pub(crate) events: u64,
    pub(crate) late: u64,
    pub(crate) slowest_ms: u64,
}

impl Ledgers {
    pub(crate) fn new(clock: WallClock, thresholds: &Thresholds, disk: Option<PathBuf>) -> Self {
        let now = clock.now();
        Self {
            clock,
            late: Duration::from_millis(thresholds.webhook_delay_ms),
            lag_ms_borne: thresholds.lag_ms,
            inbox: Mutex::new(inbox::ledger::Ledger::new(now)),
            forwarding: Mutex::default(),
            commits: Mutex::default(),
            reads: Mutex::default(),
            look_ups: Mutex::default(),
            vitals: Mutex::new(Vitals::since(now)),
            disk,
            doorbell: Mutex::default(),
            fresh: Mutex::default(),
            certificates: Mutex::default(),
        }
    }

    /// What has come since the last time somebody asked.
    pub(crate) fn take_fresh(&self) -> Fresh {
        std::mem::take(&mut *self.fresh.lock())
    }

    /// Something was written to our store, or was not.
    pub(crate) fn commit(&self, took: Duration, ended: Result<(), StoreProblem>) {
        let (now, took_ms) = (self.clock.now(), millis(took));
        let mut fresh = self.fresh.lock();
        fresh.commits.all += 1;
        fresh.commits.slow += u64::from(took >= COMMIT_SLOW);
        match ended {
            Ok(()) => self.commits.lock().committed(took_ms, now),
            Err(problem) => {
                fresh.commits.failed += 1;
                self.commits.lock().failed(problem, took_ms, now);
            }
        }
    }

    /// A secret was read again; does its place hold another one than we run with?
    pub(crate) fn secret_read(&self, newer_than_loaded: Option<bool>) {
        let now = self.clock.now();
        match newer_than_loaded {
            Some(newer) => self.reads.lock().read(newer, now),
            None => self.reads.lock().failed(now),
        }
    }

    /// Our cache has counted so much since the start.
    pub(crate) fn cache(&self, counted: &CacheReport) {
        let bytes = u64::try_from(counted.bytes).unwrap_or(u64::MAX);
        self.look_ups.lock().counted(counted.hits, counted.lost, bytes, self.clock.now());
    }

    /// A timer of ours fired late by this much; so many calls have ended by now.
    pub(crate) fn lag(&self, lag: Duration, calls_ended: u64) {
        self.vitals.lock().lag(millis(lag), calls_ended, self.clock.now());
    }

    /// How our process is.
    pub(crate) fn process(&self) -> Process {
        Process { lag_ms_borne: Some(self.lag_ms_borne), ..self.vitals.lock().process(self.clock.now()) }
    }

    /// How late we usually are of late.
    pub(crate) fn usual_lag_ms(&self) -> u64 {
        self.vitals.lock().usual_lag_ms()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A listener's certificate ends then, as far as it says so.
    pub(crate) fn certificate(&self, listener: &'static str, ends_at: Option<Timestamp>) {
        let mut certificates = self.certificates.lock();
        match ends_at {
            Some(ends_at) => drop(certificates.insert(listener, ends_at)),
            None => drop(certificates.remove(listener)),
        }
    }

    /// The listeners with a certificate of ours, and when each ends.
    pub(crate) fn certificates(&self) -> Vec<(&'static str, Timestamp)> {
        self.certificates.lock().iter().map(|(listener, ends_at)| (*listener, *ends_at)).collect()
    }

    /// How much room the disk has, where there is one.
    pub(crate) fn disk(&self) -> Option<Disk> {
        vitals::disk(self.disk.as_deref()?)
    }

    /// Everything that is known of ourselves.
    pub(crate) fn inside(&self, now: Timestamp) -> Inside {
        let reads = self.reads.lock().report();
        Inside {
            store: Some(self.commits.lock().report(now)),
            disk: self.disk(),
            process: Some(self.process()),
            own_cache: Some(self.look_ups.lock().report(now)),
            secrets: Some(reads).filter(|reads| *reads != Secrets::default()),
            watch: Some(self.vitals.lock().watch()),
            ..Inside::default()
        }
    }

    /// Our own delivery sets out.
    pub(crate) fn rings(&self, nonce: u64) {
        self.doorbell.lock().nonce = Some(nonce);
    }

    /// Is this request our own delivery?
    pub(crate) fn is_our_ring(&self, nonce: &str) -> bool {
        let expected = self.doorbell.lock().nonce;
        expected.is_some_and(|expected| nonce == format!("{expected:016x}"))
    }

    /// Our own delivery arrived, or what stopped it. `None` while it never has: then nothing can be said, as our own address
    /// may not be reachable from where we are.
    pub(crate) fn rang(&self, stopped_by: Option<String>) -> Option<Doorbell> {
        let mut bell = self.doorbell.lock();
        bell.nonce = None;
        bell.ever |= stopped_by.is_none();
        let found = Doorbell { at: Some(self.clock.now()), arrived: stopped_by.is_none(), stopped_by };
        bell.last = bell.ever.then_some(found);
        bell.last.clone()
    }

    pub(crate) fn doorbell(&self) -> Option<Doorbell> {
        self.doorbell.lock().last.clone()
    }
}

/// How the store failed.
pub(crate) fn problem(error: &StoreError) -> StoreProblem {
    match error {
        StoreError::NotAccepted(Refusing::DiskFull) => StoreProblem::DiskFull,
        StoreError::NotAccepted(Refusing::Broken(_)) | StoreError::Damaged { .. } => StoreProblem::Io,
        StoreError::NotAccepted(Refusing::Closed | Refusing::Unreachable(_)) | StoreError::Unreadable(_) => {
            StoreProblem::Unreachable
        }
        StoreError::OutcomeUnknown(_) => StoreProblem::Other,
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledgers() -> Ledgers {
        let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        Ledgers::new(WallClock::new(move || now), &Thresholds::default(), None)
    }

    #[test]
    fn commits_are_told_once_to_the_engine_and_stay_in_the_facts() {
        let ledgers = ledgers();
        ledgers.commit(Duration::from_millis(3), Ok(()));
        ledgers.commit(Duration::from_secs(3), Err(StoreProblem::DiskFull));
        let fresh = ledgers.take_fresh().commits;
        assert_eq!((fresh.all, fresh.failed, fresh.slow), (2, 1, 1));
        assert_eq!(ledgers.take_fresh(), Fresh::default());
        let store = ledgers.inside(ledgers.clock.now()).store.unwrap();
        assert_eq!((store.commits, store.problem), (2, Some(StoreProblem::DiskFull)));
    }

    #[test]
    fn a_bell_that_never_rang_says_nothing() {
        let ledgers = ledgers();
        ledgers.rings(7);
        assert!(ledgers.is_our_ring("0000000000000007") && !ledgers.is_our_ring("7"));
        assert_eq!(ledgers.rang(Some("refused".into())), None);
        assert!(!ledgers.is_our_ring("0000000000000007"), "a ring counts once");
        assert!(ledgers.rang(None).unwrap().arrived);
        assert!(!ledgers.rang(Some("refused".into())).unwrap().arrived);
    }
}
