use http::HeaderName;
use jiff::SignedDuration;
use rstest::rstest;

use super::*;

const SECRET: &str = "11111111-2222-3333-4444-555555555555";
const TARGET: &str = "/webhooks/hubspot?a=b%20c";
const BODY: &str = r#"[{"eventId":1,"name":"Zoë","objectId":9007199254740993}]"#;

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn signed_v3(address: &str, body: &str, at: Timestamp) -> HeaderMap {
    let at = at.as_millisecond().to_string();
    let signature = sign_v3(&Secret::new(SECRET), "POST", address, body.as_bytes(), &at);
    HeaderMap::from_iter([
        (SIGNATURE_V3_HEADER, signature.parse().unwrap()),
        (TIMESTAMP_HEADER, at.parse().unwrap()),
        (HeaderName::from_static("host"), "inner.example:9000".parse().unwrap()),
        (HeaderName::from_static("x-forwarded-host"), "outer.example".parse().unwrap()),
    ])
}

fn explained(headers: &HeaderMap, secret: &str, body: &str) -> Explanation {
    let public = PublicAddress::new("https://hooks.example.com").unwrap();
    let secrets = [Secret::new("another"), Secret::new(secret)];
    explain(&Case {
        method: "POST",
        target: TARGET,
        headers,
        body: body.as_bytes(),
        public: &public,
        secrets: &secrets,
        now: now(),
    })
}

#[rstest]
#[case("http://hooks.example.com/webhooks/hubspot?a=b%20c")]
#[case("https://hooks.example.com:8443/webhooks/hubspot?a=b%20c")]
#[case("https://outer.example/webhooks/hubspot?a=b%20c")]
#[case("https://inner.example:9000/webhooks/hubspot?a=b%20c")]
#[case("https://hooks.example.com/webhooks/hubspot/?a=b%20c")]
#[case("https://hooks.example.com/hubspot?a=b%20c")]
#[case("https://hooks.example.com/webhooks/hubspot?a=b c")]
#[case("https://hooks.example.com/webhooks/hubspot")]
fn another_address_is_named(#[case] address: &str) {
    let found = explained(&signed_v3(address, BODY, now()), SECRET, BODY);
    assert_eq!(
        (found.cause, found.signed_address.as_deref(), found.secret),
        ("uri", Some(address), Some(2)),
        "{found:?}"
    );
}

#[rstest]
#[case::by_our_clock(now())]
#[case::by_its_own("1970-01-21T12:20:00Z".parse().unwrap())]
fn seconds_are_told_from_milliseconds(#[case] by: Timestamp) {
    let address = "https://hooks.example.com/webhooks/hubspot?a=b%20c";
    let seconds = Timestamp::from_millisecond(now().as_second()).unwrap();
    let headers = signed_v3(address, BODY, seconds);
    let public = PublicAddress::new("https://hooks.example.com").unwrap();
    let secrets = [Secret::new(SECRET)];
    let case = Case {
        method: "POST",
        target: TARGET,
        headers: &headers,
        body: BODY.as_bytes(),
        public: &public,
        secrets: &secrets,
        now: by,
    };
    let found = explain(&case);
    assert_eq!((found.cause, found.verifies), ("clock", false), "{found:?}");
    assert!(found.detail.contains("in seconds"), "{found:?}");
}

#[rstest]
#[case(r#"[{"eventId": 1, "name": "Zoë", "objectId": 9007199254740993}]"#)]
#[case("[{\"eventId\":1,\"name\":\"Zo\\u00eb\",\"objectId\":9007199254740993}]")]
#[case("[\n  {\n    \"eventId\": 1,\n    \"name\": \"Zoë\",\n    \"objectId\": 9007199254740993\n  }\n]")]
fn a_body_written_anew_is_seen(#[case] sent: &str) {
    let address = "https://hooks.example.com/webhooks/hubspot?a=b%20c";
    let found = explained(&signed_v3(address, sent, now()), SECRET, BODY);
    assert_eq!(found.cause, "body", "{found:?}");
}

#[test]
fn the_clock_the_secret_and_what_is_missing_are_told_apart() {
    let address = "https://hooks.example.com/webhooks/hubspot?a=b%20c";
    let cause = |headers: &HeaderMap, secret: &str| explained(headers, secret, BODY).cause;
    assert_eq!(cause(&signed_v3(address, BODY, now()), SECRET), "genuine");
    assert_eq!(cause(&signed_v3(address, BODY, now() - SignedDuration::from_mins(6)), SECRET), "clock");
    assert_eq!(cause(&signed_v3(address, BODY, now()), "wrong"), "secret_or_forged");
    assert_eq!(cause(&HeaderMap::new(), SECRET), "unsigned");
    let mut older = signed_v3("https://nobody.guesses.this/", BODY, now());
    older.insert(SIGNATURE_HEADER, sign_v1(&Secret::new(SECRET), BODY.as_bytes()).parse().unwrap());
    assert_eq!(cause(&older, SECRET), "uri");
    let v2 = sign_v2(&Secret::new(SECRET), "POST", address, BODY.as_bytes());
    let mislabelled = HeaderMap::from_iter([
        (SIGNATURE_HEADER, v2.parse().unwrap()),
        (SIGNATURE_VERSION_HEADER, "v1".parse().unwrap()),
    ]);
    assert_eq!(cause(&mislabelled, SECRET), "version");
}

#[test]
fn what_it_advises_makes_it_verify() {
    let address = "https://outer.example/webhooks/hubspot?a=b%20c";
    let found = explained(&signed_v3(address, BODY, now()), SECRET, BODY);
    assert!(found.remedy.contains("webhooks.public_url = \"https://outer.example\""), "{found:?}");
    let public = PublicAddress::new("https://outer.example").unwrap();
    assert_eq!(public.called(TARGET), [address]);
    let other_escapes = "https://hooks.example.com/webhooks/hubspot?a=b c";
    let found = explained(&signed_v3(other_escapes, BODY, now()), SECRET, BODY);
    assert!(found.remedy.contains("public_url is right"), "{found:?}");
}
