//! While HubSpot is gone, reads that were good before are answered from what is kept, and always say so.

use std::time::Duration;

use client::cache::CacheSettings;
use client::call::Source;
use client::handling::Handling;
use client::stack::Feature;
use http::Method;
use serde_json::json;
use simulator::Config;
use tokio::time::Instant;

use super::{each, seeds};
use crate::virtual_hubspot::{Manner, Virtual};

const OUTAGE: Duration = Duration::from_secs(600);
const STALE_MAX: Duration = Duration::from_secs(3600);

/// A read each second for twenty minutes, the middle ten of which HubSpot is down. How many were answered in the outage.
async fn run(seed: u64, stale_max: Duration) -> (usize, usize) {
    let config = Config { seed, contacts: 5, ..Config::default() };
    let hubspot = Virtual::with(config, Feature::On, |settings| {
        settings.cache = CacheSettings {
            feature: Feature::On,
            bytes_max: 1 << 20,
            answer_bytes_max: 1 << 16,
            ..CacheSettings::OFF
        };
    });
    let began = Instant::now();
    let (broke, ended) = (began + OUTAGE / 2, began + OUTAGE * 3 / 2);
    let down = json!({"kind": "hubspot.outage_unlisted", "after_seconds": 300, "for_seconds": 600});
    hubspot.control(Method::POST, "/_sim/faults", &down.to_string()).await;
    let handling = Handling { stale_max: Some(stale_max), ..Handling::default() };
    let (mut kept, mut asked, mut number) = (0, 0, 0);
    while began.elapsed() < OUTAGE * 2 {
        let now = Instant::now();
        number += 1;
        let limit = number % 5 + 1;
        let manner = Manner { handling, patience: Duration::from_secs(15), ..Manner::default() };
        let path = format!("/crm/v3/objects/contacts?limit={limit}");
        let answer = hubspot.call_as(manner, Method::GET, &path, "").await;
        let source = answer.ok().filter(|answer| answer.response.status() == 200).map(|answer| answer.source);
        let is_down = now >= broke && now < ended;
        match source {
            Some(Source::Stale { age }) => {
                let least = now.saturating_duration_since(broke);
                assert!(age >= least, "seed {seed}: {age:?} old, and down for {least:?}");
                kept += usize::from(is_down);
            }
            // Down for so long, nothing is live.
            other => assert!(!is_down || other.is_none(), "seed {seed}: {other:?} while HubSpot was down"),
        }
        asked += usize::from(is_down);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    (kept, asked)
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_served_and_says_so() {
    each(seeds(2, 20), async |seed| {
        let (kept, asked) = run(seed, STALE_MAX).await;
        assert_eq!(kept, asked, "seed {seed}: every read had been good before");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_control_without_last_known_good_has_nothing_to_serve() {
    let (kept, _) = run(1, Duration::ZERO).await;
    assert_eq!(kept, 0);
}
