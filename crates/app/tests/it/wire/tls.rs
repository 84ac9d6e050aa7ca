//! Callers over TLS: the certificate is ours, clients may have to show theirs, and nothing else is different.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::house::{Act, PATIENCE, Program, Start, Upstream, json_answer};

/// An authority, and what it signed for `localhost`: for a server, or for a client.
struct Papers {
    authority: CertifiedIssuer<'static, KeyPair>,
    certificate: String,
    key: String,
}

impl Papers {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        Self { certificate: certificate.pem(), key: key.serialize_pem(), authority }
    }

    fn write(&self, directory: &TempDir, name: &str) -> [String; 3] {
        let texts =
            [("pem", self.certificate.clone()), ("key", self.key.clone()), ("ca", self.authority.pem())];
        texts.map(|(ending, text)| {
            let path = directory.path().join(format!("{name}.{ending}"));
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        })
    }
}

/// What a client that believes `authority` reads for `request`, until the server ends the connection.
async fn ask(
    up: &Program,
    authority: &Papers,
    own: Option<&Papers>,
    request: &[u8],
) -> std::io::Result<String> {
    ask_raw(up, authority, own, request).await.map(|answer| String::from_utf8_lossy(&answer).into_owned())
}

async fn ask_raw(
    up: &Program,
    authority: &Papers,
    own: Option<&Papers>,
    request: &[u8],
) -> std::io::Result<Vec<u8>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.authority.pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let config = match own {
        None => builder.with_no_client_auth(),
        Some(own) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(own.certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap(),
            )
            .unwrap(),
    };
    ask_at(up.url(), config, request).await
}

async fn ask_at(url: &str, config: ClientConfig, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let address = url.strip_prefix("https://").expect("the ready line tells of TLS");
    let socket = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await?;
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn callers_are_served_over_tls_and_plain_ones_are_not() {
    let (directory, papers) = (TempDir::new().unwrap(), Papers::new());
    let [certificate, key, _] = papers.write(&directory, "server");
    let upstream = Upstream::start(|heard| {
        let length = heard.body.len();
        vec![json_answer("200 OK", &format!("{{\"got\":{length}}}"))]
    })
    .await;
    let up = Start::up(&upstream.url).gateway("tls_certificate", &certificate).gateway("tls_key", &key);
    let up = up.ready().await;
    let answer = ask(&up, &papers, None, &get("/x")).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("{\"got\":0}"), "{answer}");
    // A body of many records, and two requests on one connection.
    let body = "x".repeat(1_000_000);
    let post = format!("POST /y HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let both = [post.as_bytes(), &get("/z")].concat();
    let answer = ask(&up, &papers, None, &both).await.unwrap();
    assert!(answer.contains("{\"got\":1000000}") && answer.ends_with("{\"got\":0}"), "{answer}");

    let mut plain = TcpStream::connect(up.url().trim_start_matches("https://")).await.unwrap();
    plain.write_all(&get("/plain")).await.unwrap();
    let mut said = Vec::new();
    let _reset = plain.read_to_end(&mut said).await;
    assert!(!said.starts_with(b"HTTP/"), "{said:?}");
    assert_eq!(upstream.heard().len(), 3);
    up.stop().await;
}

#[tokio::test]
async fn a_long_answer_arrives_whole() {
    const BYTES: usize = 3_000_000;
    let (directory, papers) = (TempDir::new().unwrap(), Papers::new());
    let [certificate, key, _] = papers.write(&directory, "server");
    let upstream = Upstream::start(|_| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {BYTES}\r\n\r\n");
        vec![Act::Say(head.into_bytes()), Act::Pour(BYTES, Arc::default())]
    })
    .await;
    let up = Start::up(&upstream.url).gateway("tls_certificate", &certificate).gateway("tls_key", &key);
    let up = up.ready().await;
    let answer = ask_raw(&up, &papers, None, &get("/long")).await.unwrap();
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    assert_eq!(answer.len() - head, BYTES);
    assert!(
        answer[head..].iter().enumerate().all(|(at, byte)| *byte == at as u8),
        "another byte than was sent"
    );
    up.stop().await;
}

