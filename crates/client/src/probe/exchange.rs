//! One question over HTTP/1.1 on a connection of its own, so that every phase is measured apart.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hubspot::secret::Secret;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Run;
use super::pace::{TimedOut, ms_since};
use super::report::{Failure, FailureKind, Stage};
use super::terrain::Wire;
use super::way::Way;
use crate::clock::WallClock;

/// The longest answer of ours, a large portal's property list, is a fraction of this.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

const AGENT: &str = concat!("hubkeeper/", env!("CARGO_PKG_VERSION"), " (triage)");

/// What is asked. Only reads: a POST here is a search or an introspection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) method: Method,
    /// Path and query.
    pub(super) path: String,
    pub(super) body: Option<Body>,
    /// Sent as bearer.
    pub(super) credential: Option<Secret>,
}

/// A body may hold a credential, so it masks itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) content_type: &'static str,
    pub(super) text: Secret,
}

/// An answer as it came, less our secrets, with the moments it was measured at.
#[derive(Debug)]
pub(super) struct Raw {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) connect_ms: u64,
    pub(super) first_byte: Duration,
    pub(super) total_ms: u64,
    /// When the first byte came, by the wall clock.
    pub(super) arrived_at: Timestamp,
}

impl Question {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None, credential: None }
    }

    pub(super) fn post(path: impl Into<String>, content_type: &'static str, text: impl Into<String>) -> Self {
        let body = Body { content_type, text: Secret::new(text) };
        Self { method: Method::POST, body: Some(body), ..Self::get(path) }
    }

    pub(super) fn with(self, credential: &Secret) -> Self {
        Self { credential: Some(credential.clone()), ..self }
    }

    /// The path alone.
    pub(super) fn bare_path(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    fn request(&self, way: &Way) -> Result<Request<Full<Bytes>>, http::Error> {
        let proxy = way.forwarding_proxy();
        let uri = match proxy {
            Some(_) => format!("http://{}{}", way.authority(), self.path),
            None => self.path.clone(),
        };
        let mut request = Request::builder()
            .method(&self.method)
            .uri(uri)
            .header(HOST, host_header(way))
            .header(USER_AGENT, AGENT)
            .header(ACCEPT, "application/json")
            .header(CONNECTION, "close");
        if let Some(credential) = &self.credential {
            let bearer = format!("Bearer {}", credential.expose());
            request = request.header(AUTHORIZATION, sensitive(&bearer)?);
        }
        if let Some(authorization) = proxy.and_then(|proxy| proxy.authorization.as_ref()) {
            request = request.header(PROXY_AUTHORIZATION, sensitive(authorization.expose())?);
        }
        if let Some(body) = &self.body {
            request = request.header(CONTENT_TYPE, body.content_type);
        }
        let body = self.body.as_ref().map_or_else(Bytes::new, |body| body.text.expose().to_owned().into());
        request.body(Full::new(body))
    }
}

/// Connects along the way, makes the other side prove who it is, asks, and reads to the end.
pub(super) async fn ask(question: &Question, way: &Way, run: &Run<'_>) -> Result<Raw, Failure> {
    let began = Instant::now();
    let wire = way.open_verified(run).await?;
    let connect_ms = ms_since(began);
    let raw = ask_on(question, wire, way, run).await?;
    Ok(Raw { connect_ms, ..raw })
}

/// The same on a connection that is open already.
pub(super) async fn ask_on(
    question: &Question,
    wire: impl Wire + 'static,
    way: &Way,
    run: &Run<'_>,
) -> Result<Raw, Failure> {
    let began = Instant::now();
    let failure = |kind, detail: &str| Failure {
        stage: Stage::Http,
        kind,
        ms: ms_since(began),
        detail: detail.to_owned(),
    };
    match run.pace.within(run.target.timeouts.http, talk(question, wire, way, run.wall)).await {
        Ok(Ok(raw)) => Ok(without_secrets(raw, &run.target.secrets())),
        Ok(Err(broken)) => Err(failure(broken.kind, broken.detail)),
        Err(TimedOut) => Err(failure(FailureKind::TimedOut, "no whole answer in time")),
    }
}

struct Broken {
    kind: FailureKind,
    detail: &'static str,
}

async fn talk(
    question: &Question,
    wire: impl Wire + 'static,
    way: &Way,
    wall: &WallClock,
) -> Result<Raw, Broken> {
    let request = question.request(way).map_err(|_| Broken {
        kind: FailureKind::Other,
        detail: "the request cannot be written: is there a line break in the token?",
    })?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(wire)).await.map_err(|error| broken(&error))?;
    // Drives the connection, and ends it when this function ends or is given up.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let sent = Instant::now();
    let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
    let first_byte = sent.elapsed();
    let arrived_at = wall.now();
    let (head, body) = response.into_parts();
    let body =
        Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(|error| match error.downcast_ref() {
            Some(http_body_util::LengthLimitError { .. }) => Broken {
                kind: FailureKind::NotUnderstood,
                detail: "the answer is longer than any of HubSpot's",
            },
            None => Broken { kind: FailureKind::Truncated, detail: "the answer stopped short" },
        })?;
    let (status, headers) = (head.status, head.headers);
    let (body, total_ms) = (body.to_bytes(), ms_since(sent));
    Ok(Raw { status, headers, body, connect_ms: 0, first_byte, total_ms, arrived_at })
}

fn broken(error: &hyper::Error) -> Broken {
    if error.is_parse() {
        Broken { kind: FailureKind::NotUnderstood, detail: "what came back is not HTTP" }
    } else {
        Broken { kind: FailureKind::Reset, detail: "the connection was cut before an answer" }
    }
}

fn host_header(way: &Way) -> String {
    let default_port = if way.tls.is_some() { 443 } else { 80 };
    if way.port == default_port { way.host.clone() } else { way.authority() }
}

fn sensitive(value: &str) -> Result<HeaderValue, http::Error> {
    let mut value = HeaderValue::from_str(value)?;
    value.set_sensitive(true);
    Ok(value)
}

/// An answer may repeat what it was asked with. Nothing behind this line sees a secret.
fn without_secrets(raw: Raw, secrets: &[&str]) -> Raw {
    let mut raw = raw;
    for secret in secrets {
        if let Some(clean) = masked(&raw.body, secret) {
            raw.body = clean.into();
        }
        for value in raw.headers.values_mut() {
            if let Some(clean) = masked(value.as_bytes(), secret) {
                *value = HeaderValue::from_str(&clean).unwrap_or(HeaderValue::from_static("***"));
            }
        }
    }
    raw
}

fn masked(bytes: &[u8], secret: &str) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    text.contains(secret).then(|| text.replace(secret, "***"))
}
