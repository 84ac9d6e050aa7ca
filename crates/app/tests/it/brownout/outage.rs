//! HubSpot is gone for a day and a half.

use std::time::Duration;

use client::stack::Feature;
use serde_json::json;

use super::town::{Got, Kind, Program, Town};
use super::{each, seeds};

const OUTAGE: Duration = Duration::from_secs(36 * 3600);
const BEFORE: Duration = Duration::from_secs(300);
const AFTER: Duration = Duration::from_secs(300);

#[tokio::test(start_paused = true)]
async fn thirty_six_hours_of_total_outage() {
    each(seeds(1, 60), async |seed| {
        let mut town = Town::new(seed, |_| {});
        let began = town.began;
        town.programs(&[Program::new(Kind::Contact, 0.2)], BEFORE + OUTAGE + AFTER);
        town.passes(BEFORE).await;
        town.fault(json!({"kind": if seed % 2 == 0 { "hubspot.outage_unlisted" } else { "hang" }}), OUTAGE)
            .await;
        let books = town.end().await;
        let (broke, ended) = (began + BEFORE, began + BEFORE + OUTAGE);
        books.retries_are_within_a_tenth();
        books.no_limit_was_hit();
        books.is_back(Kind::Contact, (began, broke), ended, ended + AFTER);
        let asked = books.reached(Kind::Contact, broke, ended);
        // A question each ten seconds or so, and no storm when it is over.
        assert!(asked <= 36 * 3600 / 6, "seed {seed}: {asked} requests in 36 hours");
        let slow = books.told.iter().filter(|told| told.got == Got::BreakerOpen && !told.took.is_zero());
        assert_eq!(slow.count(), 0, "seed {seed}: what is refused is refused at once");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_control_without_a_retry_budget_or_breaker_is_a_storm() {
    let mut town = Town::new(1, |settings| settings.breaker = Feature::Off);
    let lasts = Duration::from_secs(600);
    town.fault(json!({"kind": "hubspot.outage_unlisted"}), lasts * 2).await;
    town.programs(&[Program::new(Kind::Contact, 4.0)], lasts);
    let began = town.began;
    let books = town.end().await;
    let asked = books.reached(Kind::Contact, began, began + lasts);
    assert!(asked > 2_000, "the rig cannot fail: {asked}");
}
