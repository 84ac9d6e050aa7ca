//! Reads answers: whose they are, and the few things in them that evidence needs.

use http::header::{CONTENT_TYPE, DATE, HeaderName, SERVER, VIA};
use http::{HeaderMap, StatusCode};
use hubspot::error::ApiError;
use jiff::Timestamp;
use serde_json::Value;

use super::exchange::{Question, Raw};
use super::report::api::{Account, Answer, Capacity, DailyUsage, ErrorMarks, Introspection};
use super::report::surroundings::ClockSource;

/// Text from outside is kept up to here.
const TEXT_CHARS_MAX: usize = 200;

/// Entries of any list from outside are kept up to here.
const ENTRIES_MAX: usize = 2_000;

const CORRELATION_ID: HeaderName = HeaderName::from_static("x-hubspot-correlation-id");
const CF_RAY: HeaderName = HeaderName::from_static("cf-ray");

/// `Date` counts whole seconds: the true time is up to one later, half of one on average.
const DATE_HALF_STEP_MS: i64 = 500;

pub(super) fn read(question: &Question, raw: &Raw) -> Answer {
    let header = |name: &HeaderName| text_header(&raw.headers, name);
    let content_type = header(&CONTENT_TYPE);
    let html = is_html(content_type.as_deref(), &raw.body);
    let body: Option<Value> = serde_json::from_slice(&raw.body).ok();
    let in_body = body.as_ref().and_then(|body| string(body, "correlationId"));
    let error = ApiError::read(raw.status, &raw.headers, &raw.body).map(|error| marks(&error));
    Answer {
        method: question.method.to_string(),
        path: question.path.clone(),
        status: raw.status.as_u16(),
        connect_ms: raw.connect_ms,
        first_byte_ms: u64::try_from(raw.first_byte.as_millis()).unwrap_or(u64::MAX),
        total_ms: raw.total_ms,
        server: header(&SERVER),
        via: header(&VIA),
        cf_ray: header(&CF_RAY),
        date: date(&raw.headers),
        hubspot_shaped: is_hubspots(raw.status, body.as_ref()),
        correlation_id: in_body.or_else(|| header(&CORRELATION_ID)),
        content_type,
        html,
        error,
        unverified: false,
    }
}

/// facts §1.8 [SPEC Account_Info/144923].
pub(super) fn account(raw: &Raw) -> Option<Account> {
    let body = success(raw)?;
    Some(Account {
        portal_id: number(&body, "portalId")?,
        account_type: string(&body, "accountType"),
        time_zone: string(&body, "timeZone"),
        hosting: string(&body, "dataHostingLocation"),
        ui_domain: string(&body, "uiDomain"),
    })
}

/// Either kind's answer: a private app's has `hubId` and `appId`, OAuth's `hub_id`, `app_id`, `active` (facts §5).
pub(super) fn introspection(raw: &Raw) -> Option<Introspection> {
    let body = success(raw)?;
    let scopes = body.get("scopes").and_then(Value::as_array);
    let scopes = scopes.into_iter().flatten().filter_map(Value::as_str).take(ENTRIES_MAX).map(bounded);
    Some(Introspection {
        active: body.get("active").and_then(Value::as_bool).unwrap_or(true),
        portal_id: number(&body, "hubId").or_else(|| number(&body, "hub_id")),
        app_id: number(&body, "appId").or_else(|| number(&body, "app_id")),
        scopes: scopes.collect(),
        expires_in_s: body.get("expires_in").and_then(Value::as_i64),
    })
}

/// facts §1.8: the first result; the sample has one, `private-apps-api-calls-daily`.
pub(super) fn daily_usage(raw: &Raw) -> Option<DailyUsage> {
    let body = success(raw)?;
    let result = body.get("results")?.as_array()?.first()?;
    Some(DailyUsage {
        limit: number(result, "usageLimit")?,
        used: number(result, "currentUsage")?,
        collected_at: time(result, "collectedAt"),
        fetch_status: string(result, "fetchStatus"),
        resets_at: time(result, "resetsAt"),
    })
}

