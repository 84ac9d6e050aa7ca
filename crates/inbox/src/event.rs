//! The events of a delivery, read only as far as we need them; what is kept and passed on are the bytes as they came.
//! Shape: hubspot-facts §6.4 (webhooks guide, payload).

use std::borrow::Cow;

use hubspot::event_type;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

mod depth;
mod key;
mod subject;

use depth::depth;
pub(crate) use key::kind_name;

/// HubSpot sends at most 100 in one request. hubspot-facts §6.4.
pub const EVENTS_MAX: usize = 100;

/// The kind of object that contacts are. hubspot-facts §4.
pub(crate) const CONTACTS: &str = "0-1";

/// Deeper than any event; what nests further is no delivery.
const DEPTH_MAX: usize = 16;

/// What an event tells of itself. Ids stay text: some are larger than a float can hold.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event<'a> {
    #[serde(borrow)]
    event_id: Option<&'a RawValue>,
    #[serde(borrow)]
    portal_id: Option<&'a RawValue>,
    #[serde(borrow)]
    app_id: Option<&'a RawValue>,
    #[serde(borrow)]
    object_id: Option<&'a RawValue>,
    #[serde(borrow)]
    from_object_id: Option<&'a RawValue>,
    #[serde(borrow)]
    to_object_id: Option<&'a RawValue>,
    #[serde(borrow)]
    association_type: Option<Cow<'a, str>>,
    association_removed: Option<bool>,
    #[serde(borrow)]
    message_id: Option<Cow<'a, str>>,
    /// Milliseconds since 1970.
    occurred_at: i64,
    #[serde(borrow)]
    pub subscription_type: Cow<'a, str>,
    #[serde(borrow)]
    pub property_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    object_type_id: Option<Cow<'a, str>>,
    /// How often HubSpot has tried to deliver it before.
    pub attempt_number: Option<u32>,
}

/// Why a body is no delivery.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoDelivery {
    #[error("the body is not a JSON array of events: {0}")]
    Shape(String),
    #[error("the body nests deeper than {DEPTH_MAX} levels")]
    TooDeep,
    #[error("the body holds {0} events; HubSpot sends at most {EVENTS_MAX}")]
    TooMany(usize),
    #[error("the body holds no event")]
    Empty,
}

/// Reads a delivery's body.
///
/// # Errors
/// [`NoDelivery`] when it is not an array of 1 to [`EVENTS_MAX`] events.
pub fn read(body: &[u8]) -> Result<Vec<Event<'_>>, NoDelivery> {
    if depth(body) > DEPTH_MAX {
        return Err(NoDelivery::TooDeep);
    }
    // Also what we do not read has to be text: it is taken apart and passed on later, when nobody can be told any more.
    let text = str::from_utf8(body).map_err(|error| NoDelivery::Shape(error.to_string()))?;
    let events: Vec<Event<'_>> =
        serde_json::from_str(text).map_err(|error| NoDelivery::Shape(error.to_string()))?;
    match events.len() {
        0 => Err(NoDelivery::Empty),
        count if count > EVENTS_MAX => Err(NoDelivery::TooMany(count)),
        _ => Ok(events),
    }
}

/// The same, each with its bytes as they came. What was verified and kept needs no checks.
///
/// # Errors
/// [`NoDelivery::Shape`].
pub fn read_raw(body: &[u8]) -> Result<Vec<(&str, Event<'_>)>, NoDelivery> {
    let shape = |error: serde_json::Error| NoDelivery::Shape(error.to_string());
    let raw: Vec<&RawValue> = serde_json::from_slice(body).map_err(shape)?;
    let mut events = Vec::with_capacity(raw.len());
    for raw in raw {
        events.push((raw.get(), serde_json::from_str(raw.get()).map_err(shape)?));
    }
    Ok(events)
}

/// One event by itself.
pub fn read_one(body: &[u8]) -> Option<Event<'_>> {
    serde_json::from_slice(body).ok()
}

