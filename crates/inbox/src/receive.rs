//! One delivery's way from the request to the answer.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use hubspot::signature::{self, Refusal, Rules, SignedRequest};
use jiff::Timestamp;
use store::Store;
use store::deliveries::{NewDelivery, Places};
use store::failure::StoreError;
use store::step::{self, Step};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::address::PublicAddress;
use crate::books::Books;
use crate::effects::Effects;
use crate::event::{self, Event, NoDelivery};
use crate::proxy::{self, Network};
use crate::secrets::ClientSecrets;
use crate::seen::Seen;
use crate::suspect;

/// An app whose deliveries we take.
pub struct App {
    /// The connection's name.
    pub connection: String,
    pub app_id: Option<u64>,
    pub portal_id: Option<u64>,
    pub secrets: ClientSecrets,
    pub ways: Ways,
}

/// How events reach us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ways {
    #[default]
    Webhooks,
    /// HubSpot's journal is read for what no webhook brings.
    WebhooksAndJournal,
}

/// Takes deliveries.
pub struct Receiver {
    pub store: Store,
    pub public: PublicAddress,
    pub rules: Rules,
    pub apps: Vec<App>,
    /// Changes whenever something new is on the disk.
    pub arrived: watch::Sender<u64>,
    pub books: Books,
    /// Proxies of ours: from them, and nobody else, what they say about the address is believed.
    pub trusted_proxies: Vec<Network>,
    /// Hears of new events at once, such as a cache.
    pub effects: Arc<dyn Effects>,
}

/// A request to our webhook address.
pub struct Request<'a> {
    pub method: &'a str,
    /// Path and query as they arrived.
    pub target: &'a str,
    /// The connection that the path names, if it does.
    pub connection: Option<&'a str>,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    /// Who connected to us.
    pub peer: Option<IpAddr>,
}

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// On the disk; `new` of the events had not come before.
    Kept { events: usize, new: usize },
    /// No array of events.
    NoDelivery(NoDelivery),
    /// Nobody we know signed it.
    Forged(Refusal),
    /// It looks like a delivery for one of our apps, but the signature does not fit: more likely our secret or address
    /// is wrong than that somebody knows the app's and the portal's number. HubSpot will try again.
    Doubtful { connection: String, refusal: Refusal },
    /// The path names a connection that takes no webhooks.
    UnknownConnection,
    /// Genuine, and not kept: HubSpot will try again.
    NotKept(StoreError),
}

