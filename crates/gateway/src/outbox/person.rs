//! A contact who is to be forgotten, and what in a write or its answer is theirs. Pure.

use hubspot::object_type::ObjectType;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use store::outbox::{Left, Operation, Purged};

pub(super) mod found;

/// Lists of which each element is somebody's own.
const LISTS: [&str; 3] = ["inputs", "results", "errors"];

/// What is left of a body that was about nobody else.
const NOTHING: &[u8] = b"{}";

/// A contact, by HubSpot's number and by the e-mail addresses that are known to be theirs, in lower case. Where the number is
/// not known it is empty, and nobody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub portal_id: String,
    pub contact_id: String,
    pub emails: Vec<String>,
}

/// Whether a text is about somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
enum About {
    /// Not about them.
    Others,
    Them,
    /// Them among others; this is left.
    Both(Vec<u8>),
}

impl Person {
    /// The operation without what is theirs; `None` where nothing is.
    pub(super) fn purged(&self, operation: &Operation) -> Option<Purged> {
        let asked = &operation.asked;
        let of_contacts = is_of_contacts(&asked.target);
        let target = self.in_target(&asked.target, of_contacts);
        let body = self.about(&asked.body, of_contacts);
        let answered = operation.answer.as_ref().map(|answer| self.about(&answer.body, of_contacts));
        let theirs = |about: &About| *about != About::Others;
        if target == InTarget::Nothing && !theirs(&body) && !answered.as_ref().is_some_and(theirs) {
            return None;
        }
        let whole = target != InTarget::Nothing || body == About::Them || answered == Some(About::Them);
        let kept = |about: Option<About>, before: &[u8]| match about {
            _ if whole => NOTHING.to_vec(),
            Some(About::Both(left)) => left,
            Some(About::Them | About::Others) | None => before.to_vec(),
        };
        let answer = operation.answer.as_ref().map(|answer| kept(answered, &answer.body));
        let record = asked.record.as_deref().unwrap_or_default();
        Some(Purged {
            target: if target == InTarget::Address { nameless(&asked.target) } else { asked.target.clone() },
            body: kept(Some(body), &asked.body),
            answer,
            names_the_record: self.has_address(record),
            left: if whole { Left::Nothing } else { Left::Others },
        })
    }

    /// What is left of an answer that was kept for a key; `None` where nothing in it is theirs. It does not tell what was
    /// asked, so that every record of this number counts.
    pub(super) fn purged_answer(&self, body: &[u8]) -> Option<Vec<u8>> {
        match self.about(body, OfContacts::Yes) {
            About::Others => None,
            About::Them => Some(NOTHING.to_vec()),
            About::Both(left) => Some(left),
        }
    }

    /// The addresses that a body or an answer gives to them.
    pub(super) fn learn(&mut self, operation: &Operation) {
        if is_of_contacts(&operation.asked.target) == OfContacts::No {
            return;
        }
        let path = operation.asked.target.split('?').next().unwrap_or_default();
        let named = path.split('/').any(|segment| self.has_number(segment));
        let answer = operation.answer.as_ref().map(|answer| answer.body.as_slice()).unwrap_or_default();
        for text in [&operation.asked.body[..], answer] {
            let Ok(value) = serde_json::from_slice::<Value>(text) else { continue };
            for one in each(&value) {
                if named || self.is_number_of(&one["id"]) {
                    self.add_address(one.pointer("/properties/email"));
                }
            }
        }
    }

    /// Another address of theirs.
    pub fn add_address(&mut self, found: Option<&Value>) {
        let Some(email) = found.and_then(Value::as_str).map(|email| email.trim().to_lowercase()) else {
            return;
        };
        // What is no address would be found everywhere.
        if email.contains('@') && !self.emails.contains(&email) {
            self.emails.push(email);
        }
    }

    fn about(&self, text: &[u8], of_contacts: OfContacts) -> About {
        let Ok(mut value) = serde_json::from_slice::<Value>(text) else {
            return if self.has_address(&String::from_utf8_lossy(text)) {
                About::Them
            } else {
                About::Others
            };
        };
        let mut left_out = 0;
        let mut left = 0;
        for name in LISTS {
            if let Some(list) = value.get_mut(name).and_then(Value::as_array_mut) {
                let before = list.len();
                list.retain(|one| !self.is_theirs(one, of_contacts));
                left_out += before - list.len();
                left += list.len();
            }
        }
        match (left_out, left) {
            (0, _) if self.is_theirs(&value, of_contacts) => About::Them,
            (0, _) => About::Others,
            (_, 0) => About::Them,
            _ if self.is_theirs(&value, of_contacts) => About::Them,
            _ => About::Both(value.to_string().into_bytes()),
        }
    }

    /// One that is theirs, or names them.
    fn is_theirs(&self, value: &Value, of_contacts: OfContacts) -> bool {
        match value {
            Value::String(text) => {
                self.has_address(text) || (of_contacts == OfContacts::Yes && self.has_number(text))
            }
            Value::Number(_) => of_contacts == OfContacts::Yes && self.is_number_of(value),
            Value::Array(list) => list.iter().any(|one| self.is_theirs(one, of_contacts)),
            Value::Object(fields) => fields.values().any(|one| self.is_theirs(one, of_contacts)),
            Value::Null | Value::Bool(_) => false,
        }
    }

    fn in_target(&self, target: &str, of_contacts: OfContacts) -> InTarget {
        let path = target.split('?').next().unwrap_or_default();
        if self.has_address(&percent_decode_str(target).decode_utf8_lossy()) {
            InTarget::Address
        } else if of_contacts == OfContacts::Yes && path.split('/').any(|segment| self.has_number(segment)) {
            InTarget::Number
        } else {
            InTarget::Nothing
        }
    }

