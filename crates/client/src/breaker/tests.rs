use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rstest::rstest;

use super::*;

fn second(n: u64) -> Instant {
    at(n as f64)
}

fn at(seconds: f64) -> Instant {
    // Instants cannot be made from nothing; tests share one origin.
    thread_local!(static ORIGIN: Instant = Instant::now());
    ORIGIN.with(|origin| *origin) + Duration::from_secs_f64(seconds)
}

impl Breaker {
    fn failed(&mut self, now: Instant) {
        self.note(Outcome::Failed, now, 0.0);
    }

    fn good(&mut self, now: Instant) {
        self.note(Outcome::Good, now, 0.0);
    }
}

fn open_at(now: Instant) -> Breaker {
    let mut breaker = Breaker::default();
    (0..5).for_each(|_| breaker.failed(now));
    breaker
}

#[test]
fn five_failures_in_a_row_open_it() {
    let mut breaker = Breaker::default();
    for _ in 0..4 {
        breaker.failed(second(0));
        assert_eq!(breaker.admit(second(0)), Admission::Go);
    }
    breaker.failed(second(0));
    assert_eq!(breaker.admit(second(0)), Admission::Refused { retry_after: PAUSE_FIRST });
}

#[test]
fn a_lone_failure_is_harmless_and_forgotten() {
    let mut breaker = Breaker::default();
    breaker.failed(second(0));
    breaker.good(second(1));
    assert!(!breaker.is_open() && !breaker.is_well());
    breaker.good(second(121));
    assert!(breaker.is_well());
}

/// From one call in ten seconds to the most a portal allows: open within ten seconds of the first failure.
#[test]
fn an_outage_opens_it_in_time_at_any_rate() {
    for tenths in 1..=190 {
        let rate = f64::from(tenths) / 10.0;
        let mut breaker = Breaker::default();
        let opened = (0..20_u32).find(|call| {
            breaker.failed(at(f64::from(*call) / rate));
            breaker.is_open()
        });
        let call = opened.expect("it opens");
        let after = f64::from(call) / rate;
        assert!(call < 5 && after <= 10.0, "{rate}/s: opened by failure {} after {after} s", call + 1);
    }
}

/// A share of the calls fails, with successes between: from half on, five failures or ten seconds are enough.
#[rstest]
fn a_family_that_fails_more_often_than_not_opens_it(
    #[values(0.1, 0.5, 1.0, 3.0, 10.0, 19.0)] rate: f64,
    #[values(0.7, 0.8, 0.9)] share: f64,
) {
    let mut late = 0;
    for seed in 0..1_000 {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let mut breaker = Breaker::default();
        let (mut failures, mut first, mut now) = (0, None, 0.0);
        while !breaker.is_open() {
            now += 1.0 / rate;
            if dice.random_bool(share) {
                failures += 1;
                first.get_or_insert(now);
                breaker.failed(at(now));
            } else {
                breaker.good(at(now));
            }
        }
        late += u32::from(failures > 5 && now - first.unwrap() > 10.0);
    }
    // A run of luck hides any fault for a while.
    assert!(late <= 50, "{late} of 1,000 opened late");
}

/// A twentieth of the calls fails: what retries are for. Chance may open it, but not in anybody's way.
#[rstest]
fn a_few_failures_among_many_successes_keep_nobody_out(#[values(0.1, 1.0, 19.0)] rate: f64) {
    let mut dice = ChaCha8Rng::seed_from_u64(7);
    let mut breaker = Breaker::default();
    let mut refused = 0;
    for call in 0..20_000 {
        let now = at(f64::from(call) / rate);
        let outcome = if dice.random_bool(0.05) { Outcome::Failed } else { Outcome::Good };
        match breaker.admit(now) {
            Admission::Go => breaker.note(outcome, now, 0.0),
            Admission::Ask => breaker.found_out(outcome, now, 0.0),
            Admission::Refused { .. } => refused += 1,
        }
    }
    assert!(refused <= 40, "{refused} of 20,000 calls were refused");
}

#[test]
fn one_request_finds_out_and_the_pause_grows() {
    let mut breaker = open_at(second(0));
    assert_eq!(breaker.admit(second(1)), Admission::Ask);
    assert!(matches!(breaker.admit(second(1)), Admission::Refused { .. }), "only one goes");
    breaker.found_out(Outcome::Failed, second(1), 0.0);
    assert_eq!(breaker.admit(second(2)), Admission::Refused { retry_after: Duration::from_secs(1) });
    assert_eq!(breaker.admit(second(3)), Admission::Ask);
    breaker.found_out(Outcome::Good, second(3), 0.0);
    assert_eq!(breaker.admit(second(3)), Admission::Go);
    assert!(breaker.is_well());
}

#[test]
fn what_was_sent_before_it_opened_neither_closes_nor_prolongs_it() {
    let mut breaker = open_at(second(0));
    let before = breaker.clone();
    breaker.good(at(0.5));
    breaker.failed(at(0.5));
    assert_eq!(breaker, before);
}

#[test]
fn a_request_that_was_cancelled_lets_the_next_one_ask() {
    let mut breaker = open_at(second(0));
    assert_eq!(breaker.admit(second(1)), Admission::Ask);
    breaker.withdrawn(second(1));
    assert_eq!(breaker.admit(second(1)), Admission::Ask);
}

proptest! {
    /// However long a fault lasts, the next question is never further away than the longest pause.
    #[test]
    fn a_pause_is_bounded(failures in 0..40_u32, jitter in 0.0..1.0) {
        let mut breaker = open_at(second(0));
        let mut now = second(0);
        for _ in 0..failures {
            let Some(wait) = breaker.closed_to_others(now) else { panic!("closed by failures") };
            prop_assert!(wait <= PAUSE_MAX);
            now += wait;
            prop_assert_eq!(breaker.admit(now), Admission::Ask);
            breaker.found_out(Outcome::Failed, now, jitter);
        }
    }
}
