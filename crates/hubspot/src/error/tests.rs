use http::HeaderValue;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use proptest::prelude::*;
use rstest::rstest;

use super::*;

const NGINX: &str = "<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n<body><center><h1>504 Gateway Time-out</h1></center><hr><center>nginx</center></body></html>";
const CLOUDFLARE: &str = "<!DOCTYPE html>\n<html lang=\"en-US\"><title>api.hubapi.com | 524: A timeout occurred</title><span>Cloudflare Ray ID: <strong>8a1</strong></span></html>";
const MISSING_SCOPES: &str = r#"{"status":"error","message":"This app hasn't been granted all required scopes to make this call. Read more about required scopes here: https://developers.hubspot.com/scopes.","correlationId":"11111111-2222-3333-4444-555555555555","errors":[{"message":"One or more of the following scopes are required.","context":{"requiredGranularScopes":["crm.objects.contacts.read","crm.objects.companies.read"]}}],"links":{"scopes":"https://developers.hubspot.com/scopes"},"category":"MISSING_SCOPES"}"#;
const DAILY: &str = r#"{"status":"error","message":"You have reached your daily limit.","errorType":"RATE_LIMIT","correlationId":"11111111-2222-3333-4444-555555555555","policyName":"DAILY","requestId":"aa"}"#;
const BURST: &str = r#"{"status":"error","message":"You have reached your ten_secondly_rolling limit.","errorType":"RATE_LIMIT","correlationId":"11111111-2222-3333-4444-555555555555","policyName":"TEN_SECONDLY_ROLLING","groupName":"publicapi:private_app-api-calls-ten-secondly:1:2"}"#;
const REFUSED_REFRESH: &str = r#"{"error":"invalid_grant","error_description":"refresh token is invalid, expired or revoked","status":"BAD_REFRESH_TOKEN","message":"refresh token is invalid, expired or revoked"}"#;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap())).collect()
}

fn read(status: u16, body: &str) -> Option<ApiError> {
    ApiError::read(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes())
}

fn kind(status: u16, body: &str) -> &'static str {
    read(status, body).map_or("success", |error| error.kind.name())
}

