//! A person's click beside a bulk flood, against the simulated portal and its own books, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use client::handling::Handling;
use client::lane::Lane;
use client::stack::Feature;
use http::Method;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rstest::rstest;
use simulator::Config;
use simulator::config::{Latency, LimitOverrides};
use tokio::time::Instant;

use crate::virtual_hubspot::{Manner, Virtual};

const BURST: u32 = 190;
const WINDOW_S: f64 = 10.0;

fn portal(seed: u64, lanes: Feature) -> Arc<Virtual> {
    let config = Config {
        seed,
        contacts: 5,
        latency: Latency(20..=60),
        limits: LimitOverrides { burst: Some(BURST), daily: Some(100_000_000), ..LimitOverrides::default() },
        ..Config::default()
    };
    Arc::new(Virtual::with(config, Feature::On, |settings| settings.accounts.queue.lanes.lanes = lanes))
}

async fn call(hubspot: &Virtual, caller: &str, lane: Lane, path: &str) -> bool {
    let handling = Handling { lane, ..Handling::default() };
    let manner = Manner { caller, handling, ..Manner::default() };
    let answer = hubspot.call_as(manner, Method::GET, path, "").await;
    answer.is_ok_and(|answer| answer.response.status().is_success())
}

/// Two hundred callers, each with one call under way at any time.
fn flood(hubspot: &Arc<Virtual>) {
    for number in 0..200 {
        let hubspot = hubspot.clone();
        tokio::spawn(async move {
            let name = format!("bulk{number}");
            while call(&hubspot, &name, Lane::Bulk, "/crm/v3/objects/contacts?limit=1").await {}
        });
    }
}

/// How long clicks take, in milliseconds: p50, p90, the longest.
async fn clicks(hubspot: &Arc<Virtual>, seed: u64, lasting: Duration) -> [f64; 3] {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let ends = Instant::now() + lasting;
    let mut calls = Vec::new();
    while Instant::now() < ends {
        // People know nothing of each other: exponential gaps, one second in the mean.
        let gap = -dice.random_range(f64::EPSILON..1.0f64).ln();
        tokio::time::sleep(Duration::from_secs_f64(gap)).await;
        let hubspot = hubspot.clone();
        calls.push(tokio::spawn(async move {
            let began = Instant::now();
            assert!(call(&hubspot, "clicker", Lane::Interactive, "/crm/v3/owners").await);
            began.elapsed().as_secs_f64() * 1e3
        }));
    }
    let mut took = Vec::new();
    for call in calls {
        took.push(call.await.unwrap());
    }
    took.sort_by(f64::total_cmp);
    [0.5, 0.9, 1.0].map(|part| took[((took.len() - 1) as f64 * part) as usize])
}

struct Beside {
    alone: [f64; 3],
    loaded: [f64; 3],
    /// Share of the limit.
    used: f64,
    refused: u64,
}

async fn beside_a_flood(seed: u64, lanes: Feature, lasting: Duration) -> Beside {
    let idle = portal(seed, lanes);
    assert!(call(&idle, "clicker", Lane::Interactive, "/crm/v3/owners").await);
    tokio::time::sleep(Duration::from_secs(30)).await;
    let alone = clicks(&idle, seed, lasting).await;
    let busy = portal(seed, lanes);
    assert!(call(&busy, "clicker", Lane::Interactive, "/crm/v3/owners").await);
    flood(&busy);
    tokio::time::sleep(Duration::from_secs(30)).await;
    let allowed = async || busy.stats().await["budgets"]["burst"]["allowed"].as_u64().unwrap();
    let (before, began) = (allowed().await, Instant::now());
    let loaded = clicks(&busy, seed, lasting).await;
    let windows = began.elapsed().as_secs_f64() / WINDOW_S;
    let used = (allowed().await - before) as f64 / windows / f64::from(BURST);
    let refused = busy.stats().await["statuses"]["429"].as_u64().unwrap_or(0);
    Beside { alone, loaded, used, refused }
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn a_click_beside_a_flood_is_as_fast_as_alone(#[values(1, 2, 3)] seed: u64) {
    let Beside { alone, loaded, used, refused } =
        beside_a_flood(seed, Feature::On, Duration::from_secs(1200)).await;
    let told = format!("seed {seed}: alone {alone:?} ms, loaded {loaded:?} ms, {used:.4} used");
    assert!(loaded[0] <= 1.05 * alone[0], "{told}");
    assert!(loaded[1] <= 1.1 * alone[1], "{told}");
    assert!(loaded[2] <= 4.0 * alone[0], "{told}");
    assert!(used >= 0.95, "{told}");
    assert_eq!(refused, 0, "{told}");
}

#[tokio::test(start_paused = true)]
async fn control_without_lanes_the_click_waits() {
    let Beside { alone, loaded, .. } = beside_a_flood(1, Feature::Off, Duration::from_secs(120)).await;
    assert!(loaded[0] > 20.0 * alone[0], "the rig cannot fail: {alone:?} {loaded:?}");
}
