//! Tells spending that was not ours from the limit headers of our own calls.

use hubspot::endpoint::Budget;

use super::report::api::{LimitReading, Limits};

/// Only calls on the burst window are held against each other: associations have a window, and a day, of their own.
pub(super) fn read(readings: Vec<LimitReading>) -> Limits {
    let comparable: Vec<&LimitReading> = readings.iter().filter(|reading| draws_on_burst(reading)).collect();
    let remaining = |reading: &LimitReading| reading.remaining.map(u64::from);
    let burst = outside(&comparable, remaining).and_then(|spent| u32::try_from(spent).ok());
    let daily_outside = outside(&comparable, |reading| reading.daily_remaining);
    Limits { burst_outside: burst, daily_outside, readings }
}

pub(super) fn draws_on_burst(reading: &LimitReading) -> bool {
    reading.budget.as_deref() == Some(Budget::Burst.name())
}

/// The least that others must have spent between two readings. Of our own calls, all but the first one itself and
/// those answered before it left may have been counted between the two: answers do not come in the order of counting.
/// What the window gave back in the meantime only hides spending, so this never accuses falsely. `None` with fewer
/// than two readings.
fn outside(readings: &[&LimitReading], remaining: impl Fn(&LimitReading) -> Option<u64>) -> Option<u64> {
    let pairs = readings
        .iter()
        .enumerate()
        .flat_map(|(index, first)| readings[index + 1..].iter().map(move |second| (first, second)));
    pairs
        .filter_map(|(first, second)| {
            let fall = remaining(first)?.saturating_sub(remaining(second)?);
            let ours = second.sent.saturating_sub(first.answered_before + 1);
            Some(fall.saturating_sub(u64::from(ours)))
        })
        .max()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reading(sent: u32, answered_before: u32, remaining: u32) -> LimitReading {
        LimitReading {
            path: String::new(),
            budget: Some("burst".to_owned()),
            at_ms: 0,
            sent,
            answered_before,
            max: Some(100),
            remaining: Some(remaining),
            window_ms: Some(10_000),
            daily: None,
            daily_remaining: Some(u64::from(remaining) * 10),
        }
    }

    proptest! {
        /// Nobody else spends: whatever the order of leaving, counting and answering, nobody is accused.
        #[test]
        fn alone_means_nobody_else(moments in proptest::collection::vec((0_u32..50, 0_u32..50, 0_u32..50), 1..8)) {
            let calls = moments.into_iter().map(|(leaves, until_counted, until_answered)| {
                let counted = leaves + until_counted;
                (leaves, counted, counted + until_answered)
            });
            let mut calls: Vec<(u32, u32, u32)> = calls.collect();
            calls.sort_by_key(|(_, _, answered)| *answered);
            let number = |matching: &dyn Fn(&&(u32, u32, u32)) -> bool| {
                u32::try_from(calls.iter().filter(matching).count()).expect("a handful")
            };
            let readings = calls.iter().map(|(leaves, counted, answered)| {
                let sent = number(&|call| call.0 <= *answered);
                let answered_before = number(&|call| call.2 < *leaves);
                reading(sent, answered_before, 100 - number(&|call| call.1 <= *counted))
            });
            let outside = read(readings.collect()).burst_outside;
            prop_assert!(outside.is_none() || outside == Some(0), "{outside:?}");
        }
    }

    #[test]
    fn our_own_spending_is_not_others() {
        // Four calls under way together, answered in another order than counted.
        let limits = read(vec![reading(4, 0, 97), reading(4, 0, 99), reading(4, 0, 96), reading(4, 0, 98)]);
        assert_eq!(limits.burst_outside, Some(0));
    }

    #[test]
    fn a_fall_beyond_our_calls_is_others() {
        let limits = read(vec![reading(1, 0, 90), reading(3, 1, 70), reading(3, 1, 69)]);
        assert_eq!(limits.burst_outside, Some(19), "21 gone, two of them ours");
        assert_eq!(limits.daily_outside, Some(208));
    }

    #[test]
    fn a_window_that_gave_back_accuses_nobody() {
        assert_eq!(read(vec![reading(1, 0, 5), reading(2, 1, 100)]).burst_outside, Some(0));
    }

    #[test]
    fn the_window_of_associations_is_another() {
        let associations = LimitReading { budget: Some("associations".to_owned()), ..reading(3, 1, 20) };
        let limits = read(vec![reading(1, 0, 90), associations, reading(3, 1, 89)]);
        assert_eq!((limits.burst_outside, limits.daily_outside), (Some(0), Some(8)));
    }

    #[test]
    fn one_reading_tells_nothing() {
        assert_eq!(read(vec![reading(1, 0, 5)]).burst_outside, None);
    }
}