#[tokio::test]
async fn with_an_authority_only_its_clients_may_connect() {
    let (directory, papers, clients) = (TempDir::new().unwrap(), Papers::new(), Papers::new());
    let [certificate, key, _] = papers.write(&directory, "server");
    let [_, _, authority] = clients.write(&directory, "clients");
    let upstream = Upstream::start(|_| vec![json_answer("200 OK", "{}")]).await;
    let up = Start::up(&upstream.url).gateway("tls_certificate", &certificate).gateway("tls_key", &key);
    let up = up.gateway("tls_client_ca", &authority).ready().await;
    assert!(ask(&up, &papers, Some(&clients), &get("/x")).await.unwrap().contains("200 OK"));
    for stranger in [None, Some(&papers)] {
        let told = ask(&up, &papers, stranger, &get("/x")).await;
        assert!(!told.as_ref().is_ok_and(|answer| answer.contains("HTTP/")), "{told:?}");
    }
    assert_eq!(upstream.heard().len(), 1);
    up.stop().await;
}

#[tokio::test]
async fn half_a_configuration_is_a_mistake_told_at_the_start() {
    let (directory, papers) = (TempDir::new().unwrap(), Papers::new());
    let [certificate, key, authority] = papers.write(&directory, "server");
    let other = Papers::new().write(&directory, "other");
    let up = || async { Start::up(&Upstream::nobody().await) };
    for (start, told) in [
        (up().await.gateway("tls_certificate", &certificate), "no key"),
        (up().await.gateway("tls_key", &key), "no certificate"),
        (up().await.gateway("tls_client_ca", &authority), "there is no TLS"),
        (up().await.gateway("tls_certificate", &certificate).gateway("tls_key", &other[1]), "cannot be used"),
        (
            up().await.gateway("tls_certificate", &certificate).gateway("tls_key", &certificate),
            "cannot be used",
        ),
        (up().await.gateway("tls_certificate", "nowhere.pem").gateway("tls_key", &key), "cannot be used"),
    ] {
        let ended = start.ended().await;
        assert_eq!(ended.code, Some(2), "{told}: {ended:#?}");
        assert!(ended.stderr.contains(told) && ended.stderr.contains("hint: "), "{told}: {ended:#?}");
    }
}

/// Whoever renews certificates writes the files anew, and nobody starts anything again.
#[tokio::test]
async fn a_new_certificate_is_shown_without_a_restart_and_a_broken_one_is_not() {
    let (directory, papers, renewed) = (TempDir::new().unwrap(), Papers::new(), Papers::new());
    let [certificate, key, _] = papers.write(&directory, "server");
    let upstream = Upstream::start(|_| vec![json_answer("200 OK", "{}")]).await;
    let up = Start::up(&upstream.url).gateway("tls_certificate", &certificate).gateway("tls_key", &key);
    let up = up.ready().await;
    let believes = async |papers: &Papers| ask(&up, papers, None, &get("/x")).await.is_ok();
    assert!(believes(&papers).await && !believes(&renewed).await);
    // The key does not fit while only the certificate is new, and the last pair stays.
    std::fs::write(&certificate, &renewed.certificate).unwrap();
    assert!(believes(&papers).await);
    std::fs::write(&key, &renewed.key).unwrap();
    let shown = async {
        while !believes(&renewed).await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, shown).await.expect("the files are looked at every five seconds");
    assert!(!believes(&papers).await);
    up.stop().await;
}

#[tokio::test]
async fn the_admin_listener_has_tls_and_our_commands_speak_it() {
    let (directory, papers) = (TempDir::new().unwrap(), Papers::new());
    let [certificate, key, authority] = papers.write(&directory, "admin");
    let up = Start::up(&Upstream::nobody().await)
        .env("HUBKEEPER__ADMIN__TLS_CERTIFICATE", &certificate)
        .env("HUBKEEPER__ADMIN__TLS_KEY", &key)
        .ready()
        .await;
    let admin = up.admin().strip_prefix("https://127.0.0.1:").expect("the ready line tells of TLS");
    let admin = format!("https://localhost:{admin}");
    let list = || Start::new(&["connections", "list", "--json", "--admin", &admin]);
    let listed = list().env("HUBKEEPER_ADMIN_CA_FILE", &authority).ended().await;
    assert_eq!(listed.code, Some(0), "{listed:#?}");
    let unknown = list().ended().await;
    assert_eq!(unknown.code, Some(3), "nobody is believed without a reason: {unknown:#?}");
    up.stop().await;

    let half = Start::up(&Upstream::nobody().await).env("HUBKEEPER__ADMIN__TLS_KEY", &key).ended().await;
    assert_eq!(half.code, Some(2), "{half:#?}");
    assert!(half.stderr.contains("admin.tls_key has no certificate"), "{half:#?}");
}
