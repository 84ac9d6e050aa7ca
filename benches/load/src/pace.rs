//! When a connection asks: evenly over time and over the connections, or as soon as it can.

use std::time::Duration;

/// The times of one connection's requests.
pub(crate) enum Pace {
    Fixed { first_s: f64, every_s: f64 },
    AsSoonAsAnswered,
}

impl Pace {
    /// `rate` is requests per second over all `connections`; this is the one at `index`.
    pub(crate) fn new(rate: Option<f64>, connections: usize, index: usize) -> Self {
        match rate {
            Some(rate) => Self::Fixed { first_s: index as f64 / rate, every_s: connections as f64 / rate },
            None => Self::AsSoonAsAnswered,
        }
    }

    /// When the request of this turn is due, after the start.
    pub(crate) fn due(&self, turn: u32) -> Option<Duration> {
        match self {
            Self::Fixed { first_s, every_s } => {
                Some(Duration::from_secs_f64(first_s + f64::from(turn) * every_s))
            }
            Self::AsSoonAsAnswered => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_take_turns_at_the_common_rate() {
        let due = |index, turn| Pace::new(Some(100.0), 4, index).due(turn).map(|after| after.as_millis());
        let first_five = [due(0, 0), due(1, 0), due(2, 0), due(3, 0), due(0, 1)];
        assert_eq!(first_five, [Some(0), Some(10), Some(20), Some(30), Some(40)]);
    }

    #[test]
    fn without_a_rate_nothing_is_due() {
        assert_eq!(Pace::new(None, 4, 0).due(7), None);
    }
}
