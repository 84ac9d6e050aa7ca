//! Taking a batch's answer apart: what of it is whose.
//!
//! Values stay as HubSpot wrote them, byte for byte. Where the answer leaves the smallest doubt about an item (it is
//! missing, it failed, it is there twice), the item's call goes by itself and HubSpot tells what it would have told.

use std::fmt;

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use super::shape::{Input, Shape};

/// One input's part of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// The body of the single call's 200.
    Record(Bytes),
    /// Its call has to go by itself.
    Unclear,
}

/// The parts of a batch's answer, in the order of `inputs`. `None` where it is not a batch's answer at all.
pub(crate) fn take_apart(
    shape: &Shape,
    inputs: &[Input],
    status: StatusCode,
    body: &Bytes,
) -> Option<Vec<Part>> {
    // Facts §2.3: which of the three a version answers with, HubSpot's own specs do not agree on.
    if !matches!(status, StatusCode::OK | StatusCode::CREATED | StatusCode::MULTI_STATUS) {
        return None;
    }
    let answer: Answer<'_> = serde_json::from_slice(body).ok()?;
    if answer.status.is_some_and(|status| status != "COMPLETE") {
        return None;
    }
    let mut parts = vec![Part::Unclear; inputs.len()];
    let mut taken = vec![0_u32; inputs.len()];
    for result in answer.results {
        let record = Record::read(result)?;
        for place in record.places(shape, inputs) {
            taken[place] += 1;
            parts[place] = Part::Record(record.body(shape, body));
        }
    }
    for (part, taken) in parts.iter_mut().zip(taken) {
        if taken > 1 {
            *part = Part::Unclear;
        }
    }
    Some(parts)
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default)]
    status: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    results: Vec<&'a RawValue>,
}

/// One of the `results`: its fields as they stand.
struct Record<'a> {
    whole: &'a RawValue,
    fields: Vec<(String, &'a RawValue)>,
}

const TRACE_ID: &str = "objectWriteTraceId";

impl<'a> Record<'a> {
    fn read(whole: &'a RawValue) -> Option<Self> {
        let Fields(fields) = serde_json::from_str(whole.get()).ok()?;
        Some(Self { whole, fields })
    }

    fn field(&self, name: &str) -> Option<&'a RawValue> {
        self.fields.iter().find(|(own, _)| own == name).map(|(_, value)| *value)
    }

    /// Which inputs this is the record of.
    fn places(&self, shape: &Shape, inputs: &[Input]) -> Vec<usize> {
        if !shape.reads() {
            let place = self.field(TRACE_ID).and_then(text).and_then(|trace| trace.parse::<usize>().ok());
            let place = place.filter(|place| *place < inputs.len());
            // The trace id says whose it is; the id, where inputs are named by it, must not contradict.
            let fits = |place: &usize| {
                shape.id_property().is_some()
                    || self.field("id").and_then(text).as_deref() == Some(&inputs[*place].id)
            };
            return place.filter(fits).into_iter().collect();
        }
        let Some(name) = self.name(shape.id_property()) else { return Vec::new() };
        // E-mail addresses are the same in any letter case; of other values nobody says so.
        let any_case = shape.id_property() == Some("email");
        let same = |id: &str| id == name || any_case && id.to_lowercase() == name.to_lowercase();
        inputs.iter().enumerate().filter(|(_, input)| same(&input.id)).map(|(place, _)| place).collect()
    }

    /// What the record is named by.
    fn name(&self, id_property: Option<&str>) -> Option<String> {
        let Some(property) = id_property else { return text(self.field("id")?) };
        let Fields(properties) = serde_json::from_str(self.field("properties")?.get()).ok()?;
        let (_, value) = properties.into_iter().find(|(name, _)| name == property)?;
        text(value)
    }

    /// The record as the single call would have shown it: without the trace of a batch.
    fn body(&self, shape: &Shape, answer: &Bytes) -> Bytes {
        if shape.reads() || self.field(TRACE_ID).is_none() {
            return answer.slice_ref(self.whole.get().as_bytes());
        }
        let mut body = String::with_capacity(self.whole.get().len());
        for (name, value) in self.fields.iter().filter(|(name, _)| name != TRACE_ID) {
            body.push(if body.is_empty() { '{' } else { ',' });
            body.push_str(&serde_json::to_string(name).expect("text can be written as JSON"));
            body.push(':');
            body.push_str(value.get());
        }
        body.push('}');
        Bytes::from(body)
    }
}

/// Text, or a number where text belongs: facts §0.
fn text(value: &RawValue) -> Option<String> {
    match value.get().as_bytes().first()? {
        b'"' => serde_json::from_str(value.get()).ok(),
        b'0'..=b'9' => Some(value.get().to_owned()),
        _ => None,
    }
}

