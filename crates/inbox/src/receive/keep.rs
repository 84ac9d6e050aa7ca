//! A verified delivery goes to the disk, and whoever waits for it is told.

use jiff::Timestamp;
use store::deliveries::NewDelivery;
use store::step::{self, Step};

use super::{App, Outcome, Receiver, Taken, Ways};
use crate::event::Event;

impl Receiver {
    pub(crate) async fn keep(&self, app: &App, body: &[u8], events: &[Event<'_>], now: Timestamp) -> Outcome {
        self.keep_for(app, body, events, now).await.outcome
    }

    pub(super) async fn keep_for<'a>(
        &self,
        app: &'a App,
        body: &[u8],
        events: &[Event<'_>],
        now: Timestamp,
    ) -> Taken<'a> {
        let delivery = NewDelivery {
            received_at: now,
            connection: app.connection.clone(),
            body: body.to_vec(),
            keys: events.iter().map(Event::key).collect(),
        };
        let twins = match app.ways {
            Ways::Webhooks => Vec::new(),
            Ways::WebhooksAndJournal => events.iter().map(Event::twin).collect(),
        };
        let kept = self.store.receive_beside(delivery, twins).await;
        step::at(Step::DeliveryKept);
        match kept {
            Ok(new) => {
                self.books.events(&app.connection, events, new.len(), now);
                if !new.is_empty() {
                    self.effects.changed(events);
                    self.arrived.send_modify(|count| *count += 1);
                }
                let outcome = Outcome::Kept { events: events.len(), new: new.len() };
                Taken { outcome, app: Some(app), new: Some(new) }
            }
            Err(error) => Taken { outcome: Outcome::NotKept(error), app: Some(app), new: None },
        }
    }
}
