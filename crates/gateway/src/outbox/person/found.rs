//! What is still kept of a person, and by which numbers HubSpot knows an address. Pure.

use serde_json::Value;
use store::outbox::Operation;

use super::{OfContacts, Person, each, is_of_contacts};

impl Person {
    /// Whether something of theirs is in it that a purge would take.
    pub(in crate::outbox) fn is_in(&self, operation: &Operation) -> bool {
        let asked = &operation.asked;
        let answer = operation.answer.as_ref().map(|answer| answer.body.as_slice());
        self.purged(operation).is_some_and(|left| {
            left.body != asked.body
                || left.answer.as_deref() != answer
                || left.target != asked.target
                || (left.names_the_record && asked.record.is_some())
        })
    }
}

/// The contacts that a write, or its answer, gives an address to. `email` is in lower case.
pub(in crate::outbox) fn numbers_of(email: &str, operation: &Operation) -> Vec<String> {
    let asked = &operation.asked;
    if is_of_contacts(&asked.target) == OfContacts::No {
        return Vec::new();
    }
    let mut numbers = numbers_in(email, &asked.body);
    let path = asked.target.split('?').next().unwrap_or_default();
    let last = path.rsplit('/').next().filter(|last| is_number(last));
    if let Some(last) = last.filter(|_| has_email(&parsed(&asked.body), email)) {
        numbers.push(last.to_owned());
    }
    let answer = operation.answer.as_ref().map(|answer| answer.body.as_slice());
    numbers.extend(answer.map(|answer| numbers_in(email, answer)).unwrap_or_default());
    numbers
}

/// The same of a body.
pub(in crate::outbox) fn numbers_in(email: &str, body: &[u8]) -> Vec<String> {
    let value = parsed(body);
    let theirs = each(&value).filter(|one| has_email(one, email));
    let number = |one: &Value| match &one["id"] {
        Value::String(text) if is_number(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    theirs.filter_map(number).collect()
}

fn parsed(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

fn has_email(value: &Value, email: &str) -> bool {
    let found = value.pointer("/properties/email").and_then(Value::as_str);
    found.is_some_and(|found| found.trim().to_lowercase() == email)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ada, operation};
    use super::*;

    const CREATE: &str = r#"{"properties":{"email":"Ada@Example.com"}}"#;

    #[test]
    fn an_address_leads_to_numbers() {
        let of = |target: &str, body: &str, answer: Option<&str>| {
            numbers_of("ada@example.com", &operation(target, body, answer))
        };
        let made = r#"{"id":"701","properties":{"email":"ada@example.com"}}"#;
        assert_eq!(of("/crm/v3/objects/contacts", CREATE, Some(made)), ["701"]);
        assert_eq!(of("/crm/v3/objects/contacts/702?a=b", CREATE, None), ["702"]);
        let batch =
            r#"{"inputs":[{"id":7,"properties":{"email":"ada@example.com"}},{"id":8,"properties":{}}]}"#;
        assert_eq!(of("/crm/v3/objects/contacts/batch/update", batch, None), ["7"]);
        assert!(of("/crm/v3/objects/companies/702", CREATE, None).is_empty(), "another kind's number");
        assert!(
            of("/crm/v3/objects/contacts", r#"{"properties":{"email":"bob@example.com"}}"#, None).is_empty()
        );
    }

    #[test]
    fn what_was_purged_is_in_nothing_any_more() {
        let mut one = operation("/crm/v3/objects/contacts/701", CREATE, Some(r#"{"id":"701"}"#));
        assert!(ada().is_in(&one));
        let left = ada().purged(&one).unwrap();
        (one.asked.body, one.asked.target, one.asked.record) = (left.body, left.target, None);
        one.answer.as_mut().unwrap().body = left.answer.unwrap();
        assert!(!ada().is_in(&one));
    }
}
