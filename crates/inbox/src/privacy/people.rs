//! People who are gone, and what in events is theirs. Pure.

use std::collections::{BTreeSet, HashMap};
use std::ops::Index;
use std::sync::LazyLock;

use memchr::memchr;
use memchr::memmem::Finder;
use serde_json::Value;
use serde_json::value::RawValue;
use store::deliveries::Delivery;

use super::asked::Who;
use crate::effects::Person;
use crate::event::{self, Event};

/// HubSpot's name for the event.
const KIND: &str = "contact.privacyDeletion";

/// Fields of an event that hold what somebody wrote. facts §6.4 (webhooks guide); the last two of what workflows send.
const PERSONAL: [&str; 4] = ["propertyValue", "sourceId", "body", "target"];

/// What HubSpot itself writes in place of what it does not tell. facts §6.4.
const REDACTED: &str = "REDACTED";

/// People, each at a place of their own.
#[derive(Debug, Default)]
pub(super) struct People {
    people: Vec<Person>,
    /// By portal, then by contact.
    places: HashMap<String, HashMap<String, usize>>,
}

/// What is left of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) body: Vec<u8>,
    /// The places of those whose something went.
    pub(super) of: BTreeSet<usize>,
}

impl Index<usize> for People {
    type Output = Person;

    fn index(&self, place: usize) -> &Person {
        &self.people[place]
    }
}

