//! The store, opened once for all who keep something in it.

use std::path::{Path, PathBuf};

use store::Store;

use crate::commands::client_tls;
use crate::config::Config;
use crate::failure::Failure;

/// The configured store, or the one in the data directory. `None` where neither is named: then nothing is kept.
pub(crate) async fn open(config: &Config, data: Option<&Path>) -> Result<Option<Store>, Failure> {
    let Some(url) = url(config, data)? else {
        return Ok(None);
    };
    let opened = Store::open_over(&url, tls(config, &url)?).await.map_err(|error| {
        Failure::usage(format!("the store cannot be used: {error}"))
            .hint("[store] url names it; without that it is hubkeeper.db in the directory of --data")
    })?;
    Ok(Some(opened))
}

/// Whom to believe on the way to a database server that is to be asked over TLS.
///
/// # Errors
/// A usage failure.
pub(crate) fn tls(config: &Config, url: &str) -> Result<Option<rustls::ClientConfig>, Failure> {
    url.contains("sslmode=require").then(|| client_tls(config)).transpose()
}

/// The directory that the embedded store lies in; `None` where it is elsewhere, or nothing is kept.
pub(crate) fn place(config: &Config, data: Option<&Path>) -> Option<PathBuf> {
    match &config.store.url {
        Some(url) => {
            let file = Path::new(url.file()?);
            let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty());
            Some(directory.unwrap_or(Path::new(".")).to_owned())
        }
        None => data.map(Path::to_owned),
    }
}

/// Said once, by an `up` that keeps nothing, or not all.
pub(crate) fn tell_what_is_not_kept(config: &Config, data: Option<&Path>) {
    match (config.store.url.as_ref(), data) {
        (None, None) => tracing::info!(
            "nothing is kept: webhooks are not taken, and Prefer: respond-async and Idempotency-Key are not honoured; name a \
             directory with --data, or set [store] url"
        ),
        (Some(_), None) => tracing::info!(
            "a restart forgets what limits were spent, the days before, and how this version does beside the last one: they \
             are kept in a directory and not in the store; name one with --data"
        ),
        (_, Some(_)) => {}
    }
}

/// The store's address.
///
/// # Errors
/// A usage failure: it is kept somewhere, and not to be had from there.
pub(crate) fn url(config: &Config, data: Option<&Path>) -> Result<Option<String>, Failure> {
    let beside = || data.map(|directory| format!("sqlite:{}", directory.join("hubkeeper.db").display()));
    config.store.url.as_ref().map_or_else(|| Ok(beside()), |url| url.resolve().map(Some))
}
