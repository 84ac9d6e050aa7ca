//! HubSpot's deliveries, from our listener to the inbox.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use client::body::Body;
use client::clock::WallClock;
use client::stack::Stack;
use futures_util::future::BoxFuture;
use gateway::outbox::Outbox;
use gateway::traffic::Histogram;
use gateway::{Intake, Peer};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hubspot::secret::Secret;
use hubspot::signature::Rules;
use inbox::address::PublicAddress;
use inbox::books::Books;
use inbox::dispatch::house::Dispatch;
use inbox::privacy::Privacy;
use inbox::receive::{self, App, Outcome, Receiver, Ways};
use inbox::secrets::ClientSecrets;
use inbox::workflow;
use parking_lot::Mutex;
use serde::Serialize;
use store::{Store, fall};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::audit::Audit;
use crate::config::{Config, SubscriberSection};
use crate::failure::Failure;
use crate::incidents::DOORBELL_HEADER;
use crate::ledgers::Ledgers;
use crate::process;
use crate::secret_reference::SecretReference;
use crate::secrets::{Owner, Secrets, Watched};

mod closed;
mod dispatch;
mod effects;
mod journal;
mod keeping;

pub(crate) use journal::Reading;

/// The path that HubSpot's deliveries arrive at; the name of a connection may follow.
pub(crate) const PATH: &str = "/webhooks/hubspot";

/// A hundred events with long values are a tenth of it.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// HubSpot gives up on us after 5 s (hubspot-facts §6.5); a body that is not here by then is not worth having.
const BODY_TIME_MAX: Duration = Duration::from_secs(5);

/// The variable that people already have.
const SECRET_VARIABLE: &str = "HUBSPOT_CLIENT_SECRET";

/// What takes webhooks, what passes them on, and what people may ask of both.
#[derive(Clone)]
pub(crate) struct Running {
    intake: Arc<dyn Intake>,
    pub(crate) dispatch: Arc<Dispatch>,
    pub(crate) receiver: Arc<Receiver>,
    pub(crate) acknowledged: Arc<Mutex<Histogram>>,
    pub(crate) clock: WallClock,
    pub(crate) journals: Vec<Reading>,
    stop: watch::Sender<bool>,
}

/// As the configuration asks for it: nothing without a public address.
pub(crate) async fn open(
    config: &Config,
    store: Option<Store>,
    stack: &Arc<Stack>,
    privacy: Option<&Arc<Privacy>>,
    tls: &rustls::ClientConfig,
    ledgers: &Arc<Ledgers>,
    secrets: &Secrets,
) -> Result<Option<Running>, Failure> {
    let Some(public) = &config.webhooks.public_url else { return Ok(None) };
    let public = PublicAddress::new(public).map_err(Failure::usage)?;
    let apps = apps(config)?;
    if apps.is_empty() {
        let hint = if config.connections.is_empty() {
            format!("set {SECRET_VARIABLE}, or client_secret in [[connections]]")
        } else {
            format!("add client_secret = \"env:{SECRET_VARIABLE}\" to the connection in [[connections]]")
        };
        return Err(Failure::usage(
            "webhooks need the client secret they are signed with, and there is none",
        )
        .hint(hint));
    }
    let subscribers = config.webhooks.subscribers.iter().map(SubscriberSection::subscriber);
    let subscribers = subscribers.collect::<Result<Vec<_>, _>>()?;
    let (store, privacy) = store.zip(privacy).ok_or_else(|| {
        Failure::usage("webhooks are acknowledged only once they are on a disk, and no store is configured")
            .hint("name a directory with --data, or set [store] url")
    })?;
    let clock = stack.clock();
    let (arrived, arrivals) = watch::channel(0);
    let dispatch = dispatch::open(&store, &clock, tls, arrivals, subscribers, ledgers).await?;
    let dispatch = Arc::new(dispatch);
    for app in &apps {
        ledgers.inbox.lock().introduce(&app.connection, app.portal_id);
    }
    let receiver = Arc::new(Receiver {
        store,
        public,
        rules: Rules::default(),
        apps,
        arrived,
        books: Books::default(),
        trusted_proxies: config.webhooks.trusted_proxies()?,
        effects: privacy.effects.clone(),
    });
    watch_secrets(config, &receiver, secrets)?;
    let acknowledged = Arc::new(Mutex::new(Histogram::default()));
    let webhooks = Webhooks {
        receiver: receiver.clone(),
        clock: clock.clone(),
        acknowledged: acknowledged.clone(),
        ledgers: ledgers.clone(),
    };
    let stop = keeping::start(&receiver, &clock, &config.webhooks, privacy);
    let journals = journal::open(config, &receiver, stack, tls, &stop)?;
    Ok(Some(Running { intake: Arc::new(webhooks), dispatch, receiver, acknowledged, clock, journals, stop }))
}

