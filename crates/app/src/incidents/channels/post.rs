//! One HTTP request to a channel, and what its answer means.

use std::time::Duration;

use bytes::Bytes;
use client::body::Body;
use client::transport::{HttpTransport, Transport, TransportSettings};
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Limited};
use rustls::ClientConfig;

use super::Sent;
use crate::failure::Failure;

/// A channel that takes longer is in trouble.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers are short.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// A channel's server and path.
pub(in crate::incidents) struct Post {
    transport: HttpTransport,
    path: PathAndQuery,
}

/// What came back.
pub(in crate::incidents) enum Heard {
    Answer { status: StatusCode, after_s: Option<u64>, body: Bytes },
    Nothing { why: String },
}

impl Post {
    /// # Errors
    /// A usage failure that names the key, never the address: its path may be a secret.
    pub(in crate::incidents) fn new(key: &str, url: &str, tls: &ClientConfig) -> Result<Self, Failure> {
        Self::keeping(1, key, url, tls)
    }

    /// The same, each time over a connection of its own: whether one can be made is the question.
    ///
    /// # Errors
    /// A usage failure that names the key.
    pub(in crate::incidents) fn afresh(key: &str, url: &str, tls: &ClientConfig) -> Result<Self, Failure> {
        Self::keeping(0, key, url, tls)
    }

    fn keeping(connections: usize, key: &str, url: &str, tls: &ClientConfig) -> Result<Self, Failure> {
        let bad = || {
            Failure::usage(format!("{key} is not a URL that can be called")).hint(
                "write it with its scheme, such as https://hooks.example.com/path, or a reference to it",
            )
        };
        let uri: Uri = url.parse().map_err(|_| bad())?;
        let settings =
            TransportSettings { idle_connections_max: connections, ..TransportSettings::default() };
        let transport = HttpTransport::new(&uri, tls.clone(), settings).map_err(|_| bad())?;
        let path = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        Ok(Self { transport, path })
    }

    /// Sends one request to its own path, or to another one of the same server.
    pub(in crate::incidents) async fn send(
        &self,
        method: Method,
        path: Option<&str>,
        headers: &[(HeaderName, String)],
        body: Vec<u8>,
    ) -> Heard {
        let path = match path.map(str::parse::<PathAndQuery>) {
            None => self.path.clone(),
            Some(Ok(path)) => path,
            Some(Err(_)) => return Heard::Nothing { why: "its path cannot be sent".into() },
        };
        let mut request = Request::new(Body::from(Bytes::from(body)));
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from(path);
        let agent = HeaderValue::from_static(concat!("hubkeeper/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(header::USER_AGENT, agent);
        for (name, value) in headers {
            let Ok(mut value) = HeaderValue::from_str(value) else {
                return Heard::Nothing { why: format!("{name} cannot be sent") };
            };
            value.set_sensitive(*name == header::AUTHORIZATION);
            request.headers_mut().insert(name.clone(), value);
        }
        match tokio::time::timeout(PATIENCE, self.exchange(request)).await {
            Ok(heard) => heard,
            Err(_late) => Heard::Nothing { why: format!("no answer within {} s", PATIENCE.as_secs()) },
        }
    }

    async fn exchange(&self, request: Request<Body>) -> Heard {
        let response = match self.transport.send(request).await {
            Ok(response) => response,
            Err(error) => return Heard::Nothing { why: error.to_string() },
        };
        let status = response.status();
        let after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let after_s = after.and_then(|value| value.trim().parse().ok());
        match Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await {
            Ok(body) => Heard::Answer { status, after_s, body: body.to_bytes() },
            Err(_cut) => Heard::Nothing { why: "the answer was cut off".into() },
        }
    }
}

impl Heard {
    /// 2xx has arrived; what the channel cannot do now it may do later; what it refuses it will go on refusing.
    pub(super) fn into_sent(self) -> Sent {
        match self {
            Self::Nothing { why } => Sent::Again { after_s: None, why },
            Self::Answer { status, .. } if status.is_success() => Sent::Arrived { handle: None },
            Self::Answer { status, after_s, .. } => {
                let why = format!("it answered {}", status.as_u16());
                // 420 is what Statuspage says for 429 (developer.statuspage.io, rate limiting).
                let later = status.is_server_error() || matches!(status.as_u16(), 408 | 420 | 429);
                if later { Sent::Again { after_s, why } } else { Sent::Never { why } }
            }
        }
    }
}