    fn has_address(&self, text: &str) -> bool {
        !self.emails.is_empty() && {
            let text = text.to_lowercase();
            self.emails.iter().any(|email| text.contains(email.as_str()))
        }
    }

    fn has_number(&self, text: &str) -> bool {
        !self.contact_id.is_empty() && text == self.contact_id
    }

    fn is_number_of(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.has_number(text),
            Value::Number(number) => self.has_number(&number.to_string()),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
        }
    }
}

/// Numbers are told apart by kind: a company may have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OfContacts {
    Yes,
    No,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InTarget {
    Nothing,
    Number,
    Address,
}

fn is_of_contacts(target: &str) -> OfContacts {
    let path = target.split('?').next().unwrap_or_default();
    let named = path.split('/').any(|segment| ObjectType::parse(segment) == Some(ObjectType::Contact));
    if named { OfContacts::Yes } else { OfContacts::No }
}

/// The record itself, or each of those in a list.
fn each(value: &Value) -> impl Iterator<Item = &Value> {
    let lists = LISTS.iter().filter_map(|name| value.get(name)?.as_array()).flatten();
    std::iter::once(value).chain(lists)
}

/// The path up to what names somebody, without the query.
fn nameless(target: &str) -> String {
    let path = target.split('?').next().unwrap_or_default();
    let kept: Vec<&str> =
        path.split('/').take_while(|segment| !segment.contains('@') && !segment.contains('%')).collect();
    kept.join("/")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use rstest::rstest;
    use store::outbox::{Answer, NewOperation, State};
    use uuid::Uuid;

    use super::*;

    pub(super) fn ada() -> Person {
        Person { portal_id: "1".into(), contact_id: "701".into(), emails: vec!["ada@example.com".into()] }
    }

    pub(super) fn operation(target: &str, body: &str, answer: Option<&str>) -> Operation {
        let asked = NewOperation {
            id: Uuid::nil(),
            accepted_at: Timestamp::UNIX_EPOCH,
            connection: "default".into(),
            caller: "-".into(),
            family: "objects".into(),
            lane: "sync".into(),
            method: "POST".into(),
            target: target.into(),
            headers: Vec::new(),
            body: body.as_bytes().to_vec(),
            record: Some("contacts/email=ada@example.com".into()),
            stamp: None,
        };
        let answer = answer.map(|body| Answer { status: 200, body: body.as_bytes().to_vec() });
        Operation {
            seq: 1,
            asked,
            state: State::Applied,
            fence: 0,
            due_at: Timestamp::UNIX_EPOCH,
            attempts: Vec::new(),
            settled_at: None,
            reason: None,
            answer,
        }
    }

    #[rstest]
    #[case::by_number("/crm/v3/objects/contacts/701", "{\"properties\":{\"phone\":\"1\"}}", None, true)]
    #[case::by_the_answer(
        "/crm/v3/objects/contacts",
        "{\"properties\":{\"phone\":\"1\"}}",
        Some("{\"id\":\"701\"}"),
        true
    )]
    #[case::by_address(
        "/crm/v3/objects/contacts",
        "{\"properties\":{\"email\":\"Ada@Example.com\"}}",
        None,
        true
    )]
    #[case::in_another_kind(
        "/crm/v3/objects/notes",
        "{\"properties\":{\"hs_note_body\":\"ask ada@example.com\"}}",
        None,
        true
    )]
    #[case::in_the_path("/crm/v3/objects/contacts/ada%40example.com?idProperty=email", "{}", None, true)]
    #[case::another_number(
        "/crm/v3/objects/contacts/7010",
        "{\"properties\":{\"phone\":\"1\"}}",
        None,
        false
    )]
    #[case::a_company_of_that_number(
        "/crm/v3/objects/companies/701",
        "{\"properties\":{\"name\":\"x\"}}",
        None,
        false
    )]
    fn whose_an_operation_is(
        #[case] target: &str,
        #[case] body: &str,
        #[case] answer: Option<&str>,
        #[case] theirs: bool,
    ) {
        let purged = ada().purged(&operation(target, body, answer));
        assert_eq!(purged.is_some(), theirs);
        if let Some(purged) = purged {
            assert_eq!((&purged.body[..], purged.left), (NOTHING, Left::Nothing));
            assert!(!purged.target.contains("ada"), "{}", purged.target);
            assert!(purged.names_the_record);
        }
    }

    #[test]
    fn of_a_batch_the_others_stay() {
        let body =
            r#"{"inputs":[{"id":"701","properties":{"phone":"1"}},{"id":"702","properties":{"phone":"2"}}]}"#;
        let purged = ada().purged(&operation("/crm/v3/objects/contacts/batch/update", body, None)).unwrap();
        let text = String::from_utf8(purged.body).unwrap();
        assert!(text.contains("702") && !text.contains("701"), "{text}");
        assert_eq!(purged.left, Left::Others);
    }

    #[test]
    fn an_address_is_learned_from_what_was_written_and_answered() {
        let mut ada = Person { emails: Vec::new(), ..ada() };
        let answer = r#"{"id":"701","properties":{"email":"Ada@Old.example"}}"#;
        ada.learn(&operation("/crm/v3/objects/contacts", "{}", Some(answer)));
        ada.learn(&operation(
            "/crm/v3/objects/contacts/701",
            r#"{"properties":{"email":"ada@new.example"}}"#,
            None,
        ));
        ada.learn(&operation(
            "/crm/v3/objects/contacts/702",
            r#"{"properties":{"email":"bob@b.example"}}"#,
            None,
        ));
        ada.learn(&operation("/crm/v3/objects/contacts/701", r#"{"properties":{"email":"none"}}"#, None));
        assert_eq!(ada.emails, ["ada@old.example", "ada@new.example"]);
    }
}
