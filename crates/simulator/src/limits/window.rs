//! A true rolling window: at any instant, what was counted in the `span` before it.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

/// Counts instants. One counted at `t` is in the window until just before `t + span`. Instants never run backwards.
#[derive(Debug, Clone)]
pub struct RollingWindow {
    span: SignedDuration,
    counted: VecDeque<Timestamp>,
}

impl RollingWindow {
    pub const fn new(span: SignedDuration) -> Self {
        Self { span, counted: VecDeque::new() }
    }

    pub const fn span(&self) -> SignedDuration {
        self.span
    }

    /// How many are in the window that ends now.
    pub fn used(&mut self, now: Timestamp) -> u64 {
        while self.counted.front().is_some_and(|oldest| now.duration_since(*oldest) >= self.span) {
            self.counted.pop_front();
        }
        self.counted.len() as u64
    }

    /// Counts one now and tells how many the window then holds.
    pub fn count(&mut self, now: Timestamp) -> u64 {
        self.counted.push_back(now);
        self.used(now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SPAN_MS: i64 = 10_000;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_790_000_000_000 + ms).expect("in range")
    }

    fn window() -> RollingWindow {
        RollingWindow::new(SignedDuration::from_millis(SPAN_MS))
    }

    #[test]
    fn an_instant_leaves_exactly_one_span_later() {
        let mut window = window();
        window.count(at(0));
        assert_eq!(window.used(at(SPAN_MS - 1)), 1);
        assert_eq!(window.used(at(SPAN_MS)), 0);
    }

    proptest! {
        #[test]
        fn agrees_with_counting_by_hand(gaps_ms in prop::collection::vec(0_i64..4_000, 1..200)) {
            let mut window = window();
            let mut sent = Vec::new();
            let mut now_ms = 0;
            for gap_ms in gaps_ms {
                now_ms += gap_ms;
                sent.push(now_ms);
                let by_hand = sent.iter().filter(|ms| now_ms - **ms < SPAN_MS).count() as u64;
                prop_assert_eq!(window.count(at(now_ms)), by_hand);
            }
        }
    }
}
