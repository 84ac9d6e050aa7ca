//! Our own certificates: each listener has a certificate and its key, or neither.

use std::path::PathBuf;

use super::{AdminSection, Config, GatewaySection};
use crate::failure::Failure;

/// What a listener with TLS reads.
#[derive(Debug, Clone)]
pub(crate) struct TlsFiles {
    /// The section that names them.
    pub(crate) section: &'static str,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) client_ca: Option<PathBuf>,
}

impl GatewaySection {
    pub(crate) fn tls(&self) -> Option<TlsFiles> {
        let (certificate, key) = self.tls_certificate.clone().zip(self.tls_key.clone())?;
        Some(TlsFiles { section: "gateway", certificate, key, client_ca: self.tls_client_ca.clone() })
    }
}

impl AdminSection {
    pub(crate) fn tls(&self) -> Option<TlsFiles> {
        let (certificate, key) = self.tls_certificate.clone().zip(self.tls_key.clone())?;
        Some(TlsFiles { section: "admin", certificate, key, client_ca: None })
    }

    /// Where our own commands find it. A certificate is good for a name, seldom for an address.
    pub(crate) fn url(&self) -> String {
        let port = self.listen.rsplit_once(':').map_or("8401", |(_, port)| port);
        match (self.tls(), self.names.first()) {
            (None, _) => format!("http://{}", self.listen),
            (Some(_), None) => format!("https://{}", self.listen),
            (Some(_), Some(name)) => format!("https://{name}:{port}"),
        }
    }
}

impl Config {
    /// # Errors
    /// A usage failure.
    pub(super) fn check_tls(&self) -> Result<(), Failure> {
        let (gateway, admin) = (&self.gateway, &self.admin);
        both("gateway", gateway.tls_certificate.is_some(), gateway.tls_key.is_some())?;
        both("admin", admin.tls_certificate.is_some(), admin.tls_key.is_some())?;
        if gateway.tls_client_ca.is_some() && gateway.tls_certificate.is_none() {
            let hint = "set gateway.tls_certificate and gateway.tls_key, both as PEM files";
            return Err(Failure::usage(
                "gateway.tls_client_ca asks clients for certificates, and there is no TLS",
            )
            .hint(hint));
        }
        Ok(())
    }
}

fn both(section: &str, certificate: bool, key: bool) -> Result<(), Failure> {
    let hint = format!("set {section}.tls_certificate and {section}.tls_key, both as PEM files");
    match (certificate, key) {
        (true, false) => Err(Failure::usage(format!("{section}.tls_certificate has no key")).hint(hint)),
        (false, true) => Err(Failure::usage(format!("{section}.tls_key has no certificate")).hint(hint)),
        (true, true) | (false, false) => Ok(()),
    }
}
