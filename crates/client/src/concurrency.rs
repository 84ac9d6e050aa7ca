//! How many requests of one API family may be under way at once: halved on signs of overload, one more for each round
//! that goes well, and without a limit while all is well. Pure: time and counts are arguments.

use std::time::Duration;

use tokio::time::Instant;

/// Never fewer: with less, a family that is slow for reasons of its own would be starved by us.
const LIMIT_MIN: f64 = 4.0;

/// A limit above twice what was under way when trouble began, and above this, is none.
const LIFTED_MIN: f64 = 64.0;

/// What a family that has just been found well again is given, until its answers are back.
const RAMP_FIRST: f64 = 8.0;

/// So many signs within this time begin a limit: the odd slow answer is no overload.
const SIGNS: u32 = 5;
const SIGNS_FOR: Duration = Duration::from_secs(5);

/// No limit.
pub(crate) const UNLIMITED: u32 = u32::MAX;

/// The limit of one family.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Concurrency {
    Unlimited {
        /// Signs of overload, and when the first of them came.
        signs: u32,
        since: Option<Instant>,
    },
    Limited(Limited),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limited {
    limit: f64,
    /// Requests sent before this have no say: they left before the limit was cut.
    cut_at: Instant,
    /// At this limit it is lifted.
    lifted_at: f64,
    growth: Growth,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Growth {
    /// One more for each good answer: a family comes back.
    Quick,
    /// One more for each round of good answers.
    Careful,
}

impl Default for Concurrency {
    fn default() -> Self {
        Self::Unlimited { signs: 0, since: None }
    }
}

impl Concurrency {
    /// Requests that may be under way at once.
    pub(crate) fn allowed(&self) -> u32 {
        match self {
            Self::Unlimited { .. } => UNLIMITED,
            Self::Limited(limited) => limited.limit as u32,
        }
    }

    /// A request that was sent at `sent_at` came back with a sign of overload, with `under_way` still out.
    pub(crate) fn congested(&mut self, under_way: u32, sent_at: Instant, now: Instant) {
        let under_way = f64::from(under_way);
        match self {
            Self::Unlimited { signs, since } => {
                let began = since.filter(|since| now.saturating_duration_since(*since) <= SIGNS_FOR);
                (*signs, *since) = began.map_or((1, Some(now)), |began| (*signs + 1, Some(began)));
                if *signs >= SIGNS {
                    *self = Self::Limited(Limited {
                        limit: (under_way / 2.0).max(LIMIT_MIN),
                        cut_at: now,
                        lifted_at: (under_way * 2.0).max(LIFTED_MIN),
                        growth: Growth::Careful,
                    });
                }
            }
            Self::Limited(limited) if sent_at >= limited.cut_at => {
                limited.limit = (limited.limit.min(under_way) / 2.0).max(LIMIT_MIN);
                limited.cut_at = now;
                limited.growth = Growth::Careful;
            }
            Self::Limited(_) => {}
        }
    }

    /// A good answer in good time.
    pub(crate) fn good(&mut self) {
        let Self::Limited(limited) = self else { return };
        limited.limit += match limited.growth {
            Growth::Quick => 1.0,
            Growth::Careful => 1.0 / limited.limit,
        };
        if limited.limit >= limited.lifted_at {
            *self = Self::default();
        }
    }

    /// The family has been found well again: it begins with a few and doubles each round.
    pub(crate) fn ramp(&mut self, now: Instant) {
        let lifted_at = match self {
            Self::Unlimited { .. } => LIFTED_MIN,
            Self::Limited(limited) => limited.lifted_at,
        };
        *self = Self::Limited(Limited { limit: RAMP_FIRST, cut_at: now, lifted_at, growth: Growth::Quick });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goods(concurrency: &mut Concurrency, count: u32) {
        (0..count).for_each(|_| concurrency.good());
    }

    #[test]
    fn all_well_there_is_no_limit() {
        let mut concurrency = Concurrency::default();
        goods(&mut concurrency, 1_000);
        assert_eq!(concurrency.allowed(), UNLIMITED);
    }

    #[test]
    fn a_sign_of_overload_halves_it_once_a_round() {
        let start = Instant::now();
        let later = start + Duration::from_secs(1);
        let mut concurrency = Concurrency::default();
        (0..SIGNS - 1).for_each(|_| concurrency.congested(40, start, later));
        assert_eq!(concurrency.allowed(), UNLIMITED, "the odd slow answer is none");
        concurrency.congested(40, start, later);
        concurrency.congested(39, start, later);
        assert_eq!(concurrency.allowed(), 20, "the last was sent before the cut");
        concurrency.congested(20, later, later);
        assert_eq!(concurrency.allowed(), 10);
        (0..10).for_each(|_| concurrency.congested(10, later, later));
        assert_eq!(concurrency.allowed(), LIMIT_MIN as u32);
    }

    #[test]
    fn an_odd_slow_answer_now_and_then_is_no_overload() {
        let start = Instant::now();
        let mut concurrency = Concurrency::default();
        for number in 0..100 {
            let now = start + Duration::from_secs(2) * number;
            concurrency.congested(40, now, now);
        }
        assert_eq!(concurrency.allowed(), UNLIMITED);
    }

    #[test]
    fn a_round_of_good_answers_adds_one_and_enough_of_them_lift_it() {
        let start = Instant::now();
        let mut concurrency = Concurrency::default();
        (0..SIGNS).for_each(|_| concurrency.congested(40, start, start));
        goods(&mut concurrency, 21);
        assert_eq!(concurrency.allowed(), 21);
        goods(&mut concurrency, 80 * 80);
        assert_eq!(concurrency.allowed(), UNLIMITED);
    }

    #[test]
    fn a_family_that_comes_back_has_no_limit_after_sixty_good_answers() {
        let mut concurrency = Concurrency::default();
        concurrency.ramp(Instant::now());
        assert_eq!(concurrency.allowed(), 8);
        goods(&mut concurrency, 56);
        assert_eq!(concurrency.allowed(), UNLIMITED);
    }
}
