//! How many operations of a line may be under way. One that fails for all stops the line: then one goes to ask, and with
//! each that succeeds there may be more, until all that a pack or two can carry go at once.

use std::time::Duration;

use tokio::time::Instant;

/// Under way in one line at most: two full packs and a half.
const WIDTH_MAX: usize = 256;

/// The first pause where HubSpot does not say how long; each further one doubles.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(15);

/// Longer is not waited for without a look: packs are bought, people fix things.
const ASKED_MAX: Duration = Duration::from_secs(300);

/// One line's pace.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    width: usize,
    under_way: usize,
    failures: u32,
    until: Option<Instant>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { width: WIDTH_MAX, under_way: 0, failures: 0, until: None }
    }
}

impl Pace {
    /// How many more may go now.
    pub(crate) fn room(&self, now: Instant) -> usize {
        if self.paused(now).is_some() { 0 } else { self.width.saturating_sub(self.under_way) }
    }

    /// Until when nobody goes.
    pub(crate) fn paused(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| *until > now)
    }

    pub(crate) fn begun(&mut self, count: usize) {
        self.under_way += count;
    }

    /// HubSpot answered: applied or refused, it is there.
    pub(crate) fn answered(&mut self) {
        self.ended();
        self.failures = 0;
        self.until = None;
        self.width = (self.width * 2).min(WIDTH_MAX);
    }

    /// Says nothing about the others.
    pub(crate) fn ended(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Nobody gets through. Those who were under way with it fail too, and count once.
    pub(crate) fn failed(&mut self, after: Option<Duration>, now: Instant) {
        self.ended();
        if self.paused(now).is_some() {
            return;
        }
        self.width = 1;
        let pause = PAUSE.saturating_mul(1 << self.failures.min(10)).min(PAUSE_MAX);
        self.failures = self.failures.saturating_add(1);
        self.until = Some(now + after.map_or(pause, |asked| asked.clamp(PAUSE, ASKED_MAX)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_line_stops_asks_and_widens_again() {
        let now = Instant::now();
        let mut pace = Pace::default();
        pace.begun(3);
        pace.failed(None, now);
        pace.failed(None, now);
        pace.ended();
        assert_eq!(
            (pace.room(now), pace.paused(now)),
            (0, Some(now + PAUSE)),
            "two who fail together count once"
        );
        let later = now + PAUSE;
        assert_eq!(pace.room(later), 1);
        pace.begun(1);
        pace.failed(None, later);
        assert_eq!(pace.paused(later), Some(later + PAUSE * 2), "each further pause is longer");
        let back = later + PAUSE * 2;
        pace.begun(1);
        pace.answered();
        assert_eq!(pace.room(back), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_hubspot_asks_for_is_kept_within_bounds() {
        let now = Instant::now();
        let paused = |asked| {
            let mut pace = Pace::default();
            pace.begun(1);
            pace.failed(Some(asked), now);
            pace.paused(now).map(|until| until - now)
        };
        assert_eq!(paused(Duration::ZERO), Some(PAUSE));
        assert_eq!(paused(Duration::from_secs(7)), Some(Duration::from_secs(7)));
        assert_eq!(paused(Duration::from_secs(86_400)), Some(ASKED_MAX));
    }
}
