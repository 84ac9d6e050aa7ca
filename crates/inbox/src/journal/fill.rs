//! What an entry holds and no webhook had brought, into the log.

use jiff::Timestamp;
use serde_json::Value;
use store::deliveries::{NewDelivery, Places};
use store::journal::{Gap, GapKind};

use super::{Entry, Reader, translate, words};
use crate::event::{self, Event};

/// Events kept in one commit: as many as HubSpot sends in one delivery.
const AT_ONCE: usize = event::EVENTS_MAX;

impl Reader {
    /// How many of its events were missing; `gap` grows by them.
    pub(super) async fn fill(&self, entry: &Entry, gap: &mut Option<Gap>) -> Result<usize, String> {
        let mut events = Vec::new();
        let mut unread = 0;
        for told in &entry.events {
            match translate::events(told, self.app_id) {
                Some(found) => events.extend(found),
                None => unread += 1,
            }
        }
        if unread > 0 {
            let connection = &self.connection;
            tracing::error!(
                connection,
                unread,
                "the journal holds events of a shape that is not known; they are left out"
            );
        }
        let mut filled = 0;
        for chunk in events.chunks(AT_ONCE) {
            filled += self.keep(chunk, gap).await?;
        }
        Ok(filled)
    }

    async fn keep(&self, chunk: &[Value], gap: &mut Option<Gap>) -> Result<usize, String> {
        let body = Value::Array(chunk.to_vec()).to_string().into_bytes();
        let read = event::read(&body).map_err(|error| error.to_string())?;
        let now = (self.clock)();
        let delivery = NewDelivery {
            received_at: now,
            connection: self.connection.clone(),
            keys: read.iter().map(Event::told).collect(),
            body: body.clone(),
        };
        let twins = read.iter().map(Event::twin_of_the_journal).collect();
        let new = self.receiver.store.receive_beside(delivery, twins).await.map_err(words)?;
        if new.is_empty() {
            return Ok(0);
        }
        self.receiver.effects.changed(&read);
        let moments = moments(&read, new, now);
        self.receiver.books.from_journal(&self.connection, &moments);
        self.receiver.arrived.send_modify(|count| *count += 1);
        let grown = self.grown(gap.take(), &moments);
        self.receiver.store.note_gap(&grown).await.map_err(words)?;
        *gap = Some(grown);
        Ok(moments.len())
    }

    fn grown(&self, gap: Option<Gap>, moments: &[Timestamp]) -> Gap {
        let now = (self.clock)();
        let (first, last) = (moments.iter().min().copied(), moments.iter().max().copied());
        let (first, last) = (first.unwrap_or(now), last.unwrap_or(now));
        let before = gap.unwrap_or_else(|| Gap {
            connection: self.connection.clone(),
            found_at: now,
            kind: GapKind::Filled,
            begins: first,
            ends: last,
            events: 0,
        });
        Gap {
            begins: before.begins.min(first),
            ends: before.ends.max(last),
            events: before.events + moments.len() as u64,
            ..before
        }
    }
}

/// When those happened that are new; now, where they do not say.
fn moments(events: &[Event<'_>], new: Places, now: Timestamp) -> Vec<Timestamp> {
    let of_new = events.iter().enumerate().filter(|(place, _)| new.contains(*place));
    of_new.map(|(_, event)| event.occurred_at().unwrap_or(now)).collect()
}