impl People {
    /// The place of a person, who may be there already.
    pub(super) fn add(&mut self, person: Person) -> usize {
        let contacts = self.places.entry(person.portal_id.clone()).or_default();
        *contacts.entry(person.contact_id.clone()).or_insert_with(|| {
            self.people.push(person);
            self.people.len() - 1
        })
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Person> {
        self.people.iter()
    }

    /// The addresses that a delivery's events give to them.
    pub(super) fn learn(&mut self, body: &[u8]) {
        for (raw, event) in event::read_raw(body).unwrap_or_default() {
            if event.property_name.as_deref() != Some("email") {
                continue;
            }
            let email = address(raw);
            for place in self.named_by(&event) {
                let emails = &mut self.people[place].emails;
                if email.contains('@') && !emails.contains(&email) {
                    emails.push(email.clone());
                }
            }
        }
    }

    /// A delivery's body, or an event by itself, without what is personal about them. All else stays as HubSpot wrote it.
    /// `None` where there is nothing of the kind.
    pub(super) fn without(&self, body: &[u8]) -> Option<Left> {
        if self.people.is_empty() {
            return None;
        }
        let mut of = BTreeSet::new();
        let body = match serde_json::from_slice::<Vec<&RawValue>>(body) {
            Ok(events) => {
                let left: Vec<String> =
                    events.into_iter().map(|event| self.of_event(event.get(), &mut of)).collect();
                format!("[{}]", left.join(","))
            }
            Err(_) => self.of_event(str::from_utf8(body).ok()?, &mut of),
        };
        (!of.is_empty()).then(|| Left { body: body.into_bytes(), of })
    }

    fn of_event(&self, raw: &str, of: &mut BTreeSet<usize>) -> String {
        let named =
            event::read_one(raw.as_bytes()).map(|event| self.named_in(&event, raw)).unwrap_or_default();
        let mut value: Value = match serde_json::from_str(raw) {
            Ok(value) if !named.is_empty() => value,
            Ok(_) | Err(_) => return raw.to_owned(),
        };
        let personal = PERSONAL.iter().filter(|name| value.get(name).is_some_and(|found| found != REDACTED));
        let personal: Vec<&str> = personal.copied().collect();
        if personal.is_empty() {
            return raw.to_owned();
        }
        for name in personal {
            value[name] = REDACTED.into();
        }
        of.extend(named);
        value.to_string()
    }

    fn named_in(&self, event: &Event<'_>, raw: &str) -> Vec<usize> {
        let mut named = self.named_by(event);
        if event.is_of_workflow() {
            named.extend(self.addressed_in(event, raw));
        }
        named
    }

    /// By an address in what a workflow sent, whose portal need not be known.
    fn addressed_in(&self, event: &Event<'_>, raw: &str) -> Vec<usize> {
        let may_be = |person: &Person| event.portal_id().is_none_or(|portal| portal == person.portal_id);
        let candidates =
            self.people.iter().enumerate().filter(|(_, person)| !person.emails.is_empty() && may_be(person));
        let mut candidates = candidates.peekable();
        if candidates.peek().is_none() {
            return Vec::new();
        }
        let sent: Value = serde_json::from_str(raw).unwrap_or_default();
        candidates
            .filter(|(_, person)| person.emails.iter().any(|email| mentions(&sent, email)))
            .map(|(place, _)| place)
            .collect()
    }

    fn named_by(&self, event: &Event<'_>) -> Vec<usize> {
        if !event.is_about_contacts() {
            return Vec::new();
        }
        let Some(contacts) = event.portal_id().and_then(|portal| self.places.get(portal)) else {
            return Vec::new();
        };
        event.object_ids().filter_map(|id| contacts.get(id).copied()).collect()
    }
}

/// The value of an event, as an address.
fn address(raw: &str) -> String {
    let value: Value = serde_json::from_str(raw).unwrap_or_default();
    value["propertyValue"].as_str().unwrap_or_default().trim().to_lowercase()
}

/// Somewhere in its texts stands the address, and not as a part of a longer one. In a query it may be escaped.
fn mentions(value: &Value, email: &str) -> bool {
    match value {
        Value::String(text) => {
            let text = text.to_lowercase().replace("%40", "@");
            let is_part =
                |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '_' | '-' | '+' | '@');
            text.match_indices(email).any(|(at, _)| {
                // A full stop behind it may be the sentence's.
                let behind = text[at + email.len()..].trim_start_matches('.');
                !text[..at].ends_with(is_part) && !behind.starts_with(is_part)
            })
        }
        Value::Array(values) => values.iter().any(|value| mentions(value, email)),
        Value::Object(fields) => fields.values().any(|value| mentions(value, email)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Portal and number of each contact in a body who may be meant: of that number, or one whose address it is.
pub(super) fn named(who: &Who, body: &[u8]) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (raw, event) in event::read_raw(body).unwrap_or_default() {
        let Some(portal) = event.portal_id().filter(|_| event.is_about_contacts()) else { continue };
        let means = |id: &str| match who {
            Who::Contact(number) => id == number,
            Who::Email(email) if event.is_of_workflow() => {
                mentions(&serde_json::from_str(raw).unwrap_or_default(), email)
            }
            Who::Email(email) => event.property_name.as_deref() == Some("email") && address(raw) == *email,
        };
        all.extend(event.object_ids().filter(|id| means(id)).map(|id| (portal.to_owned(), id.to_owned())));
    }
    all
}

/// Whom a delivery asks to forget.
pub(super) fn people(delivery: &Delivery) -> Vec<Person> {
    if !may_ask(&delivery.body) {
        return Vec::new();
    }
    let events = event::read(&delivery.body).unwrap_or_default();
    let asks = events.iter().filter(|event| event.subscription_type == KIND);
    let person = |event: &Event<'_>| {
        let (portal, contact) = event.object();
        let (portal_id, contact_id) = (portal.to_owned(), contact.to_owned());
        Person { connection: delivery.connection.clone(), portal_id, contact_id, emails: Vec::new() }
    };
    asks.map(person).filter(|person| !person.contact_id.is_empty()).collect()
}

/// Nearly no delivery does, and reading each once more would cost as much as taking it. Letters may be written as escapes.
fn may_ask(body: &[u8]) -> bool {
    ASKS.find(body).is_some() || memchr(b'\\', body).is_some_and(|at| ESCAPED.find(&body[at..]).is_some())
}

/// Made ready once: for a body as short as most, that costs more than the search.
static ASKS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(KIND));
static ESCAPED: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\\u"));

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use rstest::rstest;
    use store::deliveries::Places;

    use super::*;

    fn people(ids: &[&str]) -> People {
        let mut people = People::default();
        for id in ids {
            let (portal_id, contact_id) = ("7".to_owned(), (*id).to_owned());
            people.add(Person { connection: "c".into(), portal_id, contact_id, emails: Vec::new() });
        }
        people
    }

    #[rstest]
    #[case::theirs(r#""subscriptionType":"contact.propertyChange","portalId":7,"objectId":101"#, true)]
    #[case::by_the_kinds_number(
        r#""subscriptionType":"object.propertyChange","objectTypeId":"0-1","portalId":7,"objectId":101"#,
        true
    )]
    #[case::one_of_two(
        r#""subscriptionType":"company.associationChange","associationType":"COMPANY_TO_CONTACT","portalId":7,"fromObjectId":5,"toObjectId":101"#,
        true
    )]
    #[case::a_company_of_that_number(
        r#""subscriptionType":"company.propertyChange","portalId":7,"objectId":101"#,
        false
    )]
    #[case::of_another_portal(
        r#""subscriptionType":"contact.propertyChange","portalId":8,"objectId":101"#,
        false
    )]
    #[case::another_number(
        r#""subscriptionType":"contact.propertyChange","portalId":7,"objectId":1010"#,
        false
    )]
    fn whose_an_event_is(#[case] fields: &str, #[case] theirs: bool) {
        let event = format!(r#"{{{fields},"occurredAt":1,"propertyValue":"x"}}"#);
        for body in [event.clone(), format!("[{event}]")] {
            let left = people(&["101"]).without(body.as_bytes());
            assert_eq!(left.is_some(), theirs);
            if let Some(left) = left {
                assert!(String::from_utf8(left.body).unwrap().contains(r#""propertyValue":"REDACTED""#));
            }
        }
    }

    #[rstest]
    #[case::by_number(
        r#""portalId":7,"objectId":101,"objectTypeId":"0-1","target":"/","body":{"vid":101}"#,
        true
    )]
    #[case::a_number_alone(r#""objectId":101,"objectTypeId":"0-1","target":"/","body":{"vid":101}"#, false)]
    #[case::by_address(r#""target":"/","body":{"a":["Call Ada@example.com."]}"#, true)]
    #[case::in_the_query(r#""target":"/?to=ada%40example.com","body":null"#, true)]
    #[case::a_longer_address(r#""target":"/","body":"nada@example.com, ada@example.com.au""#, false)]
    #[case::of_another_portal(r#""portalId":8,"target":"/","body":"ada@example.com""#, false)]
    fn whom_a_workflow_tells_of(#[case] fields: &str, #[case] theirs: bool) {
        let event = format!(r#"[{{"subscriptionType":"workflow.webhook",{fields},"occurredAt":1}}]"#);
        let mut people = people(&["101"]);
        people.people[0].emails.push("ada@example.com".into());
        let left = people.without(event.as_bytes());
        assert_eq!(left.is_some(), theirs);
        if let Some(left) = left {
            let value: Value = serde_json::from_slice(&left.body).unwrap();
            assert_eq!((&value[0]["body"], &value[0]["target"]), (&REDACTED.into(), &REDACTED.into()));
            assert_eq!(people.without(&left.body), None, "nothing is left to take");
        }
    }

    #[test]
    fn of_two_in_one_delivery_both_go_and_the_third_stays_as_it_was_written() {
        let event = |id: &str| {
            format!(
                r#"{{ "subscriptionType":"contact.propertyChange","portalId":7,"objectId":{id},"occurredAt":1,"propertyValue":"of {id}" }}"#
            )
        };
        let body = format!("[{}, {},{}]", event("101"), event("102"), event("103"));
        let people = people(&["101", "102"]);
        let left = people.without(body.as_bytes()).unwrap();
        let text = String::from_utf8(left.body.clone()).unwrap();
        assert!(
            !text.contains("of 101") && !text.contains("of 102") && text.contains(&event("103")),
            "{text}"
        );
        assert_eq!(left.of, BTreeSet::from([0, 1]));
        assert_eq!(people.without(&left.body), None, "nothing is left to take");
    }

    #[rstest]
    #[case::as_ever("contact.privacyDeletion", true)]
    #[case::in_escapes(r"contact.privacy\u0044eletion", true)]
    #[case::something_else("contact.deletion", false)]
    fn whoever_asks_is_heard_however_it_is_spelt(#[case] kind: &str, #[case] asks: bool) {
        let body = format!(r#"[{{"subscriptionType":"{kind}","portalId":7,"objectId":101,"occurredAt":1}}]"#);
        let delivery = Delivery {
            seq: 1,
            received_at: Timestamp::UNIX_EPOCH,
            connection: "c".into(),
            body: body.into_bytes(),
            new: Places::default(),
        };
        assert_eq!(super::people(&delivery).len(), usize::from(asks));
    }
}
