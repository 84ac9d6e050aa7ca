//! TLS on our listeners: our certificate, and whose clients may connect. The files are looked at again every few seconds, as
//! whoever renews certificates writes them anew.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use gateway::ListenerTls;
use jiff::Timestamp;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};

use super::up::extra_roots;
use crate::config::TlsFiles;
use crate::failure::Failure;
use crate::ledgers::Ledgers;

/// Between two looks at the files.
const EVERY: Duration = Duration::from_secs(5);

/// TLS on a listener, and where it comes from.
pub(super) struct Guarded {
    files: TlsFiles,
    /// Is told when the certificate in use ends.
    ledgers: Arc<Ledgers>,
    pub(super) tls: ListenerTls,
    /// What was read last, whether it could be used or not.
    read: Vec<u8>,
}

impl Guarded {
    /// As configured; `None` is plain HTTP.
    ///
    /// # Errors
    /// A usage failure where a file is missing, or holds something else.
    pub(super) fn open(files: Option<TlsFiles>, ledgers: &Arc<Ledgers>) -> Result<Option<Self>, Failure> {
        let Some(files) = files else { return Ok(None) };
        let read = digest_of(&files);
        let (config, ends_at) = server_config(&files)?;
        ledgers.certificate(files.section, ends_at);
        let tls = ListenerTls::new(config);
        Ok(Some(Self { files, ledgers: ledgers.clone(), tls, read }))
    }

    /// Looks again and again, for as long as it is polled. What cannot be used changes nothing, and is told once.
    pub(super) async fn watch(mut self) {
        loop {
            tokio::time::sleep(EVERY).await;
            self.look().await;
        }
    }

    async fn look(&mut self) {
        let files = self.files.clone();
        let Ok(read) = tokio::task::spawn_blocking(move || digest_of(&files)).await else { return };
        if read == self.read {
            return;
        }
        self.read = read;
        let listener = self.files.section;
        match server_config(&self.files) {
            Ok((config, ends_at)) => {
                self.tls.replace(config);
                self.ledgers.certificate(listener, ends_at);
                tracing::info!(listener, "a new certificate is in use");
            }
            Err(why) => {
                tracing::warn!(listener, %why, "a new certificate cannot be used; the last one stays");
            }
        }
    }
}

/// Of all the files together. One that is not there is empty.
fn digest_of(files: &TlsFiles) -> Vec<u8> {
    let mut context = digest::Context::new(&digest::SHA256);
    for file in [Some(&files.certificate), Some(&files.key), files.client_ca.as_ref()].into_iter().flatten() {
        context.update(&zeroize::Zeroizing::new(std::fs::read(file).unwrap_or_default()));
    }
    context.finish().as_ref().to_vec()
}

/// What to serve with, and when its certificate ends.
fn server_config(files: &TlsFiles) -> Result<(ServerConfig, Option<Timestamp>), Failure> {
    let section = files.section;
    let chain = extra_roots(Some(&files.certificate))?;
    let ends_at = chain.first().and_then(client::probe::ends_at);
    let key = private_key(&files.key)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions().map_err(Failure::work)?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(authority) => builder.with_client_cert_verifier(clients_of(authority, provider)?),
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| {
        Failure::usage(format!("{section}.tls_certificate and {section}.tls_key cannot be used: {error}")).hint(
            "the first certificate in the file is the server's own, and the key is the one it was made with",
        )
    })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((config, ends_at))
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