#[rstest]
// Successes.
#[case(200, "{}", "success")]
#[case(204, "", "success")]
#[case(302, "", "success")]
#[case(200, r#"{"numErrors":3}"#, "success")]
#[case(207, r#"{"status":"COMPLETE","results":[{"id":"1"}]}"#, "success")]
#[case(207, r#"{"status":"COMPLETE","results":[],"numErrors":2,"errors":[{},{}]}"#, "partial")]
#[case(207, r#"{"results":[],"numErrors":"2"}"#, "partial")]
#[case(207, r#"{"results":[],"errors":[{"status":"error"}]}"#, "partial")]
// 4xx in HubSpot's words.
#[case(400, r#"{"category":"VALIDATION_ERROR"}"#, "validation")]
#[case(400, r#"{"status":"error","message":"Invalid input JSON on line 1, column 1:"}"#, "validation")]
#[case(401, r#"{"category":"INVALID_AUTHENTICATION"}"#, "invalid_authentication")]
#[case(
    401,
    r#"{"category":"EXPIRED_AUTHENTICATION","context":{"expire time":["2026-11-20T10:00:00Z"]}}"#,
    "expired_authentication"
)]
#[case(
    401,
    r#"{"category":"EXPIRED_AUTHENTICATION","context":{"expire time":["1970-01-01T00:00:00Z"]}}"#,
    "invalid_authentication"
)]
#[case(401, "", "invalid_authentication")]
#[case(403, MISSING_SCOPES, "missing_scopes")]
#[case(403, r#"{"category":"USER_DOES_NOT_HAVE_PERMISSIONS"}"#, "user_permissions")]
#[case(403, r#"{"status":"error","message":"no"}"#, "forbidden")]
#[case(404, r#"{"category":"OBJECT_NOT_FOUND"}"#, "not_found")]
#[case(404, "resource not found", "not_found")]
#[case(404, "", "no_such_endpoint")]
#[case(404, "<html>", "no_such_endpoint")]
#[case(404, r#"{"message":"no Route matched with those values"}"#, "no_such_endpoint")]
#[case(410, "Gone", "no_such_endpoint")]
#[case(405, "<html>", "method_not_allowed")]
#[case(409, r#"{"category":"CONFLICT"}"#, "conflict")]
#[case(409, r#"{"category":"OBJECT_ALREADY_EXISTS"}"#, "conflict")]
#[case(414, "", "too_long")]
#[case(414, NGINX, "too_long")]
#[case(423, "", "locked")]
#[case(477, "", "migrating")]
#[case(413, "", "other_client")]
#[case(415, r#"{"status":"error"}"#, "other_client")]
// Throttles, whatever they wear.
#[case(429, DAILY, "daily_limit")]
#[case(429, BURST, "burst_limit")]
#[case(429, r#"{"message":"You have reached your secondly limit."}"#, "search_limit")]
#[case(429, r#"{"policyName":"SECONDLY","groupName":"publicapi:hapikey-secondly:1"}"#, "search_limit")]
#[case(429, r#"{"message":"You have reached your daily limit."}"#, "daily_limit")]
#[case(429, r#"{"message":"You have reached your rate limit."}"#, "other_limit")]
#[case(429, r#"{"policyName":"HOURLY"}"#, "other_limit")]
#[case(429, r#"{"category":"VALIDATION_ERROR","message":"file too large"}"#, "other_limit")]
#[case(429, r#"{"category":"RATE_LIMITS"}"#, "burst_limit")]
#[case(429, "", "burst_limit")]
#[case(429, CLOUDFLARE, "other_limit")]
#[case(
    500,
    r#"{"category":"RATE_LIMITS","message":"You have reached your secondly limit."}"#,
    "search_limit"
)]
#[case(403, r#"{"errorType":"RATE_LIMIT","policyName":"DAILY"}"#, "daily_limit")]
// 5xx, in JSON or as a page.
#[case(500, r#"{"status":"error","message":"internal error"}"#, "internal")]
#[case(500, "", "internal")]
#[case(502, NGINX, "processing")]
#[case(504, NGINX, "processing")]
#[case(503, "", "unavailable")]
#[case(521, CLOUDFLARE, "origin_unreachable")]
#[case(522, "", "origin_unreachable")]
#[case(523, "", "origin_unreachable")]
#[case(525, "", "origin_unreachable")]
#[case(526, "", "origin_unreachable")]
#[case(524, CLOUDFLARE, "edge_timeout")]
#[case(520, CLOUDFLARE, "other_server")]
#[case(501, "", "other_server")]
// Not HubSpot's API speaking.
#[case(403, CLOUDFLARE, "edge_block")]
#[case(403, "error code: 1020", "edge_block")]
#[case(400, NGINX, "edge_block")]
#[case(401, NGINX, "edge_block")]
#[case(407, "", "proxy")]
// The token endpoint.
#[case(400, REFUSED_REFRESH, "bad_refresh_token")]
#[case(401, r#"{"error":"invalid_grant"}"#, "bad_refresh_token")]
#[case(400, r#"{"status":"error","message":"missing or invalid refresh token"}"#, "bad_refresh_token")]
#[case(400, r#"{"error":"invalid_grant","status":"BAD_AUTH_CODE"}"#, "other_oauth")]
#[case(401, r#"{"error":"invalid_client","status":"BAD_CLIENT_SECRET"}"#, "bad_client")]
#[case(400, r#"{"status":"BAD_CLIENT_ID"}"#, "bad_client")]
#[case(400, r#"{"error":"invalid_client"}"#, "bad_client")]
#[case(
    403,
    r#"{"error":"access_denied","status":"BAD_HUB","message":"missing or unknown hub id"}"#,
    "other_oauth"
)]
#[case(400, r#"{"error":"unsupported_grant_type"}"#, "other_oauth")]
#[case(500, REFUSED_REFRESH, "internal")]
// An API's word, not the token endpoint's (RFC 6750).
#[case(401, r#"{"error":"invalid_token"}"#, "invalid_authentication")]
fn every_answer_has_its_kind(#[case] status: u16, #[case] body: &str, #[case] expected: &str) {
    assert_eq!(kind(status, body), expected);
}

