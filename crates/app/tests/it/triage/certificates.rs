//! Certificates and clocks, which the simulator cannot spoil: a server of our own shows them to `hubkeeper triage`.

use std::path::PathBuf;
use std::sync::Arc;

use client::clock::WallClock;
use jiff::SignedDuration;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::code;
use super::house::Triage;

/// HubSpot's own name: only the address is ours.
const HUBSPOT: &str = "api.hubapi.com";

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// What the server shows and says.
#[derive(Clone, Copy)]
struct Shown {
    name: &'static str,
    years: (i32, i32),
    /// How far its Date is ahead of our clock.
    ahead: SignedDuration,
}

const GOOD: Shown = Shown { name: HUBSPOT, years: (2024, 2036), ahead: SignedDuration::ZERO };

#[rstest::rstest]
#[case::good(GOOD, Trusted::Yes, "healthy")]
#[case::unknown_issuer(GOOD, Trusted::No, "net.tls_intercept")]
#[case::expired(Shown { years: (2020, 2024), ..GOOD }, Trusted::Yes, "hubspot.tls")]
#[case::not_yet_valid_by_a_clock_behind(
    Shown { years: (2034, 2036), ahead: SignedDuration::from_hours(24 * 366 * 9), ..GOOD }, Trusted::Yes, "self.clock"
)]
#[case::clock_ahead(Shown { ahead: SignedDuration::from_mins(-7), ..GOOD }, Trusted::Yes, "self.clock")]
#[case::for_another_host(Shown { name: "www.example.com", ..GOOD }, Trusted::Yes, "net.tls_intercept")]
#[tokio::test]
async fn the_certificate_names_the_fault(
    #[case] shown: Shown,
    #[case] trusted: Trusted,
    #[case] expected: &str,
) {
    let directory = TempDir::new().expect("a directory");
    let (port, roots) = serve(shown, &directory).await;
    let mut asked = Triage::of(&format!("https://{HUBSPOT}:{port}"))
        .option("--resolve", "127.0.0.1")
        .token("pat-na1-00000000-0000-4000-8000-000000000000");
    if trusted == Trusted::Yes {
        asked = asked.option("--ca-file", roots.to_str().expect("a path in UTF-8"));
    }
    let (diagnosis, _) = asked.run().await;
    assert_eq!(code(&diagnosis), expected, "{diagnosis:#}");
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Trusted {
    Yes,
    No,
}

/// Starts a server that lives as long as the test; gives its port and the file of its issuer.
async fn serve(shown: Shown, directory: &TempDir) -> (u16, PathBuf) {
    let issuer = issuer();
    let roots = directory.path().join("roots.pem");
    std::fs::write(&roots, issuer.pem()).expect("the directory can be written");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(leaf(&issuer, &shown)));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                converse(stream, shown.ahead).await;
            });
        }
    });
    (port, roots)
}

/// Answers every request as HubSpot does: 401 without a token, the account with one.
async fn converse(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin, ahead: SignedDuration) {
    let mut heard = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut chunk).await {
        heard.extend_from_slice(&chunk[..read]);
        if !heard.windows(4).any(|end| end == b"\r\n\r\n") {
            continue;
        }
        let asked = String::from_utf8_lossy(&heard).to_ascii_lowercase();
        heard.clear();
        let known = asked.contains("authorization: bearer") || asked.contains("tokenkey");
        let body = body(known).to_string();
        let status = if known { "200 OK" } else { "401 Unauthorized" };
        let date = (WallClock::system().now() + ahead).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let answer = format!(
            "HTTP/1.1 {status}\r\ndate: {date}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn body(known: bool) -> Value {
    if known {
        serde_json::json!({"portalId": 1, "hubId": 1, "timeZone": "US/Eastern", "results": []})
    } else {
        let id = "44444444-4444-4444-8444-444444444444";
        serde_json::json!({"status": "error", "category": "INVALID_AUTHENTICATION", "correlationId": id, "message": "no"})
    }
}

fn issuer() -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name.push(DnType::CommonName, "Example Corp Inspection");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (params.not_before, params.not_after) = (date_time_ymd(2015, 1, 1), date_time_ymd(2040, 1, 1));
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an issuer")
}

fn leaf(issuer: &Issuer, shown: &Shown) -> rustls::ServerConfig {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec![shown.name.to_owned()]).expect("a name");
    let (from, until) = shown.years;
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
    let certificate = params.signed_by(&key, issuer).expect("a leaf");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("both versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .expect("they belong together")
}
