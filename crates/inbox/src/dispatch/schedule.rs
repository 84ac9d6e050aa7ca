//! When a failed delivery goes again: at a random moment within a time that doubles, for three days.

use jiff::{SignedDuration, Timestamp};

/// How long an event is tried. HubSpot itself gives up after 24 h; a subscriber may be down over a weekend.
pub const TRIED_FOR: SignedDuration = SignedDuration::from_hours(72);

/// The first pause is at most this long.
const FIRST_MAX: SignedDuration = SignedDuration::from_secs(1);

/// And none is longer.
const PAUSE_MAX: SignedDuration = SignedDuration::from_hours(4);

/// The longest that a subscriber may ask us to wait.
const ASKED_MAX: SignedDuration = SignedDuration::from_hours(24);

/// How long to wait after `attempts` failures. `share`, from 0 to 1, is drawn anew each time: those that failed together
/// do not come back together.
pub fn pause(attempts: u32, share: f64) -> SignedDuration {
    let doubled =
        FIRST_MAX.as_secs_f64() * 2f64.powi(i32::try_from(attempts.saturating_sub(1)).unwrap_or(64).min(64));
    SignedDuration::from_secs_f64(doubled.min(PAUSE_MAX.as_secs_f64()) * share.clamp(0.0, 1.0))
}

/// It has been tried for long enough.
pub fn is_over(received_at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(received_at) >= TRIED_FOR
}

/// What `Retry-After` asks for: seconds, or a date.
pub fn asked(retry_after: &str, now: Timestamp) -> Option<SignedDuration> {
    let text = retry_after.trim();
    let asked = match text.parse::<u32>() {
        Ok(seconds) => SignedDuration::from_secs(seconds.into()),
        Err(_) => jiff::fmt::rfc2822::parse(text).ok()?.timestamp().duration_since(now),
    };
    asked.is_positive().then(|| asked.min(ASKED_MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pauses_double_up_to_four_hours() {
        let longest: Vec<i64> = (1..=17).map(|attempts| pause(attempts, 1.0).as_secs()).collect();
        assert_eq!(longest[..5], [1, 2, 4, 8, 16]);
        assert_eq!(longest[14..], [14_400; 3]);
    }

    #[test]
    fn three_days_are_enough() {
        let then: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        assert!(!is_over(then, "2026-03-03T23:59:59Z".parse().unwrap()));
        assert!(is_over(then, "2026-03-04T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn a_subscriber_may_ask_for_time() {
        let now: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        assert_eq!(asked("120", now), Some(SignedDuration::from_secs(120)));
        assert_eq!(asked("Sun, 01 Mar 2026 00:01:00 GMT", now), Some(SignedDuration::from_mins(1)));
        assert_eq!(asked("Sat, 28 Feb 2026 00:01:00 GMT", now), None);
        assert_eq!(asked("4000000000", now), Some(ASKED_MAX));
        assert_eq!(asked("soon", now), None);
    }

    proptest! {
        #[test]
        fn a_pause_is_never_longer_than_its_time(attempts in any::<u32>(), share in 0.0..=1.0) {
            let pause = pause(attempts, share);
            prop_assert!(!pause.is_negative() && pause <= PAUSE_MAX);
        }
    }
}
