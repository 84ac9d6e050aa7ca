//! Calls that stand in line inside HubSpot, while a fault leaves it less capacity than it is asked for.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// What is left: calls a second, and how long one may stand in line before the edge gives it up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Capacity {
    pub per_second: f64,
    pub patience: Duration,
}

/// What becomes of a call that joins the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Its turn comes after this long.
    Comes { after: Duration },
    /// Its turn would come too late.
    GivenUp { after: Duration },
}

/// One line.
#[derive(Debug, Default)]
pub struct Backlog {
    free_at: Option<Timestamp>,
}

impl Backlog {
    pub fn join(&mut self, now: Timestamp, capacity: Capacity) -> Turn {
        let begins = self.free_at.map_or(now, |free_at| free_at.max(now));
        let after = Duration::try_from(begins.duration_since(now)).unwrap_or_default();
        if after > capacity.patience {
            return Turn::GivenUp { after: capacity.patience };
        }
        let takes = SignedDuration::from_secs_f64(1.0 / capacity.per_second);
        self.free_at = Some(begins + takes);
        Turn::Comes { after }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_grows_by_what_comes_too_fast_and_is_given_up_past_patience() {
        let now: Timestamp = "2026-10-01T12:00:00Z".parse().unwrap();
        let capacity = Capacity { per_second: 2.0, patience: Duration::from_secs(1) };
        let mut backlog = Backlog::default();
        let turns: Vec<Turn> = (0..4).map(|_| backlog.join(now, capacity)).collect();
        let comes = |ms| Turn::Comes { after: Duration::from_millis(ms) };
        let given_up = Turn::GivenUp { after: Duration::from_secs(1) };
        assert_eq!(turns, [comes(0), comes(500), comes(1_000), given_up]);
        assert_eq!(backlog.join(now + SignedDuration::from_secs(9), capacity), comes(0));
    }
}
