//! The gateway, as it is configured.

use std::sync::Arc;
use std::time::Duration;

use gateway::admit::Admission;
use gateway::{ForwardSettings, Gateway, ListenerSettings, OwnHosts};

use super::super::listen_tls::Guarded;
use super::super::names::own_names;
use super::super::places;
use super::super::room::Around;
use crate::config::Config;
use crate::failure::Failure;
use crate::process;
use crate::scopes::ScopeLedger;

/// What serves callers.
pub(super) fn gateway(
    config: &Config,
    around: &Around<'_>,
    admission: Admission,
    ledger: Option<&ScopeLedger>,
    tls: Option<&Guarded>,
) -> Result<Gateway, Failure> {
    Ok(Gateway {
        stack: around.stack.clone(),
        admission,
        rules: config.rules()?,
        upstream: config.gateway.upstream.clone(),
        public_url: config.gateway.public_url.clone(),
        own_hosts: OwnHosts::new(own_names(config)),
        outbox: around.outbox.cloned(),
        witness: around.audit.witness(),
        scopes: ledger.map(ScopeLedger::scopes),
        intake: Some(crate::webhooks::intake(around.webhooks)),
        forward: forward_settings(config),
        listener: listener_settings(config, tls),
        turned_away: Arc::default(),
    })
}

fn listener_settings(config: &Config, tls: Option<&Guarded>) -> ListenerSettings {
    let tls = tls.map(|guarded| guarded.tls.clone());
    ListenerSettings { connections_max: connections_max(config), tls, ..Default::default() }
}

fn forward_settings(config: &Config) -> ForwardSettings {
    ForwardSettings {
        deadline: config.gateway.deadline(),
        deadline_max: Duration::from_millis(config.gateway.deadline_ms_max),
        body_bytes_max: config.gateway.body_bytes_max,
    }
}

/// As configured, or as many as there is room for.
fn connections_max(config: &Config) -> usize {
    let configured = config.gateway.connections_max;
    let open_files_max = process::open_files_max();
    let connections_max = places::connections_max(configured, open_files_max);
    if connections_max < configured {
        tracing::warn!(
            configured,
            connections_max,
            open_files_max,
            "the hard limit on open files leaves room for fewer connections than configured; raise it (`ulimit -Hn`)"
        );
    }
    connections_max
}
