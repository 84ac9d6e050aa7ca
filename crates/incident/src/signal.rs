//! Observations, as the engine takes them: plain data from whoever watches, each with its moment and its place.
//!
//! Whoever watches counts; the engine judges. Counts are what was added since the last signal of the same place, so that
//! sums over signals equal the ledger they were read from.

use std::ops::AddAssign;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

mod own;

pub use own::{Commits, Deliveries, Process, Standing};

/// Where something shows. What is left out is all of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    pub connection: Option<String>,
    pub caller: Option<String>,
    pub family: Option<String>,
    /// By its code, the fault that what shows there is like.
    pub fault: Option<String>,
}

/// One observation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    pub at: Timestamp,
    pub place: Place,
    pub seen: Seen,
}

/// What was observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Seen {
    /// Calls that ended, and requests that were answered or not.
    Calls(Calls),
    /// A portal's daily pool, by HubSpot's count.
    Daily {
        used: u64,
        limit: u64,
    },
    /// A check of something by name: HubSpot's front door, or a dependency.
    Health {
        name: String,
        well: Wellness,
    },
    /// Webhook events that arrived, and how long after they occurred.
    Webhooks {
        events: u64,
        late: u64,
        slowest_ms: u64,
    },
    /// A job of the company's own began or ended.
    Job {
        name: String,
        step: JobStep,
    },
    /// A credential, by its name; never the credential.
    Credential {
        name: String,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    },
    /// Something in use will stop on a day that HubSpot has announced.
    Sunset {
        what: String,
        on: Date,
    },
    /// Work that waits: writes accepted for later, events to be forwarded.
    Backlog {
        name: String,
        waiting: u64,
        oldest_seconds: u64,
    },
    /// Work that was given up: as much as there is now.
    Dead {
        name: String,
        count: u64,
    },
    /// What was accepted since the start, and what has become of it by the store's own count.
    Ledger {
        name: String,
        accepted: u64,
        ended: u64,
        waiting: u64,
    },
    /// When a portal's daily pool will be used up, if that is before its day ends.
    Forecast {
        used_up_at: Option<Timestamp>,
    },
    /// What came to our webhook address.
    Deliveries(Deliveries),
    /// What was written to our store.
    Commits(Commits),
    Process(Process),
    /// The disk that our store lies on.
    Disk {
        free_bytes: u64,
        total_bytes: u64,
    },
    /// Our clock minus the clock of others.
    Clock {
        offset_ms: i64,
    },
    Standing {
        of: Standing,
        name: String,
        well: Wellness,
        observed: String,
    },
}

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wellness {
    Well,
    Ill,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStep {
    Started,
    Finished,
    Failed,
}

/// Counts that add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Calls {
    /// As callers count them.
    pub calls: u64,
    /// Calls that ended without what was asked for, and by no fault of the call itself: expected 404s and 409s are none.
    pub failed: u64,
    /// Calls answered from what was kept, because HubSpot gave nothing.
    pub stale: u64,
    /// The ages of those answers in seconds, added up.
    pub stale_age_seconds: u64,
    /// Calls that we refused for lack of a slot in time.
    pub refused: u64,
    /// Requests sent, as HubSpot counts them.
    pub sent: u64,
    /// Answers below 500 that are neither 401, 403 nor 429: HubSpot serves.
    pub good: u64,
    /// Answers 401 and 403.
    pub denied: u64,
    /// Answers 429.
    pub limited: u64,
    /// Answers 5xx, and no whole answer at all.
    pub broken: u64,
    /// Answers that took longer than the latency objective.
    pub slow: u64,
    /// Answers 4xx that say something about the call itself, and items refused in answers that say 207.
    pub rejected: u64,
}

impl AddAssign for Calls {
    fn add_assign(&mut self, other: Self) {
        let pairs = [
            (&mut self.calls, other.calls),
            (&mut self.failed, other.failed),
            (&mut self.stale, other.stale),
            (&mut self.stale_age_seconds, other.stale_age_seconds),
            (&mut self.refused, other.refused),
            (&mut self.sent, other.sent),
            (&mut self.good, other.good),
            (&mut self.denied, other.denied),
            (&mut self.limited, other.limited),
            (&mut self.broken, other.broken),
            (&mut self.slow, other.slow),
            (&mut self.rejected, other.rejected),
        ];
        for (mine, theirs) in pairs {
            *mine = mine.saturating_add(theirs);
        }
    }
}

impl Calls {
    /// What came on top of `before`; counts that went back (a restart) count as new.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let more = |now: u64, then: u64| if now < then { now } else { now - then };
        Self {
            calls: more(self.calls, before.calls),
            failed: more(self.failed, before.failed),
            stale: more(self.stale, before.stale),
            stale_age_seconds: more(self.stale_age_seconds, before.stale_age_seconds),
            refused: more(self.refused, before.refused),
            sent: more(self.sent, before.sent),
            good: more(self.good, before.good),
            denied: more(self.denied, before.denied),
            limited: more(self.limited, before.limited),
            broken: more(self.broken, before.broken),
            slow: more(self.slow, before.slow),
            rejected: more(self.rejected, before.rejected),
        }
    }

    /// What of it went wrong.
    #[must_use]
    pub fn failures(&self) -> Self {
        Self { calls: 0, sent: 0, good: 0, ..*self }
    }

    /// The same calls, as if nothing had gone wrong with them.
    #[must_use]
    pub fn without_failures(&self) -> Self {
        Self { calls: self.calls, sent: self.sent, good: self.good, ..Self::default() }
    }

    /// How old answers from what was kept were on average.
    pub fn stale_age(&self) -> Option<SignedDuration> {
        let seconds = self.stale_age_seconds.checked_div(self.stale)?;
        Some(SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX)))
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Place {
    /// `connection a, family search`; `everywhere`.
    pub fn tell(&self) -> String {
        let parts: Vec<String> = [
            ("connection", &self.connection),
            ("caller", &self.caller),
            ("family", &self.family),
            ("", &self.fault),
        ]
        .into_iter()
        .filter_map(|(what, name)| Some(format!("{what} {}", name.as_ref()?).trim_start().to_owned()))
        .collect();
        if parts.is_empty() { "everywhere".into() } else { parts.join(", ") }
    }

    /// Something may lie in both.
    pub fn meets(&self, other: &Self) -> bool {
        let both = |mine: &Option<String>, theirs: &Option<String>| {
            mine.is_none() || theirs.is_none() || mine == theirs
        };
        both(&self.connection, &other.connection)
            && both(&self.caller, &other.caller)
            && both(&self.family, &other.family)
            && both(&self.fault, &other.fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_over_differences_are_the_total() {
        let mut total = Calls::default();
        let readings = [3, 10, 10, 4].map(|calls| Calls { calls, failed: calls / 2, ..Calls::default() });
        let mut before = Calls::default();
        for reading in readings {
            total += reading.since(&before);
            before = reading;
        }
        assert_eq!((total.calls, total.failed), (14, 7), "the third reading is after a restart");
    }

    #[test]
    fn places_meet_where_nothing_keeps_them_apart() {
        let of = |connection: Option<&str>, family: Option<&str>| Place {
            connection: connection.map(Into::into),
            family: family.map(Into::into),

            ..Place::default()
        };
        assert!(of(None, None).meets(&of(Some("a"), Some("search"))));
        assert!(of(Some("a"), None).meets(&of(None, Some("search"))));
        assert!(!of(Some("a"), None).meets(&of(Some("b"), None)));
    }
}
