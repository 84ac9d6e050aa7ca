//! The daily pool, against the simulated portal's own books, in virtual time: it parks and comes back, it is shared out in
//! the order of lanes, and others' spending is seen.

use std::sync::Arc;
use std::time::Duration;

use client::call::{CallFailed, Failure};
use client::governor::{DailyStanding, RefusalReason};
use client::lane::Lane;
use client::stack::Feature;
use http::Method;
use serde_json::json;
use simulator::Config;
use simulator::config::{Latency, LimitOverrides};
use tokio::time::{Instant, sleep, sleep_until};

use crate::virtual_hubspot::Virtual;

const HOUR: Duration = Duration::from_secs(3600);

/// A portal in New York whose day has this many calls, at this time.
fn portal(daily: u64, base_time: &str) -> Arc<Virtual> {
    let config = Config {
        contacts: 3,
        latency: Latency(20..=60),
        limits: LimitOverrides { daily: Some(daily), ..LimitOverrides::default() },
        base_time: base_time.parse().unwrap(),
        ..Config::default()
    };
    Arc::new(Virtual::new(config, Feature::On))
}

fn standing(hubspot: &Virtual) -> DailyStanding {
    let accounts = hubspot.stack.accounts();
    accounts[0].gate().expect("it is governed").governor.daily()
}

fn turned_away(failed: &CallFailed) -> Option<(RefusalReason, Duration)> {
    match &failed.why {
        Failure::Refused(refusal) => Some((refusal.reason, refusal.retry_after)),
        _ => None,
    }
}

async fn is_good(hubspot: &Virtual) -> bool {
    let answer = hubspot.read_in(Lane::Interactive).await;
    answer.is_ok_and(|answer| answer.response.status().is_success())
}

/// Calls once a second, until it works; how long that took.
async fn until_good(hubspot: &Virtual) -> Duration {
    let start = Instant::now();
    while !is_good(hubspot).await {
        sleep(Duration::from_secs(1)).await;
    }
    start.elapsed()
}

async fn break_it(hubspot: &Virtual, fault: serde_json::Value) -> String {
    let made = hubspot.control(Method::POST, "/_sim/faults", &fault.to_string()).await;
    format!(
        "/_sim/faults/{}",
        made["id"]
            .as_u64()
            .map_or_else(|| made["id"].as_str().unwrap_or_default().to_owned(), |id| id.to_string())
    )
}

/// L10: a pack is bought in the afternoon. Until then next to nothing is sent.
#[tokio::test(start_paused = true)]
async fn a_pool_that_has_grown_is_found_within_thirty_seconds() {
    let hubspot = portal(50_000, "2026-06-10T16:00:00Z");
    assert!(is_good(&hubspot).await);
    let fault = break_it(&hubspot, json!({"kind": "quota.daily_self"})).await;
    let parked_until = Instant::now() + 2 * HOUR;
    let mut honest = 0;
    while Instant::now() < parked_until {
        let failed = hubspot.read_in(Lane::Interactive).await;
        if let Some((reason, retry_after)) = failed.err().as_ref().and_then(turned_away) {
            assert_eq!(reason, RefusalReason::DailyPoolEmpty);
            // Midnight in New York is 04:00 UTC.
            honest += u32::from(retry_after > 9 * HOUR);
        }
        sleep(Duration::from_secs(1)).await;
    }
    assert!(honest > 7_000, "{honest} of 7200 were told to come back after midnight");
    let questions = standing(&hubspot).questions;
    assert!((300..=361).contains(&questions), "{questions} in two hours: one in twenty seconds");
    hubspot.control(Method::DELETE, &fault, "").await;
    let took = until_good(&hubspot).await;
    assert!(took <= Duration::from_secs(30), "{took:?} after the pool had grown");
    let stats = hubspot.stats().await;
    let refused = stats["statuses"]["429"].as_u64().unwrap_or(0);
    assert!(refused <= 2, "{refused} calls were sent into the empty pool");
}

#[tokio::test(start_paused = true)]
async fn nobody_asks_about_an_empty_pool_that_nobody_wants_to_use() {
    let hubspot = portal(50_000, "2026-06-10T16:00:00Z");
    assert!(is_good(&hubspot).await);
    // Who the token is, is learned in the first quiet moment.
    sleep(Duration::from_secs(10)).await;
    let _lasts = break_it(&hubspot, json!({"kind": "quota.daily_self"})).await;
    assert!(!is_good(&hubspot).await);
    sleep(2 * HOUR).await;
    let standing = standing(&hubspot);
    assert!(standing.questions <= 1, "{standing:?}");
}

