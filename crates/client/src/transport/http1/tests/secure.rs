//! The same over TLS.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::*;

struct Secure {
    line: Line,
    acceptor: TlsAcceptor,
}

impl Secure {
    /// With a certificate for `name`, reached as `localhost`.
    async fn start(name: &str) -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![cert.der().clone()],
                PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap(),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port()).parse().unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let transport = Arc::new(HttpTransport::new(&url, tls, TransportSettings::default()).unwrap());
        Self { line: Line { listener, transport }, acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    async fn accept(&self) -> Served<TlsStream<TcpStream>> {
        let Served(tcp) = self.line.accept().await;
        Served(self.acceptor.accept(tcp).await.expect("a handshake"))
    }
}

/// The server's session tickets come with its first bytes and are no farewell: the connection is used again.
#[tokio::test]
async fn connections_are_kept() {
    let secure = Secure::start("localhost").await;
    let large = "x".repeat(200_000);
    let asked = secure.line.send(Request::post("/").body(Body::from(Bytes::from(large.clone()))).unwrap());
    let mut served = secure.accept().await;
    served.hears_head().await;
    assert!(served.hears(200_000).await == large.as_bytes());
    served.says(format!("HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n{large}")).await;
    assert!(read(asked.await.unwrap().unwrap()).await.unwrap().1 == large);
    for _ in 0..3 {
        let asked = secure.line.get();
        served.hears_head().await;
        served.says(OK).await;
        assert_eq!(read(asked.await.unwrap().unwrap()).await.unwrap().1, "ok");
    }
}

#[tokio::test]
async fn a_kept_connection_that_is_closed_properly_is_seen_to_be() {
    let secure = Secure::start("localhost").await;
    let asked = secure.line.get();
    let mut served = secure.accept().await;
    served.hears_head().await;
    served.says(OK).await;
    read(asked.await.unwrap().unwrap()).await.unwrap();
    served.0.shutdown().await.unwrap();
    settle().await;
    let asked = secure.line.get();
    let mut second = secure.accept().await;
    second.hears_head().await;
    second.says(OK).await;
    assert_eq!(read(asked.await.unwrap().unwrap()).await.unwrap().1, "ok");
}

/// Without a length, only TLS's own farewell tells a whole answer from a cut one.
#[tokio::test]
async fn an_answer_until_the_end_is_whole_only_with_a_farewell() {
    for farewell in [true, false] {
        let secure = Secure::start("localhost").await;
        let asked = secure.line.get();
        let mut served = secure.accept().await;
        served.hears_head().await;
        served.says("HTTP/1.1 200 OK\r\n\r\nto the end").await;
        if farewell {
            served.0.shutdown().await.unwrap();
        }
        drop(served);
        let response = asked.await.unwrap().unwrap();
        assert_eq!(
            read(response).await.ok().map(|(_, body)| body),
            farewell.then(|| "to the end".to_owned())
        );
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_is_a_failure_of_tls() {
    let secure = Secure::start("elsewhere.example").await;
    let asked = secure.line.get();
    let Served(tcp) = secure.line.accept().await;
    let _refused = secure.acceptor.accept(tcp).await;
    let error = asked.await.unwrap().map(|_| ()).unwrap_err();
    assert_eq!((error.fault, error.may_have_been_sent()), (TransportFault::Tls, false));
}

/// A line that is cut in the middle of the handshake says nothing about certificates.
#[tokio::test]
async fn a_handshake_that_is_cut_is_no_connection() {
    let secure = Secure::start("localhost").await;
    let asked = secure.line.get();
    drop(secure.line.accept().await);
    let error = asked.await.unwrap().map(|_| ()).unwrap_err();
    assert_eq!((error.fault, error.may_have_been_sent()), (TransportFault::Connect, false));
}
