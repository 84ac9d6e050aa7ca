//! Finds out what the checklist is held against: the configuration, its files, HubSpot, the running gateway, this machine.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use client::clock::WallClock;
use client::transport::tls;
use http::{Method, Uri};
use hubspot::token::TokenShape;
use inbox::receive::App;
use ops::check::facts::{Credential, Disk, Facts, Gateway, Running, Token, Webhooks};
use ops::quota::QuotaReport;
use ops::scopes::ConnectionScopes;
use serde_json::Value;

use super::delivery;
use crate::cli::CheckOptions;
use crate::commands::{triage as triage_command, up};
use crate::config::{Config, Mode};
use crate::failure::Failure;
use crate::secret_reference::SecretReference;
use crate::{admin_api, durable, triage, webhooks};

/// The gateway is near and answers from memory.
const PATIENCE: Duration = Duration::from_secs(3);
const SCOPES_PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn facts(config: &Config, options: &CheckOptions) -> Result<Facts, Failure> {
    let data = options.data.as_deref();
    let now = WallClock::system().now();
    let mut facts = Facts {
        now,
        credentials: config.secrets().iter().map(|(key, reference)| credential(key, reference)).collect(),
        webhooks: hooks(config, options.offline).await?,
        gateway: gateway(config),
        channels: config.notify.names(),
        incidents: config.incidents.enabled,
        running: running(&admin(config, options)?).await,
        disk: database(config, data).as_deref().and_then(disk),
        store: durable::url(config, data)?
            .map(|url| if url.starts_with("postgres") { "PostgreSQL" } else { "SQLite" }),
        ..Facts::default()
    };
    if !options.offline {
        ask_hubspot(config, options, &mut facts).await?;
    }
    Ok(facts)
}

fn credential(key: &str, reference: &SecretReference) -> Credential {
    let file = match reference {
        SecretReference::File(path) => std::fs::metadata(path).ok(),
        // Systemd's own are for the unit alone.
        SecretReference::Env(_)
        | SecretReference::Credential(_)
        | SecretReference::Exec(_)
        | SecretReference::Vendor(_) => None,
    };
    Credential {
        key: key.to_owned(),
        reference: reference.to_string(),
        readable_by_others: file.as_ref().is_some_and(|found| found.mode() & 0o007 != 0),
        changed_at: file.and_then(|found| found.modified().ok()?.try_into().ok()),
        missing: reference.resolve_text().is_err(),
    }
}

/// With the token that `up` would use: what triage asks too, at most eight calls.
async fn ask_hubspot(config: &Config, options: &CheckOptions, facts: &mut Facts) -> Result<(), Failure> {
    let token = up::token(config)?;
    let mut asked = triage_command::for_the_room(config, token.as_ref())?;
    asked.admin = Some(admin(config, options)?);
    let found = triage::facts(asked).await.probes;
    #[expect(clippy::cast_precision_loss, reason = "milliseconds")]
    let ahead = found.clock.as_ref().map(|clock| clock.offset_ms as f64 / 1000.0);
    facts.clock_ahead_s = ahead;
    facts.token = token.as_ref().map(|token| Token {
        well_formed: !matches!(TokenShape::of(token), TokenShape::Unknown | TokenShape::Uuid),
        status: found.auth.as_ref().and_then(|auth| auth.exchange.status),
        scopes: found.introspection.filter(|told| !told.scopes.is_empty()).map(|told| told.scopes),
    });
    Ok(())
}

async fn hooks(config: &Config, offline: bool) -> Result<Option<Webhooks>, Failure> {
    let Some(public) = &config.webhooks.public_url else { return Ok(None) };
    let apps = webhooks::apps(config)?;
    let secrets = |app: &App| app.secrets.all(tokio::time::Instant::now());
    let secret = apps.iter().flat_map(secrets).next();
    let delivery = match secret.filter(|_| !offline) {
        None => None,
        Some(secret) => {
            let roots = up::extra_roots(config.gateway.ca_file.as_deref())?;
            let tls = tls::client_config(roots).map_err(Failure::work)?;
            Some(delivery::deliver(public, &secret, &tls, WallClock::system().now()).await)
        }
    };
    Ok(Some(Webhooks {
        public_url: public.clone(),
        secrets: apps.iter().map(|app| (app.connection.clone(), secrets(app).len())).collect(),
        reread: reread(config),
        delivery,
        subscribers: config.webhooks.subscribers.len(),
    }))
}

