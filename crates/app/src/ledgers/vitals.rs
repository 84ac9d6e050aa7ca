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
    /// Of each second of the last minute.
    lags: VecDeque<Second>,
    /// Calls and deliveries that had ended by the last beat, and deliveries by now.
    ended: u64,
    deliveries: u64,
    last_beat_at: Option<Timestamp>,
    /// Processor time used, in nanoseconds, and when it was read.
    busy: Option<(u64, Timestamp)>,
    cpu_percent: u64,
}

#[derive(Debug)]
struct Second {
    at: Timestamp,
    lag_ms_worst: u64,
    /// What had ended before it.
    ended_before: u64,
}

impl Vitals {
    /// The first beat has not been missed before it can have come.
    pub(super) fn since(now: Timestamp) -> Self {
        Self { last_beat_at: Some(now), ..Self::default() }
    }

    pub(super) fn lag(&mut self, lag_ms: u64, calls_ended: u64, at: Timestamp) {
        self.last_beat_at = Some(at);
        match self.lags.back_mut() {
            Some(second) if second.at.as_second() == at.as_second() => {
                second.lag_ms_worst = second.lag_ms_worst.max(lag_ms);
            }
            Some(_) | None => {
                self.lags.push_back(Second { at, lag_ms_worst: lag_ms, ended_before: self.ended });
            }
        }
        self.ended = calls_ended.saturating_add(self.deliveries);
        while self.lags.front().is_some_and(|second| at.duration_since(second.at) > MINUTE) {
            self.lags.pop_front();
        }
    }

    /// A webhook delivery was answered.
    pub(super) fn delivered(&mut self) {
        self.deliveries += 1;
    }

    pub(super) fn process(&mut self, now: Timestamp) -> Process {
        self.look_at_the_processor(now);
        let is_fresh = |second: &&Second| now.duration_since(second.at) <= MINUTE;
        let worst = |second: &Second| second.lag_ms_worst;
        // What waited for us ends when we wake, mostly after the beat that wakes beside it: in the next second at the latest.
        let ended_soon = self.lags.iter().skip(2).map(|later| later.ended_before);
        let ended_soon = ended_soon.chain([self.ended, self.ended]);
        let felt = self.lags.iter().zip(ended_soon).filter(|(second, ended)| *ended > second.ended_before);
        let felt = felt.map(|(second, _)| second).filter(is_fresh).map(worst).collect();
        Process {
            cpu_percent: self.cpu_percent,
            memory_bytes: process::memory().unwrap_or(0),
            memory_bytes_max: memory_max(),
            descriptors: process::descriptors().unwrap_or(0),
            descriptors_max: process::descriptors_max(),
            lag_ms_max: lasting(self.lags.iter().filter(is_fresh).map(worst).collect()),
            lag_ms_felt: Some(lasting(felt)),
            lag_ms_borne: None,
            refused_recent: 0,
        }
    }

    /// How late every other second is at its worst, at least: that of one second is the machine's, that of most is ours.
    pub(super) fn usual_lag_ms(&self) -> u64 {
        let mut lags: Vec<u64> = self.lags.iter().map(|second| second.lag_ms_worst).collect();
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
        (0..3).for_each(|second| vitals.lag(900 + second, 0, at(1_000 * i64::try_from(second).unwrap())));
        vitals.lag(3, 0, at(2_100));
        assert_eq!(vitals.process(at(2_200)).lag_ms_max, 900);
        (0..3).for_each(|second| vitals.lag(5, 0, at(62_500 + 1_000 * second)));
        assert_eq!(vitals.process(at(64_600)).lag_ms_max, 5);
        assert_eq!(vitals.watch().last_beat_at, Some(at(64_500)));
    }

    #[test]
    fn a_hiccup_of_the_machine_is_no_lag_and_a_long_stop_is() {
        let worst = |lag_ms: u64| {
            let mut vitals = Vitals::default();
            (0..20).for_each(|second| vitals.lag(2, 0, at(1_000 * second)));
            vitals.lag(lag_ms, 0, at(20_000));
            vitals.process(at(20_100)).lag_ms_max
        };
        assert_eq!((worst(1_900), worst(6_000)), (2, 6_000));
    }

    #[test]
    fn lag_is_felt_by_whom_we_work_for_and_by_nobody_else() {
        // A second late in each of 20 seconds; `ended` tells how many calls have ended by the end of one.
        let felt = |ended: fn(u64) -> u64, delivered: fn(i64) -> bool| {
            let mut vitals = Vitals::default();
            for second in 0..20 {
                if delivered(second) {
                    vitals.delivered();
                }
                vitals.lag(1_500, ended(u64::try_from(second).unwrap()), at(1_000 * second));
            }
            let process = vitals.process(at(19_100));
            assert_eq!(process.lag_ms_max, 1_500);
            process.lag_ms_felt
        };
        assert_eq!(felt(|_| 0, |_| false), Some(0), "nobody waited");
        assert_eq!(felt(|second| second, |_| false), Some(1_500));
        assert_eq!(felt(|_| 0, |second| second > 9), Some(1_500), "HubSpot waits as well");
        assert_eq!(felt(|second| u64::from(second > 9), |_| false), Some(0), "one call is a moment");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_disk_and_the_processor_are_seen() {
        assert!(disk(Path::new("/")).is_some_and(|disk| disk.total_bytes > 0));
        assert!(disk(Path::new("/nowhere/at/all")).is_none());
        assert!(processor_ns().is_some_and(|used| used > 0));
    }
}
