//! TLS to the server, where the address asks for it (`sslmode=require`). Unlike libpq we look at the certificate whenever there
//! is one: what people wrote to HubSpot goes to nobody in between.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::ClientConfig;
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::{TlsConnector, client};

/// Whom we believe, and how.
#[derive(Clone)]
pub(crate) struct Tls(TlsConnector);

/// With one server.
pub(crate) struct Handshake {
    connector: TlsConnector,
    name: ServerName<'static>,
}

/// What the protocol runs over from then on.
pub(crate) struct Secured<S>(client::TlsStream<S>);

impl Tls {
    pub(crate) fn new(config: ClientConfig) -> Self {
        Self(TlsConnector::from(Arc::new(config)))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Tls {
    type Stream = Secured<S>;
    type TlsConnect = Handshake;
    type Error = InvalidDnsNameError;

    fn make_tls_connect(&mut self, host: &str) -> Result<Handshake, InvalidDnsNameError> {
        let name = ServerName::try_from(host)?.to_owned();
        Ok(Handshake { connector: self.0.clone(), name })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Handshake {
    type Stream = Secured<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Secured<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move { self.connector.connect(self.name, stream).await.map(Secured) })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Secured<S> {
    /// A server that insists on it gets no password from us; none is known that does.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Secured<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Secured<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use rustls::{RootCertStore, ServerConfig};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::Store;

    fn believing(certificates: Vec<CertificateDer<'static>>) -> rustls::ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        builder.with_root_certificates(roots).with_no_client_auth()
    }

    /// A server as far as the first message after the handshake, which it answers with a refusal of its own.
    async fn server(listener: TcpListener, acceptor: TlsAcceptor) -> Option<Vec<u8>> {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut asks_for_tls = [0; 8];
        socket.read_exact(&mut asks_for_tls).await.unwrap();
        assert_eq!(asks_for_tls[4..], 80_877_103_u32.to_be_bytes());
        socket.write_all(b"S").await.unwrap();
        let mut secured = acceptor.accept(socket).await.ok()?;
        let length = secured.read_u32().await.ok()?;
        let mut first = vec![0; length as usize - 4];
        secured.read_exact(&mut first).await.ok()?;
        let refusal = b"SFATAL\0VFATAL\0C57P03\0Mnot today\0\0";
        secured.write_u8(b'E').await.unwrap();
        secured.write_u32(u32::try_from(refusal.len()).unwrap() + 4).await.unwrap();
        secured.write_all(refusal).await.unwrap();
        secured.shutdown().await.unwrap();
        Some(first)
    }

    #[rstest]
    #[case::one_we_believe(true, "not today")]
    #[case::a_stranger(false, "invalid peer certificate")]
    #[tokio::test]
    async fn a_server_is_spoken_to_behind_its_certificate(#[case] known: bool, #[case] said: &str) {
        let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let config = builder.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = tokio::spawn(server(listener, TlsAcceptor::from(Arc::new(config))));
        let url = format!("postgres://me@127.0.0.1:{port}/hub?sslmode=require");
        let roots = if known { vec![made.cert.der().clone()] } else { Vec::new() };
        let opened = Store::open_over(&url, Some(believing(roots))).await;
        let why = opened.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(why.contains(said), "{why}");
        let first = serving.await.unwrap();
        assert_eq!(first.is_some_and(|first| first.windows(3).any(|bytes| bytes == b"hub")), known);
    }
}
