//! A handshake that records the certificates instead of refusing them.
//!
//! The recording connection carries no credential, ever: it is dropped, or asked for nothing but the time of day.
//! Calls are made on connections of their own, whose certificates are verified.

use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::pace::{TimedOut, ms_since};
use super::report::network::{Tls, Trust};
use super::report::{Failure, FailureKind, Stage};
use super::terrain::Wire;
use super::trust::{Chain, Judges};
use super::{Run, certificate};
use crate::clock::WallClock;

/// A connection whose other side is not known to be who it says.
pub(super) struct Unverified(pub(super) Box<TlsStream<Box<dyn Wire>>>);

/// Shakes hands with whoever is there and records what they show.
pub(super) async fn record(
    wire: Box<dyn Wire>,
    host: &str,
    judges: &Judges,
    run: &Run<'_>,
) -> Result<(Tls, Unverified), Failure> {
    let recorder = Arc::new(Recorder { provider: Arc::clone(&judges.provider), shown: Mutex::default() });
    let verifier: Arc<dyn ServerCertVerifier> = Arc::clone(&recorder) as Arc<dyn ServerCertVerifier>;
    let config = config(verifier, judges, run.wall);
    let began = Instant::now();
    let stream = handshake(wire, host, &config, run).await?;
    let ms = ms_since(began);
    let shown = std::mem::take(&mut *recorder.shown.lock());
    let protocol = stream.get_ref().1.protocol_version().and_then(|version| version.as_str());
    let tls = describe(&shown, host, judges, run.wall.now());
    Ok((Tls { ms, protocol: protocol.map(str::to_owned), ..tls }, Unverified(Box::new(stream))))
}

/// How calls are made: the other side must prove who it is, at our own clock's time.
pub(super) fn verifying(judges: &Judges, wall: &WallClock) -> Arc<ClientConfig> {
    config(Arc::clone(&judges.ours), judges, wall)
}

pub(super) async fn handshake(
    wire: Box<dyn Wire>,
    host: &str,
    config: &Arc<ClientConfig>,
    run: &Run<'_>,
) -> Result<TlsStream<Box<dyn Wire>>, Failure> {
    let began = Instant::now();
    let failure = |kind, detail| Failure { stage: Stage::Tls, kind, ms: ms_since(began), detail };
    let name = server_name(host)
        .ok_or_else(|| failure(FailureKind::Other, format!("{host} is no name a certificate can have")))?;
    let connector = TlsConnector::from(Arc::clone(config));
    match run.pace.within(run.target.timeouts.tls, connector.connect(name, wire)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(failure(kind_of(&error), error.to_string())),
        Err(TimedOut) => Err(failure(FailureKind::TimedOut, "the handshake timed out".to_owned())),
    }
}

fn kind_of(error: &std::io::Error) -> FailureKind {
    match error.get_ref().and_then(|source| source.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(_)) => FailureKind::Untrusted,
        Some(_) => FailureKind::Handshake,
        None => match error.kind() {
            std::io::ErrorKind::UnexpectedEof
            | std::io::ErrorKind::ConnectionReset
            | std::io::ErrorKind::BrokenPipe => FailureKind::Reset,
            _ => FailureKind::Handshake,
        },
    }
}

fn server_name(host: &str) -> Option<ServerName<'static>> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(bare.to_owned()).ok()
}

/// What the chain is worth, to us and to the public.
fn describe(shown: &[CertificateDer<'static>], host: &str, judges: &Judges, now: Timestamp) -> Tls {
    let chain: Vec<_> = shown.iter().map(|der| certificate::read(der)).collect();
    let name = server_name(host);
    let (trust, public_trust, known_to_us, known_to_public) = match (shown.split_first(), &name) {
        (Some((leaf, intermediates)), Some(name)) => {
            let shown = Chain { leaf, intermediates, name };
            // A wrong date hides who issued it: the issuer is looked up at a time when the leaf was good.
            let good = chain.first().map_or(now, |leaf| leaf.nearest_valid(now));
            let at = |time: Timestamp| {
                (judges.judge_ours(&shown, unix_time(time)), judges.judge_public(&shown, unix_time(time)))
            };
            let (ours, public) = at(now);
            let (ours_then, public_then) = at(good);
            (ours, public, knows_issuer(&ours_then), knows_issuer(&public_then))
        }
        (Some(_) | None, _) => {
            let nothing = Trust::Other { detail: "no certificate was shown".to_owned() };
            (nothing.clone(), nothing, None, None)
        }
    };
    let self_signed = chain.first().is_some_and(|leaf| leaf.subject == leaf.issuer);
    Tls {
        ms: 0,
        protocol: None,
        self_signed,
        chain,
        trust,
        public_trust,
        system_store_missing: judges.system_store_missing,
        ca_outdated: known_to_us == Some(false) && known_to_public == Some(true),
        private_issuer: self_signed || known_to_public == Some(false),
    }
}

/// Whether a store knows the issuer, as far as its judgement tells.
const fn knows_issuer(trust: &Trust) -> Option<bool> {
    match trust {
        Trust::Trusted | Trust::WrongName | Trust::Revoked => Some(true),
        Trust::UnknownIssuer => Some(false),
        Trust::Expired | Trust::NotYetValid | Trust::Other { .. } => None,
    }
}

fn unix_time(time: Timestamp) -> UnixTime {
    let seconds = u64::try_from(time.as_second()).unwrap_or_default();
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
}

fn config(verifier: Arc<dyn ServerCertVerifier>, judges: &Judges, wall: &WallClock) -> Arc<ClientConfig> {
    let mut config =
        ClientConfig::builder_with_details(Arc::clone(&judges.provider), Arc::new(Now(wall.clone())))
            .with_safe_default_protocol_versions()
            .expect("aws-lc-rs speaks TLS 1.2 and 1.3")
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

/// Certificates are judged by the clock handed in.
struct Now(WallClock);

impl std::fmt::Debug for Now {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Now")
    }
}

impl TimeProvider for Now {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix_time(self.0.now()))
    }
}

/// Believes every chain and keeps it. Signatures are still checked, so that the shown leaf is really theirs.
#[derive(Debug)]
struct Recorder {
    provider: Arc<CryptoProvider>,
    shown: Mutex<Vec<CertificateDer<'static>>>,
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let every = std::iter::once(end_entity).chain(intermediates);
        *self.shown.lock() = every.map(|der| der.clone().into_owned()).collect();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
