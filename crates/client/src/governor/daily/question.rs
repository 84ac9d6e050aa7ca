//! When HubSpot is asked how much of the day is used. Pure.
//!
//! The headers of ordinary answers tell nearly everything, so the usage endpoint is asked rarely: once a day in a quiet
//! moment, for the exact reset; when no answer has told the count for long, as with searches alone; and while the pool is
//! empty, as long as somebody wants to call, to find out soon that it is not. HubSpot does not say whether asking costs a
//! call (hubspot-facts §1.8); we count one.

use jiff::{SignedDuration, Timestamp};

/// While the pool is empty. A service that is back within 30 s of any fault's end cannot ask much less often; a whole day
/// of asking is 4,320 calls, when no other call is made.
const PARKED: SignedDuration = SignedDuration::from_secs(20);

/// In quiet moments; doubled after each answer that told nothing.
const QUIET: SignedDuration = SignedDuration::from_mins(10);
const QUIET_DOUBLINGS_MAX: u32 = 5;

/// The headers' last word is old.
const BLIND: SignedDuration = SignedDuration::from_mins(15);

#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    asked_at: Option<Timestamp>,
    began_at: Timestamp,
    /// Somebody was refused since.
    wanted: bool,
    fruitless: u32,
    /// The reset that HubSpot confirmed.
    confirmed: Option<Timestamp>,
    /// When the count was told for the last time, and whether we have sent anything since.
    told_at: Timestamp,
    sent_since: bool,
    asked: u64,
}

/// The state of the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Parked,
    Open { day_ends: Option<Timestamp> },
}

impl Question {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            asked_at: None,
            began_at: now,
            wanted: false,
            fruitless: 0,
            confirmed: None,
            told_at: now,
            sent_since: false,
            asked: 0,
        }
    }

    /// Somebody was refused because the pool is empty.
    pub(super) fn want(&mut self) {
        self.wanted = true;
    }

    pub(super) fn sent(&mut self) {
        self.sent_since = true;
    }

    /// The headers told the count.
    pub(super) fn told(&mut self, now: Timestamp) {
        self.told_at = now;
        self.sent_since = false;
    }

    pub(super) fn is_urgent(&self, standing: Standing, now: Timestamp) -> bool {
        standing == Standing::Parked
            && self.wanted
            && self.asked_at.is_none_or(|asked_at| now.duration_since(asked_at) >= PARKED)
    }

    /// Worth asking when nobody is in a hurry.
    pub(super) fn is_due_when_quiet(&self, standing: Standing, now: Timestamp) -> bool {
        let Standing::Open { day_ends } = standing else { return false };
        let pause = QUIET * (1 << self.fruitless.min(QUIET_DOUBLINGS_MAX));
        let rested = now.duration_since(self.asked_at.unwrap_or(self.began_at)) >= pause;
        let unconfirmed = self.confirmed.is_none() || self.confirmed != day_ends;
        let blind = self.sent_since && now.duration_since(self.told_at) >= BLIND;
        rested && (unconfirmed || blind)
    }

    pub(super) fn asked(&mut self, now: Timestamp) {
        self.asked_at = Some(now);
        self.wanted = false;
        self.asked += 1;
    }

    /// The answer was of use, and confirmed this reset.
    pub(super) fn answered(&mut self, day_ends: Option<Timestamp>, now: Timestamp) {
        self.fruitless = 0;
        self.confirmed = day_ends;
        self.told(now);
    }

    pub(super) fn fruitless(&mut self) {
        self.fruitless += 1;
    }

    pub(super) fn is_confirmed(&self, day_ends: Option<Timestamp>) -> bool {
        self.confirmed.is_some() && self.confirmed == day_ends
    }

    /// How often HubSpot has been asked.
    pub(super) fn count(&self) -> u64 {
        self.asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    #[test]
    fn an_empty_pool_is_asked_about_every_twenty_seconds_if_somebody_wants_to_call() {
        let mut question = Question::new(at(0));
        assert!(!question.is_urgent(Standing::Parked, at(1)), "nobody wants to call");
        question.want();
        assert!(question.is_urgent(Standing::Parked, at(1)));
        question.asked(at(1));
        question.want();
        assert!(!question.is_urgent(Standing::Parked, at(20)));
        assert!(question.is_urgent(Standing::Parked, at(21)));
    }

    #[test]
    fn an_open_one_once_a_day_and_when_no_header_has_told_the_count() {
        let open = Standing::Open { day_ends: Some(at(86_400)) };
        let mut question = Question::new(at(0));
        assert!(!question.is_due_when_quiet(open, at(599)));
        assert!(question.is_due_when_quiet(open, at(600)));
        question.asked(at(600));
        question.answered(Some(at(86_400)), at(600));
        question.sent();
        assert!(!question.is_due_when_quiet(open, at(600 + 899)));
        assert!(question.is_due_when_quiet(open, at(600 + 900)), "no header since");
        question.told(at(1_000));
        assert!(!question.is_due_when_quiet(open, at(80_000)));
        let tomorrow = Standing::Open { day_ends: Some(at(2 * 86_400)) };
        assert!(question.is_due_when_quiet(tomorrow, at(90_000)));
    }

    #[test]
    fn answers_that_tell_nothing_are_asked_for_less_and_less() {
        let open = Standing::Open { day_ends: None };
        let mut question = Question::new(at(0));
        for _ in 0..40 {
            question.asked(at(0));
            question.fruitless();
        }
        assert!(!question.is_due_when_quiet(open, at(600 * 32 - 1)));
        assert!(question.is_due_when_quiet(open, at(600 * 32)));
    }
}
