//! Whose deliveries we take.

use crate::event::Event;
use crate::secrets::ClientSecrets;

/// An app whose deliveries we take.
pub struct App {
    /// The connection's name.
    pub connection: String,
    pub app_id: Option<u64>,
    pub portal_id: Option<u64>,
    pub secrets: ClientSecrets,
    pub ways: Ways,
}

/// How events reach us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ways {
    #[default]
    Webhooks,
    /// HubSpot's journal is read for what no webhook brings.
    WebhooksAndJournal,
}

impl App {
    /// Nothing tells whether a delivery is for it but its secret.
    pub(super) fn has_no_number(&self) -> bool {
        self.app_id.is_none() && self.portal_id.is_none()
    }

    /// All events are for this app, and for its portal.
    pub(super) fn is_named_in(&self, events: &[Event<'_>]) -> bool {
        let is = |ours: Option<u64>, named: Option<&str>| {
            ours.is_some_and(|ours| named.and_then(|named| named.parse().ok()) == Some(ours))
        };
        let fits = |event: &Event<'_>| match (self.app_id, self.portal_id) {
            (None, None) => false,
            (Some(_), None) => is(self.app_id, event.app_id()),
            (None, Some(_)) => is(self.portal_id, event.portal_id()),
            (Some(_), Some(_)) => is(self.app_id, event.app_id()) && is(self.portal_id, event.portal_id()),
        };
        events.iter().all(fits)
    }
}
