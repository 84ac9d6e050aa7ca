//! Today and the days before, from one process to the next.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{BIN, Counts, DAYS_KEPT, Day, Days, PastDay, WALL_BINS};

/// A break shorter than this is not noticed among the calls of a quarter of an hour.
const UNNOTICED: SignedDuration = SignedDuration::from_mins(1);

/// The longest day, in quarters of an hour.
const BINS_MAX: usize = 104;

/// Nobody is heard.
const ALL_SILENCED: u8 = 0b1111;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct DaysHandover {
    known_from: usize,
    bins: Vec<Counts>,
    silenced: Vec<u8>,
    past: Vec<PastHandover>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct PastHandover {
    /// From Monday, 0, on.
    weekday: i8,
    /// `None` where nothing is known.
    bins: Vec<[Option<f32>; 4]>,
}

impl DaysHandover {
    pub(crate) fn is_sound(&self) -> bool {
        let today = self.bins.len() <= BINS_MAX && self.silenced.len() <= BINS_MAX;
        let likely = |calls: &Option<f32>| calls.is_none_or(|calls| calls.is_finite() && calls >= 0.0);
        let past = self.past.len() <= DAYS_KEPT
            && self.past.iter().all(|day| {
                day.bins.len() == WALL_BINS
                    && Weekday::from_monday_zero_offset(day.weekday).is_ok()
                    && day.bins.iter().flatten().all(likely)
            });
        today && past
    }
}

impl Days {
    pub(crate) fn hand_over(&self) -> DaysHandover {
        let known = |calls: f32| Some(calls).filter(|calls| calls.is_finite());
        let past = self.past.iter().map(|day| PastHandover {
            weekday: day.weekday.to_monday_zero_offset(),
            bins: day.bins.iter().map(|bins| bins.map(known)).collect(),
        });
        DaysHandover {
            known_from: self.today.known_from,
            bins: self.today.bins.clone(),
            silenced: self.today.silenced.clone(),
            past: past.collect(),
        }
    }

    /// Goes on at `now` where another process stopped at `stopped_at`, which is not later. What happened between says
    /// nothing of what would have.
    pub(crate) fn resumed(
        handed: DaysHandover,
        zone: Option<TimeZone>,
        stopped_at: Timestamp,
        now: Timestamp,
    ) -> Self {
        let zone = zone.unwrap_or(TimeZone::UTC);
        let unknown = |calls: Option<f32>| calls.unwrap_or(f32::NAN);
        let past = handed.past.into_iter().filter_map(|day| {
            let bins = day.bins.into_iter().map(|bins| bins.map(unknown)).collect();
            let weekday = Weekday::from_monday_zero_offset(day.weekday).ok()?;
            Some(PastDay { weekday, bins })
        });
        let today = Day {
            known_from: handed.known_from,
            bins: handed.bins,
            silenced: handed.silenced,
            ..Day::of(&zone, stopped_at)
        };
        let mut days = Self { zone, today, past: past.collect() };
        days.today.cut_to_length();
        let away = now.duration_since(stopped_at);
        if away > UNNOTICED {
            days.today.silence_all(stopped_at, now);
        }
        days.turn(now);
        if away > BIN {
            days.today.known_from = days.today.bin(now) + 1;
        }
        days
    }
}

impl Day {
    fn cut_to_length(&mut self) {
        let length = self.length();
        self.bins.truncate(length);
        self.silenced.truncate(length);
    }

    fn silence_all(&mut self, since: Timestamp, until: Timestamp) {
        let last = self.length() - 1;
        let (first, last) = (self.bin(since).min(last), self.bin(until).min(last));
        if last >= self.silenced.len() {
            self.silenced.resize(last + 1, 0);
        }
        self.silenced[first..=last].fill(ALL_SILENCED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::governor::days::Whose;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    fn new_york() -> Option<TimeZone> {
        Some(TimeZone::get("America/New_York").expect("bundled"))
    }

    /// Two days of an interactive call a quarter, and the third up to noon.
    fn seen() -> Days {
        let mut days = Days::new(new_york(), at("2026-01-05T05:00:00Z"));
        for quarter in 0..(2 * 96 + 48) {
            days.count(Whose::Interactive, at("2026-01-05T05:00:00Z") + BIN * quarter);
        }
        days
    }

    fn resumed(days: &Days, stopped_at: &str, now: &str) -> Days {
        let text = serde_json::to_string(&days.hand_over()).expect("plain data");
        let handed: DaysHandover = serde_json::from_str(&text).expect("as it was written");
        assert!(handed.is_sound());
        Days::resumed(handed, new_york(), at(stopped_at), at(now))
    }

    #[test]
    fn a_short_break_changes_nothing() {
        let before = seen();
        let after = resumed(&before, "2026-01-07T17:00:00Z", "2026-01-07T17:00:30Z");
        assert_eq!(after.remembered(), 2);
        let now = at("2026-01-07T17:01:00Z");
        let sum = |days: &Days| days.seen(now).of(Whose::Interactive).bins.iter().sum::<u32>();
        assert_eq!((sum(&before), sum(&after)), (48, 48));
        assert_eq!(after.seen(now).known(), before.seen(now).known());
        assert_eq!(after.past(Whose::Interactive)[1].bins, before.past(Whose::Interactive)[1].bins);
    }

    #[test]
    fn hours_away_are_not_taken_for_quiet_ones() {
        let before = seen();
        let now = at("2026-01-07T20:00:00Z");
        let after = resumed(&before, "2026-01-07T17:00:00Z", "2026-01-07T20:00:00Z");
        assert_eq!(after.seen(now).known(), 0, "today begins anew");
        assert_eq!(
            after.seen(now).of(Whose::Interactive).bins.iter().sum::<u32>(),
            48,
            "what was spent was spent"
        );
        // Away until two days later: the day of the stop is remembered as far as it was seen.
        let after = resumed(&before, "2026-01-07T17:00:00Z", "2026-01-09T20:00:00Z");
        assert_eq!(after.remembered(), 3);
        let third = &after.past(Whose::Interactive)[2].bins;
        assert!(third[..48].iter().all(|calls| calls.is_finite()));
        assert!(third[48..].iter().all(|calls| calls.is_nan()));
    }

    #[test]
    fn what_cannot_be_is_not_sound() {
        let sound = seen().hand_over();
        let refused = |change: fn(&mut DaysHandover)| {
            let mut handed = sound.clone();
            change(&mut handed);
            !handed.is_sound()
        };
        assert!(refused(|handed| handed.bins = vec![Counts::default(); 1000]));
        assert!(refused(|handed| handed.past[0].weekday = 9));
        assert!(refused(|handed| handed.past[0].bins.truncate(3)));
        assert!(refused(|handed| handed.past[0].bins[0][0] = Some(-1.0)));
        assert!(refused(|handed| handed.past = vec![handed.past[0].clone(); 99]));
    }
}