/// Everything in a limits answer that has a `limit` and a `usage`, however deep: the shapes differ by endpoint.
pub(super) fn capacities(raw: &Raw) -> Vec<Capacity> {
    let mut found = Vec::new();
    if let Some(body) = success(raw) {
        collect_capacities("", &body, &mut found);
    }
    found.truncate(ENTRIES_MAX);
    found
}

/// Names of a property list (facts §3.5). Definitions, not values: no personal data.
pub(super) fn property_names(raw: &Raw) -> Vec<String> {
    let results = success(raw).and_then(|body| body.get("results").and_then(Value::as_array).cloned());
    results.iter().flatten().filter_map(|each| string(each, "name")).take(ENTRIES_MAX).collect()
}

/// Our clock against the answer's `Date`, which was written between our sending and its arrival.
pub(super) fn clock(host: &str, raw: &Raw) -> Option<ClockSource> {
    let theirs_ms = date(&raw.headers)?.as_millisecond() + DATE_HALF_STEP_MS;
    let half_trip_ms = i64::try_from(raw.first_byte.as_millis() / 2).ok()?;
    let offset_ms = raw.arrived_at.as_millisecond() - half_trip_ms - theirs_ms;
    let uncertainty_ms = (half_trip_ms + DATE_HALF_STEP_MS).unsigned_abs();
    Some(ClockSource { host: host.to_owned(), offset_ms, uncertainty_ms })
}

/// The first characters of text from outside.
pub(super) fn bounded(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

pub(super) fn string(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(bounded)
}

pub(super) fn time(value: &Value, key: &str) -> Option<Timestamp> {
    value.get(key)?.as_str()?.parse().ok()
}

/// A number, or one written as text: HubSpot's ids come both ways (facts §0).
fn number(value: &Value, key: &str) -> Option<u64> {
    let value = value.get(key)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn success(raw: &Raw) -> Option<Value> {
    raw.status.is_success().then(|| serde_json::from_slice(&raw.body).ok()).flatten()
}

/// HubSpot's API answers in JSON objects; its errors carry a correlation id, OAuth's an `error` (facts §2.1, §5.2).
fn is_hubspots(status: StatusCode, body: Option<&Value>) -> bool {
    body.and_then(Value::as_object).is_some_and(|body| {
        status.is_success() || body.contains_key("correlationId") || body.contains_key("error_description")
    })
}

fn is_html(content_type: Option<&str>, body: &[u8]) -> bool {
    content_type.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"))
        || body.trim_ascii_start().first() == Some(&b'<')
}

fn marks(error: &ApiError) -> ErrorMarks {
    ErrorMarks {
        kind: error.kind,
        category: error.category.as_deref().map(bounded),
        sub_category: error.sub_category.as_deref().map(bounded),
        policy_name: error.policy_name.as_deref().map(bounded),
        codes: error.codes.iter().map(|code| bounded(code)).collect(),
        required_scopes: error.required_scopes.iter().map(|scope| bounded(scope)).collect(),
        retry_after_s: error.retry_after.map(|wait| wait.as_secs()),
    }
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(DATE)?.to_str().ok()?;
    Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp())
}

fn text_header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).map(|value| bounded(&String::from_utf8_lossy(value.as_bytes())))
}

