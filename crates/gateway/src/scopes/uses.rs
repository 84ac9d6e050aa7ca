//! Which scopes calls needed, counted day by day: what is granted and never needed can be taken away.

use std::collections::BTreeMap;

use hubspot::endpoint::ApiFamily;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// What a call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Any one of them.
    AnyOf(&'static [&'static str]),
    /// Which scopes these calls need is not known.
    Unknown(ApiFamily),
}

/// Calls of one connection with one need, on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    pub calls: u64,
    /// Of them, those that we refused.
    pub refused: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    pub connection: String,
    /// In UTC.
    pub day: Date,
    pub need: Need,
    pub count: Count,
    pub last_at: Timestamp,
}

/// Where nothing is kept elsewhere, this much is kept here.
const DAYS_MAX: i64 = 30;

#[derive(Debug, Default)]
pub(super) struct Uses(BTreeMap<(Date, Need), (Count, Timestamp)>);

impl Count {
    pub(super) const ASKED: Self = Self { calls: 1, refused: 0 };
    pub(super) const REFUSED: Self = Self { calls: 0, refused: 1 };
}

impl Need {
    /// As it is kept: `a|b` for either of two, `?family` where it is not known.
    pub fn text(self) -> String {
        match self {
            Self::AnyOf(scopes) => scopes.join("|"),
            Self::Unknown(family) => format!("?{}", family.name()),
        }
    }
}

impl Uses {
    pub(super) fn note(&mut self, need: Need, count: Count, now: Timestamp) {
        let day = now.to_zoned(TimeZone::UTC).date();
        let is_new_day = self.0.last_key_value().is_none_or(|((last, _), _)| *last < day);
        if is_new_day && let Ok(first) = day.checked_sub(SignedDuration::from_hours(24 * DAYS_MAX)) {
            self.0.retain(|(day, _), _| *day >= first);
        }
        self.add((day, need), count, now);
    }

    fn add(&mut self, key: (Date, Need), count: Count, at: Timestamp) {
        let (sum, last_at) = self.0.entry(key).or_insert((Count { calls: 0, refused: 0 }, at));
        sum.calls += count.calls;
        sum.refused += count.refused;
        *last_at = (*last_at).max(at);
    }

    pub(super) fn list(&self, connection: &str) -> Vec<Use> {
        let list = self.0.iter().map(|((day, need), (count, last_at))| Use {
            connection: connection.to_owned(),
            day: *day,
            need: *need,
            count: *count,
            last_at: *last_at,
        });
        list.collect()
    }

    pub(super) fn take(&mut self, connection: &str) -> Vec<Use> {
        let list = self.list(connection);
        self.0.clear();
        list
    }

    pub(super) fn give_back(&mut self, given: &Use) {
        self.add((given.day, given.need), given.count, given.last_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEED: Need = Need::AnyOf(&["a", "b"]);

    #[test]
    fn days_are_counted_apart_and_forgotten_after_a_month() {
        let at: Timestamp = "2026-03-01T23:59:00Z".parse().unwrap();
        let mut uses = Uses::default();
        uses.note(NEED, Count::ASKED, at);
        uses.note(NEED, Count::ASKED, at);
        uses.note(NEED, Count::REFUSED, at);
        uses.note(Need::Unknown(ApiFamily::Other), Count::ASKED, at + SignedDuration::from_mins(2));
        let told = uses.list("c");
        let counts: Vec<_> = told
            .iter()
            .map(|one| (one.day.day(), one.need.text(), one.count.calls, one.count.refused))
            .collect();
        assert_eq!(counts, [(1, "a|b".into(), 2, 1), (2, "?other".into(), 1, 0)]);
        let taken = uses.take("c");
        assert!(taken == told && uses.list("c").is_empty());
        taken.iter().for_each(|one| uses.give_back(one));
        assert_eq!(uses.list("c"), told);
        uses.note(NEED, Count::ASKED, at + SignedDuration::from_hours(24 * 31));
        assert_eq!(uses.list("c").len(), 2, "the first day is gone");
    }
}
