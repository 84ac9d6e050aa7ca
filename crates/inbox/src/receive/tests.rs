//! What is taken, what is refused, and what waits for somebody to mend it.

use http::StatusCode;
use hubspot::secret::Secret;
use hubspot::signature::{
    SIGNATURE_HEADER, SIGNATURE_V3_HEADER, SIGNATURE_VERSION_HEADER, TIMESTAMP_HEADER, sign_v1, sign_v3,
};
use tempfile::TempDir;
use tokio::time::Instant;

use super::*;
use crate::effects::NoEffects;
use crate::secrets::ClientSecrets;
use crate::suspect::Reverified;

mod workflows;

const BODY: &str = r#"[{"eventId":1,"subscriptionId":7,"portalId":62515,"occurredAt":1772366400000,
    "subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"appId":54321}]"#;
const TARGET: &str = "/webhooks/hubspot";

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

async fn receiver(secrets: &[&str]) -> (Receiver, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&format!("sqlite:{}", directory.path().join("s.db").display())).await.unwrap();
    let app = App {
        connection: "default".into(),
        app_id: Some(54321),
        portal_id: None,
        secrets: ClientSecrets::new(secrets.iter().map(|secret| Secret::new(*secret))),
        ways: Ways::Webhooks,
    };
    let public = PublicAddress::new("https://hooks.example.com").unwrap();
    let arrived = watch::Sender::new(0);
    let receiver = Receiver {
        store,
        public,
        rules: Rules::default(),
        apps: vec![app],
        arrived,
        books: Books::default(),
        trusted_proxies: vec![Network::parse("10.0.0.0/8").unwrap()],
        effects: Arc::new(NoEffects),
    };
    (receiver, directory)
}

fn signed_v3(secret: &str, body: &str, at: Timestamp) -> HeaderMap {
    let at = at.as_millisecond().to_string();
    let uri = format!("https://hooks.example.com{TARGET}");
    let signature = sign_v3(&Secret::new(secret), "POST", &uri, body.as_bytes(), &at);
    HeaderMap::from_iter([
        (SIGNATURE_V3_HEADER, signature.parse().unwrap()),
        (TIMESTAMP_HEADER, at.parse().unwrap()),
    ])
}

/// Behind a path of its own there are two addresses that HubSpot may have signed for.
#[tokio::test]
async fn one_that_fits_at_another_time_is_no_mistake_of_ours_at_any_address() {
    let (mut receiver, _directory) = receiver(&["secret"]).await;
    receiver.public = PublicAddress::new("https://hooks.example.com/hs").unwrap();
    for minutes in [-6, 6] {
        let at = now() + jiff::SignedDuration::from_mins(minutes);
        let text = at.as_millisecond().to_string();
        let uri = format!("https://hooks.example.com/hs{TARGET}");
        let signature = sign_v3(&Secret::new("secret"), "POST", &uri, BODY.as_bytes(), &text);
        let headers = HeaderMap::from_iter([
            (SIGNATURE_V3_HEADER, signature.parse().unwrap()),
            (TIMESTAMP_HEADER, text.parse().unwrap()),
        ]);
        let outcome = post(&receiver, &headers, BODY).await;
        assert!(matches!(outcome, Outcome::Forged(refusal) if verify::is_untimely(refusal)), "{outcome:?}");
    }
    assert_eq!(receiver.store.suspects_count().await.unwrap(), 0);
}

async fn post(receiver: &Receiver, headers: &HeaderMap, body: &str) -> Outcome {
    let request = Request {
        method: "POST",
        target: TARGET,
        connection: None,
        headers,
        body: body.as_bytes(),
        peer: None,
    };
    receiver.receive(&request, now()).await
}

