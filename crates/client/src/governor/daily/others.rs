//! What other apps spend of the pool: the difference between HubSpot's count and ours.
//!
//! HubSpot's count was taken before an answer reached us, ours holds all that we have sent until now: the difference is
//! never more than what others spent, and comes close whenever little of ours is under way. So its highest value counts,
//! anew in each quarter of an hour: calls of ours that HubSpot did not count must not hide others for ever.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

const EPOCH: SignedDuration = SignedDuration::from_mins(15);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Others {
    /// The highest difference so far, counted already.
    counted: u64,
    /// The highest of this epoch, and when it began.
    highest: u64,
    since: Option<Timestamp>,
    looked_at: Option<Timestamp>,
}

/// What one look at the difference shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// So many were spent before we looked for the first time; by whom is not known.
    BeforeUs(u64),
    /// Others spent so many since then.
    More(u64, Timestamp),
    Nothing,
}

impl Others {
    /// A day that is seen from its first moment on.
    pub(super) fn from_midnight(midnight: Timestamp) -> Self {
        Self { looked_at: Some(midnight), ..Self::default() }
    }

    /// HubSpot's count was so much above ours.
    pub(super) fn look(&mut self, difference: u64, now: Timestamp) -> Found {
        let Some(looked_at) = self.looked_at.replace(now) else {
            *self = Self { counted: difference, highest: difference, since: Some(now), looked_at: Some(now) };
            return Found::BeforeUs(difference);
        };
        match self.since {
            Some(since) if now.duration_since(since) < EPOCH => self.highest = self.highest.max(difference),
            Some(_) => {
                self.counted = self.counted.min(self.highest);
                (self.highest, self.since) = (difference, Some(now));
            }
            None => (self.highest, self.since) = (difference, Some(now)),
        }
        if difference <= self.counted {
            return Found::Nothing;
        }
        let more = difference - self.counted;
        self.counted = difference;
        Found::More(more, looked_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn what_was_spent_before_the_first_look_is_nobodys() {
        let mut others = Others::default();
        assert_eq!(others.look(500, at(0)), Found::BeforeUs(500));
        assert_eq!(others.look(510, at(5)), Found::More(10, at(0)));
        let mut others = Others::from_midnight(at(0));
        assert_eq!(others.look(500, at(5)), Found::More(500, at(0)));
    }

    #[test]
    fn calls_under_way_do_not_look_like_others() {
        let mut others = Others::from_midnight(at(0));
        assert_eq!(others.look(100, at(1)), Found::More(100, at(0)));
        assert_eq!(others.look(60, at(2)), Found::Nothing, "forty of ours are not counted yet");
        assert_eq!(others.look(100, at(3)), Found::Nothing);
        assert_eq!(others.look(103, at(4)), Found::More(3, at(3)));
    }

    #[test]
    fn calls_of_ours_that_were_never_counted_hide_nobody_for_long() {
        let mut others = Others::from_midnight(at(0));
        assert_eq!(others.look(100, at(1)), Found::More(100, at(0)));
        // Fifty of ours got lost on the way; then others spend again.
        for minute in 2..34 {
            assert_eq!(others.look(50, at(minute)), Found::Nothing);
        }
        assert_eq!(others.look(60, at(34)), Found::More(10, at(33)));
    }
}
