//! Forwarding, started with what only the program itself has: its clock, its trust, its output.

use std::sync::Arc;

use client::clock::WallClock;
use futures_util::future::BoxFuture;
use inbox::dispatch::door::{Door, Parcel};
use inbox::dispatch::house::{Dispatch, Surroundings};
use inbox::dispatch::lines;
use inbox::dispatch::subscriber::Subscriber;
use inbox::dispatch::verdict::{Reason, Verdict};
use store::Store;
use tokio::sync::watch;

use crate::config::SubscriberSection;
use crate::failure::Failure;
use crate::ledgers::Ledgers;
use crate::process;

/// Events on our own stdout, after the ready line.
struct Stdout;

impl Door for Stdout {
    fn post(&self, parcel: Parcel) -> BoxFuture<'static, Verdict> {
        let written = process::print_bytes(&lines::lines(&parcel));
        let verdict = written.map_or(Verdict::none(Reason::Unwritable), |()| Verdict::Delivered);
        Box::pin(std::future::ready(verdict))
    }
}

/// Serves the subscribers of the configuration.
pub(super) async fn open(
    store: &Store,
    clock: &WallClock,
    tls: &rustls::ClientConfig,
    arrivals: watch::Receiver<u64>,
    subscribers: Vec<Subscriber>,
    ledgers: &Arc<Ledgers>,
) -> Result<Dispatch, Failure> {
    let now = clock.clone();
    let around = Surroundings {
        store: store.clone(),
        clock: Arc::new(move || now.now()),
        tls: Arc::new(tls.clone()),
        stdout: Arc::new(Stdout),
        witness: ledgers.clone(),
        owner: store.owner(),
        seed: rand::random(),
    };
    let dispatch = Dispatch::new(around, arrivals);
    let broken = |error| Failure::usage(format!("the store cannot be used: {error}"));
    let configured: Vec<String> = subscribers.iter().map(|subscriber| subscriber.name.clone()).collect();
    for subscriber in subscribers {
        dispatch.serve(subscriber, None).await.map_err(broken)?;
    }
    // Those that people made at work; the file goes before them.
    for standing in store.standings().await.map_err(broken)? {
        let Some(settings) = standing.settings.filter(|_| !configured.contains(&standing.name)) else {
            continue;
        };
        let section: Result<SubscriberSection, _> = serde_json::from_slice(&settings);
        let subscriber = section.map_err(Failure::usage).and_then(|section| section.subscriber());
        match subscriber {
            Ok(subscriber) => dispatch.serve(subscriber, Some(&settings)).await.map_err(broken)?,
            // Its place in the log is kept; the others are served.
            Err(failure) => {
                tracing::error!(subscriber = standing.name, %failure, "a subscriber cannot be served");
            }
        }
    }
    Ok(dispatch)
}
