//! What a workflow's action "send a webhook" sends.

use hubspot::signature::sign_v2;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;

/// HubSpot's own published example. hubspot-facts §6.6.
const SECRET: &str = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy";
const EXAMPLE: &str = r#"{"example_field":"example_value"}"#;
const EXAMPLE_TARGET: &str = "/webhook_uri";
const V2_GET: &str = "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e";
const V2_POST: &str = "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900";
const V3_POST: &str = "oaA3M5dEtt6kFsseJD/Hv/x+JNl1vsoxFj4oxmwP6Go=";
const V3_AT: i64 = 1_693_657_560_000;

fn at_example() -> Timestamp {
    Timestamp::from_millisecond(V3_AT).unwrap()
}

async fn example_receiver() -> (Receiver, TempDir) {
    let (mut receiver, directory) = receiver(&[SECRET]).await;
    receiver.public = PublicAddress::new("https://www.example.com").unwrap();
    (receiver, directory)
}

fn v2(signature: &str) -> HeaderMap {
    HeaderMap::from_iter([
        (SIGNATURE_HEADER, signature.parse().unwrap()),
        (SIGNATURE_VERSION_HEADER, "v2".parse().unwrap()),
    ])
}

fn v3(signature: &str, at: Timestamp) -> HeaderMap {
    HeaderMap::from_iter([
        (SIGNATURE_V3_HEADER, signature.parse().unwrap()),
        (TIMESTAMP_HEADER, at.as_millisecond().to_string().parse().unwrap()),
    ])
}

/// Signed both ways, as HubSpot does.
fn both(body: &str, at: Timestamp) -> HeaderMap {
    let uri = format!("https://hooks.example.com{TARGET}");
    let mut headers = v2(&sign_v2(&Secret::new("s1"), "POST", &uri, body.as_bytes()));
    headers.extend(signed_v3("s1", body, at));
    headers
}

async fn come(
    receiver: &Receiver,
    method: &str,
    headers: &HeaderMap,
    body: &str,
    now: Timestamp,
) -> (Outcome, Seen) {
    let target = if receiver.public.called("").contains(&"https://www.example.com".to_owned()) {
        EXAMPLE_TARGET
    } else {
        TARGET
    };
    let request = Request { method, target, connection: None, headers, body: body.as_bytes(), peer: None };
    receiver.receive_seen(&request, now).await
}

fn status((outcome, seen): (Outcome, Seen)) -> StatusCode {
    outcome.status(seen.sender)
}

async fn kept(receiver: &Receiver) -> Vec<Value> {
    let deliveries = receiver.store.deliveries(0, 100).await.unwrap();
    deliveries
        .iter()
        .flat_map(|delivery| serde_json::from_slice::<Vec<Value>>(&delivery.body).unwrap())
        .collect()
}

const ONE: Outcome = Outcome::Kept { events: 1, new: 1 };

#[rstest]
#[case::v2_get("GET", v2(V2_GET), "", Value::Null)]
#[case::v2_post("POST", v2(V2_POST), EXAMPLE, json!({"example_field": "example_value"}))]
#[case::v3_post("POST", v3(V3_POST, at_example()), EXAMPLE, json!({"example_field": "example_value"}))]
#[tokio::test]
async fn the_published_requests_are_taken(
    #[case] method: &str,
    #[case] headers: HeaderMap,
    #[case] body: &str,
    #[case] expected: Value,
) {
    let (receiver, _directory) = example_receiver().await;
    assert_eq!(come(&receiver, method, &headers, body, at_example()).await.0, ONE);
    let mut kept = kept(&receiver).await.remove(0);
    assert_eq!(kept["eventId"].take().as_str().map(str::len), Some(32));
    let told = json!({"subscriptionType": "workflow.webhook", "eventId": null, "occurredAt": V3_AT,
        "method": method, "target": EXAMPLE_TARGET, "body": expected});
    assert_eq!(kept, told);
}

