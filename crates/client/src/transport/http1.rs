//! HTTP/1.1 over kept connections, spoken here and not by a library: an answer is read once, and there is no task behind a
//! connection, nor a channel to one. Nothing is retried here: retrying is one layer's business. A request whose kept
//! connection turns out to be closed before anything was sent simply takes another.
//!
//! | file | is |
//! |---|---|
//! | `connect`, `pool` | connections: new ones, kept ones |
//! | `connection` | a request out, its answer in |
//! | `request` | a request's head and framing (pure) |
//! | `outgoing` | sending it |
//! | `reader`, `head`, `shape`, `deciding` | where an answer begins and ends, what its head says (pure); its body by `BodyReader` |
//! | `arriving` | an answer's body |
//! | `wire` | the socket |

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use http::uri::Scheme;
use http::{HeaderValue, Request, Response, Uri};
use rustls::ClientConfig;
use tokio::time::Instant;

use super::{Sending, Transport, TransportError};
use crate::body::Body;

mod arriving;
mod connect;
mod connection;
mod deciding;
mod familiar;
mod head;
mod outgoing;
mod pool;
mod reader;
mod request;
mod shape;
#[cfg(test)]
mod tests;
mod wire;

pub use arriving::Arriving;
use connect::Connector;
use connection::Begun;
use pool::{Pool, Taken};

/// How connections are kept.
#[derive(Debug, Clone, Copy)]
pub struct TransportSettings {
    pub connect_timeout: Duration,
    /// Shorter than the edge keeps them, so that we are the one who closes.
    pub idle_timeout: Duration,
    pub idle_connections_max: usize,
}

impl Default for TransportSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(20),
            idle_connections_max: 256,
        }
    }
}

/// Connections to one upstream.
pub struct HttpTransport {
    connector: Connector,
    pool: Arc<Pool>,
    host: HeaderValue,
}

/// The upstream's address is not one we can call.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an http:// or https:// address with a host")]
pub struct BadUpstream(Uri);

impl HttpTransport {
    /// # Errors
    /// When `upstream` has no scheme or host, or one that is not HTTP.
    pub fn new(upstream: &Uri, tls: ClientConfig, settings: TransportSettings) -> Result<Self, BadUpstream> {
        let bad = || BadUpstream(upstream.clone());
        let scheme = upstream.scheme().filter(|scheme| **scheme == Scheme::HTTP || **scheme == Scheme::HTTPS);
        let scheme = scheme.cloned().ok_or_else(bad)?;
        let authority = upstream.authority().cloned().ok_or_else(bad)?;
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| bad())?;
        let upstream = Uri::builder().scheme(scheme).authority(authority).path_and_query("/").build();
        let upstream = upstream.map_err(|_| bad())?;
        Ok(Self {
            connector: Connector::new(&upstream, tls, settings.connect_timeout).ok_or_else(bad)?,
            pool: Arc::new(Pool::new(settings.idle_timeout, settings.idle_connections_max)),
            host,
        })
    }

    /// A kept connection, or a new one.
    async fn connection(&self) -> Result<Taken, TransportError> {
        match self.pool.take(Instant::now()) {
            Some(kept) => Ok(kept),
            // Boxed: rare, and it weighs on the future of every request.
            None => Ok(Taken { connection: Box::pin(self.connector.connect()).await?, idle: None }),
        }
    }

    async fn exchange(&self, request: Request<Body>) -> Result<Response<Body>, TransportError> {
        let Taken { mut connection, idle } = self.connection().await?;
        let mut request = Some(request);
        let answer = poll_fn(|cx| {
            if let Some(request) = request.take() {
                connection.begin(request, &self.host, idle, cx)?;
            }
            connection.poll_answer(cx)
        });
        let Begun { head, whole } = answer.await?;
        let body = match whole {
            Some(whole) => {
                if connection.is_free() {
                    self.pool.put(connection, Instant::now());
                }
                Body::from(whole)
            }
            None => Body::Streamed(Box::new(Arriving::new(connection, self.pool.clone()))),
        };
        Ok(head.response.map(|()| body))
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: Request<Body>) -> Sending<'_> {
        Box::pin(self.exchange(request))
    }
}
