//! Which certificates we believe: the platform's verifier, with the public roots built in where a minimal image has
//! no store of its own, and the owner's extra roots.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

/// The TLS settings could not be made.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up: {0}")]
pub struct TlsSetupError(#[from] rustls::Error);

/// Client settings that believe the platform's roots and `extra_roots`.
pub fn client_config(extra_roots: Vec<CertificateDer<'static>>) -> Result<ClientConfig, TlsSetupError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    Ok(match Verifier::new_with_extra_roots(extra_roots.clone(), provider) {
        Ok(verifier) => {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
        }
        Err(_no_platform_store) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
            roots.add_parsable_certificates(extra_roots);
            builder.with_root_certificates(roots).with_no_client_auth()
        }
    })
}
