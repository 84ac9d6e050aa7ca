//! `hubkeeper up`: gateway and admin API.

use std::path::Path;
use std::sync::Arc;

use client::accounts::Connection;
use client::clock::WallClock;
use client::stack::Stack;
use client::transport::{HttpTransport, TransportSettings, tls};
use futures_util::future::join_all;
use gateway::grants::Keeper;
use gateway::log::Log;
use gateway::traffic::Traffic;
use gateway::{Gateway, OwnHosts};
use hubspot::limits::Plan;
use hubspot::secret::Secret;
use inbox::privacy::Privacy;
use serde_json::json;
use store::Store;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;

use super::admission::admission;
use super::config::tell_unknown_events;
use super::listen_tls::Guarded;
use super::names::{admin_hosts, is_https, secured};
use super::room::{self, Around};
use super::stack_settings::stack_settings;
use super::{bind, degrade};
use crate::admin::{self, Admin, Keeping, Login};
use crate::audit::Audit;
use crate::cli::UpOptions;
use crate::config::Config;
use crate::connections::{Connections, TOKEN_VARIABLE, outbox};
use crate::console::Drill;
use crate::durable;
use crate::failure::{Exit, Failure};
use crate::handover::Kept;
use crate::incidents::{Incidents, Installs, Room};
use crate::ledgers::Ledgers;
use crate::logs;
use crate::metrics::Sources;
use crate::otel::{self, Exporter, SpanCollector};
use crate::process;
use crate::scopes::ScopeLedger;
use crate::secret_reference::SecretReference;
use crate::secrets::Secrets;
use crate::succession::Succession;
use crate::webhooks;

mod serving;

pub(super) fn run(config: Config, options: &UpOptions, log: Option<&str>) -> Result<Exit, Failure> {
    let config = with_options(config, options).checked()?;
    let (spans, exporter) = telemetry(&config)?.unzip();
    logs::start(&config.log, log, spans.flatten())?;
    process::no_core_dumps();
    if let Some(directory) = &options.data {
        std::fs::create_dir_all(directory).map_err(|error| {
            Failure::usage(format!("the data directory {} cannot be made: {error}", directory.display()))
                .hint("name one that this user may write, with --data")
        })?;
    }
    process::runtime()?.block_on(async {
        let house = House::open(&config, options.data.as_deref(), exporter, None).await?;
        let asked_to_stop = process::asked_to_stop();
        process::print_line(&house.ready_line());
        durable::tell_what_is_not_kept(&config, options.data.as_deref());
        tell_unknown_events(&config);
        let (stop, draining) = watch::channel(false);
        let serving = tokio::spawn(house.serve(draining));
        asked_to_stop.await;
        let _nobody_listens = stop.send(true);
        serving.await.map_err(|error| Failure::work(format!("the gateway broke: {error}")))?;
        Ok(Exit::Fine)
    })
}

/// What listens to traces, and what exports them.
fn telemetry(config: &Config) -> Result<Option<(Option<SpanCollector>, Exporter)>, Failure> {
    if config.otel.endpoint.is_none() {
        return Ok(None);
    }
    let tls = client_tls(config)?;
    otel::open(&config.otel, tls, &WallClock::system(), rand::random())
}

/// An embedded store has one process at a time, and needs none.
async fn succession(data: Option<&Path>, store: Option<&Store>) -> Option<Succession> {
    let (directory, store) = data.zip(store.filter(|store| store.is_shared()))?;
    Succession::take(directory, store).await
}

fn with_options(mut config: Config, options: &UpOptions) -> Config {
    let set = |place: &mut String, value: &Option<String>| {
        if let Some(value) = value {
            place.clone_from(value);
        }
    };
    set(&mut config.gateway.listen, &options.listen);
    set(&mut config.gateway.upstream, &options.upstream);
    set(&mut config.gateway.status_page, &options.status_page);
    set(&mut config.admin.listen, &options.admin_listen);
    config
}

/// Everything that `up` runs, bound and ready.
pub(super) struct House {
    gateway: Gateway,
    gateway_listener: TcpListener,
    admin_listener: TcpListener,
    stack: Arc<Stack>,
    traffic: Arc<Traffic>,
    started: Instant,
    exporter: Option<Exporter>,
    clock: WallClock,
    plan: Option<Plan>,
    admin_hosts: OwnHosts,
    drill: Option<Drill>,
    kept: Option<Kept>,
    _succession: Option<Succession>,
    webhooks: Option<webhooks::Running>,
    privacy: Option<Arc<Privacy>>,
    audit: Audit,
    room: Option<(Incidents, Room)>,
    login: Arc<Login>,
    is_https: bool,
    gateway_tls: Option<Guarded>,
    admin_tls: Option<Guarded>,
    secrets: Secrets,
    keeper: Option<Arc<Keeper>>,
    connections: Vec<Arc<Connection>>,
    ledger: Option<ScopeLedger>,
}

