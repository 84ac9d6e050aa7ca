//! Housekeeping beside the webhooks: people who are to be forgotten, what is delivered and old, keys that do not come again.

use std::sync::Arc;
use std::time::Duration;

use client::clock::WallClock;
use inbox::privacy::Privacy;
use inbox::receive::Receiver;
use jiff::SignedDuration;
use store::retention::Retention;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::config::WebhooksSection;

/// How often what is old goes.
const EVERY: Duration = Duration::from_secs(600);

/// HubSpot tries for a day, and its journal reaches back three: an event older than this does not come again.
const KEYS_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Works until the sender says so, or goes.
pub(super) fn start(
    receiver: &Arc<Receiver>,
    clock: &WallClock,
    section: &WebhooksSection,
    privacy: &Arc<Privacy>,
) -> watch::Sender<bool> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(privacy.clone().run(receiver.arrived.subscribe(), stopped.clone()));
    let days = i64::try_from(section.keep_days).unwrap_or(i64::MAX / 86_400).min(36_500);
    let kept = Kept { days: SignedDuration::from_hours(24 * days), bytes_max: section.keep_bytes_max };
    tokio::spawn(keep(receiver.clone(), clock.clone(), kept, stopped));
    stop
}

#[derive(Clone, Copy)]
struct Kept {
    days: SignedDuration,
    bytes_max: u64,
}

async fn keep(receiver: Arc<Receiver>, clock: WallClock, kept: Kept, mut stop: watch::Receiver<bool>) {
    let store = &receiver.store;
    loop {
        tokio::select! {
            () = sleep(EVERY) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let before = clock.now() - kept.days;
        let expired = store.expire(Retention { before, bytes_max: kept.bytes_max }).await;
        let forgotten = store.forget_keys(clock.now() - KEYS_KEPT).await;
        match (expired, forgotten, store.held_back(before).await) {
            (Ok(_), Ok(_), Ok(0)) => {}
            (Ok(_), Ok(_), Ok(held_back)) => {
                tracing::warn!(
                    held_back,
                    "deliveries are older than webhooks.keep_days and kept, because a subscriber has not got them"
                );
            }
            (Err(error), _, _) | (_, Err(error), _) | (_, _, Err(error)) => {
                tracing::warn!(%error, "what is old could not be cleared away");
            }
        }
    }
}
