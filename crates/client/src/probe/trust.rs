//! Whom we believe: the system's store with the configured roots, and beside it the public roots compiled in.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, Error, RootCertStore};

use super::report::network::Trust;
use super::terrain::Roots;

/// Two judges of one chain.
#[derive(Debug, Clone)]
pub(super) struct Judges {
    pub(super) provider: Arc<CryptoProvider>,
    /// What calls are made with.
    pub(super) ours: Arc<dyn ServerCertVerifier>,
    /// The public roots compiled in, and nothing else.
    public: Arc<dyn ServerCertVerifier>,
    pub(super) system_store_missing: bool,
}

impl Judges {
    /// Reads the system's store: blocking file work. Where there is none (minimal images), the compiled-in roots and
    /// the configured ones stand in.
    pub(super) fn load(extra_pem: Option<&[u8]>) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let extra = certificates(extra_pem.unwrap_or_default())?;
        let public_roots = || webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned();
        let public = by_roots(public_roots(), &provider)?;
        // Asked without the extra roots first: with them, an empty store would go unnoticed.
        let system_store_missing = rustls_platform_verifier::Verifier::new(Arc::clone(&provider)).is_err();
        let ours: Arc<dyn ServerCertVerifier> = if system_store_missing {
            by_roots(public_roots().chain(extra), &provider)?
        } else {
            let verifier =
                rustls_platform_verifier::Verifier::new_with_extra_roots(extra, Arc::clone(&provider))?;
            Arc::new(verifier)
        };
        Ok(Self { provider, ours, public, system_store_missing })
    }

    /// Judges that know only the roots of a made-up network, and the configured ones.
    pub(super) fn of(roots: &Roots, extra_pem: Option<&[u8]>) -> Result<Self, Error> {
        let der = |roots: &[Vec<u8>]| roots.iter().cloned().map(CertificateDer::from).collect::<Vec<_>>();
        let ours = [der(&roots.ours), certificates(extra_pem.unwrap_or_default())?].concat();
        Ok(Self::knowing(&ours, &der(&roots.public)))
    }

    /// Judges that know only these roots.
    pub(super) fn knowing(ours: &[CertificateDer<'static>], public: &[CertificateDer<'static>]) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        // A verifier without any root cannot be built, so a stranger's stands for "none".
        let stranger = webpki_root_certs::TLS_SERVER_ROOT_CERTS[0].clone();
        let judge = |roots: &[CertificateDer<'static>]| {
            by_roots(roots.iter().cloned().chain([stranger.clone()]), &provider)
                .expect("at least one root is sound")
        };
        Self { ours: judge(ours), public: judge(public), system_store_missing: false, provider }
    }

    pub(super) fn judge_ours(&self, chain: &Chain<'_>, now: UnixTime) -> Trust {
        judge(&*self.ours, chain, now)
    }

    pub(super) fn judge_public(&self, chain: &Chain<'_>, now: UnixTime) -> Trust {
        judge(&*self.public, chain, now)
    }
}

/// Certificates as a server showed them, and the name they were shown for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chain<'a> {
    pub(super) leaf: &'a CertificateDer<'a>,
    pub(super) intermediates: &'a [CertificateDer<'a>],
    pub(super) name: &'a ServerName<'a>,
}

/// Every certificate of a PEM file.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| Error::General(format!("the extra roots are no PEM certificates: {error}")))
}

fn by_roots(
    roots: impl IntoIterator<Item = CertificateDer<'static>>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots);
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
        .build()
        .map_err(|error| Error::General(error.to_string()))?;
    Ok(verifier)
}

fn judge(verifier: &dyn ServerCertVerifier, chain: &Chain<'_>, now: UnixTime) -> Trust {
    match verifier.verify_server_cert(chain.leaf, chain.intermediates, chain.name, &[], now) {
        Ok(_) => Trust::Trusted,
        Err(Error::InvalidCertificate(error)) => reason(&error),
        Err(error) => Trust::Other { detail: error.to_string() },
    }
}

fn reason(error: &CertificateError) -> Trust {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Trust::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Trust::NotYetValid,
        CertificateError::UnknownIssuer => Trust::UnknownIssuer,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Trust::WrongName
        }
        CertificateError::Revoked => Trust::Revoked,
        other => Trust::Other { detail: other.to_string() },
    }
}
