//! Where to begin, and what came before anybody asked for the names that the journal's events go by.

use store::deliveries::EventKey;
use store::journal::Bookmark;

use super::{Reader, words};
use crate::event;

/// Deliveries looked at between two breaths.
const PAGE: usize = 200;

impl Reader {
    /// The place that was kept. Nothing that happened before the first delivery that is kept is anybody's gap: a journal
    /// that is read for the first time does not bring three days of what was never waited for.
    pub(super) async fn begin(&self) -> Result<Bookmark, String> {
        let store = &self.receiver.store;
        if !self.status.lock().ready {
            self.remember_what_came().await?;
            self.status.lock().ready = true;
        }
        if let Some(mark) = store.bookmark(&self.connection).await.map_err(words)? {
            return Ok(mark);
        }
        let first = store.deliveries(0, 1).await.map_err(words)?;
        let read_until = first.first().map_or_else(|| (self.clock)(), |delivery| delivery.received_at);
        let mark = Bookmark { place: None, read_until };
        store.set_bookmark(&self.connection, &mark).await.map_err(words)?;
        Ok(mark)
    }

    /// Deliveries that were kept while the journal was not read are known under their own names alone.
    async fn remember_what_came(&self) -> Result<(), String> {
        let store = &self.receiver.store;
        let known = store.bookmark(&self.known_name()).await.map_err(words)?;
        let mut after = known.and_then(|mark| mark.place?.parse().ok()).unwrap_or(0);
        loop {
            let page = store.deliveries(after, PAGE).await.map_err(words)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.seq;
            let mut keys: Vec<EventKey> = Vec::new();
            for delivery in page.iter().filter(|delivery| delivery.connection == self.connection) {
                let events = event::read(&delivery.body).unwrap_or_default();
                keys.extend(events.iter().map(|event| event.twin().shared));
            }
            store.remember(&keys).await.map_err(words)?;
            self.known_until(after).await?;
        }
    }

    /// What has come since we began was kept under both names.
    pub(super) async fn all_is_known(&self) -> Result<(), String> {
        let last = self.receiver.store.last_delivery().await.map_err(words)?;
        if last == self.status.lock().known {
            return Ok(());
        }
        self.known_until(last).await
    }

    async fn known_until(&self, seq: i64) -> Result<(), String> {
        let mark = Bookmark { place: Some(seq.to_string()), read_until: (self.clock)() };
        self.receiver.store.set_bookmark(&self.known_name(), &mark).await.map_err(words)?;
        self.status.lock().known = seq;
        Ok(())
    }

    /// No connection can have this name.
    fn known_name(&self) -> String {
        format!("@journal/{}", self.connection)
    }
}
