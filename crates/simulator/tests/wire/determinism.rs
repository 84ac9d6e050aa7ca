//! Same seed and same calls: same bytes.

use std::fmt::Write as _;

use serde_json::{Value, json};
use simulator::Config;

use crate::bench::{Bench, batch};

/// A story with faults, chance and time in it, as one long text.
async fn story(seed: u64) -> String {
    let latency = "20..60".parse().expect("a latency");
    let bench = Bench::with(Config { seed, contacts: 30, latency, ..Config::default() });
    let mut text = String::new();
    bench.fault(&json!({"kind": "status", "rate": 0.3, "status": 500})).await;
    bench.fault(&json!({"kind": "F16"})).await;
    bench.fault(&json!({"kind": "latency", "rate": 0.5, "ms": 300})).await;
    for round in 0..20 {
        let read = bench.get("/crm/v3/objects/contacts?limit=3").await;
        let write = bench
            .send(
                "POST /crm/v3/objects/contacts/batch/create",
                &batch([json!({"properties": {"firstname": "A"}})]),
            )
            .await;
        writeln!(text, "{round} {read:?} {write:?}").expect("a string takes everything");
    }
    let log = bench.sim("GET log", &Value::Null).await;
    writeln!(text, "{}", log.text).expect("a string takes everything");
    text
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_bytes() {
    let first = story(7).await;
    assert_eq!(first, story(7).await);
    assert_ne!(first, story(8).await);
}
