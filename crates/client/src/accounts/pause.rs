//! A portal on the move between data centres (477) is left alone for as long as HubSpot says, up to a day. It may be there
//! sooner: every minute one call goes to ask.

use std::time::Duration;

use tokio::time::Instant;

use crate::call::Failure;

/// Between two questions, and from the first answer to the first of them.
const ASK_EVERY: Duration = Duration::from_secs(60);

/// Whoever goes to ask has this long before another does.
const ASKING: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy)]
pub(crate) struct Pause {
    /// What HubSpot named, where it named anything.
    until: Option<Instant>,
    ask_at: Instant,
}

impl Pause {
    /// HubSpot has just said so.
    pub(crate) fn begun(now: Instant, retry_after: Option<Duration>) -> Self {
        let asks_in = retry_after.map_or(ASK_EVERY, |wait| wait.min(ASK_EVERY));
        Self { until: retry_after.and_then(|wait| now.checked_add(wait)), ask_at: now + asks_in }
    }

    /// # Errors
    /// It goes on, and this is not the call that asks.
    pub(super) fn check(&mut self, now: Instant) -> Result<(), Failure> {
        let asked_again_in = self.ask_at.saturating_duration_since(now);
        if asked_again_in.is_zero() {
            self.ask_at = now + ASKING;
            return Ok(());
        }
        let left = self.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        Err(Failure::PortalPaused { retry_after: left.max(asked_again_in), asked_again_in })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pause: &mut Pause, now: Instant) -> Option<(u64, u64)> {
        match pause.check(now) {
            Err(Failure::PortalPaused { retry_after, asked_again_in }) => {
                Some((retry_after.as_secs(), asked_again_in.as_secs()))
            }
            Err(other) => panic!("{other}"),
            Ok(()) => None,
        }
    }

    #[test]
    fn later_callers_are_told_the_end_that_hubspot_named_while_one_a_minute_asks() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut pause = Pause::begun(start, Some(Duration::from_secs(3600)));
        assert_eq!(told(&mut pause, at(10)), Some((3590, 50)));
        assert_eq!(told(&mut pause, at(60)), None, "this one asks");
        assert_eq!(told(&mut pause, at(61)), Some((3539, 9)));
        // It heard nothing; the next one asks.
        assert_eq!(told(&mut pause, at(70)), None);
    }

    #[test]
    fn without_a_word_they_are_told_when_the_next_one_asks() {
        let start = Instant::now();
        let mut pause = Pause::begun(start, None);
        assert_eq!(told(&mut pause, start + Duration::from_secs(20)), Some((40, 40)));
        let mut short = Pause::begun(start, Some(Duration::from_secs(5)));
        assert_eq!(told(&mut short, start + Duration::from_secs(2)), Some((3, 3)));
        assert_eq!(told(&mut short, start + Duration::from_secs(5)), None);
    }
}