#[test]
fn a_whole_scope_error() {
    insta::assert_debug_snapshot!(read(403, MISSING_SCOPES).unwrap(), @r#"
    ApiError {
        kind: MissingScopes,
        status: 403,
        category: Some(
            "MISSING_SCOPES",
        ),
        sub_category: None,
        error_type: None,
        policy_name: None,
        codes: [],
        message: Some(
            "***",
        ),
        correlation_id: Some(
            "11111111-2222-3333-4444-555555555555",
        ),
        required_scopes: [
            "crm.objects.contacts.read",
            "crm.objects.companies.read",
        ],
        retry_after: None,
        failed_items: 0,
        html: false,
    }
    "#);
}

#[test]
fn codes_stand_in_order() {
    let body = r#"{"category":"VALIDATION_ERROR","errors":[
        {"message":"a","code":"PROPERTY_DOESNT_EXIST","context":{"propertyName":["x"]}},
        {"message":"b","code":"INVALID_INTEGER"},
        {"message":"c","context":{"INVALID_OBJECT_IDS":["CONTACT=1 is not valid"]}}]}"#;
    let error = read(400, body).unwrap();
    assert_eq!(error.codes, ["PROPERTY_DOESNT_EXIST", "INVALID_INTEGER", "INVALID_OBJECT_IDS"]);
    assert_eq!(read(400, REFUSED_REFRESH).unwrap().codes, ["BAD_REFRESH_TOKEN"]);
}

#[test]
fn the_context_of_an_association_error_is_a_code() {
    let body = r#"{"message":"One or more associations are invalid","context":{"INVALID_OBJECT_IDS":["CONTACT=1 is not valid"]}}"#;
    assert_eq!(read(400, body).unwrap().codes, ["INVALID_OBJECT_IDS"]);
}

#[test]
fn a_sub_category_is_a_string_or_an_object() {
    let text = r#"{"category":"VALIDATION_ERROR","subCategory":"PipelineError.STAGE_ID_IN_USE"}"#;
    assert_eq!(read(400, text).unwrap().sub_category.as_deref(), Some("PipelineError.STAGE_ID_IN_USE"));
    let object = r#"{"category":"VALIDATION_ERROR","subCategory":{"name":"X"}}"#;
    assert_eq!(read(400, object).unwrap().sub_category.as_deref(), Some("X"));
}

