//! At noon a neighbour begins to eat the portal's daily pool.

use std::time::Duration;

use client::stack::Feature;
use serde_json::json;
use simulator::Config;
use simulator::config::LimitOverrides;

use super::town::{Kind, Program, Town};
use super::{each, seeds};

/// Noon in the portal's zone, which is US/Eastern.
const NOON: &str = "2026-10-01T16:00:00Z";
const UNTIL_MIDNIGHT: Duration = Duration::from_secs(12 * 3600);
const AFTER: Duration = Duration::from_secs(300);

fn config() -> Config {
    Config {
        base_time: NOON.parse().unwrap(),
        limits: LimitOverrides { daily: Some(20_000), ..LimitOverrides::default() },
        ..Config::default()
    }
}

/// A neighbour has eaten nine tenths by noon, and the rest within minutes.
fn neighbour() -> serde_json::Value {
    json!({"kind": "quota.daily_neighbour", "start": 0.9, "per_second": 0.0005})
}

#[tokio::test(start_paused = true)]
async fn the_pool_runs_dry_at_noon_and_is_back_after_midnight() {
    each(seeds(1, 60), async |seed| {
        let mut town = Town::with(seed, config(), |_| {});
        let began = town.began;
        town.fault(neighbour(), UNTIL_MIDNIGHT).await;
        town.programs(&[Program::new(Kind::Contact, 0.2)], UNTIL_MIDNIGHT + AFTER);
        let books = town.end().await;
        let midnight = began + UNTIL_MIDNIGHT;
        books.retries_are_within_a_tenth();
        // The pool is found empty once in a while, and not asked again and again.
        let asked = books.reached(Kind::Contact, began + Duration::from_secs(3600), midnight);
        let all = (UNTIL_MIDNIGHT - Duration::from_secs(3600)).as_secs() / 5;
        assert!(asked as u64 <= all / 10, "seed {seed}: {asked} of {all} sent into an empty pool");
        let good = books.good_share(Kind::Contact, midnight + super::books::BACK_WITHIN, midnight + AFTER);
        assert!(good >= 0.95, "seed {seed}: {good:.3} good after midnight");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_control_without_a_governor_goes_on_asking() {
    let mut town = Town::with(1, config(), |settings| settings.accounts.governed = Feature::Off);
    let began = town.began;
    let lasts = Duration::from_secs(2 * 3600);
    town.fault(neighbour(), UNTIL_MIDNIGHT).await;
    town.programs(&[Program::new(Kind::Contact, 0.2)], lasts);
    let books = town.end().await;
    let asked = books.reached(Kind::Contact, began + lasts / 2, began + lasts);
    assert!(asked > 600, "the rig cannot fail: {asked}");
}
