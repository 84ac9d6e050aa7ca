//! An event on its way to one subscriber.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use store::deliveries::{Delivery, EventKey};
use store::dispatch::{Letter, LetterEnding, NewLetter};

use super::filter::Filter;
use crate::event;

/// What tells the subjects of latest-wins apart.
pub type Subject = [u8; 16];

#[derive(Debug, Clone)]
pub struct Item {
    pub seq: i64,
    pub place: usize,
    /// Where it was taken out of the line.
    pub letter: Option<i64>,
    pub event: EventKey,
    pub connection: Arc<str>,
    pub object: Arc<str>,
    pub kind: Box<str>,
    pub subject: Subject,
    pub occurred_at: Timestamp,
    pub received_at: Timestamp,
    /// HubSpot's bytes.
    pub body: Bytes,
    pub attempts: u32,
    /// It failed together with others; now it goes by itself.
    pub alone: bool,
}

impl Item {
    /// Where it belongs among the events of its object.
    pub fn rank(&self) -> (Timestamp, i64, usize) {
        (self.occurred_at, self.seq, self.place)
    }

    /// The same each time it is sent.
    pub fn id(&self) -> String {
        id(&self.event)
    }

    pub fn into_letter(self, standing: LetterEnding) -> NewLetter {
        NewLetter {
            seq: self.seq,
            place: self.place,
            event: self.event,
            connection: self.connection.to_string(),
            object: self.object.to_string(),
            kind: self.kind.into(),
            occurred_at: self.occurred_at,
            received_at: self.received_at,
            body: self.body.to_vec(),
            standing,
        }
    }
}

impl From<Letter> for Item {
    fn from(letter: Letter) -> Self {
        let Letter { id, content, .. } = letter;
        let subject = event::read_one(&content.body).map(|event| event.subject()).unwrap_or_default();
        Self {
            seq: content.seq,
            place: content.place,
            letter: Some(id),
            event: content.event,
            connection: content.connection.into(),
            object: content.object.into(),
            kind: content.kind.into(),
            subject,
            occurred_at: content.occurred_at,
            received_at: content.received_at,
            body: content.body.into(),
            attempts: content.standing.attempts(),
            alone: true,
        }
    }
}

/// The name of an event towards subscribers.
pub fn id(event: &EventKey) -> String {
    let mut id = String::with_capacity(36);
    id.push_str("evt_");
    for byte in event.bytes() {
        write!(id, "{byte:02x}").expect("writing to a string cannot fail");
    }
    id
}

/// The event that a name stands for.
pub fn of_id(id: &str) -> Option<EventKey> {
    let digits = id.strip_prefix("evt_").filter(|digits| digits.len() == 32 && digits.is_ascii())?;
    let mut bytes = [0; 16];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(EventKey::of_bytes(bytes))
}

/// The events of a delivery that a filter lets through: only those that had not come before.
pub fn of_delivery(delivery: &Delivery, filter: &Filter) -> Vec<Item> {
    let Ok(events) = event::read_raw(&delivery.body) else { return Vec::new() };
    let body = Bytes::from(delivery.body.clone());
    let connection: Arc<str> = Arc::from(delivery.connection.as_str());
    let new = events.iter().enumerate().filter(|(place, _)| delivery.new.contains(*place));
    let wanted = new.filter(|(_, (_, event))| filter.wants(event));
    wanted
        .map(|(place, (raw, event))| {
            let (portal, object) = event.object();
            Item {
                seq: delivery.seq,
                place,
                letter: None,
                event: event.key(),
                connection: connection.clone(),
                object: Arc::from(format!("{portal}/{object}")),
                kind: (*event.subscription_type).into(),
                subject: event.subject(),
                occurred_at: event.occurred_at().unwrap_or_default(),
                received_at: delivery.received_at,
                body: body.slice_ref(slice_of(&body, &delivery.body, raw)),
                attempts: 0,
                alone: false,
            }
        })
        .collect()
}

/// The same stretch of a copy.
fn slice_of<'a>(copy: &'a Bytes, original: &[u8], part: &str) -> &'a [u8] {
    let start = part.as_ptr() as usize - original.as_ptr() as usize;
    &copy[start..start + part.len()]
}

#[cfg(test)]
mod tests {
    use store::deliveries::Places;

    use super::*;

    #[test]
    fn the_bytes_are_hubspots_and_what_came_before_is_left_out() {
        let one = r#"{"eventId":1, "portalId":1,"occurredAt":5,"subscriptionType":"contact.creation","objectId":9007199254740993,"x":1.0}"#;
        let two = one.replace("\"eventId\":1", "\"eventId\":2");
        let mut new = Places::default();
        new.add(1);
        let body = format!("[ {one} ,\n{two}]").into_bytes();
        let delivery =
            Delivery { seq: 7, received_at: Timestamp::UNIX_EPOCH, connection: "c".into(), body, new };
        let items = of_delivery(&delivery, &Filter::default());
        assert_eq!(items.len(), 1);
        assert_eq!(items[0].body, two.as_bytes());
        assert_eq!((items[0].place, &*items[0].object), (1, "1/9007199254740993"));
        assert_eq!(of_id(&items[0].id()), Some(items[0].event));
    }

    #[test]
    fn what_is_no_name_of_an_event() {
        for id in [
            "",
            "evt_",
            "evt_zz",
            "msg_00000000000000000000000000000000",
            "evt_0000000000000000000000000000000g",
        ] {
            assert_eq!(of_id(id), None, "{id}");
        }
    }
}
