//! What a portal spends over the day, by quarters of an hour, and what it spent on the days before.
//!
//! Days begin at midnight in the portal's time zone, and are laid side by side by the clock on the wall, so that office
//! hours meet office hours when the clocks change. Pure: time is an argument.

use std::collections::VecDeque;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use super::forecast::{Past, Seen};
use crate::lane::Lane;

mod handover;

pub(crate) use handover::DaysHandover;

/// Short enough to see a neighbour come, long enough that a few calls more or less do not look like one.
const BIN: SignedDuration = SignedDuration::from_mins(15);
const BIN_S: i64 = BIN.as_secs();

/// Quarters of an hour on the wall clock.
const WALL_BINS: usize = 96;

/// A week, and the same day of the week before.
const DAYS_KEPT: usize = 8;

/// How much the same day of the week says about today, and how little a weekend about a working day.
const SAME_WEEKDAY: f64 = 2.0;
const OTHER_KIND_OF_DAY: f64 = 0.05;

/// A day is remembered if so much of it was seen.
const SEEN_MIN: f64 = 0.5;

/// Who spends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Interactive calls, and our own questions.
    Interactive,
    Sync,
    Bulk,
    /// Other apps of the portal, and other processes of ours.
    Others,
}

impl Whose {
    pub(crate) const ALL: [Self; 4] = [Self::Interactive, Self::Sync, Self::Bulk, Self::Others];

    pub(crate) const fn of(lane: Lane) -> Self {
        match lane {
            Lane::Probe | Lane::Interactive => Self::Interactive,
            Lane::Sync => Self::Sync,
            Lane::Bulk => Self::Bulk,
        }
    }
}

/// Calls by whose they are.
pub(crate) type Counts = [u32; 4];

/// Today and the days before.
#[derive(Debug, Clone)]
pub(crate) struct Days {
    /// UTC until it is known.
    zone: TimeZone,
    today: Day,
    past: VecDeque<PastDay>,
}

#[derive(Debug, Clone)]
struct Day {
    starts: Timestamp,
    ends: Timestamp,
    weekday: Weekday,
    /// The first bin that was seen from its start.
    known_from: usize,
    bins: Vec<Counts>,
    /// By bin: who was not let through all the time, a bit each.
    silenced: Vec<u8>,
}

#[derive(Debug, Clone)]
struct PastDay {
    weekday: Weekday,
    /// By the wall clock, per whole bin; not a number where nothing is known.
    bins: Vec<[f32; 4]>,
}

impl Days {
    pub(crate) fn new(zone: Option<TimeZone>, now: Timestamp) -> Self {
        let zone = zone.unwrap_or(TimeZone::UTC);
        let today = Day::of(&zone, now);
        Self { zone, today, past: VecDeque::new() }
    }

    /// The portal's time zone has become known: today's calls are laid into its day.
    pub(crate) fn set_zone(&mut self, zone: TimeZone, now: Timestamp) {
        if self.zone == zone {
            return;
        }
        self.zone = zone;
        let before = std::mem::replace(&mut self.today, Day::of(&self.zone, now));
        let since = before.start_of(before.known_from.min(before.bins.len()));
        self.today.known_from = self.today.bin(since.max(self.today.starts)) + 1;
        for (bin, counts) in before.bins.iter().enumerate() {
            let at = before.start_of(bin);
            if at >= self.today.starts && at <= now {
                for (place, more) in self.today.counts(at).iter_mut().zip(counts) {
                    *place += more;
                }
            }
        }
    }

    pub(crate) fn today(&self) -> (Timestamp, Timestamp) {
        (self.today.starts, self.today.ends)
    }

    /// How many days before are remembered.
    pub(crate) fn remembered(&self) -> usize {
        self.past.len()
    }