impl Outcome {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Kept { .. } => "kept",
            Self::NoDelivery(_) => "no_delivery",
            Self::Forged(_) => "forged",
            Self::Doubtful { .. } => "doubtful",
            Self::UnknownConnection => "unknown_connection",
            Self::NotKept(_) => "not_kept",
        }
    }

    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Kept { .. } => StatusCode::OK,
            Self::NoDelivery(_) => StatusCode::BAD_REQUEST,
            Self::Forged(_) => StatusCode::UNAUTHORIZED,
            Self::UnknownConnection => StatusCode::NOT_FOUND,
            Self::Doubtful { .. } | Self::NotKept(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl Receiver {
    /// Takes one delivery. [`Outcome::Kept`] only after it is on the disk.
    pub async fn receive(&self, request: &Request<'_>, now: Timestamp) -> Outcome {
        self.receive_seen(request, now).await.0
    }

    /// The same, with what the delivery told of itself.
    pub async fn receive_seen(&self, request: &Request<'_>, now: Timestamp) -> (Outcome, Seen) {
        let (outcome, seen) = match event::read(request.body) {
            Ok(events) => {
                let taken = self.take(request, &events, now).await;
                let mut seen = Seen::of(&events, taken.app, taken.new, now);
                seen.untimely = matches!(&taken.outcome, Outcome::Forged(refusal) if is_untimely(*refusal));
                (taken.outcome, seen)
            }
            // Somebody who has the secret tries whether we are reached; there is nothing to keep.
            Err(NoDelivery::Empty) if self.is_signed(request, now) => {
                (Outcome::Kept { events: 0, new: 0 }, Seen::default())
            }
            Err(no_delivery) => (Outcome::NoDelivery(no_delivery), Seen::default()),
        };
        self.books.delivery(outcome.name());
        (outcome, seen)
    }

    fn is_signed(&self, request: &Request<'_>, now: Timestamp) -> bool {
        let is_meant = |app: &&App| request.connection.is_none_or(|name| app.connection == name);
        self.apps.iter().filter(is_meant).any(|app| self.verify(app, request, now).is_ok())
    }

    async fn take(&self, request: &Request<'_>, events: &[Event<'_>], now: Timestamp) -> Taken<'_> {
        let is_meant = |app: &&App| request.connection.is_none_or(|name| app.connection == name);
        let candidates: Vec<&App> = self.apps.iter().filter(is_meant).collect();
        if candidates.is_empty() {
            return Taken { outcome: Outcome::UnknownConnection, app: None, new: None };
        }
        let mut refused = Refusal::NoSecret;
        let (mut doubtful, mut meant) = (None, None);
        for app in candidates {
            match self.verify(app, request, now) {
                Ok(()) => {
                    step::at(Step::DeliveryVerified);
                    return self.keep_for(app, request.body, events, now).await;
                }
                Err(refusal) => {
                    let named = app.is_named_in(events);
                    if may_be_our_mistake(refusal) && named {
                        doubtful = Some((app, refusal));
                    }
                    // Whose signature fits at another time, who is named, or who has no number to be named by.
                    if is_untimely(refusal) || named || (meant.is_none() && app.has_no_number()) {
                        meant = Some(app);
                    }
                    refused = refusal;
                }
            }
        }
        let Some((app, refusal)) = doubtful else {
            return Taken { outcome: Outcome::Forged(refused), app: meant, new: None };
        };
        let suspect = suspect::suspect(request, events, &app.connection, refusal, now);
        if !self.store.quarantine(&suspect).await.unwrap_or(false) {
            self.books.suspect_lost();
        }
        let outcome = Outcome::Doubtful { connection: app.connection.clone(), refusal };
        Taken { outcome, app: Some(app), new: None }
    }

    pub(crate) fn verify(&self, app: &App, request: &Request<'_>, now: Timestamp) -> Result<(), Refusal> {
        let mut refused = Refusal::NoSecret;
        let secrets = app.secrets.all(Instant::now());
        let is_trusted = |peer| self.trusted_proxies.iter().any(|network| network.contains(peer));
        let told = request.peer.filter(|peer| is_trusted(*peer));
        let told = told.and_then(|_| proxy::told(request.headers, request.target));
        for uri in self.public.called(request.target).into_iter().chain(told) {
            let signed = SignedRequest {
                method: request.method,
                uri: &uri,
                headers: request.headers,
                body: request.body,
            };
            match signature::verify(&signed, &secrets, now, &self.rules) {
                Ok(_verified) => return Ok(()),
                Err(refusal) => refused = refusal,
            }
        }
        Err(refused)
    }

    pub(crate) async fn keep(&self, app: &App, body: &[u8], events: &[Event<'_>], now: Timestamp) -> Outcome {
        self.keep_for(app, body, events, now).await.outcome
    }

    async fn keep_for<'a>(
        &self,
        app: &'a App,
        body: &[u8],
        events: &[Event<'_>],
        now: Timestamp,
    ) -> Taken<'a> {
        let delivery = NewDelivery {
            received_at: now,
            connection: app.connection.clone(),
            body: body.to_vec(),
            keys: events.iter().map(Event::key).collect(),
        };
        let twins = match app.ways {
            Ways::Webhooks => Vec::new(),
            Ways::WebhooksAndJournal => events.iter().map(Event::twin).collect(),
        };
        let kept = self.store.receive_beside(delivery, twins).await;
        step::at(Step::DeliveryKept);
        match kept {
            Ok(new) => {
                self.books.events(&app.connection, events, new.len(), now);
                if !new.is_empty() {
                    self.effects.changed(events);
                    self.arrived.send_modify(|count| *count += 1);
                }
                let outcome = Outcome::Kept { events: events.len(), new: new.len() };
                Taken { outcome, app: Some(app), new: Some(new) }
            }
            Err(error) => Taken { outcome: Outcome::NotKept(error), app: Some(app), new: None },
        }
    }
}

/// What became of a delivery, whose it is, and which of its events had not come before.
struct Taken<'a> {
    outcome: Outcome,
    app: Option<&'a App>,
    new: Option<Places>,
}

const fn is_untimely(refusal: Refusal) -> bool {
    matches!(refusal, Refusal::Stale { .. } | Refusal::FromTheFuture { .. })
}

