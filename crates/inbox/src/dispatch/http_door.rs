//! Events over HTTP: the address looked at before it is called, no redirect followed, connections used again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, Method, Request, Uri, Version, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::door::{Door, Occasion, Parcel};
use super::guard;
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

const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);

/// An answer's body is not looked at; reading a little of it keeps the connection usable.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

type Sender = SendRequest<Full<Bytes>>;

pub struct HttpDoor(Arc<Inner>);

struct Inner {
    sink: HttpSink,
    tls: Arc<rustls::ClientConfig>,
    clock: Clock,
    /// Connections that wait for their next request.
    idle: Mutex<Vec<Sender>>,
}

impl HttpDoor {
    pub fn new(sink: HttpSink, tls: Arc<rustls::ClientConfig>, clock: Clock) -> Self {
        Self(Arc::new(Inner { sink, tls, clock, idle: Mutex::default() }))
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
        let sender = self.connect().await?;
        self.exchange(sender, request).await
    }

    fn take_idle(&self) -> Option<Sender> {
        let mut idle = self.idle.lock();
        idle.retain(|sender| !sender.is_closed());
        idle.pop().filter(SendRequest::is_ready)
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

    async fn connect(&self) -> Result<Sender, Reason> {
        let url = &self.sink.url;
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']);
        let is_tls = url.scheme_str() == Some("https");
        let port = url.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let found = tokio::net::lookup_host((host, port)).await.map_err(|_| Reason::Name)?;
        let allowed: Vec<SocketAddr> =
            found.filter(|address| guard::allows(self.sink.reach, address.ip())).collect();
        if allowed.is_empty() {
            return Err(Reason::Forbidden);
        }
        let stream = timeout(CONNECT_TIME_MAX, TcpStream::connect(&allowed[..])).await;
        let stream = stream.map_err(|_| Reason::Connect)?.map_err(|_| Reason::Connect)?;
        let _slower_at_worst = stream.set_nodelay(true);
        if !is_tls {
            return handshake(TokioIo::new(stream)).await;
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Reason::Tls)?;
        let secured = TlsConnector::from(self.tls.clone()).connect(name, stream);
        let secured = timeout(CONNECT_TIME_MAX, secured).await.map_err(|_| Reason::Tls)?;
        handshake(TokioIo::new(secured.map_err(|_| Reason::Tls)?)).await
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

async fn handshake<T>(io: T) -> Result<Sender, Reason>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(io).await.map_err(|_| Reason::Broken)?;
    tokio::spawn(async move {
        let _whoever_sends_hears_of_it = connection.await;
    });
    Ok(sender)
}
