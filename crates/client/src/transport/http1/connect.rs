//! New connections: TCP, and over it TLS where the upstream speaks it.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tower::Service;

use super::connection::Connection;
use super::wire::Socket;
use crate::transport::{TransportError, TransportFault};

/// Connects to one upstream.
pub(super) struct Connector {
    /// Resolves names, and tries the addresses of both families (RFC 8305).
    tcp: HttpConnector,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    upstream: Uri,
    timeout: Duration,
}

impl Connector {
    /// `None` when `upstream` has no host, or none that a certificate could be for.
    pub(super) fn new(upstream: &Uri, tls: ClientConfig, timeout: Duration) -> Option<Self> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(timeout));
        let host = upstream.host()?;
        let tls = if upstream.scheme() == Some(&Scheme::HTTPS) {
            let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            let name = ServerName::try_from(bare.to_owned()).ok()?;
            Some((TlsConnector::from(Arc::new(tls)), name))
        } else {
            None
        };
        Some(Self { tcp, tls, upstream: upstream.clone(), timeout })
    }

    pub(super) async fn connect(&self) -> Result<Box<Connection>, TransportError> {
        let socket = tokio::time::timeout(self.timeout, self.socket()).await;
        let socket = socket.map_err(|late| TransportError::new(TransportFault::Connect, late))??;
        let mut connection = Box::new(Connection::new(socket));
        if connection.is_open() {
            return Ok(connection);
        }
        // A server that only takes connections to close them is not worth another.
        Err(TransportError::new(TransportFault::Connect, "the server closed the connection at once"))
    }

    async fn socket(&self) -> Result<Socket, TransportError> {
        let tcp = self.tcp.clone().call(self.upstream.clone()).await;
        let tcp = tcp.map_err(|error| TransportError::new(tcp_fault(&error), error))?.into_inner();
        let Some((tls, name)) = &self.tls else { return Ok(Socket::Plain(tcp)) };
        let secure = tls.connect(name.clone(), tcp).await;
        let secure = secure.map_err(|error| TransportError::new(tls_fault(&error), error))?;
        Ok(Socket::Tls(Box::new(secure)))
    }
}

/// Why there is no TCP connection.
fn tcp_fault(error: &(dyn Error + 'static)) -> TransportFault {
    let mut causes = std::iter::successors(Some(error), |&cause| cause.source());
    if causes.any(|cause| cause.to_string().starts_with("dns error")) {
        TransportFault::Dns
    } else {
        TransportFault::Connect
    }
}

/// Why there is no TLS over it: the server's certificate or protocol, or the connection again.
fn tls_fault(error: &std::io::Error) -> TransportFault {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    if cause.is_some() { TransportFault::Tls } else { TransportFault::Connect }
}
