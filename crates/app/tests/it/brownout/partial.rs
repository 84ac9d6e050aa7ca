//! From 5 to 90 % of the calls fail, or one API family does.

use std::time::Duration;

use client::stack::{Feature, StackSettings};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::books::Books;
use super::town::{Kind, Program, Town};
use super::{each, seeds};

const BEFORE: Duration = Duration::from_secs(60);
const LASTS: Duration = Duration::from_secs(60);
const AFTER: Duration = Duration::from_secs(60);

/// A minute of normal, a minute of trouble, a minute after.
pub(super) struct Story {
    pub(super) books: Books,
    pub(super) began: Instant,
    pub(super) broke: Instant,
    pub(super) ended: Instant,
    pub(super) until: Instant,
}

impl Story {
    /// Eight contacts and four owners a second, of the nineteen the limit allows.
    pub(super) async fn tell(seed: u64, fault: Value, adjust: impl FnOnce(&mut StackSettings)) -> Self {
        let mut town = Town::new(seed, adjust);
        let began = town.began;
        let programs = [Program::new(Kind::Contact, 8.0), Program::new(Kind::Owners, 4.0)];
        town.programs(&programs, BEFORE + LASTS + AFTER);
        town.passes(BEFORE).await;
        town.fault(fault, LASTS).await;
        let books = town.end().await;
        let (broke, ended) = (began + BEFORE, began + BEFORE + LASTS);
        Self { books, began, broke, ended, until: ended + AFTER }
    }

    pub(super) fn is_back(&self, kind: Kind) {
        self.books.is_back(kind, (self.began, self.broke), self.ended, self.until);
    }
}

#[tokio::test(start_paused = true)]
async fn some_of_all_calls_fail() {
    each(seeds(6, 300), async |seed| {
        let rate = ChaCha8Rng::seed_from_u64(seed).random_range(0.05..0.9);
        let story = Story::tell(seed, json!({"kind": "status", "status": 500, "rate": rate}), |_| {}).await;
        story.books.retries_are_within_a_tenth();
        story.books.no_limit_was_hit();
        story.is_back(Kind::Contact);
        story.is_back(Kind::Owners);
    })
    .await;
}

/// Below the share at which a family counts as failing, callers get as much as HubSpot gives, and some more by retries.
#[tokio::test(start_paused = true)]
async fn a_few_failures_cost_callers_no_more_than_they_must() {
    each(seeds(3, 60), async |seed| {
        let rate = ChaCha8Rng::seed_from_u64(seed).random_range(0.05..0.15);
        let story = Story::tell(seed, json!({"kind": "status", "status": 503, "rate": rate}), |_| {}).await;
        let good = story.books.good_share(Kind::Contact, story.broke, story.ended);
        assert!(good >= 1.0 - rate, "seed {seed}: {good:.3} good while {rate:.3} failed");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn one_family_is_down() {
    each(seeds(4, 200), async |seed| {
        let story = Story::tell(seed, json!({"kind": "hubspot.partial", "family": "objects"}), |_| {}).await;
        story.books.retries_are_within_a_tenth();
        story.books.no_limit_was_hit();
        story.books.unaffected(Kind::Owners, story.began, story.until);
        story.is_back(Kind::Contact);
        // One question at a time, further and further apart: the family is left alone.
        let asked = story.books.reached(Kind::Contact, story.broke + Duration::from_secs(10), story.ended);
        assert!((2..=15).contains(&asked), "seed {seed}: {asked} requests in 50 s of a family that is down");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_control_without_a_breaker_does_not_leave_it_alone() {
    let down = json!({"kind": "hubspot.partial", "family": "objects"});
    let story = Story::tell(1, down, |settings| settings.breaker = Feature::Off).await;
    let asked = story.books.reached(Kind::Contact, story.broke + Duration::from_secs(10), story.ended);
    assert!(asked > 300, "the rig cannot fail: {asked}");
}

#[tokio::test(start_paused = true)]
async fn the_control_without_a_retry_budget_adds_more_than_a_tenth() {
    let failing = json!({"kind": "status", "status": 500, "rate": 0.3});
    let story = Story::tell(1, failing, |settings| settings.retry_budget = Feature::Off).await;
    let attempts = story.books.attempts_per_first_try();
    assert!(attempts > 1.10, "the rig cannot fail: {attempts:.3}");
}

#[tokio::test(start_paused = true)]
async fn the_control_without_a_governor_hits_the_limit() {
    let mut town = Town::new(1, |settings| settings.accounts.governed = Feature::Off);
    town.programs(&[Program::new(Kind::Contact, 40.0)], BEFORE);
    let books = town.end().await;
    assert_ne!(books.stats["statuses"]["429"], Value::Null, "the rig cannot fail");
}
