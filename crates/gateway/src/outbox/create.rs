//! A create that can be told apart from every other: with the stamp it becomes an upsert, or carries the stamp among its
//! properties; and what names the record it may have made.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// HubSpot takes a hundred inputs in one batch (hubspot-facts §11).
pub(super) const INPUTS_MAX: usize = 100;

/// Of a batch's body: far below what HubSpot takes, and a hundred ordinary records fit.
pub(super) const PACK_BYTES_MAX: usize = 3 * 1024 * 1024;

/// A create's body, as far as we understand it. Anything else in it, and we do not.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body<'a> {
    #[serde(borrow)]
    properties: &'a RawValue,
    #[serde(borrow, default)]
    associations: Option<&'a RawValue>,
}

/// What a create makes, in a form that may be sent twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// An input of `batch/upsert`.
    Upsert,
    /// An upsert knows no associations: a create that holds the stamp, which HubSpot takes once.
    Stamped,
}

/// How a create can be made with a stamp; `None` where its body is not what we know, or names the property itself.
pub(super) fn form(body: &[u8], stamp_property: &str) -> Option<Form> {
    let Body { properties, associations } = serde_json::from_slice(body).ok()?;
    let properties: Map<String, Value> = serde_json::from_str(properties.get()).ok()?;
    if properties.contains_key(stamp_property) {
        return None;
    }
    let bare = associations.is_none_or(|list| matches!(list.get().trim(), "[]" | "null"));
    Some(if bare { Form::Upsert } else { Form::Stamped })
}

/// The create's body with the stamp among its properties.
pub(super) fn stamped(body: &[u8], stamp_property: &str, stamp: &str) -> Option<Bytes> {
    let mut body: Value = serde_json::from_slice(body).ok()?;
    body.get_mut("properties")?.as_object_mut()?.insert(stamp_property.to_owned(), stamp.into());
    Some(Bytes::from(body.to_string()))
}

#[derive(Serialize)]
struct Batch<'a> {
    inputs: Vec<Input<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Input<'a> {
    id: &'a str,
    id_property: &'a str,
    properties: &'a RawValue,
    object_write_trace_id: &'a str,
}

/// Several creates as one `batch/upsert`, each traced by its stamp: with a trace of its own, one bad input does not spoil
/// the rest (hubspot-facts §2.3).
pub(super) fn upsert(creates: &[(&str, &[u8])], stamp_property: &str) -> Option<Bytes> {
    let input = |(stamp, body): &(&'_ str, &'_ [u8])| -> Option<(String, Box<RawValue>)> {
        let Body { properties, .. } = serde_json::from_slice(body).ok()?;
        Some(((*stamp).to_owned(), properties.to_owned()))
    };
    let parts: Vec<_> = creates.iter().map(input).collect::<Option<_>>()?;
    let inputs = parts.iter().map(|(stamp, properties)| Input {
        id: stamp,
        id_property: stamp_property,
        properties,
        object_write_trace_id: stamp,
    });
    serde_json::to_vec(&Batch { inputs: inputs.collect() }).ok().map(Bytes::from)
}

/// What a batch says about one stamp.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Record(Vec<u8>),
    Refused(String),
    /// It says nothing, or not clearly.
    Unclear,
}

/// What is whose in a batch's answer.
pub(super) fn part(answer: &Value, stamp: &str, stamp_property: &str) -> Part {
    let list = |name: &str| answer.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_own = |record: &&Value| {
        record.get("objectWriteTraceId").and_then(Value::as_str) == Some(stamp)
            || record.pointer("/properties").and_then(|own| own.get(stamp_property)).and_then(Value::as_str)
                == Some(stamp)
    };
    let mut own = list("results").iter().filter(is_own);
    if let (Some(record), None) = (own.next(), own.next()) {
        return Part::Record(record.to_string().into_bytes());
    }
    let names = |error: &&Value, name: &str| {
        let named = error.pointer("/context").and_then(|context| context.get(name)).and_then(Value::as_array);
        named.is_some_and(|named| named.iter().any(|one| one.as_str() == Some(stamp)))
    };
    let error = list("errors").iter().find(|error| names(error, "objectWriteTraceId") || names(error, "ids"));
    error.map_or(Part::Unclear, |error| {
        let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
        Part::Refused(format!("{}: {}", text("category").to_ascii_lowercase(), text("message")))
    })
}

/// The properties that a create sets, as text.
pub(super) fn properties(body: &[u8]) -> Vec<(String, String)> {
    let body: Option<Value> = serde_json::from_slice(body).ok();
    let properties = body.as_ref().and_then(|body| body.get("properties")).and_then(Value::as_object);
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let each = properties.into_iter().flatten();
    each.filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case(r#"{"properties":{"a":"1"}}"#, Some(Form::Upsert))]
    #[case(r#"{"properties":{"a":"1"},"associations":[]}"#, Some(Form::Upsert))]
    #[case(r#"{"properties":{"a":"1"},"associations":[{"to":{"id":"1"}}]}"#, Some(Form::Stamped))]
    #[case::its_own(r#"{"properties":{"stamp":"1"}}"#, None)]
    #[case::unknown(r#"{"properties":{},"other":1}"#, None)]
    #[case::no_json("x", None)]
    fn forms(#[case] body: &str, #[case] expected: Option<Form>) {
        assert_eq!(form(body.as_bytes(), "stamp"), expected);
    }

    #[test]
    fn creates_become_one_upsert_on_the_stamp() {
        let creates: [(&str, &[u8]); 2] =
            [("s1", br#"{"properties":{"n": 1.0}}"#), ("s2", br#"{"properties":{}, "associations":[]}"#)];
        let body = upsert(&creates, "stamp").unwrap();
        insta::assert_snapshot!(std::str::from_utf8(&body).unwrap(), @r#"{"inputs":[{"id":"s1","idProperty":"stamp","properties":{"n": 1.0},"objectWriteTraceId":"s1"},{"id":"s2","idProperty":"stamp","properties":{},"objectWriteTraceId":"s2"}]}"#);
        let body = stamped(br#"{"properties":{"a":"1"},"associations":[1]}"#, "stamp", "s3").unwrap();
        insta::assert_snapshot!(std::str::from_utf8(&body).unwrap(), @r#"{"properties":{"a":"1","stamp":"s3"},"associations":[1]}"#);
    }

    #[test]
    fn each_part_of_an_answer_has_its_owner() {
        let answer = json!({"results": [{"id": "1", "objectWriteTraceId": "a"}, {"id": "2", "properties": {"stamp": "b"}},
            {"id": "3", "objectWriteTraceId": "d"}, {"id": "4", "objectWriteTraceId": "d"}],
            "errors": [{"category": "VALIDATION_ERROR", "message": "no", "context": {"objectWriteTraceId": ["c"]}}]});
        let told = |stamp| part(&answer, stamp, "stamp");
        assert!(matches!(told("a"), Part::Record(_)) && matches!(told("b"), Part::Record(_)));
        assert_eq!(told("c"), Part::Refused("validation_error: no".into()));
        assert_eq!((told("d"), told("e")), (Part::Unclear, Part::Unclear), "there twice, and not there");
    }
}
