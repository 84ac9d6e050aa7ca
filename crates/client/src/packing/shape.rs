//! With whom a call can share a batch, and the batch call itself.

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::query::{Selection, decoded, id_property};
use super::single::{Deed, Single, is_canonical_id};

/// Facts §11: `OBJECT_BATCH_MAX`.
const INPUTS_MAX: usize = 100;

/// Facts §11: a list with history holds 50; that a batch may hold more is unconfirmed.
const INPUTS_WITH_HISTORY_MAX: usize = 50;

/// What is longer goes by itself: the shapes in use are kept in memory.
const TARGET_BYTES_MAX: usize = 4096;

/// A larger update fills a call by itself.
const PROPERTIES_BYTES_MAX: usize = 32 * 1024;

/// Calls of one shape can share a batch: same type and version, same selection. Credentials never meet: shapes are kept
/// by account.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    /// The path up to the type.
    collection: Box<str>,
    act: Act,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Act {
    Read(Selection),
    Update { id_property: Option<Box<str>> },
}

/// What one call puts into a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Input {
    /// The record's id, or the value of the shape's id property.
    pub(crate) id: Box<str>,
    /// An update's `properties`, an object in JSON; empty for a read.
    pub(crate) properties: Bytes,
}

impl Shape {
    /// The shape of a call and its input; `None` where no batch can carry it.
    pub(crate) fn of(
        single: &Single<'_>,
        target: &PathAndQuery,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Option<(Self, Input)> {
        let query = target.query().unwrap_or_default();
        if target.as_str().len() > TARGET_BYTES_MAX
            || !headers.keys().all(says_nothing)
            || !takes_json(headers)
        {
            return None;
        }
        let (act, properties) = match single.deed {
            Deed::Read if !body.is_empty() => return None,
            Deed::Read => {
                let selection = Selection::read(query).filter(Selection::names_its_record)?;
                (Act::Read(selection), Bytes::new())
            }
            Deed::Update if !brings_json(headers) => return None,
            Deed::Update => (Act::Update { id_property: id_property(query)? }, properties(body)?),
            Deed::Archive => return None,
        };
        let shape = Self { collection: single.collection.into(), act };
        let id = match shape.id_property() {
            None => Some(single.record).filter(|record| is_canonical_id(record))?.into(),
            Some(_) => decoded(single.record).filter(|text| is_value(text))?.into(),
        };
        Some((shape, Input { id, properties }))
    }

    /// Records in one batch.
    pub(crate) fn inputs_max(&self) -> usize {
        match &self.act {
            Act::Read(selection) if !selection.with_history.is_empty() => INPUTS_WITH_HISTORY_MAX,
            Act::Read(_) | Act::Update { .. } => INPUTS_MAX,
        }
    }

    pub(crate) fn reads(&self) -> bool {
        matches!(self.act, Act::Read(_))
    }

    /// The unique property that names records, in place of their ids.
    pub(crate) fn id_property(&self) -> Option<&str> {
        match &self.act {
            Act::Read(selection) => selection.id_property.as_deref(),
            Act::Update { id_property } => id_property.as_deref(),
        }
    }

    /// Where the batch call goes.
    pub(crate) fn target(&self) -> PathAndQuery {
        let collection = &self.collection;
        let target = match &self.act {
            Act::Read(Selection { archived: true, .. }) => format!("{collection}/batch/read?archived=true"),
            Act::Read(_) => format!("{collection}/batch/read"),
            Act::Update { .. } => format!("{collection}/batch/update"),
        };
        target.parse().expect("a path that was valid, and plain words")
    }

    /// The batch call's body. An update is traced by its place among `inputs`: facts §2.3, with a trace id of its own
    /// for each, one bad item does not spoil the rest.
    pub(crate) fn body(&self, inputs: &[Input]) -> Bytes {
        let body = match &self.act {
            Act::Read(selection) => serde_json::to_vec(&BatchRead {
                properties: &selection.properties,
                properties_with_history: &selection.with_history,
                id_property: selection.id_property.as_deref(),
                inputs: inputs.iter().map(|input| Named { id: &input.id }).collect(),
            }),
            Act::Update { id_property } => {
                let inputs = inputs.iter().enumerate();
                let inputs = inputs.map(|(place, input)| Update {
                    id: &input.id,
                    id_property: id_property.as_deref(),
                    properties: serde_json::from_slice(&input.properties).expect("it was JSON when it came"),
                    object_write_trace_id: place.to_string(),
                });
                serde_json::to_vec(&BatchUpdate { inputs: inputs.collect() })
            }
        };
        Bytes::from(body.expect("text and JSON can be written as JSON"))
    }
}

/// HubSpot's answer does not depend on it. A caller's header that is not known here might matter: its call goes alone.
fn says_nothing(name: &HeaderName) -> bool {
    const KNOWN: [HeaderName; 13] = [
        header::ACCEPT,
        header::ACCEPT_ENCODING,
        header::ACCEPT_LANGUAGE,
        header::AUTHORIZATION, // the account's own
        header::CACHE_CONTROL,
        header::CONTENT_LENGTH,
        header::CONTENT_TYPE,
        header::FORWARDED,
        header::ORIGIN,
        header::PRAGMA,
        header::REFERER,
        header::USER_AGENT,
        header::VIA,
    ];
    let others =
        ["traceparent", "tracestate", "baggage", "b3", "priority", "x-request-id", "x-correlation-id"];
    let families = ["x-forwarded-", "x-b3-", "sec-fetch-", "sec-ch-", "x-datadog-", "x-hubkeeper-"];
    let text = name.as_str();
    KNOWN.contains(name) || others.contains(&text) || families.iter().any(|family| text.starts_with(family))
}

/// A batch is answered in JSON, whatever the single call might have been answered in.
fn takes_json(headers: &HeaderMap) -> bool {
    let takes = |value: &HeaderValue| {
        let mut ranges = value.to_str().unwrap_or_default().split(',').map(essence);
        ranges.any(|range| ["application/json", "application/*", "*/*"].contains(&&*range))
    };
    let mut accepts = headers.get_all(header::ACCEPT).iter().peekable();
    accepts.peek().is_none() || accepts.any(takes)
}

/// A batch goes out as JSON; a single call that says it is something else might have been refused.
fn brings_json(headers: &HeaderMap) -> bool {
    let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    said.is_some_and(|said| essence(said) == "application/json")
}

/// A media type without its parameters.
fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A value that survives the way into JSON and is compared as it stands.
fn is_value(text: &str) -> bool {
    !text.is_empty() && text.len() <= 512 && text.trim() == text && !text.chars().any(char::is_control)
}

/// The `properties` of an update's body, if that is all it holds.
fn properties(body: &Bytes) -> Option<Bytes> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body<'a> {
        #[serde(borrow)]
        properties: &'a RawValue,
    }
    if body.len() > PROPERTIES_BYTES_MAX {
        return None;
    }
    let Body { properties } = serde_json::from_slice(body).ok()?;
    let text = properties.get();
    text.starts_with('{').then(|| body.slice_ref(text.as_bytes()))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BatchRead<'a> {
    /// Always there: the specs call both lists required (facts §3.1), and an empty one is the default set.
    properties: &'a [Box<str>],
    properties_with_history: &'a [Box<str>],
    #[serde(skip_serializing_if = "Option::is_none")]
    id_property: Option<&'a str>,
    inputs: Vec<Named<'a>>,
}

