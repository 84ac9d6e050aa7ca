//! What our listeners are called.

use gateway::OwnHosts;

use super::listen_tls::Guarded;
use crate::config::Config;

/// A listener's address, as it is to be called.
pub(super) fn secured(url: String, tls: Option<&Guarded>) -> String {
    if tls.is_some() { url.replacen("http://", "https://", 1) } else { url }
}

/// What people told us we are called.
pub(super) fn own_names(config: &Config) -> impl Iterator<Item = &str> {
    let listen = [&config.gateway.listen, &config.admin.listen];
    listen.into_iter().chain(&config.gateway.public_url).map(String::as_str)
}

/// What people told us the admin listener is called.
pub(super) fn admin_hosts(config: &Config) -> OwnHosts {
    let further = config.admin.names.iter().map(String::as_str).chain(public_urls(config));
    OwnHosts::new(own_names(config).chain(further))
}

/// People reach the admin listener by https.
pub(super) fn is_https(config: &Config) -> bool {
    config.admin.tls().is_some() || public_urls(config).any(|url| url.starts_with("https://"))
}

/// How browsers reach the admin listener, wherever it is written.
fn public_urls(config: &Config) -> impl Iterator<Item = &str> {
    let oidc = config.admin.oidc.as_ref().and_then(|oidc| oidc.public_url.as_deref());
    config.oauth.public_url.as_deref().into_iter().chain(oidc)
}
