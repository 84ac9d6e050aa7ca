//! Certificates that are good, late, early, strange, and for somebody else.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;

use super::super::pace::Pace;
use super::super::report::network::{Tls, Trust};
use super::super::report::{FailureKind, Finding, LayerName, Route, Upstream, Why};
use super::super::target::Target;
use super::super::trust::Judges;
use super::super::{Notes, Run, Security, tls};
use super::server::{Server, Speaks, greeter, json, mute};
use super::{run, target, wall};

const NAME: &str = "api.hubapi.example";

type Year = i32;

/// An issuer of this name, valid from 2020 to 2040.
fn issuer(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2040, 1, 1));
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an issuer")
}

/// A server's side with a leaf for `name`, valid from new year to new year.
fn leaf(
    issuer: &CertifiedIssuer<'static, KeyPair>,
    name: &str,
    (from, until): (Year, Year),
) -> Arc<rustls::ServerConfig> {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
    let certificate = params.signed_by(&key, issuer).expect("a leaf");
    serving(certificate.der().clone(), &key)
}

fn serving(certificate: CertificateDer<'static>, key: &KeyPair) -> Arc<rustls::ServerConfig> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("both versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("they belong together");
    Arc::new(config)
}

/// A server with this certificate, and a target that finds it under [`NAME`] and trusts `issuer`.
async fn served(
    config: Arc<rustls::ServerConfig>,
    issuer: &CertifiedIssuer<'static, KeyPair>,
) -> (Server, Target) {
    let server = Server::start(Speaks::Tls(config), |_| {
        json(200, "", &serde_json::json!({"portalId": 1, "results": []}))
    })
    .await;
    let mut target = target(&format!("https://{NAME}:{}", server.address.port()));
    target.resolve_override = Some(vec![server.address.ip()]);
    target.extra_roots = Some(issuer.pem().into_bytes());
    (server, target)
}

#[tokio::test]
async fn a_good_certificate_lets_the_calls_through() {
    let authority = issuer("Test Root");
    let (_server, target) = served(leaf(&authority, NAME, (2026, 2027)), &authority).await;
    let report = run(&target).await;
    let tls = report.tls.answered().expect("a handshake");
    assert_eq!(tls.trust, Trust::Trusted);
    assert!(tls.private_issuer && !tls.ca_outdated && !tls.self_signed);
    assert_eq!(tls.chain[0].issuer, "CN=Test Root");
    assert_eq!(tls.chain[0].names, [NAME]);
    assert_eq!(tls.chain[0].not_after, Some("2027-01-01T00:00:00Z".parse().expect("a date")));
    assert_eq!(report.calls_made, 8);
    assert_eq!(report.route, Route::Direct);
}

#[rstest::rstest]
#[case::expired((2024, 2025), Trust::Expired)]
#[case::not_yet_valid((2028, 2029), Trust::NotYetValid)]
#[tokio::test]
async fn wrong_dates_let_only_the_time_be_asked(#[case] years: (Year, Year), #[case] expected: Trust) {
    let authority = issuer("Test Root");
    let (server, target) = served(leaf(&authority, NAME, years), &authority).await;
    let report = run(&target).await;
    assert_eq!(report.tls.answered().map(|tls| &tls.trust), Some(&expected));
    let http = report.http.answered().expect("the time was asked");
    assert!(http.unverified && http.date.is_some());
    assert!(report.clock.answered().is_some(), "the Date tells whose clock is wrong");
    assert_eq!(report.layer(LayerName::Http).and_then(|layer| layer.ok), None, "and nothing else");
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    assert!(!asked[0].authenticated(), "no secret goes to somebody unproven");
    assert_eq!(report.auth, Finding::not_asked(Why::LowerLayerDown));
}