#[test]
fn a_partial_answer_counts_its_failures() {
    let body = r#"{"status":"COMPLETE","results":[{"id":"1","properties":{"message":"not ours"}}],"numErrors":2,
        "errors":[{"status":"error","category":"OBJECT_NOT_FOUND","context":{"ids":["5"]}}]}"#;
    let error = read(207, body).unwrap();
    assert_eq!((error.failed_items, error.message), (2, None));
    assert_eq!(read(207, r#"{"errors":[{},{},{}]}"#).unwrap().failed_items, 3);
}

#[test]
fn a_wait_is_read() {
    let status = StatusCode::from_u16(477).unwrap();
    let error = ApiError::read(status, &headers(&[("retry-after", "86400")]), b"").unwrap();
    assert_eq!((error.kind, error.retry_after), (ErrorKind::Migrating, Some(Duration::from_secs(86_400))));
}

#[rstest]
#[case(r#"{"correlationId":"11111111-2222-3333-4444-555555555555"}"#)]
#[case(r#"{"errors":[{"correlationId":"11111111-2222-3333-4444-555555555555"}]}"#)]
#[case(r#"{"message":"upstream said {\"correlationId\":\"11111111-2222-3333-4444-555555555555\"}"}"#)]
#[case(r#"{"correlationId":"11111111-2222-3333-4444-555555555555","mess"#)]
fn a_correlation_id_is_found_wherever_it_is(#[case] body: &str) {
    let id = read(500, body).unwrap().correlation_id;
    assert_eq!(id.as_deref(), Some("11111111-2222-3333-4444-555555555555"));
}

#[test]
fn the_header_stands_in_for_a_missing_correlation_id_only() {
    let given = headers(&[("x-hubspot-correlation-id", "from-the-header")]);
    let id =
        |body: &str| ApiError::read(StatusCode::BAD_GATEWAY, &given, body.as_bytes()).unwrap().correlation_id;
    assert_eq!(id("").as_deref(), Some("from-the-header"));
    assert_eq!(id(NGINX).as_deref(), Some("from-the-header"));
    assert_eq!(id(DAILY).as_deref(), Some("11111111-2222-3333-4444-555555555555"));
}

#[rstest]
#[case(&[("via", "1.1 squid")], NGINX, "proxy")]
#[case(&[("via", "1.1 squid")], "", "proxy")]
#[case(&[("x-squid-error", "ERR_CONNECT_FAIL 111")], NGINX, "proxy")]
#[case(&[("proxy-authenticate", "Basic")], "", "proxy")]
// HubSpot's answer that only passed through a proxy, and HubSpot's own edge behind one.
#[case(&[("via", "1.1 squid")], r#"{"status":"error","message":"internal error"}"#, "unavailable")]
#[case(&[("via", "1.1 squid"), ("cf-ray", "8a1-FRA")], CLOUDFLARE, "unavailable")]
#[case(&[("cf-ray", "8a1-FRA")], CLOUDFLARE, "unavailable")]
fn a_proxy_between_is_told_by_its_headers(
    #[case] pairs: &[(&'static str, &str)],
    #[case] body: &str,
    #[case] expected: &str,
) {
    let error = ApiError::read(StatusCode::SERVICE_UNAVAILABLE, &headers(pairs), body.as_bytes()).unwrap();
    assert_eq!(error.kind.name(), expected);
}

#[test]
fn html_is_told_by_its_first_byte_or_its_type() {
    let html = |content_type: &'static str, body: &str| {
        let mut map = HeaderMap::new();
        map.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        ApiError::read(StatusCode::BAD_GATEWAY, &map, body.as_bytes()).unwrap().html
    };
    assert!(html("text/html; charset=UTF-8", "Bad gateway"));
    assert!(html("application/json", " \n<html>"));
    assert!(html("", "\u{feff}<!doctype html>"));
    assert!(!html("text/html", r#"{"status":"error"}"#));
    assert!(!html("text/html", ""));
    assert!(!html("text/plain", "Bad gateway"));
}

#[test]
fn numbers_and_nonsense_where_strings_belong() {
    let error =
        read(400, r#"{"category":400,"message":[],"correlationId":null,"errors":{"code":1},"context":7}"#);
    let error = error.unwrap();
    assert_eq!((error.category.as_deref(), error.message, error.codes), (Some("400"), None, vec![]));
}

/// Names go into logs and metrics; a sentence there may be about a person.
#[test]
fn names_are_words_of_bounded_length() {
    let long = "X".repeat(129);
    for name in ["Contact jane@example.com exists", "a b", "line\\nbreak", &long] {
        let body = format!(
            r#"{{"category":"{name}","subCategory":"{name}","errorType":"{name}","policyName":"{name}",
            "errors":[{{"code":"{name}","context":{{"requiredGranularScopes":["{name}"]}}}}]}}"#
        );
        let error = read(400, &body).unwrap();
        assert_eq!((error.category, error.sub_category, error.error_type), (None, None, None), "{name}");
        assert_eq!((error.policy_name, error.codes, error.required_scopes), (None, vec![], vec![]), "{name}");
    }
}

#[test]
fn lists_are_bounded() {
    let errors = vec![r#"{"code":"X"}"#; 10_000].join(",");
    let error = read(207, &format!(r#"{{"numErrors":10000,"errors":[{errors}]}}"#)).unwrap();
    assert_eq!((error.failed_items, error.codes.len()), (10_000, 200));
}

#[test]
fn what_is_given_twice_or_cut_off_is_still_read() {
    let twice = r#"{"category":"A","category":"MISSING_SCOPES"}"#;
    assert_eq!(kind(403, twice), "missing_scopes");
    assert_eq!(kind(403, r#"{"category":"MISSING_SCOPES","errors":[{"mess"#), "missing_scopes");
}

#[test]
fn a_body_cut_anywhere_never_becomes_a_success() {
    for body in [MISSING_SCOPES, DAILY, BURST, REFUSED_REFRESH, NGINX, CLOUDFLARE] {
        for end in 0..body.len() {
            for status in [400, 403, 429, 500, 524] {
                let error = ApiError::read(
                    StatusCode::from_u16(status).unwrap(),
                    &HeaderMap::new(),
                    &body.as_bytes()[..end],
                );
                assert!(error.is_some(), "{status} {end}");
            }
        }
    }
}

#[test]
fn a_mebibyte_of_anything_is_survived() {
    let size = 1 << 20;
    for body in
        ["[".repeat(size), "{\"a\":".repeat(size / 5), "\0".repeat(size), "correlationId".repeat(size / 13)]
    {
        assert_eq!(kind(500, &body), "internal");
    }
}

#[test]
fn the_message_is_not_shown() {
    let body = r#"{"category":"CONFLICT","message":"Contact already exists: jane@example.com"}"#;
    let error = read(409, body).unwrap();
    assert!(error.message.as_deref().unwrap().contains("jane"));
    assert!(!format!("{error:?}").contains("jane"));
}

#[test]
fn names_are_those_of_serde_and_read_back() {
    for kind in ErrorKind::ALL {
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.name()));
        assert_eq!(ErrorKind::parse(kind.name()), Some(kind));
    }
    assert_eq!(ErrorKind::parse("other"), None);
}

/// Each kind with what it means: t throttle, a auth, b against the breaker, ? may have been applied.
#[test]
fn what_each_kind_means() {
    let mark = |set: bool, letter: char| if set { letter } else { '-' };
    let table: Vec<String> = ErrorKind::ALL
        .iter()
        .map(|kind| {
            let marks = [
                mark(kind.is_throttle(), 't'),
                mark(kind.is_auth(), 'a'),
                mark(kind.counts_against_breaker(), 'b'),
                mark(kind.may_have_been_applied(), '?'),
            ];
            format!("{} {}", marks.iter().collect::<String>(), kind.name())
        })
        .collect();
    insta::assert_snapshot!(table.join("\n"), @r"
    ---- validation
    -a-- invalid_authentication
    -a-- expired_authentication
    ---- missing_scopes
    ---- user_permissions
    ---- forbidden
    ---- not_found
    ---- no_such_endpoint
    ---- method_not_allowed
    ---- conflict
    ---- too_long
    ---- locked
    t--- burst_limit
    t--- search_limit
    t--- daily_limit
    t--- other_limit
    ---- migrating
    --b? internal
    --b? processing
    --b? unavailable
    --b? origin_unreachable
    --b? edge_timeout
    ---- edge_block
    ---? proxy
    -a-- bad_refresh_token
    -a-- bad_client
    -a-- other_oauth
    ---? partial
    ---- other_client
    --b? other_server
    ");
}

#[rstest]
#[case(500, "", true, true)]
#[case(503, "", true, true)]
#[case(522, "", true, true)]
#[case(521, "", true, false)]
#[case(523, "", true, false)]
#[case(525, "", true, false)]
#[case(526, "", true, false)]
#[case(407, "", false, false)]
#[case(403, CLOUDFLARE, false, false)]
#[case(429, BURST, false, false)]
#[case(500, BURST, false, false)]
#[case(207, r#"{"numErrors":1}"#, false, true)]
fn breaker_and_doubt_by_answer(
    #[case] status: u16,
    #[case] body: &str,
    #[case] breaker: bool,
    #[case] applied: bool,
) {
    let error = read(status, body).unwrap();
    assert_eq!((error.counts_against_breaker(), error.may_have_been_applied()), (breaker, applied));
}

proptest! {
    #[test]
    fn nothing_panics(status in 100u16..1000, body in proptest::collection::vec(any::<u8>(), 0..200), wait in ".{0,20}") {
        let mut map = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_str(&wait) {
            map.insert(RETRY_AFTER, value.clone());
            map.insert(CONTENT_TYPE, value);
        }
        let status = StatusCode::from_u16(status).unwrap();
        let error = ApiError::read(status, &map, &body);
        prop_assert_eq!(error.is_some(), status.as_u16() >= 400 || error.is_some() && status.as_u16() == 207);
    }

    #[test]
    fn json_of_any_shape_is_survived(
        status in 400u16..600,
        fields in proptest::collection::vec(("(category|message|errors|context|status|error|subCategory|numErrors|x)", "(\\[\\]|\\{\\}|null|1|-1.5e9|\"a\"|true|\\[\\{\"code\":[0-9]\\}\\]|\\{\"expire time\":[1-9]\\})"), 0..8),
    ) {
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        let read = read(status, &format!("{{{}}}", body.join(",")));
        prop_assert!(read.is_some());
    }
}