/// Who forgets people, in all that is kept and in memory.
pub(crate) fn privacy(
    store: &Store,
    stack: &Arc<Stack>,
    outbox: Option<&Arc<Outbox>>,
    audit: &Audit,
) -> Arc<Privacy> {
    let house = effects::House { stack: stack.clone(), outbox: outbox.cloned(), audit: audit.clone() };
    let clock = stack.clock();
    Arc::new(Privacy::new(store.clone(), Arc::new(house), Arc::new(move || clock.now()), store.owner()))
}

/// What answers at the webhook address.
pub(crate) fn intake(running: Option<&Running>) -> Arc<dyn Intake> {
    running.map_or_else(|| Arc::new(closed::Closed) as Arc<dyn Intake>, |running| running.intake.clone())
}

impl Running {
    /// Ends what is under way, and keeps what was done.
    pub(crate) async fn finish(&self) {
        let _nobody_listens = self.stop.send(true);
        self.dispatch.finish().await;
    }
}

/// Every connection that has a client secret, or the one of the environment.
pub(crate) fn apps(config: &Config) -> Result<Vec<App>, Failure> {
    let mut apps = Vec::new();
    for connection in &config.connections {
        if let Some(secret) = &connection.client_secret {
            let all = [Some(secret), connection.previous_client_secret.as_ref()].into_iter().flatten();
            let secrets = all.map(SecretReference::resolve).collect::<Result<Vec<_>, _>>()?;
            apps.push(App {
                connection: connection.name.clone(),
                app_id: connection.app_id,
                portal_id: connection.portal_id,
                secrets: ClientSecrets::new(secrets),
                ways: if connection.journal { Ways::WebhooksAndJournal } else { Ways::Webhooks },
            });
        }
    }
    if config.connections.is_empty() && process::environment(SECRET_VARIABLE).is_some() {
        let secret: Secret = SecretReference::Env(SECRET_VARIABLE.to_owned()).resolve()?;
        let secrets = ClientSecrets::new([secret]);
        apps.push(App {
            connection: "default".into(),
            app_id: None,
            portal_id: None,
            secrets,
            ways: Ways::Webhooks,
        });
    }
    Ok(apps)
}

/// A client secret may become another; the one before counts for a day, and what was refused meanwhile is taken now.
fn watch_secrets(config: &Config, receiver: &Arc<Receiver>, secrets: &Secrets) -> Result<(), Failure> {
    for section in &config.connections {
        let app = receiver.apps.iter().find(|app| app.connection == section.name);
        let (Some(reference), Some(app)) = (&section.client_secret, app) else { continue };
        let (owner, known) = (Owner::ClientSecret(section.name.clone()), app.secrets.clone());
        let receiver = receiver.clone();
        let put_to_use = move |secret: &Secret| {
            known.replace(secret.clone(), Instant::now());
            tokio::spawn(verify_again(receiver.clone()));
        };
        secrets.watch(Watched::new(owner, reference.clone(), reference.resolve()?, put_to_use));
    }
    Ok(())
}

async fn verify_again(receiver: Arc<Receiver>) {
    if let Err(error) = receiver.reverify(None).await {
        tracing::warn!(%error, "the quarantine could not be verified again");
    }
}

struct Webhooks {
    receiver: Arc<Receiver>,
    clock: WallClock,
    /// How long deliveries took that were kept.
    acknowledged: Arc<Mutex<Histogram>>,
    ledgers: Arc<Ledgers>,
}

impl Intake for Webhooks {
    fn takes(&self, path: &str) -> bool {
        is_ours(path)
    }