#[rstest::rstest]
#[case::wrong_name("other.example", "Test Root", Trust::WrongName)]
#[case::unknown_issuer(NAME, "Corporate Gateway", Trust::UnknownIssuer)]
#[tokio::test]
async fn a_stranger_is_told_nothing(#[case] name: &str, #[case] issuer_name: &str, #[case] expected: Trust) {
    let (known, signing) = (issuer("Test Root"), issuer(issuer_name));
    let signing = if issuer_name == "Test Root" { &known } else { &signing };
    let (server, target) = served(leaf(signing, name, (2026, 2027)), &known).await;
    let report = run(&target).await;
    let tls = report.tls.answered().expect("a handshake");
    assert_eq!(tls.trust, expected);
    assert_eq!(tls.chain[0].issuer, format!("CN={issuer_name}"));
    assert!(tls.private_issuer && !tls.ca_outdated);
    assert_eq!(server.asked().len(), 0);
    assert_eq!(report.calls_made, 0);
}

#[tokio::test]
async fn a_self_signed_certificate_is_called_so() {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(vec![NAME.to_owned()]).expect("a name");
    (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2027, 1, 1));
    let certificate = params.self_signed(&key).expect("a leaf");
    let (_server, target) = served(serving(certificate.der().clone(), &key), &issuer("Test Root")).await;
    let report = run(&target).await;
    let tls = report.tls.answered().expect("a handshake");
    assert!(tls.self_signed && tls.private_issuer && tls.trust != Trust::Trusted);
}

/// A handshake judged by stores that know just these roots.
async fn judged(config: Arc<rustls::ServerConfig>, judges: Judges) -> Tls {
    let (server, target) = served(config, &issuer("Nobody")).await;
    let (wall, upstream) = (wall(), Upstream::of(&target.upstream));
    let pace = Pace::begin(target.timeouts.overall);
    let run = Run {
        target: &target,
        wall: &wall,
        pace,
        upstream,
        notes: Notes::default(),
        security: Security::NotNeeded,
    };
    let stream = TcpStream::connect(server.address).await.expect("it listens");
    tls::record(Box::new(stream), NAME, &judges, &run).await.expect("a handshake").0
}

#[rstest::rstest]
#[case::in_its_time((2026, 2027))]
#[case::long_ago((2022, 2023))]
#[tokio::test]
async fn an_issuer_only_the_public_knows_means_an_outdated_store(#[case] years: (Year, Year)) {
    let renewed = issuer("Public Root 2");
    let judges = Judges::knowing(&[], &[renewed.der().clone()]);
    let tls = judged(leaf(&renewed, NAME, years), judges).await;
    assert!(tls.ca_outdated && !tls.private_issuer, "{tls:?}");
}

#[tokio::test]
async fn an_issuer_only_we_know_is_a_companys_own() {
    let corporate = issuer("Corporate Root");
    let judges = Judges::knowing(&[corporate.der().clone()], &[]);
    let tls = judged(leaf(&corporate, NAME, (2026, 2027)), judges).await;
    assert!(tls.private_issuer && !tls.ca_outdated && tls.trust == Trust::Trusted, "{tls:?}");
}

#[tokio::test]
async fn plain_http_behind_https_is_a_broken_handshake() {
    let address = greeter("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let mut target = target(&format!("https://{NAME}:{}", address.port()));
    target.resolve_override = Some(vec![address.ip()]);
    let report = run(&target).await;
    assert_eq!(report.tls.failure().map(|failure| failure.kind), Some(FailureKind::Handshake));
    assert_eq!(report.calls_made, 0);
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_hangs_times_out() {
    let address = mute().await;
    let mut target = target(&format!("https://{NAME}:{}", address.port()));
    target.resolve_override = Some(vec![address.ip()]);
    let report = run(&target).await;
    assert_eq!(report.tls.failure().map(|failure| failure.kind), Some(FailureKind::TimedOut));
}

#[tokio::test]
async fn roots_that_are_none_close_the_way() {
    let mut target = target(&format!("https://{NAME}"));
    target.resolve_override = Some(vec!["127.0.0.1".parse().expect("an address")]);
    target.extra_roots = Some(b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_vec());
    let report = run(&target).await;
    assert_eq!(report.calls_made, 0);
    assert_ne!(report.route, Route::Direct);
}
