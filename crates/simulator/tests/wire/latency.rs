//! Calls take time, and the server counts them somewhere in it.

use std::time::Duration;

use futures_util::future::join_all;
use simulator::Config;
use simulator::config::LimitOverrides;
use tokio::time::Instant;

use crate::bench::Bench;

const DETAILS: &str = "/account-info/v3/details";

#[tokio::test(start_paused = true)]
async fn every_call_takes_its_share_of_the_range() {
    let latency = "20..60".parse().expect("a latency");
    let bench = Bench::with(Config { latency, ..Config::default() });
    let mut seen = Vec::new();
    for _ in 0..50 {
        let started = Instant::now();
        bench.get(DETAILS).await;
        seen.push(started.elapsed().as_millis());
    }
    // The clock of paused time has a grain of a millisecond, and each call sleeps twice.
    assert!(seen.iter().all(|ms| (20..=62).contains(ms)), "{seen:?}");
    assert!(seen.iter().max() > seen.iter().min().map(|least| least + 20).as_ref(), "{seen:?}");
}

/// Sent exactly one window apart, calls still meet at the server: what was sent late can be counted early. A client
/// that keys its window on the moment of sending is caught here.
#[tokio::test(start_paused = true)]
async fn sending_one_window_apart_is_not_enough_under_jitter() {
    let limits = LimitOverrides { burst: Some(50), ..LimitOverrides::default() };
    let latency = "20..400".parse().expect("a latency");
    let bench = Bench::with(Config { latency, limits, ..Config::default() });
    for _ in 0..4 {
        let window = join_all((0..50).map(|_| bench.get(DETAILS)));
        let started = Instant::now();
        window.await;
        tokio::time::sleep_until(started + Duration::from_secs(10)).await;
    }
    let stats = bench.stats().await;
    let burst = &stats["budgets"]["burst"];
    assert!(burst["rejected"].as_u64() > Some(0), "{burst}");
    assert_eq!(burst["worst_window"], 50);
    assert!(burst["worst_window_attempted"].as_u64() > Some(50), "{burst}");
}

/// The control: one window plus the longest latency apart, nothing is refused.
#[tokio::test(start_paused = true)]
async fn sending_one_window_after_the_answer_is_enough() {
    let limits = LimitOverrides { burst: Some(50), ..LimitOverrides::default() };
    let latency = "20..400".parse().expect("a latency");
    let bench = Bench::with(Config { latency, limits, ..Config::default() });
    for _ in 0..4 {
        join_all((0..50).map(|_| bench.get(DETAILS))).await;
        bench.pass(10).await;
    }
    assert_eq!(bench.stats().await["budgets"]["burst"]["rejected"], 0);
}
