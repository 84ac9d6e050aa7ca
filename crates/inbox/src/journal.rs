//! HubSpot's webhooks journal: what happened in the last three days, to be fetched instead of waited for. It fills the gap
//! that is left when HubSpot could not reach us for longer than it tries (a day). facts §6.5, §6.7.
//!
//! Its events carry no number. A connection whose journal is read therefore knows every event by what it says as well
//! (portal, kind, object, property, moment): what came by webhook is not taken again from the journal, nor the other way
//! round. That the moments of both are the same to the millisecond is not documented.
//!
//! What is younger than `hold` is left for HubSpot to bring: only what it should have brought by then is a gap.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::sleep;
use uuid::Uuid;

use crate::clock::Clock;
use crate::dispatch::worker::told;
use crate::receive::Receiver;

mod begin;
mod fill;
mod look;
mod translate;

pub use look::Found;

/// HubSpot keeps three days. facts §6.7.
const KEPT: SignedDuration = SignedDuration::from_hours(3 * 24);

/// One reader of all that share a store. One that died is replaced once this is over.
const LEASE: SignedDuration = SignedDuration::from_secs(400);

/// How the journal is read: this crate does not know how to call HubSpot.
pub trait Source: Send + Sync + 'static {
    /// The entry after a place, or the earliest.
    fn next(&self, after: Option<String>) -> BoxFuture<'static, Result<Next, String>>;
}

#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    Entry(Entry),
    /// There is none yet.
    Nothing,
    /// The place is not known any more: it lies more than three days back.
    Forgotten,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub place: String,
    pub published_at: Timestamp,
    pub events: Vec<Value>,
}

/// Reads the journal of one connection's app.
pub struct Reader {
    pub receiver: Arc<Receiver>,
    pub source: Arc<dyn Source>,
    pub connection: String,
    pub app_id: Option<u64>,
    pub clock: Clock,
    /// How long an event may take by webhook.
    pub hold: SignedDuration,
    /// How often we look, more often than [`LEASE`]. One read, which draws on no budget of anybody's.
    pub every: Duration,
    /// Tells us apart from other hubkeepers on the same store.
    pub owner: Uuid,
    pub status: Arc<Mutex<Status>>,
}

/// What others may know of a reader.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// Another hubkeeper reads it.
    pub elsewhere: bool,
    /// What had come before we began is known under the names that the journal's events go by.
    pub(crate) ready: bool,
    /// The last delivery of which that is kept.
    pub(crate) known: i64,
    /// All that was published until then has been looked at.
    pub read_until: Option<Timestamp>,
    pub looked_at: Option<Timestamp>,
    /// Why the last look ended early.
    pub error: Option<String>,
    pub entries: u64,
    /// Events that no webhook had brought.
    pub filled: u64,
}

impl Reader {
    /// Looks now and then, until `stop` turns true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let reading = async {
            let mut gap = None;
            loop {
                sleep(self.turn(&mut gap).await).await;
            }
        };
        tokio::select! {
            () = reading => {}
            () = told(&mut stop) => {}
        }
        let _it_runs_out_by_itself = self.receiver.store.give_back(&self.lease_name(), self.owner).await;
    }

    /// One look; how long until the next.
    async fn turn(&self, gap: &mut Option<store::journal::Gap>) -> Duration {
        let now = (self.clock)();
        let looked = match self.is_ours(now).await {
            Ok(false) => {
                self.status.lock().elsewhere = true;
                return self.every;
            }
            Ok(true) => self.look(gap).await,
            Err(error) => Err(error),
        };
        let mut status = self.status.lock();
        status.elsewhere = false;
        status.looked_at = Some(now);
        let error = looked.as_ref().err().cloned();
        if let Some(error) = error.as_ref().filter(|error| status.error.as_ref() != Some(error)) {
            let connection = &self.connection;
            tracing::warn!(
                connection,
                error,
                "the webhooks journal cannot be read; it is tried again at the next look"
            );
        }
        status.error = error;
        // There may be more: an outage of days is caught up in one go.
        if looked.is_ok_and(|found| found.more) { Duration::ZERO } else { self.every }
    }

    async fn is_ours(&self, now: Timestamp) -> Result<bool, String> {
        let mine = self.receiver.store.lease(&self.lease_name(), self.owner, now, now + LEASE).await;
        mine.map_err(words)
    }

    fn lease_name(&self) -> String {
        format!("journal/{}", self.connection)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn words(error: store::failure::StoreError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests;
