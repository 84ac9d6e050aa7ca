//! TLS on the gateway's listener: our certificate, and whose clients may connect.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::up::extra_roots;
use crate::config::GatewaySection;
use crate::failure::Failure;

/// As configured; `None` is plain HTTP.
///
/// # Errors
/// A usage failure where a file is missing, or holds something else.
pub(super) fn acceptor(section: &GatewaySection) -> Result<Option<TlsAcceptor>, Failure> {
    let (Some(certificate), Some(key)) = (&section.tls_certificate, &section.tls_key) else {
        return Ok(None);
    };
    let chain = extra_roots(Some(certificate))?;
    let key = private_key(key)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions().map_err(Failure::work)?;
    let builder = match &section.tls_client_ca {
        None => builder.with_no_client_auth(),
        Some(authority) => builder.with_client_cert_verifier(clients_of(authority, provider)?),
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| {
        Failure::usage(format!("gateway.tls_certificate and gateway.tls_key cannot be used: {error}")).hint(
            "the first certificate in the file is the server's own, and the key is the one it was made with",
        )
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, Failure> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| {
        Failure::usage(format!("the private key {} cannot be used: {error}", file.display()))
            .hint("it holds one key in PEM form, without a passphrase")
    })
}

/// Only who has a certificate of this authority may connect.
fn clients_of(
    authority: &Path,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Failure> {
    let mut roots = RootCertStore::empty();
    for certificate in extra_roots(Some(authority))? {
        add(&mut roots, certificate)?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    verifier.map_err(Failure::usage)
}

fn add(roots: &mut RootCertStore, certificate: CertificateDer<'static>) -> Result<(), Failure> {
    roots.add(certificate).map_err(|error| {
        Failure::usage(format!("gateway.tls_client_ca holds a certificate that is no authority: {error}"))
    })
}
