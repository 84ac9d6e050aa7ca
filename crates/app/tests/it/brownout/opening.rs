//! When a breaker opens: within five failures or ten seconds at any rate, and never on a 4xx or a 429.

use std::time::Duration;

use client::stack::{Feature, StackSettings};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::books::Books;
use super::town::{Got, Kind, Program, Town};
use super::{each, seeds};

const BEFORE: Duration = Duration::from_secs(120);
const LASTS: Duration = Duration::from_secs(120);

async fn run(
    seed: u64,
    rate: f64,
    fault: Value,
    adjust: impl FnOnce(&mut StackSettings),
) -> (Books, Instant) {
    let mut town = Town::new(seed, adjust);
    let broke = town.began + BEFORE;
    town.programs(&[Program::new(Kind::Contact, rate)], BEFORE + LASTS);
    town.passes(BEFORE).await;
    town.fault(fault, LASTS * 2).await;
    (town.end().await, broke)
}

/// The first pause, with all of its jitter.
const PAUSE_MIN: Duration = Duration::from_millis(750);

/// The first call that a breaker refused.
fn first_refused(books: &Books) -> Option<Instant> {
    let refused = books.told.iter().filter(|told| told.got == Got::BreakerOpen);
    refused.map(|told| told.asked_at + told.took).min()
}

/// Failures answered at the door before `until`, and when the first of them was.
fn failures(books: &Books, until: Instant) -> (usize, Option<Instant>) {
    let failed: Vec<_> = books
        .answers(Kind::Contact)
        .into_iter()
        .filter(|(at, status)| *at <= until && status.is_none_or(|status| status >= 500 || status == 0))
        .collect();
    (failed.len(), failed.first().map(|(at, _)| *at))
}

#[tokio::test(start_paused = true)]
async fn a_breaker_opens_within_five_failures_or_ten_seconds_at_any_rate() {
    each(seeds(12, 200), async |seed| {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let rate = 0.1 * 190_f64.powf(random.random_range(0.0..1.0));
        let fault = match seed % 3 {
            0 => json!({"kind": "status", "status": 503}),
            1 => json!({"kind": "hubspot.partial", "family": "objects"}),
            _ => json!({"kind": "reset"}),
        };
        let (books, broke) = run(seed, rate, fault, |_| {}).await;
        let (_, first) = failures(&books, broke + LASTS);
        let first = first.unwrap_or_else(|| panic!("seed {seed}: nothing failed at {rate:.2}/s"));
        let opened =
            *books.opened.first().unwrap_or_else(|| panic!("seed {seed}: never opened at {rate:.2}/s"));
        let (count, _) = failures(&books, opened);
        let after = opened - first;
        assert!(
            count <= 5 || after <= Duration::from_secs(10),
            "seed {seed}: at {rate:.2}/s it opened after {count} failures and {after:?}"
        );
        let let_through = books.reached(Kind::Contact, opened, opened + PAUSE_MIN);
        assert_eq!(let_through, 0, "seed {seed}: it was open, and requests passed");
    })
    .await;
}

/// Nine of ten fail: successes between do not hide it.
#[tokio::test(start_paused = true)]
async fn a_breaker_opens_although_some_calls_get_through() {
    each(seeds(3, 60), async |seed| {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let rate = random.random_range(2.0..16.0);
        let share = random.random_range(0.7..0.9);
        let fault = json!({"kind": "status", "status": 500, "rate": share});
        let (books, broke) = run(seed, rate, fault, |_| {}).await;
        let refused = first_refused(&books).unwrap_or_else(|| panic!("seed {seed}: never opened"));
        let (_, first) = failures(&books, broke + LASTS);
        let after = refused - first.unwrap();
        assert!(after <= Duration::from_secs(12), "seed {seed}: opened {after:?} after the first failure");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_breaker_never_opens_on_4xx_or_429() {
    each(seeds(4, 60), async |seed| {
        let statuses = [400, 401, 403, 404, 409, 423, 429];
        let status = statuses[seed as usize % statuses.len()];
        let (books, _) = run(seed, 8.0, json!({"kind": "status", "status": status}), |_| {}).await;
        assert_eq!(first_refused(&books), None, "seed {seed}: opened on {status}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_control_without_a_breaker_never_opens() {
    let off = |settings: &mut StackSettings| settings.breaker = Feature::Off;
    let (books, _) = run(1, 8.0, json!({"kind": "status", "status": 503}), off).await;
    assert_eq!(first_refused(&books), None);
}
