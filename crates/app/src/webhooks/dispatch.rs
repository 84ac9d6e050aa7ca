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
use uuid::Uuid;

use crate::failure::Failure;
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
) -> Result<Dispatch, Failure> {
    let now = clock.clone();
    let around = Surroundings {
        store: store.clone(),
        clock: Arc::new(move || now.now()),
        tls: Arc::new(tls.clone()),
        stdout: Arc::new(Stdout),
        owner: owner(store),
        seed: rand::random(),
    };
    let dispatch = Dispatch::new(around, arrivals);
    for subscriber in subscribers {
        let served = dispatch.serve(subscriber, None).await;
        served.map_err(|error| Failure::usage(format!("the store cannot be used: {error}")))?;
    }
    Ok(dispatch)
}

/// An embedded store has one hubkeeper at a time: after a kill the next takes over what was its own, and waits for nobody.
fn owner(store: &Store) -> Uuid {
    if store.is_shared() { Uuid::new_v4() } else { Uuid::nil() }
}
