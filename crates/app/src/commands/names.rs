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
    let further = config.admin.names.iter().chain(&config.oauth.public_url).map(String::as_str);
    OwnHosts::new(own_names(config).chain(further))
}

/// People reach the admin listener by https.
pub(super) fn is_https(config: &Config) -> bool {
    let public = config.oauth.public_url.as_ref();
    config.admin.tls().is_some() || public.is_some_and(|url| url.starts_with("https://"))
}