impl Event<'_> {
    pub fn occurred_at(&self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.occurred_at).ok()
    }

    pub fn portal_id(&self) -> Option<&str> {
        self.portal_id.map(text)
    }

    pub fn app_id(&self) -> Option<&str> {
        self.app_id.map(text)
    }

    /// Every object that the event names: its own, and those of an association or a merge.
    pub fn object_ids(&self) -> impl Iterator<Item = &str> {
        [self.object_id, self.from_object_id, self.to_object_id].into_iter().flatten().map(text)
    }

    /// Objects of different kinds may have the same number. Of an association, either may be a contact.
    pub(crate) fn is_about_contacts(&self) -> bool {
        let associates = |kinds: &str| kinds.to_ascii_uppercase().contains("CONTACT");
        self.subscription_type.starts_with("contact.")
            || self.object_type_id() == Some(CONTACTS)
            || self.association_type.as_deref().is_some_and(associates)
    }

    /// HubSpot's id of the kind of object, where it tells it.
    pub fn object_type_id(&self) -> Option<&str> {
        self.object_type_id.as_deref()
    }

    /// It came from a workflow's action, see [`crate::workflow`].
    pub fn is_of_workflow(&self) -> bool {
        self.subscription_type == event_type::WORKFLOW
    }

    /// Events of one object are forwarded in order: the portal and the object, or the first of two that are associated. What
    /// names no object waits for nobody.
    pub fn object(&self) -> (&str, &str) {
        let object = self.object_id.or(self.from_object_id).or(self.event_id).map_or("", text);
        (self.portal_id().unwrap_or_default(), object)
    }
}

/// A number as it is written, or a string without its quotes.
fn text(value: &RawValue) -> &str {
    let raw = value.get();
    raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(raw)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CHANGE: &str = r#"[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,
        "subscriptionType":"contact.propertyChange","attemptNumber":0,"objectId":9007199254740993,
        "propertyName":"email","propertyValue":"a@b.example","changeSource":"CRM","appId":54321}]"#;

    #[test]
    fn ids_beyond_what_a_float_holds_stay_exact() {
        let events = read(CHANGE.as_bytes()).unwrap();
        assert_eq!(events[0].object(), ("62515", "9007199254740993"));
        let next = CHANGE.replace("9007199254740993", "9007199254740992");
        assert_ne!(events[0].key(), read(next.as_bytes()).unwrap()[0].key());
    }

    #[test]
    fn a_later_attempt_is_the_same_event_and_another_property_is_not() {
        let key = |body: &str| read(body.as_bytes()).unwrap()[0].key();
        assert_eq!(key(CHANGE), key(&CHANGE.replace(r#""attemptNumber":0"#, r#""attemptNumber":3"#)));
        assert_ne!(key(CHANGE), key(&CHANGE.replace(r#""email""#, r#""phone""#)));
        assert_ne!(key(CHANGE), key(&CHANGE.replace("1564113600000", "1564113600001")));
        assert_ne!(key(CHANGE), key(&CHANGE.replace(r#""eventId":1"#, r#""eventId":2"#)));
    }

    #[test]
    fn what_is_no_delivery_is_told_apart() {
        assert_eq!(read(b"[]").unwrap_err(), NoDelivery::Empty);
        assert!(matches!(read(b"{}").unwrap_err(), NoDelivery::Shape(_)));
        assert!(matches!(read(b"[1]").unwrap_err(), NoDelivery::Shape(_)));
        let not_text = CHANGE.replace("a@b.example", "\u{e9}").into_bytes();
        let not_text: Vec<u8> = not_text.into_iter().filter(|byte| *byte != 0xa9).collect();
        assert!(
            matches!(read(&not_text).unwrap_err(), NoDelivery::Shape(_)),
            "in a field that we do not read"
        );
        let event = CHANGE.trim().trim_start_matches('[').trim_end_matches(']');
        let many = format!("[{}]", vec![event; 101].join(","));
        assert_eq!(read(many.as_bytes()).unwrap_err(), NoDelivery::TooMany(101));
        let deep = format!("{}{}", "[".repeat(17), "]".repeat(17));
        assert_eq!(read(deep.as_bytes()).unwrap_err(), NoDelivery::TooDeep);
        assert!(
            matches!(read(br#"["[[[[[[[[[[[[[[[[[[[[[[\""]"#).unwrap_err(), NoDelivery::Shape(_)),
            "a string nests nothing"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let _either = read(&body);
        }
    }
}