    /// Turns to the day of `now`.
    pub(crate) fn turn(&mut self, now: Timestamp) {
        while now >= self.today.ends {
            let next = Day::from_midnight(&self.zone, self.today.ends);
            let over = std::mem::replace(&mut self.today, next);
            if self.today.ends <= now {
                // A day in which nobody looked.
                self.today.known_from = usize::MAX;
            }
            if let Some(past) = PastDay::of(&over, &self.zone) {
                if self.past.len() == DAYS_KEPT {
                    self.past.pop_front();
                }
                self.past.push_back(past);
            }
        }
    }

    pub(crate) fn count(&mut self, whose: Whose, now: Timestamp) {
        self.turn(now);
        self.today.counts(now)[whose as usize] += 1;
    }

    /// Others spent so much between two moments.
    pub(crate) fn count_others(&mut self, calls: u64, since: Timestamp, now: Timestamp) {
        self.turn(now);
        let (first, last) = (self.today.bin(since.max(self.today.starts)), self.today.bin(now));
        let bins = (last - first + 1) as u64;
        for bin in first..=last {
            let share = calls / bins + u64::from((bin - first) as u64 >= bins - calls % bins);
            let at = self.today.start_of(bin);
            let place = &mut self.today.counts(at)[Whose::Others as usize];
            *place = place.saturating_add(u32::try_from(share).unwrap_or(u32::MAX));
        }
    }

    /// Someone is not let through: what he spends now says nothing about what he would.
    pub(crate) fn silence(&mut self, whose: Whose, now: Timestamp) {
        self.turn(now);
        let bin = self.today.bin(now).min(self.today.length() - 1);
        if bin >= self.today.silenced.len() {
            self.today.silenced.resize(bin + 1, 0);
        }
        self.today.silenced[bin] |= 1 << whose as u8;
    }

    /// What has been seen of today.
    pub(crate) fn seen(&self, now: Timestamp) -> SeenDay {
        let bin = self.today.bin(now);
        let passed = now.duration_since(self.today.start_of(bin)).as_secs_f64() / BIN.as_secs_f64();
        let by_whose = Whose::ALL.map(|whose| {
            let calls = |bin: usize| self.today.bins.get(bin).map_or(0, |counts| counts[whose as usize]);
            (0..=bin).map(calls).collect()
        });
        SeenDay { by_whose, known_from: self.today.known_from, passed, day: self.today.length() }
    }

    /// The days before, laid beside today.
    pub(crate) fn past(&self, whose: Whose) -> Vec<Past> {
        let walls: Vec<usize> =
            (0..self.today.length()).map(|bin| wall(&self.zone, self.today.start_of(bin))).collect();
        let beside = |past: &PastDay| Past {
            bins: walls.iter().map(|wall| f64::from(past.bins[*wall][whose as usize])).collect(),
            likeness: likeness(past.weekday, self.today.weekday),
        };
        self.past.iter().map(beside).collect()
    }

    /// Calls of each hour since midnight.
    pub(crate) fn hours(&self) -> Vec<(Timestamp, [u64; 4])> {
        let hours = self.today.bins.chunks(4).enumerate();
        hours
            .map(|(hour, bins)| {
                let sum = |whose: usize| bins.iter().map(|counts| u64::from(counts[whose])).sum();
                (self.today.start_of(hour * 4), [sum(0), sum(1), sum(2), sum(3)])
            })
            .collect()
    }

    /// The time of a place in today, in bins.
    pub(crate) fn time_of(&self, bins: f64) -> Timestamp {
        let after = SignedDuration::from_secs_f64(bins * BIN.as_secs_f64());
        (self.today.starts + after).min(self.today.ends)
    }
}

/// Today, as a forecast looks at it.
#[derive(Debug, Clone)]
pub(crate) struct SeenDay {
    by_whose: [Vec<u32>; 4],
    known_from: usize,
    passed: f64,
    day: usize,
}

impl SeenDay {
    pub(crate) fn of(&self, whose: Whose) -> Seen<'_> {
        let bins = &self.by_whose[whose as usize];
        Seen { bins, known_from: self.known_from.min(bins.len() - 1), passed: self.passed, day: self.day }
    }

    /// The bin of now.
    pub(crate) fn now(&self) -> usize {
        self.by_whose[0].len() - 1
    }

    pub(crate) fn passed(&self) -> f64 {
        self.passed
    }

    /// Whole bins known.
    pub(crate) fn known(&self) -> usize {
        self.now().saturating_sub(self.known_from)
    }
}

