//! The connections whose token we hold, and the outbox that applies writes with them.

use std::sync::Arc;
use std::time::Duration;

use client::accounts::Connection;
use client::stack::Stack;
use gateway::outbox::{Outbox, OutboxSettings};
use hubspot::limits::AppKind;
use hubspot::secret::Secret;
use store::Store;

use crate::config::{Config, ConnectionSection, Mode};
use crate::failure::Failure;
use crate::process;
use crate::secret_reference::SecretReference;

/// The variable that people already have.
pub(crate) const TOKEN_VARIABLE: &str = "HUBSPOT_ACCESS_TOKEN";

pub(crate) fn outbox(
    config: &Config,
    store: Store,
    stack: &Arc<Stack>,
    connections: Vec<Arc<Connection>>,
) -> Outbox {
    let settings = OutboxSettings {
        stamp_property: config.outbox.stamp_property.clone(),
        keep: Duration::from_secs(config.outbox.keep_days.saturating_mul(24 * 3600)),
        keep_bytes_max: config.outbox.keep_bytes_max,
        owner: uuid::Uuid::new_v4(),
        attempt_timeout: Duration::from_millis(config.gateway.attempt_timeout_ms),
    };
    Outbox::new(store, stack.clone(), connections, settings)
}

/// The connections whose token we hold: those of the file, or the one of the environment. Where all calls go with their
/// caller's own token and nothing is kept, there is no need of any.
pub(crate) fn connections(config: &Config, store: Option<&Store>) -> Result<Vec<Arc<Connection>>, Failure> {
    if config.gateway.mode == Mode::Passthrough && store.is_none() {
        return Ok(Vec::new());
    }
    let configured = config.connections.iter().map(|section| (Some(section), section.token.clone()));
    let mut named: Vec<_> = configured.collect();
    if named.is_empty() && process::environment(TOKEN_VARIABLE).is_some() {
        named.push((None, SecretReference::Env(TOKEN_VARIABLE.to_owned())));
    }
    named.into_iter().map(|(section, token)| Ok(Arc::new(connection(section, &token.resolve()?)?))).collect()
}

fn connection(section: Option<&ConnectionSection>, token: &Secret) -> Result<Connection, Failure> {
    let name = section.map_or_else(|| "default".to_owned(), |section| section.name.clone());
    let kind = section.and_then(|section| section.kind).unwrap_or(AppKind::PrivateApp);
    let mut connection = Connection::new(name, token, kind).map_err(Failure::usage)?;
    connection.plan = section.and_then(|section| section.plan);
    connection.portal_id = section.and_then(|section| section.portal_id);
    Ok(connection)
}