/// A wrong secret or address of ours shows like this. A signature that fits at a wrong time is a replay, and one that is
/// missing or in two readings is nobody's mistake.
const fn may_be_our_mistake(refusal: Refusal) -> bool {
    match refusal {
        Refusal::Mismatch(_) | Refusal::NoSecret => true,
        Refusal::Unsigned
        | Refusal::Ambiguous
        | Refusal::UnknownVersion
        | Refusal::TooOldVersion(_)
        | Refusal::NoTimestamp
        | Refusal::Stale { .. }
        | Refusal::FromTheFuture { .. } => false,
    }
}

impl App {
    /// Nothing tells whether a delivery is for it but its secret.
    fn has_no_number(&self) -> bool {
        self.app_id.is_none() && self.portal_id.is_none()
    }

    /// All events are for this app, and for its portal.
    fn is_named_in(&self, events: &[Event<'_>]) -> bool {
        let is = |ours: Option<u64>, named: Option<&str>| {
            ours.is_some_and(|ours| named.and_then(|named| named.parse().ok()) == Some(ours))
        };
        let fits = |event: &Event<'_>| match (self.app_id, self.portal_id) {
            (None, None) => false,
            (Some(_), None) => is(self.app_id, event.app_id()),
            (None, Some(_)) => is(self.portal_id, event.portal_id()),
            (Some(_), Some(_)) => is(self.app_id, event.app_id()) && is(self.portal_id, event.portal_id()),
        };
        events.iter().all(fits)
    }
}

#[cfg(test)]
mod tests {
    use hubspot::secret::Secret;
    use hubspot::signature::{
        SIGNATURE_HEADER, SIGNATURE_V3_HEADER, SIGNATURE_VERSION_HEADER, TIMESTAMP_HEADER, sign_v1, sign_v3,
    };
    use tempfile::TempDir;

    use super::*;
    use crate::effects::NoEffects;
    use crate::suspect::Reverified;

    const BODY: &str = r#"[{"eventId":1,"subscriptionId":7,"portalId":62515,"occurredAt":1772366400000,
        "subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"appId":54321}]"#;
    const TARGET: &str = "/webhooks/hubspot";

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    async fn receiver(secrets: &[&str]) -> (Receiver, TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let store =
            Store::open(&format!("sqlite:{}", directory.path().join("s.db").display())).await.unwrap();
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
            assert_eq!(outcome.status(), StatusCode::OK, "{secret}");
        }
    }

    #[tokio::test]
    async fn a_wrong_secret_of_a_known_app_is_our_mistake_until_shown_otherwise() {
        let (receiver, _directory) = receiver(&["right"]).await;
        let outcome = post(&receiver, &signed_v3("wrong", BODY, now()), BODY).await;
        assert_eq!(outcome.status(), StatusCode::SERVICE_UNAVAILABLE);
        let foreign = BODY.replace("54321", "11111");
        let outcome = post(&receiver, &signed_v3("wrong", &foreign, now()), &foreign).await;
        assert_eq!(outcome.status(), StatusCode::UNAUTHORIZED);
        assert!(receiver.store.deliveries(0, 10).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_is_in_doubt_is_kept_once_and_taken_when_the_secret_is_mended() {
        let (receiver, _directory) = receiver(&["old"]).await;
        for attempt in ["0", "1"] {
            let body = BODY.replace(r#""attemptNumber":0"#, &format!(r#""attemptNumber":{attempt}"#));
            let outcome = post(&receiver, &signed_v3("new", &body, now()), &body).await;
            assert_eq!(outcome.status(), StatusCode::SERVICE_UNAVAILABLE);
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
        assert_ne!(receiver.receive(&from("192.0.2.1"), now()).await.status(), StatusCode::OK);
        assert_eq!(receiver.receive(&from("10.1.1.1"), now()).await.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn what_was_signed_long_ago_or_in_the_future_is_refused() {
        let (receiver, _directory) = receiver(&["s1"]).await;
        for seconds in [-301, 301] {
            let at = now() + jiff::SignedDuration::from_secs(seconds);
            let outcome = post(&receiver, &signed_v3("s1", BODY, at), BODY).await;
            assert_eq!(outcome.status(), StatusCode::UNAUTHORIZED, "{seconds}");
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
        assert_eq!(post(&receiver, &headers, BODY).await.status(), StatusCode::OK);
        headers.insert(SIGNATURE_V3_HEADER, "bm8=".parse().unwrap());
        headers.insert(TIMESTAMP_HEADER, now().as_millisecond().to_string().parse().unwrap());
        assert_ne!(post(&receiver, &headers, BODY).await.status(), StatusCode::OK);
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
        assert_eq!(outcome.status(), StatusCode::BAD_REQUEST);
    }
}
