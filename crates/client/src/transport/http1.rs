//! HTTP/1.1 over kept connections, by hyper. Its own retries are off: retrying is one layer's business.

use std::error::Error;
use std::time::Duration;

use http::uri::{Authority, Scheme};
use http::{HeaderValue, Request, Uri, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;

use super::{Sending, Transport, TransportError, TransportFault};
use crate::body::Body;

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
    client: Client<HttpsConnector<HttpConnector>, Body>,
    scheme: Scheme,
    authority: Authority,
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
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(settings.connect_timeout));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(settings.idle_timeout)
            .pool_max_idle_per_host(settings.idle_connections_max)
            .retry_canceled_requests(false)
            .set_host(false)
            .build(connector);
        Ok(Self { client, scheme, authority, host })
    }
}

impl Transport for HttpTransport {
    fn send(&self, mut request: Request<Body>) -> Sending<'_> {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = request.uri().path_and_query().cloned();
        *request.uri_mut() = Uri::from_parts(parts).expect("scheme, authority and path make a URI");
        request.headers_mut().insert(header::HOST, self.host.clone());
        let sending = self.client.request(request);
        Box::pin(async move {
            match sending.await {
                Ok(response) => Ok(response.map(Body::Streamed)),
                Err(error) => Err(TransportError::new(fault(&error), error)),
            }
        })
    }
}

/// Asks first: was it sent?
fn fault(error: &legacy::Error) -> TransportFault {
    let causes = || causes(error);
    if error.is_connect() {
        if causes().any(|cause| cause.is::<rustls::Error>() || wraps_tls(cause)) {
            return TransportFault::Tls;
        }
        let dns = causes().any(|cause| cause.to_string().contains("dns error"));
        return if dns { TransportFault::Dns } else { TransportFault::Connect };
    }
    match causes().find_map(|cause| cause.downcast_ref::<hyper::Error>()) {
        Some(cause) if cause.is_canceled() => TransportFault::StaleConnection,
        Some(cause) if cause.is_parse() => TransportFault::Malformed,
        _ => TransportFault::Reset,
    }
}

fn causes(error: &legacy::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let mut next = error.source();
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