impl House {
    /// Checks everything, then binds. `probe_token` is what the incident room asks HubSpot with, if not the configured one.
    pub(super) async fn open(
        config: &Config,
        data: Option<&Path>,
        exporter: Option<Exporter>,
        probe_token: Option<&Secret>,
    ) -> Result<Self, Failure> {
        let clock = WallClock::system();
        let traffic = Arc::new(Traffic::new(clock.clone()));
        let store = durable::open(config, data).await?;
        let succession = succession(data, store.as_ref()).await;
        let audit = Audit::open(config, data, store.as_ref(), &clock).await?;
        let mut connections = Connections::open(config, store.as_ref())?;
        let secrets = Secrets::new(traffic.clone());
        let admission = admission(config, &connections.all, &secrets)?;
        connections.all.iter().for_each(|connection| traffic.introduce(&connection.name));
        let tls = client_tls(config)?;
        let stack = stack(config, &tls, &traffic, &clock)?;
        connections.watch(&stack, &secrets);
        let kept = data.and_then(Kept::open).inspect(|kept| kept.take_over(&stack, &traffic));
        let thresholds = &config.incidents.thresholds;
        let ledgers = Arc::new(Ledgers::new(clock.clone(), thresholds, durable::place(config, data)));
        let outbox =
            store.clone().map(|store| outbox(config, store, &stack, connections.all.clone())).map(Arc::new);
        let privacy = store.as_ref().map(|store| webhooks::privacy(store, &stack, outbox.as_ref(), &audit));
        let forgets = privacy.as_ref();
        let webhooks =
            webhooks::open(config, store.clone(), &stack, forgets, &tls, &ledgers, &secrets).await?;
        let ledger = connections.ledger(config, store.as_ref(), &stack);
        let installs = Installs::default();
        let around = Around {
            store: store.as_ref(),
            stack: &stack,
            traffic: &traffic,
            ledgers: &ledgers,
            audit: &audit,
            webhooks: webhooks.as_ref(),
            outbox: outbox.as_ref(),
            connections: &connections.all,
            secrets: &secrets,
            tls: &tls,
            installs: &installs,
        };
        let gateway_tls = Guarded::open(config.gateway.tls(), &ledgers)?;
        let admin_tls = Guarded::open(config.admin.tls(), &ledgers)?;
        let gateway = serving::gateway(config, &around, admission, ledger.as_ref(), gateway_tls.as_ref())?;
        let room = room::open((config, data), around, probe_token).await?;
        let gateway_listener = bind::bind(&config.gateway.listen, "--listen").await?;
        let admin_listener = bind::bind(&config.admin.listen, "--admin-listen").await?;
        let admin_url = secured(bind::url(&admin_listener), admin_tls.as_ref());
        let keeper = connections.keep(config, store.as_ref(), &stack, &admin_url, &installs).await?;
        Ok(Self {
            login: Arc::new(Login::open(&config.admin, &secrets, &admin_url, &tls, &clock)?),
            gateway,
            gateway_listener,
            admin_listener,
            stack,
            traffic,
            started: Instant::now(),
            exporter,
            clock,
            plan: plan(config),
            admin_hosts: admin_hosts(config),
            drill: None,
            kept,
            _succession: succession,
            webhooks,
            privacy,
            audit,
            room,
            is_https: is_https(config),
            gateway_tls,
            admin_tls,
            secrets,
            keeper,
            connections: connections.all,
            ledger,
        })
    }

    /// The console gets a page to break `simulated` with.
    pub(super) fn with_drill(self, simulated: Arc<simulator::Shell>) -> Self {
        Self { drill: Some(Drill::new(simulated)), ..self }
    }

    pub(super) fn gateway_url(&self) -> String {
        secured(bind::url(&self.gateway_listener), self.gateway_tls.as_ref())
    }

    pub(super) fn admin_url(&self) -> String {
        secured(bind::url(&self.admin_listener), self.admin_tls.as_ref())
    }

    fn ready_line(&self) -> String {
        json!({"event": "ready", "gateway": self.gateway_url(), "admin": self.admin_url()}).to_string()
    }

