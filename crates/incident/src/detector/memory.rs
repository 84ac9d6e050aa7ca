//! What detectors remember: counts in windows by place, and the latest of whatever stands. All of it is bounded.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::own::Own;
use crate::signal::{Calls, JobStep, Place, Seen, Signal, Wellness};
use crate::slo::Slo;
use crate::window::Window;

/// Connections and API families told apart.
const PLACES_MAX: usize = 512;

/// Names of checks, jobs, credentials, backlogs, of each kind.
pub(super) const NAMES_MAX: usize = 256;

/// Where work comes in all the time, some always waits; this long it does not on a good day.
const BEHIND_SECONDS: u64 = 120;

/// The finest slot: a minute's rule notices within ten seconds.
pub(super) const SLOT: SignedDuration = SignedDuration::from_secs(10);

/// Ten minutes of them.
const FINE_SLOTS: usize = 60;

/// An hour by the minute.
const HOUR_SLOTS: usize = 60;

const MINUTE: SignedDuration = SignedDuration::from_secs(60);

/// Counts of one place.
#[derive(Debug, Clone)]
pub(crate) struct Counts {
    pub(super) fine: Window<Calls>,
    pub(super) by_minute: Window<Limited>,
}

/// 429s alone, for the hour: everything else is judged within minutes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limited(pub(super) u64);

impl std::ops::AddAssign for Limited {
    fn add_assign(&mut self, other: Self) {
        self.0 = self.0.saturating_add(other.0);
    }
}

#[derive(Debug, Clone)]
pub(super) struct Check {
    pub(super) failures: u32,
    pub(super) at: Timestamp,
}

#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) step: JobStep,
    pub(super) at: Timestamp,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Pool {
    pub(super) used: u64,
    pub(super) limit: u64,
}

/// Everything remembered.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    /// By connection and family, and by connection alone.
    pub(super) places: HashMap<Place, Counts>,
    pub(super) checks: BTreeMap<String, Check>,
    pub(super) jobs: BTreeMap<String, Job>,
    pub(super) pools: BTreeMap<String, Pool>,
    pub(super) credentials: BTreeMap<String, (Option<Timestamp>, Option<Timestamp>)>,
    pub(super) sunsets: BTreeMap<String, Date>,
    pub(super) backlogs: BTreeMap<String, (u64, u64)>,
    /// The slowest webhook by slot.
    pub(super) webhooks: Window<Late>,
    pub(super) usual: Usual,
    /// Ourselves, and what reaches us.
    pub(super) own: Own,
    pub(crate) slo: Slo,
}

/// Late events, and the worst of them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Late {
    pub(super) events: u64,
    pub(super) late: u64,
    pub(super) slowest_ms: u64,
}

impl std::ops::AddAssign for Late {
    fn add_assign(&mut self, other: Self) {
        self.events += other.events;
        self.late += other.late;
        self.slowest_ms = self.slowest_ms.max(other.slowest_ms);
    }
}