fn collect_capacities(under: &str, value: &Value, found: &mut Vec<Capacity>) {
    match value {
        Value::Object(fields) => {
            for (used, limit) in [("usage", "limit"), ("overallUsage", "overallLimit")] {
                if let (Some(used), Some(limit)) = (number(value, used), number(value, limit)) {
                    let what = subject(value).unwrap_or_else(|| under.to_owned());
                    found.push(Capacity { what, used, limit });
                }
            }
            fields.iter().for_each(|(key, value)| collect_capacities(&bounded(key), value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_capacities(under, item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What one entry counts, as far as it says so itself.
fn subject(value: &Value) -> Option<String> {
    let pair = string(value, "fromObjectTypeId").zip(string(value, "toObjectTypeId"));
    let pair = pair.map(|(from, to)| format!("{from} to {to}"));
    pair.or_else(|| ["objectTypeId", "label", "name"].iter().find_map(|key| string(value, key)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use http::HeaderValue;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn raw(status: u16, body: impl Into<Bytes>) -> Raw {
        Raw {
            status: StatusCode::from_u16(status).expect("a status"),
            headers: HeaderMap::new(),
            body: body.into(),
            connect_ms: 0,
            first_byte: Duration::from_millis(80),
            total_ms: 100,
            arrived_at: "2026-11-20T12:00:01Z".parse().expect("a date"),
        }
    }

    #[test]
    fn reads_how_full_the_limits_are_wherever_they_stand() {
        let body = json!({
            "hubspotDefinedObjectTypes": [
                {"objectTypeId": "0-1", "singularLabel": "Contact", "limit": 15_000_000, "usage": 14_999_000, "percentage": 99.9},
            ],
            "customObjectTypes": {"limit": 500_000, "usage": 10, "byObjectType": [{"objectTypeId": "2-7", "usage": 10}]},
            "results": [{"fromObjectTypeId": "0-2", "toObjectTypeId": "0-1", "limit": 50_000, "usage": 50_000}],
            "overall": {"overallLimit": 9, "overallUsage": 8},
        });
        let found = capacities(&raw(200, body.to_string()));
        let capacity = |what: &str, used, limit| Capacity { what: what.to_owned(), used, limit };
        let expected = [
            capacity("0-1", 14_999_000, 15_000_000),
            capacity("customObjectTypes", 10, 500_000),
            capacity("0-2 to 0-1", 50_000, 50_000),
            capacity("overall", 8, 9),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn reads_an_oauth_introspection() {
        let body =
            json!({"active": true, "hub_id": 7, "app_id": "8", "scopes": ["oauth"], "expires_in": 1_700});
        let expected = Introspection {
            active: true,
            portal_id: Some(7),
            app_id: Some(8),
            scopes: vec!["oauth".to_owned()],
            expires_in_s: Some(1_700),
        };
        assert_eq!(introspection(&raw(200, body.to_string())), Some(expected));
        let inactive = introspection(&raw(200, r#"{"active":false}"#)).map(|token| token.active);
        assert_eq!(inactive, Some(false));
    }

    #[rstest::rstest]
    #[case(200, r#"{"portalId":1}"#, true)]
    #[case(401, r#"{"category":"X","correlationId":"y"}"#, true)]
    #[case(400, r#"{"error":"invalid_client","error_description":"z"}"#, true)]
    #[case(404, r#"{"message":"no route matched"}"#, false)]
    #[case(403, "<html></html>", false)]
    #[case(200, "[]", false)]
    #[case(502, "", false)]
    fn knows_hubspots_shape(#[case] status: u16, #[case] body: &'static str, #[case] expected: bool) {
        assert_eq!(read(&Question::get("/"), &raw(status, body)).hubspot_shaped, expected);
    }

    #[test]
    fn the_clock_is_read_at_the_middle_of_the_trip() {
        let mut raw = raw(200, "");
        raw.headers.insert(DATE, HeaderValue::from_static("Fri, 20 Nov 2026 11:59:50 GMT"));
        let expected = ClockSource { host: "a".to_owned(), offset_ms: 10_460, uncertainty_ms: 540 };
        assert_eq!(clock("a", &raw), Some(expected));
    }

    proptest! {
        #[test]
        fn no_body_can_upset_the_reading(status in 100_u16..1000, body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let raw = raw(status, body);
            read(&Question::get("/"), &raw);
            let _ = (account(&raw), introspection(&raw), daily_usage(&raw), capacities(&raw), property_names(&raw));
        }
    }
}
