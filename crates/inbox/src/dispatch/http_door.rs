//! Events over HTTP: the address looked at before it is called, no redirect followed, connections used again.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, Method, Request, Uri, Version, header};
use http_body_util::{BodyExt, Full, Limited};
use parking_lot::Mutex;
use tokio::time::timeout;

use super::dial::{Dialler, Sender};
use super::door::{Door, Occasion, Parcel};
use super::signing;
use super::subscriber::HttpSink;
use super::verdict::{Reason, Verdict};
use crate::clock::Clock;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");
/// The name of each event, in the order of the body: what to tell repetitions by where a request holds several.
const EVENT_IDS: HeaderName = HeaderName::from_static("hubkeeper-event-ids");
const ATTEMPT: HeaderName = HeaderName::from_static("hubkeeper-attempt");
/// There where a person had it sent once more.
const REPLAY: HeaderName = HeaderName::from_static("hubkeeper-replay");

/// An answer's body is not looked at; reading a little of it keeps the connection usable.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

pub struct HttpDoor(Arc<Inner>);

struct Inner {
    sink: HttpSink,
    dialler: Dialler,
    clock: Clock,
    /// Connections that wait for their next request.
    idle: Mutex<Vec<Sender>>,
}

impl HttpDoor {
    pub fn new(sink: HttpSink, tls: Arc<rustls::ClientConfig>, clock: Clock) -> Self {
        let dialler = Dialler { reach: sink.reach, tls };
        Self(Arc::new(Inner { sink, dialler, clock, idle: Mutex::default() }))
    }
}

impl Door for HttpDoor {
    fn post(&self, parcel: Parcel) -> BoxFuture<'static, Verdict> {
        let inner = self.0.clone();
        Box::pin(async move {
            let sent = timeout(inner.sink.timeout, inner.post(&parcel)).await;
            sent.unwrap_or(Err(Reason::Late)).unwrap_or_else(Verdict::none)
        })
    }
}

impl Inner {
    async fn post(&self, parcel: &Parcel) -> Result<Verdict, Reason> {
        let request = self.request(parcel)?;
        if let Some(sender) = self.take_idle()
            && let Ok(verdict) = self.exchange(sender, request.clone()).await
        {
            return Ok(verdict);
        }
        // Nothing waited, or what waited had been closed meanwhile. Sent twice is sent under one name.
        let sender = self.dialler.connect(&self.sink.url).await?;
        self.exchange(sender, request).await
    }

    fn take_idle(&self) -> Option<Sender> {
        let mut idle = self.idle.lock();
        idle.retain(|sender| !sender.is_closed());
        idle.pop().filter(Sender::is_ready)
    }

    async fn exchange(&self, mut sender: Sender, request: Request<Full<Bytes>>) -> Result<Verdict, Reason> {
        let answer = sender.send_request(request).await.map_err(|_| Reason::Broken)?;
        let verdict = Verdict::of(answer.status(), answer.headers(), (self.clock)());
        // The answer counts once its head is here.
        if Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await.is_ok() {
            self.idle.lock().push(sender);
        }
        Ok(verdict)
    }

    fn request(&self, parcel: &Parcel) -> Result<Request<Full<Bytes>>, Reason> {
        let (id, body) = (parcel.id(), parcel.body());
        let signature = signing::signature(&self.sink.keys, &id, parcel.at, &body);
        let ids: Vec<String> = parcel.items.iter().map(super::item::Item::id).collect();
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_11;
        let path = self.sink.url.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        *request.uri_mut() = path.parse::<Uri>().map_err(|_| Reason::Name)?;
        let texts = [
            (header::HOST, self.sink.url.authority().map_or("", http::uri::Authority::as_str)),
            (header::CONTENT_TYPE, "application/json"),
            (header::USER_AGENT, concat!("hubkeeper/", env!("CARGO_PKG_VERSION"))),
            (ID, &id),
            (TIMESTAMP, &parcel.at.as_second().to_string()),
            (SIGNATURE, &signature),
            (EVENT_IDS, &ids.join(",")),
            (ATTEMPT, &parcel.attempt().to_string()),
        ];
        for (name, text) in texts {
            let value = HeaderValue::from_str(text).map_err(|_| Reason::Name)?;
            request.headers_mut().insert(name, value);
        }
        if parcel.occasion == Occasion::Replay {
            request.headers_mut().insert(REPLAY, HeaderValue::from_static("true"));
        }
        Ok(request)
    }
}

#[cfg(test)]
mod ssrf;