impl Day {
    /// The day around `now`, of which nothing before has been seen.
    fn of(zone: &TimeZone, now: Timestamp) -> Self {
        let starts = now.to_zoned(zone.clone()).start_of_day().map_or(now, |midnight| midnight.timestamp());
        let mut day = Self::from_midnight(zone, starts);
        day.known_from = if now == starts { 0 } else { day.bin(now) + 1 };
        day
    }

    fn from_midnight(zone: &TimeZone, starts: Timestamp) -> Self {
        let here = starts.to_zoned(zone.clone());
        let ends = here.checked_add(1.day()).and_then(|next| next.start_of_day());
        let ends = ends.map_or(starts + SignedDuration::from_hours(24), |end| end.timestamp());
        Self { starts, ends, weekday: here.weekday(), known_from: 0, bins: Vec::new(), silenced: Vec::new() }
    }

    fn bin(&self, at: Timestamp) -> usize {
        usize::try_from((at.as_second() - self.starts.as_second()) / BIN_S).unwrap_or(0)
    }

    fn start_of(&self, bin: usize) -> Timestamp {
        self.starts + SignedDuration::from_secs(BIN_S * i64::try_from(bin).unwrap_or(0))
    }

    /// A last bin that is cut short counts as one.
    fn length(&self) -> usize {
        usize::try_from((self.ends.as_second() - self.starts.as_second() + BIN_S - 1) / BIN_S).unwrap_or(1)
    }

    fn counts(&mut self, at: Timestamp) -> &mut Counts {
        let bin = self.bin(at).min(self.length() - 1);
        if bin >= self.bins.len() {
            self.bins.resize(bin + 1, Counts::default());
        }
        &mut self.bins[bin]
    }
}

impl PastDay {
    fn of(day: &Day, zone: &TimeZone) -> Option<Self> {
        let length = day.length();
        let known = length.saturating_sub(day.known_from);
        if (known as f64) < SEEN_MIN * length as f64 {
            return None;
        }
        let mut sums = vec![[(0.0_f32, 0.0_f32); 4]; WALL_BINS];
        for bin in day.known_from..length {
            let counts = day.bins.get(bin).copied().unwrap_or_default();
            let silenced = day.silenced.get(bin).copied().unwrap_or(0);
            let places = &mut sums[wall(zone, day.start_of(bin))];
            for (whose, (sum, times)) in
                places.iter_mut().enumerate().filter(|(bit, _)| silenced & 1 << bit == 0)
            {
                *sum += counts[whose] as f32;
                *times += 1.0;
            }
        }
        // An hour that came twice counts as its mean, one that did not come is unknown.
        let mean = |sums: [(f32, f32); 4]| sums.map(|(sum, times)| sum / times);
        Some(Self { weekday: day.weekday, bins: sums.into_iter().map(mean).collect() })
    }
}

/// The quarter of an hour on the wall clock.
fn wall(zone: &TimeZone, at: Timestamp) -> usize {
    let clock = zone.to_datetime(at);
    let minutes = i32::from(clock.hour()) * 60 + i32::from(clock.minute());
    usize::try_from(minutes / 15).unwrap_or(0)
}

