//! What a delivery told of itself, for whoever keeps count of what comes.

use jiff::Timestamp;
use store::deliveries::Places;

use crate::event::Event;
use crate::receive::App;
use crate::workflow::Sender;

/// One delivery.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    pub sender: Sender,
    /// The app it is for, as far as that can be said; `None` where it names none of ours.
    pub connection: Option<String>,
    pub portal_id: Option<u64>,
    /// The signature fits, and was made too long ago or in the future.
    pub untimely: bool,
    pub events: Vec<SeenEvent>,
}

/// One of its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenEvent {
    /// A hash of portal, record and property.
    pub subject: u64,
    pub occurred_at: Timestamp,
    pub attempt: u32,
    /// It had come before.
    pub repeated: bool,
}

impl Seen {
    pub(crate) fn of(events: &[Event<'_>], app: Option<&App>, new: Option<Places>, now: Timestamp) -> Self {
        let seen = events.iter().enumerate().map(|(place, event)| SeenEvent {
            subject: event.subject_number(),
            occurred_at: event.occurred_at().unwrap_or(now),
            attempt: event.attempt_number.unwrap_or_default(),
            repeated: new.is_some_and(|new| !new.contains(place)),
        });
        let portal = events.first().and_then(|event| event.portal_id()).and_then(|id| id.parse().ok());
        Self {
            sender: Sender::App,
            connection: app.map(|app| app.connection.clone()),
            portal_id: portal,
            untimely: false,
            events: seen.collect(),
        }
    }
}