#[rstest]
#[case::enrolled_contact(
    r#"{"vid":9007199254740993,"portal-id":62515,"properties":{}}"#,
    ("62515", "9007199254740993"),
    Some("0-1")
)]
#[case::own_names(r#"{"portalId":"7","objectTypeId":"0-3","objectId":"5"}"#, ("7", "5"), Some("0-3"))]
#[case::no_ids(r#"{"portalId":"mine","objectId":[1],"objectTypeId":3}"#, ("", ""), None)]
#[tokio::test]
async fn portal_and_record_are_what_the_body_tells(
    #[case] body: &str,
    #[case] object: (&str, &str),
    #[case] kind: Option<&str>,
) {
    let (receiver, _directory) = receiver(&["s1"]).await;
    come(&receiver, "POST", &both(body, now()), body, now()).await;
    let delivery = receiver.store.deliveries(0, 1).await.unwrap().remove(0);
    let text = String::from_utf8(delivery.body).unwrap();
    assert!(text.contains(&format!(r#""body":{body}"#)), "byte for byte: {text}");
    let event = event::read(text.as_bytes()).unwrap().remove(0);
    assert_eq!(event.object_type_id(), kind);
    // What names no record has a line of its own.
    let own = event.object().1;
    assert_eq!((event.object().0, if own.len() == 32 { "" } else { own }), object);
}

#[tokio::test]
async fn the_same_request_counts_once_and_what_is_signed_anew_is_another() {
    let (receiver, _directory) = receiver(&["s1"]).await;
    let later = now() + jiff::SignedDuration::from_secs(2);
    let headers = both(EXAMPLE, now());
    assert_eq!(come(&receiver, "POST", &headers, EXAMPLE, now()).await.0, ONE);
    assert_eq!(
        come(&receiver, "POST", &headers, EXAMPLE, later).await.0,
        Outcome::Kept { events: 1, new: 0 }
    );
    assert_eq!(come(&receiver, "POST", &both(EXAMPLE, later), EXAMPLE, later).await.0, ONE);
    // v2 alone tells no time: a second person with the same body is not taken for a second try.
    let mut headers = headers;
    headers.remove(SIGNATURE_V3_HEADER);
    for moment in [later, later + jiff::SignedDuration::from_nanos(1)] {
        assert_eq!(come(&receiver, "POST", &headers, EXAMPLE, moment).await.0, ONE);
    }
    assert_eq!(kept(&receiver).await.len(), 4);
}

#[tokio::test]
async fn what_may_be_our_mistake_is_sent_again_and_what_is_not_signed_is_not() {
    let (receiver, _directory) = receiver(&["s1"]).await;
    let again = StatusCode::SERVICE_UNAVAILABLE;
    let stale = now() - jiff::SignedDuration::from_secs(301);
    let wrong = signed_v3("other", EXAMPLE, now());
    assert_eq!(status(come(&receiver, "POST", &wrong, EXAMPLE, now()).await), again);
    assert_eq!(status(come(&receiver, "POST", &both(EXAMPLE, stale), EXAMPLE, now()).await), again);
    let unsigned = come(&receiver, "POST", &HeaderMap::new(), EXAMPLE, now()).await;
    assert_eq!(status(unsigned), StatusCode::BAD_REQUEST);
    let headers = both(EXAMPLE, now());
    let request = Request {
        method: "POST",
        target: TARGET,
        connection: Some("mistyped"),
        headers: &headers,
        body: EXAMPLE.as_bytes(),
        peer: None,
    };
    assert_eq!(status(receiver.receive_seen(&request, now()).await), again);
    assert!(receiver.store.suspects(0, 10).await.unwrap().is_empty() && kept(&receiver).await.is_empty());
}

#[tokio::test]
async fn an_older_signature_does_not_count() {
    let (receiver, _directory) = receiver(&["s1"]).await;
    let v1 = HeaderMap::from_iter([
        (SIGNATURE_HEADER, sign_v1(&Secret::new("s1"), EXAMPLE.as_bytes()).parse().unwrap()),
        (SIGNATURE_VERSION_HEADER, "v1".parse().unwrap()),
    ]);
    assert_eq!(status(come(&receiver, "POST", &v1, EXAMPLE, now()).await), StatusCode::UNAUTHORIZED);
    let mut headers = both(EXAMPLE, now());
    headers.insert(SIGNATURE_V3_HEADER, "bm8=".parse().unwrap());
    assert!(status(come(&receiver, "POST", &headers, EXAMPLE, now()).await).is_server_error());
    assert!(kept(&receiver).await.is_empty());
}

#[rstest]
#[case::broken(r#"{"a":"#)]
#[case::deep(&format!("{}1{}", r#"{"a":"#.repeat(15), "}".repeat(15)))]
#[tokio::test]
async fn what_could_not_be_read_later_is_refused_for_good(#[case] body: &str) {
    let (receiver, _directory) = receiver(&["s1"]).await;
    let outcome = come(&receiver, "POST", &both(body, now()), body, now()).await;
    assert_eq!(status(outcome), StatusCode::BAD_REQUEST);
}
