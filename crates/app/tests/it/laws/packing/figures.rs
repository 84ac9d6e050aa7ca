//! How many calls packing saves, and how much time, with 10,000 reads by callers that ask again once they are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use client::call::Source;
use client::handling::Handling;
use client::stack::Feature;
use http::Method;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rstest::rstest;
use serde_json::Value;
use tokio::time::Instant;

use super::{BURST, hubspot, ids};
use crate::virtual_hubspot::Manner;

/// What a perfect limiter takes without packing: a full window at once, and the next each time one has passed.
fn unpacked(reads: usize) -> Duration {
    Duration::from_secs(10) * (reads.div_ceil(BURST as usize) - 1) as u32
}

struct Run {
    took: Duration,
    calls: u64,
    packed: usize,
}

/// `in_flight` callers share the reads. A caller takes up to `thinking_ms` before it asks again.
async fn run(in_flight: usize, reads: usize, thinking_ms: u64, packing: Feature) -> Run {
    let hubspot = hubspot(7, packing);
    let ids = Arc::new(ids(&hubspot).await);
    tokio::time::sleep(Duration::from_secs(30)).await;
    let before = calls(&hubspot.stats().await);
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let callers: Vec<_> = (0..in_flight)
        .map(|caller| {
            let (hubspot, ids, next) = (hubspot.clone(), ids.clone(), next.clone());
            tokio::spawn(async move {
                let mut random = ChaCha8Rng::seed_from_u64(caller as u64);
                let mut packed = 0;
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= reads {
                        return packed;
                    }
                    let id = ids[number % ids.len()];
                    let path = format!("/crm/v3/objects/contacts/{id}?properties=email,firstname");
                    let answer = hubspot.call(Method::GET, &path, "").await.unwrap();
                    assert_eq!(answer.response.status(), 200);
                    let record: Value = serde_json::from_slice(answer.response.body().at_hand()).unwrap();
                    assert_eq!(record["id"], id.to_string());
                    packed += usize::from(answer.source == Source::Packed);
                    tokio::time::sleep(Duration::from_millis(random.random_range(0..=thinking_ms))).await;
                }
            })
        })
        .collect();
    let mut packed = 0;
    for caller in callers {
        packed += caller.await.unwrap();
    }
    let took = began.elapsed();
    let stats = hubspot.stats().await;
    assert_eq!(stats["statuses"]["429"], Value::Null, "{stats:#}");
    assert!(stats["budgets"]["burst"]["worst_window"].as_u64().unwrap() <= u64::from(BURST), "{stats:#}");
    Run { took, calls: calls(&stats) - before, packed }
}

fn calls(stats: &Value) -> u64 {
    stats["budgets"]["burst"]["allowed"].as_u64().unwrap()
}

/// At least 0.7 of what fits into a call or is in flight, and the time against that of a perfect limiter without packing.
#[rstest]
#[case::all_at_once(10_000, 10_000, 0, 100)]
#[case::a_thousand(1_000, 10_000, 25, 100)]
#[case::two_hundred(200, 5_000, 0, 40)]
#[case::two_hundred_that_think(200, 5_000, 25, 40)]
#[case::fifty(50, 4_000, 0, 30)]
#[case::fifty_that_think(50, 4_000, 25, 30)]
#[case::six_that_think(6, 600, 25, 4)]
#[tokio::test(start_paused = true)]
async fn packs_fill(
    #[case] in_flight: usize,
    #[case] reads: usize,
    #[case] thinking_ms: u64,
    #[case] times_faster: u32,
) {
    let Run { took, calls, packed } = run(in_flight, reads, thinking_ms, Feature::On).await;
    let items = reads as f64 / calls as f64;
    let items_min = 0.7 * in_flight.min(100) as f64;
    assert!(items >= items_min, "{items:.1} items in a call, {packed} packed, {took:?}");
    assert!(took <= unpacked(reads) / times_faster, "{took:?}, {items:.1} items in a call");
    if in_flight == reads {
        assert!(calls <= 120, "{calls} calls");
    }
}

/// The control: without packing each read is a call, and a perfect limiter's time is needed.
#[tokio::test(start_paused = true)]
async fn the_control_without_packing_makes_a_call_for_each_read() {
    let Run { took, calls, packed } = run(200, 1_000, 0, Feature::Off).await;
    assert_eq!((calls, packed), (1_000, 0));
    assert!(took > Duration::from_secs(50), "{took:?}");
}

/// Nothing is short: every call goes alone, and at once.
#[tokio::test(start_paused = true)]
async fn what_the_window_sustains_is_not_packed_and_does_not_wait() {
    for packing in [Feature::On, Feature::Off] {
        let hubspot = hubspot(7, packing);
        let ids = ids(&hubspot).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
        let calls = ids.iter().take(500).enumerate().map(|(number, id)| {
            let (hubspot, path) = (hubspot.clone(), format!("/crm/v3/objects/contacts/{id}"));
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(60) * number as u32).await;
                hubspot.call(Method::GET, &path, "").await.unwrap()
            })
        });
        for call in calls.collect::<Vec<_>>() {
            let answer = call.await.unwrap();
            assert_eq!((answer.source, answer.effort.waited), (Source::Live, Duration::ZERO));
        }
    }
}

/// A caller alone is never held up, however fast it asks.
#[tokio::test(start_paused = true)]
async fn one_that_asks_alone_is_as_fast_as_without_packing() {
    let mut took = Vec::new();
    for packing in [Feature::On, Feature::Off] {
        took.push(run(1, 180, 0, packing).await.took);
    }
    assert_eq!(took[0], took[1]);
}

/// A program that said no to packing goes alone among those that travel together.
#[tokio::test(start_paused = true)]
async fn who_opts_out_is_never_packed() {
    let hubspot = hubspot(7, Feature::On);
    let ids = ids(&hubspot).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    let calls = ids.iter().take(400).enumerate().map(|(number, id)| {
        let (hubspot, path) = (hubspot.clone(), format!("/crm/v3/objects/contacts/{id}"));
        let packing = if number % 2 == 0 { Feature::Off } else { Feature::On };
        tokio::spawn(async move {
            let handling = Handling { packing, ..Handling::default() };
            let manner = Manner { handling, ..Manner::default() };
            (packing, hubspot.call_as(manner, Method::GET, &path, "").await.unwrap().source)
        })
    });
    let mut packed = [0; 2];
    for call in calls.collect::<Vec<_>>() {
        let (packing, source) = call.await.unwrap();
        packed[usize::from(packing == Feature::On)] += usize::from(source == Source::Packed);
    }
    assert_eq!(packed[0], 0, "{packed:?}");
    assert!(packed[1] > 100, "the others are: {packed:?}");
}
