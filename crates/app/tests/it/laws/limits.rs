//! L1: our own traffic never exceeds a limit in any rolling window, counted at the server; and what the limit allows
//! is used.

use std::sync::Arc;
use std::time::Duration;

use client::stack::Feature;
use http::Method;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use simulator::Config;
use simulator::config::{Latency, LimitOverrides};
use tokio::time::Instant;

use crate::virtual_hubspot::Virtual;

const CALLERS: u64 = 50;
const WINDOW_S: f64 = 10.0;

/// 20 to 400 ms: from a good day to a bad one.
const LATENCY: Latency = Latency(20..=400);
const LATENCY_MEAN_S: f64 = 0.210;

/// What the server's books say after a run.
#[derive(Debug)]
struct Books {
    rejected: u64,
    worst_burst: u64,
    accepted_burst: u64,
}

/// Which calls the callers make.
#[derive(Clone, Copy)]
enum Mix {
    Reads,
    /// Reads, searches, association batches and single associations, which draw on different budgets.
    Everything,
}

async fn run(burst: u32, seed: u64, lasts: Duration, governed: Feature, mix: Mix) -> Books {
    let hubspot = Arc::new(Virtual::new(
        Config {
            seed,
            latency: LATENCY,
            contacts: 5,
            limits: LimitOverrides {
                burst: Some(burst),
                daily: Some(100_000_000),
                ..LimitOverrides::default()
            },
            ..Config::default()
        },
        governed,
    ));
    let ends = Instant::now() + lasts;
    let callers = (0..CALLERS).map(|caller| {
        let hubspot = hubspot.clone();
        tokio::spawn(async move {
            let mut random = ChaCha8Rng::seed_from_u64(seed * 1_000 + caller);
            while Instant::now() < ends {
                let (method, path, body) = call(mix, &mut random);
                let _refused_when_ungoverned =
                    tokio::time::timeout_at(ends, hubspot.call(method, path, body)).await;
                if governed == Feature::Off {
                    tokio::time::sleep(Duration::from_millis(random.random_range(0..500))).await;
                }
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    let stats = hubspot.stats().await;
    let number = |budget: &str, field: &str| {
        stats["budgets"][budget][field].as_u64().unwrap_or_else(|| panic!("{stats:#}"))
    };
    Books {
        rejected: stats["statuses"]["429"].as_u64().unwrap_or(0),
        worst_burst: number("burst", "worst_window"),
        accepted_burst: number("burst", "allowed"),
    }
}

fn call(mix: Mix, random: &mut ChaCha8Rng) -> (Method, &'static str, &'static str) {
    let kind = match mix {
        Mix::Reads => 0,
        Mix::Everything => random.random_range(0..10),
    };
    match kind {
        0..=5 => (Method::GET, "/crm/v3/objects/contacts?limit=1", ""),
        6 | 7 => (Method::POST, "/crm/v3/objects/contacts/search", r#"{"limit":1}"#),
        8 => {
            (Method::POST, "/crm/v4/associations/contacts/companies/batch/read", r#"{"inputs":[{"id":"1"}]}"#)
        }
        _ => (Method::GET, "/crm/v4/objects/contacts/1/associations/companies", ""),
    }
}

/// Many seeds, any limit: never a 429, and at least 95 % of what latency allows.
#[tokio::test(start_paused = true)]
async fn any_limit_is_kept_and_used() {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for seed in 0..24 {
        let burst = if seed < 4 { [1, 100, 190, 250][seed as usize] } else { random.random_range(1..=250) };
        let lasts = Duration::from_secs(120);
        let books = run(burst, seed, lasts, Feature::On, Mix::Reads).await;
        assert_eq!(books.rejected, 0, "seed {seed}, limit {burst}: {books:?}");
        assert!(books.worst_burst <= u64::from(burst), "seed {seed}: {books:?}");
        // A slot serves W/(W + latency) calls a window; the last window of a run counts as far as it got.
        let windows = lasts.as_secs_f64() / (WINDOW_S + LATENCY_MEAN_S);
        let floor = 0.95 * f64::from(burst) * windows;
        assert!(books.accepted_burst as f64 >= floor, "seed {seed}, limit {burst}: {books:?}, floor {floor}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_budget_is_kept_at_once() {
    for seed in 100..108 {
        let books = run(190, seed, Duration::from_secs(180), Feature::On, Mix::Everything).await;
        assert_eq!(books.rejected, 0, "seed {seed}: {books:?}");
    }
}

/// A simulated hour at the portal's limit.
#[tokio::test(start_paused = true)]
async fn an_hour_without_one_429() {
    let books = run(190, 42, Duration::from_secs(3600), Feature::On, Mix::Reads).await;
    assert_eq!(books.rejected, 0, "{books:?}");
    assert!(books.accepted_burst as f64 >= 0.95 * 190.0 * 3600.0 / (WINDOW_S + LATENCY_MEAN_S), "{books:?}");
}

/// The control: without the governor the same callers run into the limit.
#[tokio::test(start_paused = true)]
async fn the_control_without_a_governor_is_refused() {
    let books = run(190, 42, Duration::from_secs(60), Feature::Off, Mix::Reads).await;
    assert!(books.rejected > 100, "the rig cannot fail: {books:?}");
}