    fn take(&self, request: Request<Body>) -> BoxFuture<'static, Response<Body>> {
        let (receiver, clock, books) = (self.receiver.clone(), self.clock.clone(), self.acknowledged.clone());
        let ledgers = self.ledgers.clone();
        let began = Instant::now();
        let ring = request.headers().get(DOORBELL_HEADER).and_then(|nonce| nonce.to_str().ok());
        if ring.is_some_and(|nonce| ledgers.is_our_ring(nonce)) {
            let mut arrived = Response::new(Body::Empty);
            *arrived.status_mut() = StatusCode::NO_CONTENT;
            return Box::pin(std::future::ready(arrived));
        }
        Box::pin(async move {
            let answer = take(&receiver, &clock, &ledgers, request, began).await;
            if answer.status().is_success() {
                books.lock().note(began.elapsed());
            }
            answer
        })
    }
}

fn is_ours(path: &str) -> bool {
    path.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

async fn take(
    receiver: &Receiver,
    clock: &WallClock,
    ledgers: &Ledgers,
    request: Request<Body>,
    began: Instant,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    if parts.method != Method::POST && !workflow::may_be(&parts.method, &parts.headers) {
        return answer(StatusCode::METHOD_NOT_ALLOWED, "webhooks are posted, or signed");
    }
    let read = tokio::time::timeout(BODY_TIME_MAX, body.read_ahead(BODY_BYTES_MAX));
    let connection = parts.uri.path().strip_prefix(PATH).and_then(|rest| rest.strip_prefix('/'));
    let connection = connection.filter(|name| !name.is_empty());
    let body = match read.await {
        Ok(Ok(body @ (Body::Empty | Body::Whole(_)))) => body,
        Ok(Ok(Body::Streamed(_) | Body::Continued(..) | Body::Boxed(_))) => {
            return answer(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large");
        }
        Ok(Err(_)) | Err(_) => {
            ledgers.unread(connection, began.elapsed());
            return answer(
                StatusCode::SERVICE_UNAVAILABLE,
                "the body was too slow, or broke off; send it again",
            );
        }
    };
    fall::over(fall::Way::Inbox, &parts);
    let delivery = receive::Request {
        method: parts.method.as_str(),
        target: parts.uri.path_and_query().map_or(PATH, http::uri::PathAndQuery::as_str),
        connection,
        headers: &parts.headers,
        body: body.at_hand(),
        peer: parts.extensions.get().map(|Peer(address)| *address),
    };
    let (outcome, seen) = receiver.receive_seen(&delivery, clock.now()).await;
    ledgers.delivery(&outcome, &seen, delivery.peer, began.elapsed());
    tell(&outcome);
    answer(outcome.status(seen.sender), &said(&outcome))
}

/// What the sender hears: nothing that would help a forger.
fn said(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Kept { events, new } => format!("{events} events, {new} of them new"),
        Outcome::NoDelivery(why) => why.to_string(),
        Outcome::Forged(_) => "the signature is missing or wrong".into(),
        Outcome::UnknownConnection => "no such connection takes webhooks".into(),
        Outcome::Doubtful { .. } | Outcome::NotKept(_) => "not taken; send it again later".into(),
    }
}

fn tell(outcome: &Outcome) {
    match outcome {
        Outcome::Kept { .. } => {}
        Outcome::Doubtful { connection, refusal } => {
            tracing::warn!(connection, %refusal, "a delivery for a known app does not verify: check the client secret and webhooks.public_url");
        }
        Outcome::NotKept(error) => {
            tracing::error!(%error, "a genuine delivery was not kept; HubSpot will send it again");
        }
        Outcome::Forged(refusal) => tracing::info!(%refusal, "a delivery that nobody we know signed"),
        Outcome::NoDelivery(why) => {
            tracing::info!(%why, "a request to the webhook address that is no delivery");
        }
        Outcome::UnknownConnection => tracing::info!("a delivery for a connection that takes no webhooks"),
    }
}

#[derive(Serialize)]
struct Said<'a> {
    status: &'static str,
    message: &'a str,
}

fn answer(status: StatusCode, message: &str) -> Response<Body> {
    let word = if status.is_success() { "ok" } else { "error" };
    let text = serde_json::to_vec(&Said { status: word, message }).expect("text becomes JSON");
    let mut response = Response::new(Body::from(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