/// Connections whose client secret may become another while `up` runs.
fn reread(config: &Config) -> Vec<String> {
    let may_change = |reference: &&SecretReference| reference.may_change();
    let those = config.connections.iter().filter(|it| it.client_secret.as_ref().filter(may_change).is_some());
    those.map(|section| section.name.clone()).collect()
}

fn gateway(config: &Config) -> Gateway {
    let section = &config.gateway;
    let unlimited = config.callers.iter().filter(|caller| {
        caller.role.is_none()
            && caller.objects.is_none()
            && caller.verbs.is_none()
            && caller.properties.is_none()
            && caller.portals.is_none()
    });
    Gateway {
        managed: section.mode == Mode::Managed,
        callers: config.callers.len(),
        callers_unlimited: unlimited.map(|caller| caller.name.clone()).collect(),
        deadline_ms: section.deadline_ms,
        attempt_timeout_ms: section.attempt_timeout_ms,
        governor: section.governor,
        retries: section.retries,
        packing: section.packing,
        admin_listen: config.admin.listen.clone(),
        admin_is_loopback: crate::config::is_loopback(&config.admin.listen),
        admin_has_key: config.admin.is_locked(),
        admin_has_tls: config.admin.tls().is_some(),
    }
}

fn admin(config: &Config, options: &CheckOptions) -> Result<Uri, Failure> {
    match &options.admin {
        Some(admin) => triage_command::uri("--admin", admin),
        None => triage_command::uri("admin.listen", &config.admin.url()),
    }
}

/// `None`: nobody answers there.
async fn running(admin: &Uri) -> Option<Running> {
    let asked = async {
        let quota: QuotaReport = admin_api::get(admin, "/api/v1/quota").await.ok()?;
        let (health, _) = admin_api::ask(admin, Method::GET, "/health", None).await.ok()?;
        let (ready, _) = admin_api::ask(admin, Method::GET, "/readiness", None).await.ok()?;
        let told: Value = admin_api::get(admin, "/api/v1/connections").await.unwrap_or_default();
        Some((quota, health.is_success(), ready.is_success(), connections(&told)))
    };
    let (quota, health, ready, connections) = tokio::time::timeout(PATIENCE, asked).await.ok()??;
    let mut routes: BTreeMap<(String, String), u64> = BTreeMap::new();
    for spender in quota.portals.iter().flat_map(|portal| &portal.spenders) {
        *routes.entry((spender.method.clone(), spender.route.to_string())).or_default() += spender.calls;
    }
    let exhausted = |portal: &&ops::quota::PortalQuota| {
        portal.forecast.as_ref().is_some_and(|forecast| forecast.exhausted_at.is_some())
            || portal.daily.parked
    };
    Some(Running {
        health,
        ready,
        calls: routes.values().sum(),
        routes: routes.into_iter().map(|((method, route), calls)| (method, route, calls)).collect(),
        packed: quota.saved.map_or(0, |saved| saved.packed),
        callers_retries: quota.callers_retries,
        connections,
        scopes: scopes(admin).await,
        exhausted: quota.portals.iter().filter(exhausted).count(),
    })
}

/// HubSpot is asked for them, which may take longer.
async fn scopes(admin: &Uri) -> Vec<ConnectionScopes> {
    let asked = admin_api::get::<Value>(admin, "/api/v1/connections/scopes");
    let told = tokio::time::timeout(SCOPES_PATIENCE, asked).await.ok().and_then(Result::ok);
    told.and_then(|told| serde_json::from_value(told["connections"].clone()).ok()).unwrap_or_default()
}

fn connections(told: &Value) -> Vec<(String, String)> {
    let all = told["connections"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or("unknown").to_owned();
    all.iter().map(|one| (text(one, "name"), text(one, "standing"))).collect()
}

/// The database's file, where it is one of this machine's.
fn database(config: &Config, data: Option<&Path>) -> Option<PathBuf> {
    let beside = || data.map(|directory| directory.join("hubkeeper.db"));
    let Some(url) = &config.store.url else { return beside() };
    let path = url.file()?;
    Some(PathBuf::from(path.strip_prefix("//").unwrap_or(path)))
}

/// Of the directory, or the nearest one above it that is there.
fn disk(database: &Path) -> Option<Disk> {
    let there = database.ancestors().find(|path| path.is_dir())?;
    let there = if there.as_os_str().is_empty() { Path::new(".") } else { there };
    let found = rustix::fs::statvfs(there).ok()?;
    Some(Disk {
        free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        size_bytes: found.f_blocks.saturating_mul(found.f_frsize),
    })
}
