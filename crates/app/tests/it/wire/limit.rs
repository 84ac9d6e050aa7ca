//! L1 once in real time and over real sockets: fifty callers at a limit of a hundred, with an uneven server. The virtual
//! hours are in `laws`.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::house::{Conversation, Start, ask};

const CALLERS: usize = 50;
const BURST: u64 = 100;

/// Two windows and a bit.
const LASTS: Duration = Duration::from_secs(21);

/// What the simulator's books say after everybody has called as fast as the gateway lets them.
async fn books(governed: bool, lasts: Duration) -> Value {
    let burst = BURST.to_string();
    let sim = Start::new(&["sim", "--listen", "127.0.0.1:0", "--latency-ms", "20..400", "--burst", &burst])
        .args(&["--contacts", "5"])
        .ready()
        .await;
    let up =
        if governed { Start::up(sim.url()).without_cache() } else { Start::bare_up(sim.url()) }.ready().await;
    let ends = Instant::now() + lasts;
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (url, token) = (up.url().to_owned(), format!("Authorization: Bearer {}", sim.token()));
            tokio::spawn(async move {
                let mut conversation = Conversation::open(&url).await;
                let calling = async {
                    loop {
                        conversation.ask("GET", "/crm/v3/objects/contacts?limit=1", &[&token], "").await;
                    }
                };
                let _always_elapses: Result<(), _> = tokio::time::timeout_at(ends, calling).await;
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let stats = ask(sim.url(), "GET", "/_sim/stats", &[], "").await.json();
    up.stop().await;
    sim.stop().await;
    stats
}

#[tokio::test]
async fn fifty_callers_keep_the_limit_and_use_it() {
    let stats = books(true, LASTS).await;
    assert_eq!(stats["statuses"]["429"], Value::Null, "{stats:#}");
    let burst = &stats["budgets"]["burst"];
    assert!(burst["worst_window"].as_u64().unwrap() <= BURST, "{stats:#}");
    // A slot serves again ten seconds after its answer: twice and a bit in this time.
    assert!(burst["allowed"].as_u64().unwrap() >= 2 * BURST, "{stats:#}");
}

#[tokio::test]
async fn control_without_the_governor_they_run_into_it() {
    let stats = books(false, Duration::from_secs(3)).await;
    assert!(stats["statuses"]["429"].as_u64().is_some_and(|refused| refused > 20), "{stats:#}");
}
