//! One record against a query: pure comparison, by the case rules of facts §3.4.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::super::Crm;
use super::super::definition::ValueType;
use super::super::kind::Kind;
use super::super::record::{Record, Seen};
use super::super::value::instant_ms;
use super::parse::{Filter, Operand, Query, Subject, Test};
use super::words;

impl Query {
    pub(super) fn takes(&self, crm: &Crm, kind: Kind, record: &Record, horizon: Timestamp) -> bool {
        let by_filters = self.groups.is_empty()
            || self
                .groups
                .iter()
                .any(|filters| filters.iter().all(|filter| filter.holds(crm, kind, record, horizon)));
        by_filters && self.is_mentioned(crm, kind, record, horizon)
    }

    /// Every word somewhere in the searched properties.
    fn is_mentioned(&self, crm: &Crm, kind: Kind, record: &Record, horizon: Timestamp) -> bool {
        let info = crm.kinds.info(kind);
        self.words.iter().all(|word| {
            info.searched_properties.iter().any(|name| match record.see(info, name, horizon) {
                Some(Seen::Text(text)) if is_phone(name) => words::phone_has(text, word),
                Some(seen) => words::text_has(&seen.text(), word),
                None => false,
            })
        })
    }
}

impl Filter {
    fn holds(&self, crm: &Crm, kind: Kind, record: &Record, horizon: Timestamp) -> bool {
        match &self.subject {
            Subject::Property { name, value_type } => {
                let seen = record.see(crm.kinds.info(kind), name, horizon);
                self.test.passes(*value_type, seen)
            }
            Subject::Associated(to) => {
                let mut neighbours = crm.links.of((kind, record.id), *to).map(|(id, _)| Seen::Number(id.0));
                match &self.test {
                    // "Not associated with" must hold for all neighbours, and for none.
                    Test::Neq(operand) => neighbours.all(|id| !equal(ValueType::Number, id, operand)),
                    Test::NotIn(operands) => neighbours
                        .all(|id| !operands.iter().any(|operand| equal(ValueType::Number, id, operand))),
                    Test::NotHasProperty => neighbours.next().is_none(),
                    test => neighbours.any(|id| test.passes(ValueType::Number, Some(id))),
                }
            }
        }
    }
}

impl Test {
    /// A record without a value passes `NOT_HAS_PROPERTY` alone; for the negations that is observed, unconfirmed.
    fn passes(&self, value_type: ValueType, seen: Option<Seen<'_>>) -> bool {
        let Some(seen) = seen else { return matches!(self, Self::NotHasProperty) };
        let against = |operand: &Operand| compare(value_type, seen, operand);
        match self {
            Self::Eq(operand) => equal(value_type, seen, operand),
            Self::Neq(operand) => !equal(value_type, seen, operand),
            Self::Lt(operand) => against(operand) == Some(Ordering::Less),
            Self::Lte(operand) => matches!(against(operand), Some(Ordering::Less | Ordering::Equal)),
            Self::Gt(operand) => against(operand) == Some(Ordering::Greater),
            Self::Gte(operand) => matches!(against(operand), Some(Ordering::Greater | Ordering::Equal)),
            Self::Between(low, high) => {
                matches!(against(low), Some(Ordering::Greater | Ordering::Equal))
                    && matches!(against(high), Some(Ordering::Less | Ordering::Equal))
            }
            Self::In(operands) => operands.iter().any(|operand| listed(value_type, seen, operand)),
            Self::NotIn(operands) => !operands.iter().any(|operand| listed(value_type, seen, operand)),
            Self::HasProperty => true,
            Self::NotHasProperty => false,
            Self::ContainsToken(pattern) => pattern.is_in(&seen.text()),
            Self::NotContainsToken(pattern) => !pattern.is_in(&seen.text()),
        }
    }
}

/// What a text means to a type that is ordered by number.
pub(super) fn number(value_type: ValueType, text: &str) -> Option<f64> {
    match value_type {
        ValueType::Number => text.trim().parse().ok(),
        #[expect(clippy::cast_precision_loss, reason = "epoch milliseconds stay far below 2^53")]
        ValueType::Date | ValueType::DateTime => instant_ms(text.trim()).map(|ms| ms as f64),
        ValueType::Bool | ValueType::Enumeration | ValueType::PhoneNumber | ValueType::Text => None,
    }
}

/// Two values of one property, in ascending order.
pub(super) fn order(value_type: ValueType, left: Seen<'_>, right: Seen<'_>) -> Ordering {
    match (seen_number(value_type, left), seen_number(value_type, right)) {
        (Some(left), Some(right)) => left.total_cmp(&right),
        _ => left.text().to_lowercase().cmp(&right.text().to_lowercase()),
    }
}

fn is_phone(name: &str) -> bool {
    matches!(name, "phone" | "mobilephone" | "fax")
}

#[expect(clippy::cast_precision_loss, reason = "ids and epoch milliseconds stay far below 2^53")]
fn seen_number(value_type: ValueType, seen: Seen<'_>) -> Option<f64> {
    match seen {
        Seen::Instant(at) => Some(at.as_millisecond() as f64),
        Seen::Number(number) => Some(number as f64),
        Seen::Text(text) => number(value_type, text),
    }
}

fn compare(value_type: ValueType, seen: Seen<'_>, operand: &Operand) -> Option<Ordering> {
    match (seen_number(value_type, seen), operand.number) {
        (Some(own), Some(other)) => own.partial_cmp(&other),
        (Some(_), None) => None,
        (None, _) => Some(seen.text().to_lowercase().as_str().cmp(operand.lower.as_str())),
    }
}

/// Case counts on enumerations only; one member of a set is enough.
fn equal(value_type: ValueType, seen: Seen<'_>, operand: &Operand) -> bool {
    match value_type {
        ValueType::Enumeration | ValueType::Bool => {
            let text = seen.text();
            *text == operand.text || text.split(';').any(|member| member == operand.text)
        }
        ValueType::Number | ValueType::Date | ValueType::DateTime => {
            compare(value_type, seen, operand) == Some(Ordering::Equal)
        }
        ValueType::PhoneNumber | ValueType::Text => same_letters(&seen.text(), &operand.lower),
    }
}

/// IN and NOT_IN on strings find nothing unless the caller wrote lowercase, facts §3.4.
fn listed(value_type: ValueType, seen: Seen<'_>, operand: &Operand) -> bool {
    match value_type {
        ValueType::PhoneNumber | ValueType::Text => same_letters(&seen.text(), &operand.text),
        ValueType::Bool
        | ValueType::Enumeration
        | ValueType::Number
        | ValueType::Date
        | ValueType::DateTime => equal(value_type, seen, operand),
    }
}

/// Whether `text` in lowercase is `lower`, without building it in the usual case.
fn same_letters(text: &str, lower: &str) -> bool {
    if text.is_ascii() {
        return text.len() == lower.len()
            && text.bytes().zip(lower.bytes()).all(|(own, other)| own.to_ascii_lowercase() == other);
    }
    text.to_lowercase() == lower
}
