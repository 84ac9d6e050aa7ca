//! HubSpot's webhooks journal: what happened in the last three days, to be fetched instead of waited for. It fills the gap
//! that is left when HubSpot could not reach us for longer than it tries (a day).
//!
//! Its events carry no event id, so that a connection that uses the journal tells events by what they say (portal, kind,
//! object, property, moment) and not by HubSpot's number: what came by webhook is not taken again from the journal, nor the
//! other way round. That the moments of both are the same to the millisecond is not documented.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;
use store::deliveries::NewDelivery;
use store::journal::Bookmark;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::clock::Clock;
use crate::event::{self, Event};
use crate::receive::Receiver;

mod translate;

/// How often we look for what is missing: a webhook that HubSpot tries again within the hour is none of it, but costs
/// nothing either.
const EVERY: Duration = Duration::from_secs(600);

/// Entries read in one go; after them, others have their turn.
const ENTRIES_MAX: usize = 10_000;

/// Events kept in one commit.
const AT_ONCE: usize = event::EVENTS_MAX;

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

/// Reads one connection's journal.
pub struct Reader {
    pub receiver: Arc<Receiver>,
    pub source: Arc<dyn Source>,
    pub connection: String,
    pub clock: Clock,
}

/// What a look has brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    pub entries: usize,
    /// Events that no webhook had brought.
    pub filled: usize,
}

impl Reader {
    /// Looks now and then, until `stop` turns true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        loop {
            let looking = async {
                match self.catch_up().await {
                    Ok(Found { filled: 0, .. }) => {}
                    Ok(found) => {
                        tracing::warn!(connection = self.connection, filled = found.filled, "the journal brought events that no webhook had brought");
                    }
                    Err(error) => tracing::warn!(connection = self.connection, error, "the webhooks journal cannot be read"),
                }
                sleep(EVERY).await;
            };
            tokio::select! {
                () = looking => {}
                () = crate::dispatch::worker::told(&mut stop) => return,
            }
        }
    }

    /// Reads on from where it was, and keeps what is missing.
    ///
    /// # Errors
    /// In words. What was kept is kept, and the next look goes on behind it.
    pub async fn catch_up(&self) -> Result<Found, String> {
        let mut place = self.receiver.store.bookmark(&self.connection).await.map_err(words)?.and_then(|mark| mark.place);
        let mut found = Found::default();
        while found.entries < ENTRIES_MAX {
            let entry = match self.source.next(place.clone()).await? {
                Next::Entry(entry) => entry,
                Next::Nothing => break,
                Next::Forgotten if place.is_some() => {
                    tracing::warn!(connection = self.connection, "events older than three days may be missing: the journal does not reach back to where it was read last");
                    place = None;
                    continue;
                }
                Next::Forgotten => break,
            };
            found.filled += self.keep(&entry).await?;
            found.entries += 1;
            // Behind what is kept: after a crash an entry is read twice, and its events are there already.
            let mark = Bookmark { place: Some(entry.place.clone()), read_until: entry.published_at };
            self.receiver.store.set_bookmark(&self.connection, &mark).await.map_err(words)?;
            place = Some(entry.place);
        }
        self.receiver.books.from_journal(found.filled);
        if found.filled > 0 {
            self.receiver.arrived.send_modify(|count| *count += 1);
        }
        Ok(found)
    }

    async fn keep(&self, entry: &Entry) -> Result<usize, String> {
        let events: Vec<Value> = entry.events.iter().flat_map(translate::events).collect();
        let mut new = 0;
        for chunk in events.chunks(AT_ONCE) {
            let body = Value::Array(chunk.to_vec()).to_string().into_bytes();
            let read = event::read(&body).map_err(|error| error.to_string())?;
            let keys = read.iter().map(Event::gist).collect();
            self.receiver.effects.changed(&read);
            let received_at = (self.clock)();
            let delivery = NewDelivery { received_at, connection: self.connection.clone(), body, keys };
            new += self.receiver.store.receive(delivery).await.map_err(words)?.len();
        }
        Ok(new)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn words(error: store::failure::StoreError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests;
