//! Slots from one process to the next, in times from the moment they are written down.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{Cooling, EDGE, Outside, Slots, UNANSWERED_GRACE};

/// When what HubSpot may still count will have left its window.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SlotsHandover {
    /// Milliseconds from then, and how many slots come free at that time.
    cooling: Vec<(u64, u32)>,
    outside: (u64, u32),
}

impl Slots {
    pub(crate) fn hand_over(&self, now: Instant) -> SlotsHandover {
        let in_ms = |at: Instant| {
            // Upwards: never free too early.
            u64::try_from(at.saturating_duration_since(now).as_millis()).map_or(u64::MAX, |ms| ms + 1)
        };
        // Whose answer never came may be counted as late as one whose caller hung up.
        let unanswered = now + UNANSWERED_GRACE + self.limit.window + EDGE;
        let unanswered = Some((in_ms(unanswered), self.in_flight)).filter(|(_, count)| *count > 0);
        let cooling = self.cooling.iter().map(|cooling| (in_ms(cooling.free_at), cooling.count));
        SlotsHandover {
            cooling: cooling.chain(unanswered).collect(),
            outside: (in_ms(self.outside.until), self.outside(now)),
        }
    }

    /// Goes on after `passed`, instead of sitting a window out. No time is believed that is longer than one can be.
    pub(crate) fn resume(&mut self, handed: &SlotsHandover, passed: Duration, now: Instant) {
        let longest = UNANSWERED_GRACE + self.limit.window * 2;
        let at = |ms: u64| now + Duration::from_millis(ms).saturating_sub(passed).min(longest);
        let mut cooling: Vec<Cooling> = handed
            .cooling
            .iter()
            .map(|(ms, count)| Cooling { free_at: at(*ms), count: (*count).min(self.limit.count) })
            .filter(|cooling| cooling.free_at > now)
            .collect();
        cooling.sort_by_key(|cooling| cooling.free_at);
        self.cooling_count = cooling.iter().map(|cooling| cooling.count).sum();
        self.cooling = cooling.into();
        self.outside = Outside { count: handed.outside.1, until: at(handed.outside.0) };
    }
}

#[cfg(test)]
mod tests {
    use hubspot::limits::RollingLimit;

    use super::*;

    const LIMIT: RollingLimit = RollingLimit { count: 5, window: Duration::from_secs(1) };

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn slots_go_on_cooling_in_the_next_process() {
        let start = Instant::now();
        let mut before = Slots::new(LIMIT, None, start);
        for _ in 0..3 {
            before.take(start);
        }
        before.answered(start + ms(100));
        before.answered(start + ms(100));
        let handed = before.hand_over(start + ms(400));
        let mut after = Slots::new(LIMIT, None, start).spent(start);
        let now = start + ms(500);
        after.resume(&handed, ms(100), now);
        assert_eq!(after.free(now), 2, "two cool, and one was never answered");
        assert_eq!(after.free(start + ms(1_100)), 2);
        assert_eq!(after.free(start + ms(1_110)), 4);
        assert_eq!(after.free(start + ms(11_400)), 4);
        assert_eq!(after.free(start + ms(11_410)), 5);
    }

    #[test]
    fn a_window_that_another_filled_stays_full() {
        let start = Instant::now();
        let before = Slots::new(LIMIT, None, start).spent(start);
        let handed = before.hand_over(start + ms(200));
        let mut after = Slots::new(LIMIT, None, start);
        after.resume(&handed, ms(300), start + ms(500));
        assert_eq!(after.free(start + ms(999)), 0);
        assert_eq!(after.free(start + ms(1_010)), 5);
    }

    #[test]
    fn a_clock_set_back_makes_nobody_wait_for_ever_and_nothing_free_early() {
        let start = Instant::now();
        let handed = SlotsHandover { cooling: vec![(u64::MAX, 9)], outside: (u64::MAX, 9) };
        let mut after = Slots::new(LIMIT, None, start);
        after.resume(&handed, Duration::ZERO, start);
        assert_eq!(after.free(start + ms(11_000)), 0);
        assert_eq!(after.free(start + ms(12_000)), 5);
    }
}
