//! HTTP/1.1 over kept connections. Nothing is retried here: retrying is one layer's business. A request that a closed
//! connection hands back unsent simply takes another connection.

use std::error::Error;
use std::time::Duration;

use http::uri::Scheme;
use http::{HeaderValue, Request, Response, Uri, header};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::ClientConfig;
use tokio::time::Instant;
use tower::Service;

use super::pool::{Pool, Taken};
use super::{Sending, Transport, TransportError, TransportFault};
use crate::body::Body;

/// A connection that breaks on its first request after this long was closed while it was idle.
const IDLE: Duration = Duration::from_secs(1);

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
    connector: HttpsConnector<HttpConnector>,
    pool: Pool,
    upstream: Uri,
    host: HeaderValue,
    connect_timeout: Duration,
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
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(settings.connect_timeout));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let upstream = Uri::builder().scheme(scheme).authority(authority).path_and_query("/").build();
        Ok(Self {
            connector,
            pool: Pool::new(settings.idle_timeout, settings.idle_connections_max),
            upstream: upstream.map_err(|_| bad())?,
            host,
            connect_timeout: settings.connect_timeout,
        })
    }

    /// A kept connection, or a new one.
    async fn connection(&self) -> Result<Taken, TransportError> {
        match self.pool.take(Instant::now()) {
            Some(kept) => Ok(kept),
            None => Ok(Taken { sender: self.connect().await?, idle: None }),
        }
    }

    async fn connect(&self) -> Result<SendRequest<Body>, TransportError> {
        let connecting = self.connector.clone().call(self.upstream.clone());
        let stream = tokio::time::timeout(self.connect_timeout, connecting)
            .await
            .map_err(|late| TransportError::new(TransportFault::Connect, late))?
            .map_err(|error| TransportError::new(connect_fault(&*error), error))?;
        let (sender, connection) = http1::Builder::new()
            .writev(false) // requests are small: one copy is cheaper than a vectored write
            .handshake(stream)
            .await
            .map_err(|error| TransportError::new(TransportFault::Connect, error))?;
        // Whatever breaks it is told to the request under way; an idle one just ends.
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn exchange(&self, mut request: Request<Body>) -> Result<Response<Body>, TransportError> {
        request.headers_mut().insert(header::HOST, self.host.clone());
        loop {
            let Taken { mut sender, idle } = self.connection().await?;
            match sender.try_send_request(request).await {
                Ok(response) => {
                    self.pool.put(sender, Instant::now());
                    return Ok(response.map(Body::Streamed));
                }
                Err(mut error) => match error.take_message() {
                    Some(unsent) if idle.is_some() => request = unsent,
                    // A server that only takes connections to close them is not worth another.
                    Some(_) => return Err(TransportError::new(TransportFault::Connect, error.into_error())),
                    None => {
                        let error = error.into_error();
                        return Err(TransportError::new(sent_fault(&error, idle), error));
                    }
                },
            }
        }
    }
}

impl Transport for HttpTransport {
    fn send(&self, request: Request<Body>) -> Sending<'_> {
        Box::pin(self.exchange(request))
    }
}

/// What broke a request that had gone out, at least in part.
fn sent_fault(error: &hyper::Error, idle: Option<Duration>) -> TransportFault {
    if error.is_parse() {
        TransportFault::Malformed
    } else if error.is_user() {
        TransportFault::RequestBody
    } else if idle >= Some(IDLE) {
        TransportFault::ResetAfterIdle
    } else {
        TransportFault::Reset
    }
}

/// Why there is no connection.
fn connect_fault(error: &(dyn Error + 'static)) -> TransportFault {
    if causes(error).any(|cause| cause.is::<rustls::Error>() || wraps_tls(cause)) {
        TransportFault::Tls
    } else if causes(error).any(|cause| cause.to_string().starts_with("dns error")) {
        TransportFault::Dns
    } else {
        TransportFault::Connect
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}

fn wraps_tls(cause: &(dyn Error + 'static)) -> bool {
    let io = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    io.and_then(|inner| inner.downcast_ref::<rustls::Error>()).is_some()
}