/// An object's fields in their order, the values as they stand.
struct Fields<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(8);
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        input.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packing::single::Single;
    use http::uri::PathAndQuery;
    use http::{HeaderMap, HeaderValue, Method, header};
    use rstest::rstest;

    fn shape(method: &Method, target: &str) -> Shape {
        let body = if method == Method::GET { "" } else { r#"{"properties":{}}"# };
        let target: PathAndQuery = target.parse().unwrap();
        let single = Single::read(method, target.path()).unwrap();
        let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let headers: HeaderMap = [json].into_iter().collect();
        Shape::of(&single, &target, &headers, &Bytes::from_static(body.as_bytes())).unwrap().0
    }

    fn parts(shape: &Shape, ids: &[&str], status: u16, body: &'static str) -> Option<Vec<String>> {
        let inputs: Vec<_> =
            ids.iter().map(|id| Input { id: (*id).into(), properties: Bytes::new() }).collect();
        let status = StatusCode::from_u16(status).unwrap();
        let parts = take_apart(shape, &inputs, status, &Bytes::from_static(body.as_bytes()))?;
        let told = |part| match part {
            Part::Record(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            Part::Unclear => "?".to_owned(),
        };
        Some(parts.into_iter().map(told).collect())
    }

    #[test]
    fn each_input_gets_its_record_as_it_stands_and_the_missing_go_alone() {
        let shape = shape(&Method::GET, "/crm/v3/objects/contacts/1");
        let body = r#"{"status":"COMPLETE","results":[{"id":"2" , "properties":{"a":"\u00e9"}},{"properties":{},"id":1}],"numErrors":1,"errors":[{"context":{"ids":["3"]}}]}"#;
        let parts = parts(&shape, &["1", "2", "3"], 207, body).unwrap();
        insta::assert_debug_snapshot!(parts, @r#"
        [
            "{\"properties\":{},\"id\":1}",
            "{\"id\":\"2\" , \"properties\":{\"a\":\"\\u00e9\"}}",
            "?",
        ]
        "#);
    }

    #[test]
    fn by_a_unique_property_the_answer_is_found_by_its_value() {
        let shape = shape(&Method::GET, "/crm/v3/objects/contacts/A@b.c?idProperty=email");
        let body = r#"{"results":[{"id":"9","properties":{"email":"a@b.c"}}]}"#;
        let parts = parts(&shape, &["A@b.c", "x@b.c"], 200, body).unwrap();
        assert_eq!(parts, [r#"{"id":"9","properties":{"email":"a@b.c"}}"#, "?"]);
    }

    #[test]
    fn an_update_is_found_by_its_trace_id_which_is_taken_out() {
        let shape = shape(&Method::PATCH, "/crm/v3/objects/contacts/1");
        let body = r#"{"results":[{"id":"5","a":{"b": 1},"objectWriteTraceId":"1","z":null},{"id":"4","objectWriteTraceId":"7"}],"errors":[{"context":{"objectWriteTraceId":["0"]}}]}"#;
        let parts = parts(&shape, &["4", "5"], 207, body).unwrap();
        assert_eq!(parts, ["?", r#"{"id":"5","a":{"b": 1},"z":null}"#]);
    }

    #[test]
    fn a_trace_id_that_contradicts_the_id_is_in_doubt() {
        let shape = shape(&Method::PATCH, "/crm/v3/objects/contacts/1");
        let body = r#"{"results":[{"id":"5","objectWriteTraceId":"0"}]}"#;
        assert_eq!(parts(&shape, &["4"], 200, body).unwrap(), ["?"]);
    }

    #[test]
    fn a_record_that_is_there_twice_is_in_doubt() {
        let shape = shape(&Method::GET, "/crm/v3/objects/contacts/1");
        let body = r#"{"results":[{"id":"1","a":1},{"id":"1","a":2}]}"#;
        assert_eq!(parts(&shape, &["1"], 200, body).unwrap(), ["?"]);
    }

    #[rstest]
    #[case::not_json(200, "<html>")]
    #[case::cut(200, r#"{"results":[{"id":"1""#)]
    #[case::no_results(200, "{}")]
    #[case::not_records(200, r#"{"results":[1]}"#)]
    #[case::still_running(200, r#"{"status":"PENDING","results":[{"id":"1"}]}"#)]
    #[case::another_status(202, r#"{"results":[{"id":"1"}]}"#)]
    fn what_is_no_batch_answer(#[case] status: u16, #[case] body: &'static str) {
        let shape = shape(&Method::GET, "/crm/v3/objects/contacts/1");
        assert_eq!(parts(&shape, &["1"], status, body), None);
    }
}