/// The night the clocks go forward: the day after has 23 hours, and the pool is new at its true end.
#[tokio::test(start_paused = true)]
async fn an_empty_pool_is_new_at_midnight_in_the_portals_zone() {
    let hubspot = portal(100, "2026-03-08T20:00:00Z");
    let start = Instant::now();
    // Who the token is, is learned in the first quiet moment.
    assert!(is_good(&hubspot).await);
    sleep(Duration::from_secs(10)).await;
    let mut good = 1;
    while is_good(&hubspot).await {
        good += 1;
    }
    assert!((97..=100).contains(&good), "{good} of 100");
    let reset = start + 8 * HOUR;
    sleep_until(reset - Duration::from_secs(60)).await;
    assert!(!is_good(&hubspot).await, "a minute before midnight");
    sleep_until(reset + Duration::from_secs(1)).await;
    let took = until_good(&hubspot).await;
    assert!(took <= Duration::from_secs(5), "{took:?} after midnight");
}

/// What became of the calls of one lane over a day.
#[derive(Debug, Default)]
struct Lived {
    good: u64,
    refused: u64,
    first_refused: Option<Duration>,
}

/// Calls at a steady pace until the day is over.
async fn lives(hubspot: Arc<Virtual>, lane: Lane, every: Duration, until: Instant) -> Lived {
    let start = Instant::now();
    let mut lived = Lived::default();
    while Instant::now() < until {
        match hubspot.read_in(lane).await {
            Ok(answer) if answer.response.status().is_success() => lived.good += 1,
            Ok(_) | Err(_) => {
                lived.refused += 1;
                lived.first_refused.get_or_insert(start.elapsed());
            }
        }
        sleep(every).await;
    }
    lived
}

/// From midnight on: `bulk` alone could empty the pool four times over.
#[tokio::test(start_paused = true)]
async fn bulk_stops_before_sync_and_interactive_calls_have_their_day() {
    let hubspot = portal(20_000, "2026-06-10T04:00:00Z");
    let until = Instant::now() + 24 * HOUR - Duration::from_secs(60);
    assert!(is_good(&hubspot).await);
    sleep(Duration::from_secs(10)).await;
    let bulk = tokio::spawn(lives(hubspot.clone(), Lane::Bulk, Duration::from_secs(1), until));
    let sync = tokio::spawn(lives(hubspot.clone(), Lane::Sync, Duration::from_secs(20), until));
    let interactive = tokio::spawn(lives(hubspot.clone(), Lane::Interactive, Duration::from_secs(30), until));
    let (bulk, sync, interactive) = (bulk.await.unwrap(), sync.await.unwrap(), interactive.await.unwrap());
    let what = format!("bulk {bulk:?}\nsync {sync:?}\ninteractive {interactive:?}");
    assert_eq!(interactive.refused, 0, "{what}");
    assert!(sync.refused * 50 <= sync.good, "{what}");
    assert!(bulk.refused > 0, "the rig cannot fail: {what}");
    let stats = hubspot.stats().await;
    assert_eq!(stats["statuses"]["429"].as_u64().unwrap_or(0), 0, "HubSpot refused nothing: {what}");
    let used = bulk.good + sync.good + interactive.good;
    assert!(used >= 18_000, "{used} of 20000 were used: {what}");
}

/// The control: without lanes the flood takes the last call, and a click in the evening is refused.
#[tokio::test(start_paused = true)]
async fn control_in_one_lane_the_flood_takes_the_last_call() {
    let hubspot = portal(20_000, "2026-06-10T04:00:00Z");
    let until = Instant::now() + 24 * HOUR - Duration::from_secs(60);
    assert!(is_good(&hubspot).await);
    let flood = tokio::spawn(lives(hubspot.clone(), Lane::Interactive, Duration::from_secs(1), until));
    let clicks = lives(hubspot.clone(), Lane::Interactive, Duration::from_secs(30), until).await;
    flood.await.unwrap();
    assert!(clicks.refused > 1_000, "{clicks:?}");
}

#[tokio::test(start_paused = true)]
async fn neighbours_are_found_and_nobody_is_made_up() {
    let hubspot = portal(100_000, "2026-06-10T04:00:00Z");
    let minute = Duration::from_secs(60);
    let calls = async |count: u32| {
        for _ in 0..count {
            assert!(is_good(&hubspot).await);
            sleep(minute).await;
        }
    };
    calls(120).await;
    let alone = standing(&hubspot);
    assert!(alone.others + alone.before_us <= 5, "nobody else was there: {alone:?}");
    // A fifth of the pool in two hours.
    let hungry = json!({"kind": "quota.daily_neighbour", "start": 0.0, "per_second": 0.2 / 7200.0});
    let _lasts = break_it(&hubspot, hungry).await;
    calls(120).await;
    let beside = standing(&hubspot);
    assert!((19_000..=20_500).contains(&beside.others), "20000 were eaten: {beside:?}");
    let forecast = beside.forecast.expect("four hours are enough");
    let ends = forecast.exhausted_at.expect("ten thousand an hour are too many");
    let left_hours = ends.duration_since("2026-06-10T08:00:00Z".parse().unwrap()).as_secs_f64() / 3600.0;
    // Some 79,600 are left, and about 10,060 go each hour.
    assert!((left_hours - 7.9).abs() < 0.8, "{left_hours} h left");
}