#[derive(Serialize)]
struct Named<'a> {
    id: &'a str,
}

#[derive(Serialize)]
struct BatchUpdate<'a> {
    inputs: Vec<Update<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Update<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_property: Option<&'a str>,
    properties: &'a RawValue,
    object_write_trace_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;
    use rstest::rstest;

    fn shape(method: &str, target: &str, body: &'static str) -> Option<(Shape, Input)> {
        let target: PathAndQuery = target.parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, HeaderValue::from_static("Bearer a"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let single = Single::read(&method.parse::<Method>().unwrap(), target.path())?;
        Shape::of(&single, &target, &headers, &Bytes::from_static(body.as_bytes()))
    }

    #[test]
    fn reads_become_one_batch_read() {
        let target =
            "/crm/objects/2026-03/contacts/7?properties=email,a&propertiesWithHistory=a&archived=true";
        let (shape, input) = shape("GET", target, "").unwrap();
        let other = Input { id: "8".into(), ..input.clone() };
        insta::assert_snapshot!(shape.target(), @"/crm/objects/2026-03/contacts/batch/read?archived=true");
        let body = shape.body(&[input, other]);
        insta::assert_snapshot!(std::str::from_utf8(&body).unwrap(), @r#"{"properties":["email","a"],"propertiesWithHistory":["a"],"inputs":[{"id":"7"},{"id":"8"}]}"#);
        assert_eq!(shape.inputs_max(), 50);
    }

    #[test]
    fn updates_become_one_batch_update_with_a_trace_id_each() {
        let target = "/crm/v3/objects/contacts/a%40b.c?idProperty=email";
        let (shape, input) = shape("PATCH", target, r#"{"properties": {"a" : 1.0}}"#).unwrap();
        assert_eq!(&*input.id, "a@b.c");
        insta::assert_snapshot!(shape.target(), @"/crm/v3/objects/contacts/batch/update");
        let body = shape.body(&[input]);
        insta::assert_snapshot!(std::str::from_utf8(&body).unwrap(), @r#"{"inputs":[{"id":"a@b.c","idProperty":"email","properties":{"a" : 1.0},"objectWriteTraceId":"0"}]}"#);
    }

    #[rstest]
    #[case::associations("GET", "/crm/v3/objects/contacts/7?associations=deals", "")]
    #[case::odd_id("GET", "/crm/v3/objects/contacts/007", "")]
    #[case::a_name("GET", "/crm/v3/objects/contacts/search", "")]
    #[case::a_body("GET", "/crm/v3/objects/contacts/7", "{}")]
    #[case::unnamed("GET", "/crm/v3/objects/contacts/a%40b.c?idProperty=email&properties=firstname", "")]
    #[case::archive("DELETE", "/crm/v3/objects/contacts/7", "")]
    #[case::more_than_properties(
        "PATCH",
        "/crm/v3/objects/contacts/7",
        r#"{"properties":{},"associations":[]}"#
    )]
    #[case::no_properties("PATCH", "/crm/v3/objects/contacts/7", "{}")]
    #[case::no_object("PATCH", "/crm/v3/objects/contacts/7", r#"{"properties":[]}"#)]
    #[case::twice("PATCH", "/crm/v3/objects/contacts/7", r#"{"properties":{},"properties":{}}"#)]
    #[case::cut("PATCH", "/crm/v3/objects/contacts/7", r#"{"properties":{"#)]
    #[case::unknown_parameter("PATCH", "/crm/v3/objects/contacts/7?x=1", r#"{"properties":{}}"#)]
    fn what_no_batch_can_carry(#[case] method: &str, #[case] target: &str, #[case] body: &'static str) {
        assert_eq!(shape(method, target, body), None);
    }

    #[rstest]
    #[case::said(&[("accept", "application/json")], true)]
    #[case::by_everything(&[("accept", "text/html, */*;q=0.8")], true)]
    #[case::over_two_lines(&[("accept", "text/html"), ("accept", "APPLICATION/JSON;q=0.5")], true)]
    #[case::nothing(&[], true)]
    #[case::html(&[("accept", "text/html")], false)]
    #[case::not_only_in_name(&[("accept", "application/json-seq")], false)]
    fn a_call_that_does_not_take_json_goes_alone(
        #[case] said: &[(&'static str, &'static str)],
        #[case] takes: bool,
    ) {
        let mut headers = HeaderMap::new();
        for (name, value) in said {
            headers.append(*name, HeaderValue::from_static(value));
        }
        assert_eq!(takes_json(&headers), takes);
    }

    #[rstest]
    #[case(Some("application/json"), true)]
    #[case(Some("Application/JSON; charset=utf-8"), true)]
    #[case(Some("text/plain"), false)]
    #[case(Some("application/json-patch+json"), false)]
    #[case(None, false)]
    fn an_update_that_does_not_bring_json_goes_alone(
        #[case] said: Option<&'static str>,
        #[case] brings: bool,
    ) {
        let said = said.map(HeaderValue::from_static).map(|value| (header::CONTENT_TYPE, value));
        assert_eq!(brings_json(&said.into_iter().collect()), brings);
    }

    #[rstest]
    #[case("accept", true)]
    #[case("user-agent", true)]
    #[case("x-request-id", true)]
    #[case("x-forwarded-for", true)]
    #[case("if-none-match", false)]
    #[case("x-custom", false)]
    #[case("cookie", false)]
    fn a_header_that_may_matter_keeps_a_call_alone(#[case] name: &str, #[case] nothing: bool) {
        assert_eq!(says_nothing(&name.parse().unwrap()), nothing);
    }
}
