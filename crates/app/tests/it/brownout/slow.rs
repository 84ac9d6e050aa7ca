//! Answers ten and a hundred times slower, and half of the usual capacity.

use std::time::Duration;

use client::lane::Lane;
use client::stack::{Feature, StackSettings};
use serde_json::json;
use tokio::time::Instant;

use super::books::Books;
use super::partial::Story;
use super::town::{Kind, LATENCY_MS, Program, Town};
use super::{each, seeds};

/// What makes an answer this many times slower, for one family.
fn slower(times: u32) -> serde_json::Value {
    json!({"kind": "latency", "ms": LATENCY_MS * (times - 1), "family": "objects"})
}

#[tokio::test(start_paused = true)]
async fn ten_times_slower_everything_is_still_answered() {
    each(seeds(2, 60), async |seed| {
        let story = Story::tell(seed, slower(10), |_| {}).await;
        story.books.retries_are_within_a_tenth();
        story.books.no_limit_was_hit();
        story.books.unaffected(Kind::Owners, story.began, story.until);
        story.books.unaffected(Kind::Contact, story.began, story.until);
        story.is_back(Kind::Contact);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_hundred_times_slower_is_failure() {
    each(seeds(2, 60), async |seed| {
        let story = Story::tell(seed, slower(100), |_| {}).await;
        story.books.retries_are_within_a_tenth();
        story.books.no_limit_was_hit();
        story.books.unaffected(Kind::Owners, story.began, story.until);
        story.is_back(Kind::Contact);
        // Eight a second would be 400: most are told at once that it is no use.
        let asked = story.books.reached(Kind::Contact, story.broke + Duration::from_secs(10), story.ended);
        assert!(asked <= 200, "seed {seed}: {asked} requests in 50 s of a family a hundred times slower");
    })
    .await;
}

/// A family that is slow by nature is none that fails.
#[tokio::test(start_paused = true)]
async fn a_family_that_always_takes_four_seconds_is_well() {
    each(seeds(1, 20), async |seed| {
        let mut town = Town::new(seed, |_| {});
        let began = town.began;
        let lasts = Duration::from_secs(180);
        town.fault(slower(100), lasts * 2).await;
        town.programs(&[Program::new(Kind::Contact, 8.0)], lasts);
        let books = town.end().await;
        books.unaffected(Kind::Contact, began, began + lasts);
    })
    .await;
}

const BEFORE: Duration = Duration::from_secs(60);
const LASTS: Duration = Duration::from_secs(60);
const AFTER: Duration = Duration::from_secs(90);

/// For a minute HubSpot answers half of the sixteen calls a second that programs make, two of which somebody waits for.
async fn half(seed: u64, adjust: impl FnOnce(&mut StackSettings)) -> (Books, Instant) {
    let mut town = Town::new(seed, adjust);
    let began = town.began;
    let waited_for = Program::new(Kind::Owners, 2.0);
    let bulk = Program { lane: Lane::Bulk, ..Program::new(Kind::Contact, 14.0) };
    town.programs(&[waited_for, bulk], BEFORE + LASTS + AFTER);
    town.passes(BEFORE).await;
    let strained = json!({"kind": "capacity", "per_second": 8.0, "patience_ms": 10_000});
    town.fault(strained, LASTS).await;
    (town.end().await, began)
}

#[tokio::test(start_paused = true)]
async fn half_of_the_capacity() {
    each(seeds(2, 100), async |seed| {
        let (books, began) = half(seed, |_| {}).await;
        let ended = began + BEFORE + LASTS;
        books.retries_are_within_a_tenth();
        books.no_limit_was_hit();
        for kind in [Kind::Contact, Kind::Owners] {
            books.is_back(kind, (began, began + BEFORE), ended, ended + AFTER);
        }
        let longest = line(&books, began);
        assert!(longest <= Duration::from_secs(5), "seed {seed}: {longest:?} in HubSpot's line");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_control_without_adaptive_concurrency_fills_hubspots_line() {
    let off = |settings: &mut StackSettings| settings.adaptive = Feature::Off;
    let (books, began) = half(1, off).await;
    let longest = line(&books, began);
    assert!(longest > Duration::from_secs(5), "the rig cannot fail: {longest:?}");
}

/// How long the later half of the minute's requests stood in HubSpot's line, at the ninetieth of a hundred.
fn line(books: &Books, began: Instant) -> Duration {
    let from = began + BEFORE + LASTS / 2;
    let in_time = books.exchanges.iter().filter(|one| one.at >= from && one.at < began + BEFORE + LASTS);
    let mut took: Vec<_> = in_time.filter_map(|one| Some(one.answered?.0 - one.at)).collect();
    took.sort();
    took[took.len() * 9 / 10]
}