    /// Serves until `draining` turns true and everything under way has ended.
    pub(super) async fn serve(self, draining: watch::Receiver<bool>) {
        let mut exporter = self.exporter;
        let (kept, stack, audit) = (self.kept, self.stack.clone(), self.audit.clone());
        let (incidents, room) = self.room.unzip();
        let sources = Sources {
            stack: self.stack,
            traffic: self.traffic,
            turned_away: self.gateway.turned_away.clone(),
            started: self.started,
            outbox: self.gateway.outbox.clone(),
            exported: exporter.as_ref().map(Exporter::queue),
            webhooks: self.webhooks.clone(),
            board: incidents.as_ref().map(|incidents: &Incidents| incidents.board.clone()),
        };
        let admin = Admin {
            incidents,
            stack: sources.stack.clone(),
            traffic: sources.traffic.clone(),
            sources: sources.clone(),
            clock: self.clock,
            plan: self.plan,
            draining: draining.clone(),
            own_hosts: self.admin_hosts,
            drill: self.drill,
            webhooks: self.webhooks.clone(),
            privacy: self.privacy,
            lent: admin::LentSlots::default(),
            audit: self.audit,
            login: self.login,
            witness: self.gateway.witness.as_ref().map(Arc::downgrade),
            is_https: self.is_https,
            connections: Arc::new(Keeping {
                all: self.connections,
                keeper: self.keeper.clone(),
                secrets: self.secrets.clone(),
                ledger: self.ledger.clone(),
            }),
        };
        let exporting = if_any(exporter.as_mut().map(|exporter| exporter.run(&sources)));
        let keeping = if_any(kept.as_ref().map(|kept| kept.keep(&stack)));
        let watching = if_any(room.map(Room::run));
        let counting = if_any(self.ledger.as_ref().map(ScopeLedger::run));
        let renewing = if_any(self.keeper.as_ref().map(|keeper| keeper.run()));
        let admin_tls = self.admin_tls.as_ref().map(|guarded| guarded.tls.clone());
        let has_certificates = self.gateway_tls.is_some() || self.admin_tls.is_some();
        let certificates =
            join_all([self.gateway_tls, self.admin_tls].into_iter().flatten().map(Guarded::watch));
        // The admin API ends with the gateway.
        tokio::select! {
            () = self.gateway.serve(self.gateway_listener, draining) => {}
            () = admin::serve(self.admin_listener, admin, admin_tls) => {}
            _ = certificates, if has_certificates => {}
            () = exporting => {}
            () = keeping => {}
            () = watching => {}
            () = renewing => {}
            () = counting => {}
            () = self.secrets.run() => {}
        }
        if let Some(kept) = &kept {
            stack.close();
            kept.leave(&stack).await;
        }
        if let Some(ledger) = &self.ledger {
            ledger.keep().await;
        }
        if let Some(webhooks) = &self.webhooks {
            webhooks.finish().await;
        }
        audit.finish().await;
        if let Some(exporter) = &mut exporter {
            exporter.finish(&sources).await;
        }
    }
}

/// As configured, of the first connection if it has one of its own.
fn plan(config: &Config) -> Option<Plan> {
    config.connections.first().and_then(|connection| connection.plan).or(config.limits.plan)
}

/// Whom we believe when we call others.
pub(crate) fn client_tls(config: &Config) -> Result<rustls::ClientConfig, Failure> {
    tls::client_config(extra_roots(config.gateway.ca_file.as_deref())?).map_err(Failure::work)
}

/// What is not there never ends.
async fn if_any(running: Option<impl Future<Output = ()>>) {
    match running {
        Some(running) => running.await,
        None => std::future::pending().await,
    }
}

/// The way to HubSpot.
fn stack(
    config: &Config,
    tls: &rustls::ClientConfig,
    traffic: &Arc<Traffic>,
    clock: &WallClock,
) -> Result<Arc<Stack>, Failure> {
    let upstream = config.gateway.upstream.parse().map_err(Failure::usage)?;
    let transport =
        HttpTransport::new(&upstream, tls.clone(), TransportSettings::default()).map_err(Failure::usage)?;
    let log = Arc::new(Log::new(traffic.clone()));
    let stack = Arc::new(Stack::new(Arc::new(transport), log, clock.clone(), stack_settings(config)?));
    degrade::from_the_start(&stack, &config.degraded)?;
    Ok(stack)
}

/// The token of the first connection, or of the environment.
pub(super) fn token(config: &Config) -> Result<Option<Secret>, Failure> {
    let from_environment = SecretReference::Env(TOKEN_VARIABLE.to_owned());
    match config.connections.first() {
        // What people granted is the running gateway's alone.
        Some(section) => section.token.as_ref().map(SecretReference::resolve).transpose(),
        None if process::environment(TOKEN_VARIABLE).is_some() => from_environment.resolve().map(Some),
        None => Ok(None),
    }
}

/// Certificate authorities in a PEM file.
pub(crate) fn extra_roots(
    file: Option<&Path>,
) -> Result<Vec<rustls::pki_types::CertificateDer<'static>>, Failure> {
    file.map_or_else(|| Ok(Vec::new()), |file| pem(file, "CA file"))
}

/// The certificates of a PEM file; `what` people call it.
pub(super) fn pem(
    file: &Path,
    what: &str,
) -> Result<Vec<rustls::pki_types::CertificateDer<'static>>, Failure> {
    use rustls::pki_types::pem::PemObject;
    let failed = |why: String| {
        Failure::usage(format!("the {what} {} cannot be used: {why}", file.display()))
            .hint("it holds one or more certificates in PEM form")
    };
    let certificates =
        rustls::pki_types::CertificateDer::pem_file_iter(file).map_err(|error| failed(error.to_string()))?;
    let certificates: Vec<_> =
        certificates.collect::<Result<_, _>>().map_err(|error| failed(error.to_string()))?;
    if certificates.is_empty() {
        return Err(failed("there is no certificate in it".into()));
    }
    Ok(certificates)
}