fn likeness(past: Weekday, today: Weekday) -> f64 {
    let weekend = |day: Weekday| matches!(day, Weekday::Saturday | Weekday::Sunday);
    match (past == today, weekend(past) == weekend(today)) {
        (true, _) => SAME_WEEKDAY,
        (false, true) => 1.0,
        (false, false) => OTHER_KIND_OF_DAY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    fn new_york() -> Option<TimeZone> {
        Some(TimeZone::get("America/New_York").expect("bundled"))
    }

    /// One call of `sync` in every quarter whose wall clock shows nine to ten, from midnight on.
    fn office_hour(days: &mut Days, midnight: &str, quarters: usize) {
        for quarter in 0..quarters {
            let now = at(midnight) + SignedDuration::from_mins(15 * quarter as i64);
            days.turn(now);
            if (36..40).contains(&wall(&days.zone, now)) {
                days.count(Whose::Sync, now);
            }
        }
    }

    #[test]
    fn office_hours_meet_office_hours_when_the_clocks_change() {
        let mut days = Days::new(new_york(), at("2026-03-07T05:00:00Z"));
        office_hour(&mut days, "2026-03-07T05:00:00Z", 96);
        // The 8th is an hour short: nine o'clock comes in its ninth hour, not its tenth.
        days.turn(at("2026-03-08T05:00:00Z"));
        assert_eq!(days.today().1, at("2026-03-09T04:00:00Z"));
        let beside = days.past(Whose::Sync);
        assert_eq!(beside[0].bins.len(), 92);
        let busy: Vec<usize> = (0..92).filter(|bin| beside[0].bins[*bin] > 0.0).collect();
        assert_eq!(busy, [32, 33, 34, 35]);
        // In autumn the hour after one o'clock comes twice, and the day has a hundred quarters.
        let mut days = Days::new(new_york(), at("2026-10-31T04:00:00Z"));
        office_hour(&mut days, "2026-10-31T04:00:00Z", 96);
        days.turn(at("2026-11-01T04:00:00Z"));
        let beside = days.past(Whose::Sync);
        let busy: Vec<usize> = (0..100).filter(|bin| beside[0].bins[*bin] > 0.0).collect();
        assert_eq!(busy, [40, 41, 42, 43]);
    }

    #[test]
    fn an_hour_that_never_came_is_not_taken_for_a_quiet_one() {
        let mut days = Days::new(new_york(), at("2026-03-08T05:00:00Z"));
        days.turn(at("2026-03-09T04:00:00Z"));
        let beside = days.past(Whose::Sync);
        let unknown: Vec<usize> = (0..96).filter(|bin| beside[0].bins[*bin].is_nan()).collect();
        assert_eq!(unknown, [8, 9, 10, 11], "two to three o'clock");
    }

    #[test]
    fn half_a_day_is_remembered_less_is_not() {
        let mut days = Days::new(None, at("2026-01-01T13:00:00Z"));
        days.turn(at("2026-01-02T00:00:00Z"));
        assert_eq!(days.remembered(), 0);
        let mut days = Days::new(None, at("2026-01-01T11:00:00Z"));
        days.turn(at("2026-01-02T00:00:00Z"));
        assert_eq!(days.remembered(), 1);
        days.turn(at("2026-01-20T00:00:00Z"));
        assert_eq!(days.remembered(), 2, "days in which nobody looked say nothing");
    }

    #[test]
    fn a_zone_that_becomes_known_moves_midnight_and_keeps_the_calls() {
        let mut days = Days::new(None, at("2026-01-01T03:00:00Z"));
        days.count(Whose::Bulk, at("2026-01-01T03:00:10Z"));
        days.set_zone(new_york().expect("a zone"), at("2026-01-01T03:00:20Z"));
        assert_eq!(days.today(), (at("2025-12-31T05:00:00Z"), at("2026-01-01T05:00:00Z")));
        let seen = days.seen(at("2026-01-01T03:00:30Z"));
        assert_eq!(seen.of(Whose::Bulk).bins.iter().sum::<u32>(), 1);
        assert_eq!(seen.known(), 0, "the rest of this quarter was not seen");
    }

    #[test]
    fn what_others_spent_unseen_is_spread_over_the_time() {
        let mut days = Days::new(None, at("2026-01-01T00:00:00Z"));
        days.count_others(10, at("2026-01-01T00:14:00Z"), at("2026-01-01T00:31:00Z"));
        let seen = days.seen(at("2026-01-01T00:31:00Z"));
        assert_eq!(seen.of(Whose::Others).bins, [3, 3, 4]);
    }
}