/// What an hour of the week usually brings: the least that was seen in it, once it was seen.
#[derive(Debug, Clone)]
pub(super) struct Usual {
    hours: Vec<Option<u64>>,
    counting: Option<(usize, u64)>,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self {
            places: HashMap::new(),
            checks: BTreeMap::new(),
            jobs: BTreeMap::new(),
            pools: BTreeMap::new(),
            credentials: BTreeMap::new(),
            sunsets: BTreeMap::new(),
            backlogs: BTreeMap::new(),
            webhooks: Window::new(SLOT, FINE_SLOTS),
            usual: Usual { hours: vec![None; HOURS], counting: None },
            own: Own::new(),
            slo: Slo::new(),
        }
    }

    pub(crate) fn note(&mut self, signal: &Signal) {
        match &signal.seen {
            Seen::Calls(calls) => self.calls(signal.at, &signal.place, *calls),
            Seen::Daily { used, limit } => {
                let name = signal.place.connection.clone().unwrap_or_default();
                keep(&mut self.pools, &name, Pool { used: *used, limit: *limit });
            }
            Seen::Health { name, well } => self.check(signal.at, name, *well),
            Seen::Webhooks { events, late, slowest_ms } => {
                let late = Late { events: *events, late: *late, slowest_ms: *slowest_ms };
                self.webhooks.add(signal.at, late);
                self.slo.webhooks(signal.at, *events, late.late);
            }
            Seen::Job { name, step } => {
                keep(&mut self.jobs, name, Job { step: *step, at: signal.at });
                match step {
                    JobStep::Started => {}
                    JobStep::Finished => self.slo.job(signal.at, Wellness::Well),
                    JobStep::Failed => self.slo.job(signal.at, Wellness::Ill),
                }
            }
            Seen::Credential { name, since, until } => keep(&mut self.credentials, name, (*since, *until)),
            Seen::Sunset { what, on } => keep(&mut self.sunsets, what, *on),
            Seen::Backlog { name, waiting, oldest_seconds } => {
                keep(&mut self.backlogs, name, (*waiting, *oldest_seconds));
            }
            Seen::Dead { .. }
            | Seen::Ledger { .. }
            | Seen::Forecast { .. }
            | Seen::Deliveries(_)
            | Seen::Commits(_)
            | Seen::Process(_)
            | Seen::Disk { .. }
            | Seen::Clock { .. }
            | Seen::Standing { .. } => self.own.note(signal),
        }
    }

    /// Something that was accepted has waited for longer than it should on a good day.
    pub(crate) fn is_behind(&self) -> bool {
        self.backlogs
            .values()
            .any(|(waiting, oldest_seconds)| *waiting > 0 && *oldest_seconds > BEHIND_SECONDS)
    }

    /// What was accepted and what became of it do not add up, in the words of a ledger; `None` where they do.
    pub(crate) fn unequal(&self) -> Option<String> {
        self.own.unequal()
    }

    /// Lets go of what has been quiet for as long as anybody looks back.
    pub(crate) fn forget(&mut self, now: Timestamp) {
        self.places.retain(|_, counts| !(counts.fine.is_over(now) && counts.by_minute.is_over(now)));
        self.sunsets.retain(|_, on| now.duration_since(end_of(*on)) < SignedDuration::from_hours(24));
    }

    /// How many things are remembered.
    #[cfg(test)]
    pub(crate) fn size(&self) -> usize {
        let names = self.checks.len() + self.jobs.len() + self.pools.len() + self.credentials.len();
        self.places.len() + names + self.sunsets.len() + self.backlogs.len() + self.own.size()
    }

    fn calls(&mut self, at: Timestamp, place: &Place, calls: Calls) {
        let connection = Place { connection: place.connection.clone(), ..Place::default() };
        let family = Place { family: place.family.clone(), ..connection.clone() };
        for place in [connection, family] {
            if self.places.len() < PLACES_MAX || self.places.contains_key(&place) {
                let counts = self.places.entry(place).or_insert_with(|| Counts {
                    fine: Window::new(SLOT, FINE_SLOTS),
                    by_minute: Window::new(MINUTE, HOUR_SLOTS),
                });
                counts.fine.add(at, calls);
                if calls.limited > 0 {
                    counts.by_minute.add(at, Limited(calls.limited));
                }
            }
        }
        self.usual.count(at, calls.calls);
        self.slo.calls(at, calls);
    }

    fn check(&mut self, at: Timestamp, name: &str, well: Wellness) {
        let failures = self.checks.get(name).map_or(0, |check| check.failures);
        let failures = match well {
            Wellness::Well => 0,
            Wellness::Ill => failures.saturating_add(1),
        };
        keep(&mut self.checks, name, Check { failures, at });
    }
}

pub(super) fn keep<T>(names: &mut BTreeMap<String, T>, name: &str, value: T) {
    if names.len() < NAMES_MAX || names.contains_key(name) {
        names.insert(name.to_owned(), value);
    }
}

/// In a week.
const HOURS: usize = 168;

impl Usual {
    fn count(&mut self, at: Timestamp, calls: u64) {
        let hour = hour_of_week(at);
        match &mut self.counting {
            Some((counting, sum)) if *counting == hour => *sum += calls,
            Some((counting, sum)) => {
                let (before, sum) = (*counting, *sum);
                self.hours[before] = Some(self.hours[before].map_or(sum, |least| least.min(sum)));
                self.counting = Some((hour, calls));
            }
            None => self.counting = Some((hour, calls)),
        }
    }

    /// Calls that this hour of the week has always had, where a whole one has been seen.
    pub(super) fn at_least(&self, now: Timestamp) -> Option<u64> {
        self.hours[hour_of_week(now)]
    }
}

fn hour_of_week(at: Timestamp) -> usize {
    usize::try_from(at.as_second().div_euclid(3_600).rem_euclid(168)).unwrap_or_default()
}

/// The last moment of a day, UTC.
pub(super) fn end_of(day: Date) -> Timestamp {
    day.at(23, 59, 59, 0).to_zoned(jiff::tz::TimeZone::UTC).map_or(Timestamp::MAX, |end| end.timestamp())
}
