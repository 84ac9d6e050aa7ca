//! The store, opened once for all who keep something in it.

use std::path::Path;

use store::Store;

use crate::config::Config;
use crate::failure::Failure;

/// The configured store, or the one in the data directory. `None` where neither is named: then nothing is kept.
pub(crate) async fn open(config: &Config, data: Option<&Path>) -> Result<Option<Store>, Failure> {
    let Some(url) = url(config, data) else {
        return Ok(None);
    };
    let opened = Store::open(&url).await.map_err(|error| {
        Failure::usage(format!("the store cannot be used: {error}"))
            .hint("[store] url names it; without that it is hubkeeper.db in the directory of --data")
    })?;
    Ok(Some(opened))
}

/// Said once, by an `up` that keeps nothing.
pub(crate) fn tell_that_nothing_is_kept() {
    tracing::info!(
        "nothing is kept: webhooks are not taken, and Prefer: respond-async and Idempotency-Key are not honoured; name a \
         directory with --data, or set [store] url"
    );
}

/// The store's address.
pub(crate) fn url(config: &Config, data: Option<&Path>) -> Option<String> {
    let beside = data.map(|directory| format!("sqlite:{}", directory.join("hubkeeper.db").display()));
    config.store.url.clone().or(beside)
}