#[tokio::test]
async fn a_genuine_delivery_is_kept_before_it_is_acknowledged_and_once() {
    let (receiver, _directory) = receiver(&["s1"]).await;
    let headers = signed_v3("s1", BODY, now());
    assert_eq!(post(&receiver, &headers, BODY).await, Outcome::Kept { events: 1, new: 1 });
    let kept = receiver.store.deliveries(0, 10).await.unwrap();
    assert_eq!(kept[0].body, BODY.as_bytes());
    let again = BODY.replace(r#""attemptNumber":0"#, r#""attemptNumber":1"#);
    let headers = signed_v3("s1", &again, now());
    assert_eq!(post(&receiver, &headers, &again).await, Outcome::Kept { events: 1, new: 0 });
}

#[tokio::test]
async fn during_a_rotation_both_secrets_count() {
    let (receiver, _directory) = receiver(&["new", "old"]).await;
    for secret in ["new", "old"] {
        let outcome = post(&receiver, &signed_v3(secret, BODY, now()), BODY).await;
        assert_eq!(outcome.status(Sender::App), StatusCode::OK, "{secret}");
    }
}

#[tokio::test]
async fn a_wrong_secret_of_a_known_app_is_our_mistake_until_shown_otherwise() {
    let (receiver, _directory) = receiver(&["right"]).await;
    let outcome = post(&receiver, &signed_v3("wrong", BODY, now()), BODY).await;
    assert_eq!(outcome.status(Sender::App), StatusCode::SERVICE_UNAVAILABLE);
    let foreign = BODY.replace("54321", "11111");
    let outcome = post(&receiver, &signed_v3("wrong", &foreign, now()), &foreign).await;
    assert_eq!(outcome.status(Sender::App), StatusCode::UNAUTHORIZED);
    assert!(receiver.store.deliveries(0, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_in_doubt_is_kept_once_and_taken_when_the_secret_is_mended() {
    let (receiver, _directory) = receiver(&["old"]).await;
    for attempt in ["0", "1"] {
        let body = BODY.replace(r#""attemptNumber":0"#, &format!(r#""attemptNumber":{attempt}"#));
        let outcome = post(&receiver, &signed_v3("new", &body, now()), &body).await;
        assert_eq!(outcome.status(Sender::App), StatusCode::SERVICE_UNAVAILABLE);
    }
    let kept = receiver.store.suspects(0, 10).await.unwrap();
    assert_eq!((kept.len(), kept[0].times), (1, 2));
    assert_eq!(receiver.reverify(None).await.unwrap(), Reverified { still: 1, ..Reverified::default() });
    receiver.apps[0].secrets.replace(Secret::new("new"), Instant::now());
    assert_eq!(receiver.reverify(None).await.unwrap(), Reverified { taken: 1, new: 1, still: 0 });
    assert_eq!(receiver.reverify(None).await.unwrap(), Reverified::default());
    let outcome = post(&receiver, &signed_v3("new", BODY, now()), BODY).await;
    assert_eq!(outcome, Outcome::Kept { events: 1, new: 0 }, "HubSpot's next try brings nothing new");
}

#[tokio::test]
async fn what_a_stranger_says_about_the_address_is_not_believed() {
    let (mut receiver, _directory) = receiver(&["s1"]).await;
    receiver.public = PublicAddress::new("https://elsewhere.example").unwrap();
    let mut headers = signed_v3("s1", BODY, now());
    headers.insert("x-forwarded-host", "hooks.example.com".parse().unwrap());
    let from = |peer: &str| Request {
        method: "POST",
        target: TARGET,
        connection: None,
        headers: &headers,
        body: BODY.as_bytes(),
        peer: Some(peer.parse().unwrap()),
    };
    assert_ne!(receiver.receive(&from("192.0.2.1"), now()).await.status(Sender::App), StatusCode::OK);
    assert_eq!(receiver.receive(&from("10.1.1.1"), now()).await.status(Sender::App), StatusCode::OK);
}

#[tokio::test]
async fn what_was_signed_long_ago_or_in_the_future_is_refused() {
    let (receiver, _directory) = receiver(&["s1"]).await;
    for seconds in [-301, 301] {
        let at = now() + jiff::SignedDuration::from_secs(seconds);
        let outcome = post(&receiver, &signed_v3("s1", BODY, at), BODY).await;
        assert_eq!(outcome.status(Sender::App), StatusCode::UNAUTHORIZED, "{seconds}");
    }
}

#[tokio::test]
async fn an_old_signature_beside_a_broken_new_one_does_not_count() {
    let (receiver, _directory) = receiver(&["s1"]).await;
    let v1 = sign_v1(&Secret::new("s1"), BODY.as_bytes());
    let mut headers = HeaderMap::from_iter([
        (SIGNATURE_HEADER, v1.parse().unwrap()),
        (SIGNATURE_VERSION_HEADER, "v1".parse().unwrap()),
    ]);
    assert_eq!(post(&receiver, &headers, BODY).await.status(Sender::App), StatusCode::OK);
    headers.insert(SIGNATURE_V3_HEADER, "bm8=".parse().unwrap());
    headers.insert(TIMESTAMP_HEADER, now().as_millisecond().to_string().parse().unwrap());
    assert_ne!(post(&receiver, &headers, BODY).await.status(Sender::App), StatusCode::OK);
}

#[tokio::test]
async fn a_named_connection_is_the_only_one_that_counts() {
    let (receiver, _directory) = receiver(&["s1"]).await;
    let headers = signed_v3("s1", BODY, now());
    let request = Request {
        method: "POST",
        target: TARGET,
        connection: Some("other"),
        headers: &headers,
        body: BODY.as_bytes(),
        peer: None,
    };
    assert_eq!(receiver.receive(&request, now()).await, Outcome::UnknownConnection);
}

#[tokio::test]
async fn no_delivery_is_no_secret_of_ours() {
    let (receiver, _directory) = receiver(&["s1"]).await;
    let outcome = post(&receiver, &HeaderMap::new(), "{}").await;
    assert_eq!(outcome.status(Sender::App), StatusCode::BAD_REQUEST);
}
