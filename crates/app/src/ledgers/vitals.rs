//! Our own process: how busy, how large, how late. Only Linux tells; elsewhere the figures are zero, and no rule holds.

use std::collections::VecDeque;
use std::path::Path;

use incident::facts::inside::{Disk, Process, Watch};
use jiff::{SignedDuration, Timestamp};

use crate::metrics::process;

/// A beat of our own, which is counted whatever callers do.
pub(crate) const BEAT: std::time::Duration = std::time::Duration::from_millis(250);

const MINUTE: SignedDuration = SignedDuration::from_secs(60);

/// Shorter looks at the processor's time say little.
const LOOK_MIN: SignedDuration = SignedDuration::from_secs(1);

/// A machine stands still for a moment now and then, all of it: who is short of something lags in so many seconds of a minute, …
const LAGS_MIN: usize = 3;

/// … or once for as long.
const LAG_MS_LONG: u64 = 5_000;

/// What is remembered between two looks.
#[derive(Debug, Default)]
pub(crate) struct Vitals {
    /// The worst lag of each second of the last minute.
    lags: VecDeque<(Timestamp, u64)>,
    last_beat_at: Option<Timestamp>,
    /// Processor time used, in nanoseconds, and when it was read.
    busy: Option<(u64, Timestamp)>,
    cpu_percent: u64,
}

impl Vitals {
    /// The first beat has not been missed before it can have come.
    pub(super) fn since(now: Timestamp) -> Self {
        Self { last_beat_at: Some(now), ..Self::default() }
    }

    pub(super) fn lag(&mut self, lag_ms: u64, at: Timestamp) {
        self.last_beat_at = Some(at);
        match self.lags.back_mut() {
            Some((second, worst)) if second.as_second() == at.as_second() => *worst = (*worst).max(lag_ms),
            Some(_) | None => self.lags.push_back((at, lag_ms)),
        }
        while self.lags.front().is_some_and(|(second, _)| at.duration_since(*second) > MINUTE) {
            self.lags.pop_front();
        }
    }

    pub(super) fn process(&mut self, now: Timestamp) -> Process {
        self.look_at_the_processor(now);
        let fresh = self.lags.iter().filter(|(second, _)| now.duration_since(*second) <= MINUTE);
        Process {
            cpu_percent: self.cpu_percent,
            memory_bytes: process::memory().unwrap_or(0),
            memory_bytes_max: memory_max(),
            descriptors: process::descriptors().unwrap_or(0),
            descriptors_max: process::descriptors_max(),
            lag_ms_max: lasting(fresh.map(|(_, lag)| *lag).collect()),
            lag_ms_borne: None,
            refused_recent: 0,
        }
    }

    /// How late every other second is at its worst, at least: that of one second is the machine's, that of most is ours.
    pub(super) fn usual_lag_ms(&self) -> u64 {
        let mut lags: Vec<u64> = self.lags.iter().map(|(_, lag)| *lag).collect();
        lags.sort_unstable();
        lags.get(lags.len() / 2).copied().unwrap_or(0)
    }

    pub(super) fn watch(&self) -> Watch {
        // Far more often; a few late ones are the processor's matter.
        let beat_every_s = 10;
        Watch { beat_every_s, last_beat_at: self.last_beat_at, last_signal_at: self.last_beat_at }
    }

    /// All work is done on one thread, the first of the process.
    fn look_at_the_processor(&mut self, now: Timestamp) {
        let Some(used) = processor_ns() else { return };
        match self.busy {
            Some((before, at)) if now.duration_since(at) >= LOOK_MIN => {
                let passed = u64::try_from(now.duration_since(at).as_nanos()).unwrap_or(u64::MAX);
                self.cpu_percent = used.saturating_sub(before).saturating_mul(100) / passed.max(1);
                self.busy = Some((used, now));
            }
            Some(_) => {}
            None => self.busy = Some((used, now)),
        }
    }
}

/// What the first thread has used.
fn processor_ns() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    stat.split_whitespace().next()?.parse().ok()
}

/// What the control group allows; `None` where it sets no limit.
fn memory_max() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let of = |group: &str| {
        let text = std::fs::read_to_string(format!("/sys/fs/cgroup{group}/memory.max")).ok()?;
        text.trim().parse().ok()
    };
    of(own.trim_end_matches('/')).or_else(|| of(""))
}

/// The disk that a path lies on.
pub(super) fn disk(path: &Path) -> Option<Disk> {
    let stat = rustix::fs::statvfs(path).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Some(Disk { free_bytes: bytes(stat.f_bavail), total_bytes: bytes(stat.f_blocks) })
}

/// The worst of a minute's lags that was no hiccup.
fn lasting(mut lags: Vec<u64>) -> u64 {
    lags.sort_unstable_by(|one, other| other.cmp(one));
    let worst = lags.first().copied().filter(|worst| *worst >= LAG_MS_LONG);
    worst.or_else(|| lags.get(LAGS_MIN - 1).copied()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_772_366_400_000 + ms).unwrap()
    }

    #[test]
    fn the_worst_lag_of_the_last_minute_counts() {
        let mut vitals = Vitals::default();
        (0..3).for_each(|second| vitals.lag(900 + second, at(1_000 * i64::try_from(second).unwrap())));
        vitals.lag(3, at(2_100));
        assert_eq!(vitals.process(at(2_200)).lag_ms_max, 900);
        (0..3).for_each(|second| vitals.lag(5, at(62_500 + 1_000 * second)));
        assert_eq!(vitals.process(at(64_600)).lag_ms_max, 5);
        assert_eq!(vitals.watch().last_beat_at, Some(at(64_500)));
    }

    #[test]
    fn a_hiccup_of_the_machine_is_no_lag_and_a_long_stop_is() {
        let worst = |lag_ms: u64| {
            let mut vitals = Vitals::default();
            (0..20).for_each(|second| vitals.lag(2, at(1_000 * second)));
            vitals.lag(lag_ms, at(20_000));
            vitals.process(at(20_100)).lag_ms_max
        };
        assert_eq!((worst(1_900), worst(6_000)), (2, 6_000));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_disk_and_the_processor_are_seen() {
        assert!(disk(Path::new("/")).is_some_and(|disk| disk.total_bytes > 0));
        assert!(disk(Path::new("/nowhere/at/all")).is_none());
        assert!(processor_ns().is_some_and(|used| used > 0));
    }
}
