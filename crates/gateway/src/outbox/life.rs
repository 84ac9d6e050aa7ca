//! Several processes on one store. Each says that it lives; one that cannot say so sends nothing more, so that the others may
//! take over what it was sending once no request of its own can be under way.
//!
//! A lease is as long as one request may take. Nothing is sent that could outlive it for longer than that: a call waits for
//! its slot until the lease ends at most. What the others find is settled like all that was interrupted: sent again where
//! twice is the same as once, else looked for, else `unknown`.

use std::time::Duration;

use parking_lot::Mutex;
use store::failure::StoreError;
use store::outbox::Found;
use tokio::time::Instant;

use super::Outbox;
use super::send::PATIENCE;

/// Said again after this share of a lease: two may go astray.
const AGAIN: u32 = 3;

/// Clocks tick differently, and a request may just have left.
const SPARE: Duration = Duration::from_secs(1);

/// Until when we have said that we live.
#[derive(Default)]
pub(super) struct Life(Mutex<Option<Instant>>);

impl Outbox {
    /// Says that we live, where others could think otherwise. Tells when to say it again.
    pub(super) async fn live(&self) -> Option<Instant> {
        if !self.store.is_shared() {
            return None;
        }
        let lease = self.settings.attempt_timeout;
        let now = Instant::now();
        let said = *self.life.0.lock();
        let again = said.map(|until| until - lease + lease / AGAIN).filter(|again| *again > now);
        if again.is_some() {
            return again;
        }
        match self.store.keep_alive(self.store.owner(), lease).await {
            // From before it was said: the store counts from later.
            Ok(()) => *self.life.0.lock() = Some(now + lease),
            Err(error) => {
                tracing::error!(%error, "other hubkeepers on this store could not be told that this one lives");
            }
        }
        Some(now + lease / AGAIN)
    }

    /// May we take operations, and send them?
    pub(super) fn lives(&self) -> bool {
        !self.store.is_shared() || self.life.0.lock().is_some_and(|until| until > Instant::now())
    }

    /// Until when an operation's call may wait: nothing of ours is sent that others would not expect.
    pub(super) fn patience_ends(&self) -> Instant {
        let patience = Instant::now() + PATIENCE;
        let alive = self.life.0.lock().filter(|_| self.store.is_shared());
        alive.map_or(patience, |until| until.min(patience))
    }

    /// What processes were sending that have died.
    pub(super) async fn orphans(&self) -> Result<Found, StoreError> {
        self.store.orphans(self.settings.attempt_timeout + SPARE).await
    }
}
