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

use super::up::pem;
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
    /// What was read last becomes valid then.
    again_at: Option<Timestamp>,
}

/// What to serve with, and from when until when its certificate is valid.
struct Serving {
    config: ServerConfig,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

/// How a certificate stands at a moment.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    Good,
    TooEarly(Timestamp),
    Ended(Timestamp),
}

fn standing(from: Option<Timestamp>, until: Option<Timestamp>, now: Timestamp) -> Standing {
    match (from, until) {
        (_, Some(until)) if until < now => Standing::Ended(until),
        (Some(from), _) if now < from => Standing::TooEarly(from),
        (_, _) => Standing::Good,
    }
}

impl Guarded {
    /// As configured; `None` is plain HTTP.
    ///
    /// # Errors
    /// A usage failure where a file is missing, or holds something else.
    pub(super) fn open(files: Option<TlsFiles>, ledgers: &Arc<Ledgers>) -> Result<Option<Self>, Failure> {
        let Some(files) = files else { return Ok(None) };
        let read = digest_of(&files);
        let serving = server_config(&files)?;
        ledgers.certificate(files.section, serving.until);
        let tls = ListenerTls::new(serving.config);
        Ok(Some(Self { files, ledgers: ledgers.clone(), tls, read, again_at: None }))
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
        let now = self.ledgers.now();
        let is_due = self.again_at.is_some_and(|at| at <= now);
        if read == self.read && !is_due {
            return;
        }
        (self.read, self.again_at) = (read, None);
        let listener = self.files.section;
        match server_config(&self.files) {
            Ok(serving) => self.take(serving, now),
            Err(why) => {
                tracing::warn!(listener, %why, "a new certificate cannot be used; the last one stays");
            }
        }
    }

    /// Whatever is in use was good when it came; one that is not would be worse.
    fn take(&mut self, serving: Serving, now: Timestamp) {
        let listener = self.files.section;
        match standing(serving.from, serving.until, now) {
            Standing::Good => {
                self.tls.replace(serving.config);
                self.ledgers.certificate(listener, serving.until);
                tracing::info!(listener, "a new certificate is in use");
            }
            Standing::TooEarly(from) => {
                self.again_at = Some(from);
                tracing::warn!(listener, %from, "a new certificate is not valid yet; the last one stays until then");
            }
            Standing::Ended(until) => {
                tracing::warn!(listener, %until, "a new certificate has ended already; the last one stays");
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

/// Why these files cannot be served with, if they cannot.
pub(super) fn mistake(files: &TlsFiles) -> Option<Failure> {
    server_config(files).err()
}

fn server_config(files: &TlsFiles) -> Result<Serving, Failure> {
    let section = files.section;
    let chain = pem(&files.certificate, "certificate file")?;
    let (from, until) = chain.first().map(client::probe::validity).unwrap_or_default();
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
    Ok(Serving { config, from, until })
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
    for certificate in pem(authority, "CA file")? {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_good_from_its_beginning_to_its_end() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let of = |now| standing(Some(at(10)), Some(at(20)), at(now));
        assert_eq!((of(9), of(10)), (Standing::TooEarly(at(10)), Standing::Good));
        assert_eq!((of(20), of(21)), (Standing::Good, Standing::Ended(at(20))));
        assert_eq!(standing(None, None, at(0)), Standing::Good);
    }
}
