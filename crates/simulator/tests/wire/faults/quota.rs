//! F13–F19.

use serde_json::{Value, json};

use super::{CONTACTS, DETAILS};
use crate::bench::{Bench, batch};

const USAGE: &str = "/account-info/v3/api-usage/daily/private-apps";
const SEARCH: &str = "POST /crm/v3/objects/contacts/search";

#[tokio::test(start_paused = true)]
async fn f13_the_pool_is_spent_until_midnight() {
    let bench = Bench::new();
    bench.break_by("F13").await;
    let refused = bench.get(CONTACTS).await;
    assert_eq!((refused.status, refused.category()), (429, "DAILY"));
    assert_eq!(refused.body["message"], "You have reached your daily limit.");
    assert_eq!(refused.number("x-hubspot-ratelimit-daily-remaining"), Some(0));
    let usage = bench.get(USAGE).await;
    assert_eq!(usage.status, 200);
    assert_eq!(usage.body["results"][0]["currentUsage"], usage.body["results"][0]["usageLimit"]);
    assert_eq!(bench.get(DETAILS).await.number("x-hubspot-ratelimit-daily"), Some(1));
    // 12:00Z is 08:00 in the portal's zone; midnight there is 16 hours away.
    bench.pass(16 * 3_600).await;
    assert_eq!(bench.get(CONTACTS).await.status, 200);
}

/// Whoever holds the books of this caller finds in them every call that was spent.
#[tokio::test(start_paused = true)]
async fn f13_the_callers_own_calls_have_eaten_the_pool() {
    for (share, left) in [(1.0, 0), (0.8, 10)] {
        let bench = Bench::new();
        for _ in 0..40 {
            assert_eq!(bench.get(CONTACTS).await.status, 200);
        }
        bench.fault(&json!({"kind": "F13", "share": share})).await;
        for _ in 0..left {
            assert_eq!(bench.get(CONTACTS).await.status, 200);
        }
        assert_eq!(bench.get(CONTACTS).await.category(), "DAILY");
        let usage = bench.get(USAGE).await;
        assert_eq!(usage.body["results"][0]["currentUsage"], 40 + left);
    }
}

#[tokio::test(start_paused = true)]
async fn f14_another_app_eats_the_pool_in_sight() {
    let bench = Bench::new();
    bench.break_by("F14").await;
    let remaining = |answer: &crate::bench::Answer| answer.number("x-hubspot-ratelimit-daily-remaining");
    let first = remaining(&bench.get(DETAILS).await).expect("the header");
    bench.pass(1).await;
    let second = remaining(&bench.get(DETAILS).await).expect("the header");
    assert!(first - second > 1_000, "{first} then {second}");
    bench.pass(60).await;
    let (mut refused, mut seen) = (0, Vec::new());
    for _ in 0..50 {
        bench.pass(1).await;
        let answer = bench.get(DETAILS).await;
        refused += usize::from(answer.status == 429 && answer.category() == "DAILY");
        seen.extend(remaining(&answer));
    }
    assert!((35..50).contains(&refused), "{refused}");
    assert!(seen.windows(2).all(|pair| pair[0] >= pair[1]) && seen.first() > seen.last(), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn f15_the_window_is_full_and_stays_full() {
    let bench = Bench::new();
    let fault = bench.break_by("quota.burst_self").await;
    let mut refused = 0;
    for _ in 0..100 {
        bench.pass(1).await;
        let answer = bench.get(DETAILS).await;
        assert_eq!(answer.number("x-hubspot-ratelimit-remaining"), Some(0));
        assert_eq!(answer.number("x-hubspot-ratelimit-max"), Some(1));
        refused += usize::from(answer.category() == "TEN_SECONDLY_ROLLING");
    }
    assert!(refused >= 90, "{refused}");
    bench.mend(fault).await;
    assert_eq!(
        bench.get(DETAILS).await.number("x-hubspot-ratelimit-remaining").map(|left| left > 150),
        Some(true)
    );
}

#[tokio::test(start_paused = true)]
async fn f16_somebody_else_spends_our_window() {
    let bench = Bench::new();
    bench.break_by("F16").await;
    bench.pass(10).await;
    let remaining = bench.get(DETAILS).await.number("x-hubspot-ratelimit-remaining").expect("the header");
    assert!((9..=76).contains(&remaining), "{remaining} of 190 after one call of ours");
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..120 {
        match bench.get(DETAILS).await.status {
            200 => accepted += 1,
            429 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!(accepted > 0 && refused > 0, "{accepted} accepted, {refused} refused");
}

#[tokio::test(start_paused = true)]
async fn f17_search_alone_is_refused() {
    let bench = Bench::new();
    bench.break_by("F17").await;
    let refused = bench.send(SEARCH, &json!({})).await;
    assert_eq!(
        (refused.status, &refused.body["message"]),
        (429, &json!("You have reached your secondly limit."))
    );
    assert!(refused.headers.keys().all(|name| !name.as_str().contains("ratelimit")));
    assert_eq!(bench.get(CONTACTS).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn f18_bulk_and_speed_earn_502_and_504_and_slowness_does_not() {
    let bench = Bench::new();
    bench.break_by("F18").await;
    for _ in 0..10 {
        assert_eq!(bench.get(CONTACTS).await.status, 200);
        bench.pass(2).await;
    }
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let answer = bench.send(&format!("POST {CONTACTS}/batch/read"), &batch([json!({"id": "1"})])).await;
        seen.insert((answer.status, answer.is_html()));
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [(502, false), (502, true), (504, false), (504, true)]);
    bench.pass(10).await;
    let mut statuses = Vec::new();
    for _ in 0..100 {
        statuses.push(bench.get(DETAILS).await.status);
    }
    assert_eq!(statuses[0], 200);
    assert!(matches!(statuses[99], 502 | 504), "{statuses:?}");
}

#[tokio::test(start_paused = true)]
async fn f19_a_record_just_written_is_locked_for_two_seconds() {
    let bench = Bench::new();
    let ids = bench.contact_ids(2).await;
    bench.break_by("F19").await;
    let update = |id: &String| batch([json!({"id": id, "properties": {"firstname": "B"}})]);
    let line = format!("POST {CONTACTS}/batch/update");
    assert_eq!(bench.send(&line, &update(&ids[0])).await.status, 200);
    assert_eq!(bench.send(&line, &update(&ids[0])).await.status, 423);
    assert_eq!(bench.send(&line, &update(&ids[1])).await.status, 200);
    assert_eq!(bench.send(&format!("GET {CONTACTS}/{}", ids[0]), &Value::Null).await.status, 200);
    bench.pass(2).await;
    assert_eq!(bench.send(&line, &update(&ids[0])).await.status, 200);
}
