//! What a restart keeps, and that it costs no law: against the simulated portal's own books, in virtual time.

use std::time::Duration;

use client::governor::{DailyStanding, Entry};
use client::handover::{Handover, Leaving};
use client::lane::Lane;
use client::stack::{Feature, Stack};
use http::Method;
use rstest::rstest;
use serde_json::json;
use simulator::Config;
use simulator::config::{Latency, LimitOverrides};
use tokio::time::{Instant, sleep};

use crate::virtual_hubspot::Virtual;

const MINUTE: Duration = Duration::from_secs(60);

fn portal(seed: u64) -> Virtual {
    let config = Config {
        seed,
        contacts: 3,
        latency: Latency(20..=60),
        limits: LimitOverrides { daily: Some(20_000), ..LimitOverrides::default() },
        // Midnight in New York.
        base_time: "2026-06-10T04:00:00Z".parse().unwrap(),
        ..Config::default()
    };
    Virtual::new(config, Feature::On)
}

/// As a file would hold it.
fn written_down(stack: &Stack, leaving: Leaving) -> Handover {
    let text = serde_json::to_string(&stack.hand_over(leaving)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn books(hubspot: &Virtual) -> (DailyStanding, Vec<Entry>) {
    let gate = hubspot.stack.accounts()[0].gate().expect("it is governed");
    (gate.governor.daily(), gate.governor.spenders())
}

/// Two calls a minute and a neighbour, until noon.
async fn a_morning(hubspot: &Virtual) {
    for number in 0..2 * 12 * 60 {
        let lane = if number % 2 == 0 { Lane::Interactive } else { Lane::Bulk };
        assert!(hubspot.read_in(lane).await.is_ok());
        if number == 120 {
            let eats = json!({"kind": "quota.daily_neighbour", "start": 0.0, "per_second": 0.4 / 43_200.0});
            hubspot.control(Method::POST, "/_sim/faults", &eats.to_string()).await;
        }
        sleep(MINUTE / 2).await;
    }
}

fn near(one: u64, other: u64) -> bool {
    one.abs_diff(other) <= 10
}

#[tokio::test(start_paused = true)]
async fn a_restart_at_noon_keeps_the_ledger_and_the_forecast() {
    let first = portal(1);
    a_morning(&first).await;
    let (before, spenders_before) = books(&first);
    let outlook_before = before.forecast.clone().expect("half a day is enough");
    let left = written_down(&first.stack, Leaving::Now);
    let second = first.restarted();
    drop(first);
    let proven = left.proven();
    second.stack.take_over(left).unwrap();
    sleep(MINUTE).await;
    let asked_before = second.door.lock().len();
    assert!(second.read_in(Lane::Interactive).await.is_ok());
    sleep(2 * MINUTE).await;
    let asked = second.door.lock()[asked_before..].iter().map(|one| one.target.clone()).collect::<Vec<_>>();
    assert_eq!(asked, ["/crm/v3/objects/contacts?limit=1"], "a known token is not asked about again");
    assert_eq!(
        proven,
        [&*second.stack.accounts()[0].name],
        "and counts under its name from the first call on"
    );

    let (after, spenders) = books(&second);
    let told = format!("before {before:#?}\nafter {after:#?}");
    assert!(before.ours > 1_400 && near(before.ours + 1, after.ours), "{told}");
    assert!(before.others > 5_000 && (before.others..before.others + 60).contains(&after.others), "{told}");
    assert!(near(before.before_us, after.before_us), "nothing of it is nobody's: {told}");
    assert_eq!(before.time_zone, after.time_zone);
    assert_eq!((before.resets_at, after.told), (after.resets_at, true), "{told}");
    let calls = |entries: &[Entry]| {
        entries.iter().map(|entry| (entry.caller.clone(), entry.calls)).collect::<Vec<_>>()
    };
    let mut expected = calls(&spenders_before);
    expected.iter_mut().filter(|(caller, _)| **caller == *"interactive").for_each(|(_, calls)| *calls += 1);
    expected.sort_by_key(|(_, calls)| std::cmp::Reverse(*calls));
    assert_eq!(calls(&spenders), expected);
    let outlook = after.forecast.expect("it goes on");
    let (was, is) = (outlook_before.to_come.middle, outlook.to_come.middle);
    assert!((was - is).abs() <= 0.03 * was, "{was} calls to come, then {is}");
}

/// The control: without the handover the morning is nobody's, and nothing is foretold.
#[tokio::test(start_paused = true)]
async fn control_without_a_handover_the_day_begins_anew() {
    let first = portal(1);
    a_morning(&first).await;
    let second = first.restarted();
    drop(first);
    assert!(second.read_in(Lane::Interactive).await.is_ok());
    sleep(2 * MINUTE).await;
    let (after, _) = books(&second);
    assert!(after.ours < 5 && after.before_us > 6_000 && after.forecast.is_none(), "{after:#?}");
}

#[tokio::test(start_paused = true)]
async fn days_before_are_remembered_over_a_restart_at_night() {
    let first = portal(2);
    a_morning(&first).await;
    sleep(10 * 60 * MINUTE).await;
    let left = written_down(&first.stack, Leaving::Not);
    let second = first.restarted();
    drop(first);
    // Over midnight.
    sleep(3 * 60 * MINUTE).await;
    second.stack.take_over(left).unwrap();
    assert!(second.read_in(Lane::Interactive).await.is_ok());
    let (after, spenders) = books(&second);
    assert_eq!(after.forecast.as_ref().expect("from the day before").days_before, 1);
    assert_eq!((after.ours, spenders.len()), (1, 1), "a new day has a new page: {after:#?}");
}

/// Searches and associations up to the last moment, in one process and at once in the next.
async fn at_the_limit_over_a_restart(seed: u64, leaving: Leaving) -> (Duration, serde_json::Value) {
    let first = portal(seed);
    assert!(first.read_in(Lane::Interactive).await.is_ok());
    sleep(MINUTE).await;
    search(&first, 12).await;
    let left = written_down(&first.stack, leaving);
    let second = first.restarted();
    drop(first);
    second.stack.take_over(left).unwrap();
    let began = Instant::now();
    associations(&second, 1).await;
    let took = began.elapsed();
    search(&second, 12).await;
    associations(&second, 30).await;
    (took, second.stats().await)
}

async fn search(hubspot: &Virtual, times: usize) {
    let calls = (0..times).map(|_| async {
        let answer = hubspot.call(Method::POST, "/crm/v3/objects/contacts/search", r#"{"limit":1}"#).await;
        assert!(answer.is_ok_and(|answer| answer.response.status().is_success()));
    });
    futures_util::future::join_all(calls).await;
}

async fn associations(hubspot: &Virtual, times: usize) {
    let body = r#"{"inputs":[{"id":"1"}]}"#;
    for _ in 0..times {
        let answer =
            hubspot.call(Method::POST, "/crm/v4/associations/contacts/companies/batch/read", body).await;
        assert!(answer.is_ok());
    }
}

/// L1 over a restart: after a clean stop no slot is used too early, and none waits that need not.
#[rstest]
#[tokio::test(start_paused = true)]
async fn slots_go_on_cooling_and_no_window_is_sat_out_for_nothing(#[values(1, 2, 3, 4)] seed: u64) {
    let (took, stats) = at_the_limit_over_a_restart(seed, Leaving::Now).await;
    assert!(took < Duration::from_secs(1), "seed {seed}: the first associations call took {took:?}");
    assert_eq!(stats["statuses"]["429"].as_u64().unwrap_or(0), 0, "seed {seed}: {stats:#}");
}

/// The control: who may still be sending when another begins leaves no slots, and the window is sat out.
#[tokio::test(start_paused = true)]
async fn control_after_a_crash_the_window_is_sat_out() {
    let (took, stats) = at_the_limit_over_a_restart(1, Leaving::Not).await;
    assert!(took > Duration::from_secs(9), "the first associations call took {took:?}");
    assert_eq!(stats["statuses"]["429"].as_u64().unwrap_or(0), 0, "{stats:#}");
}
