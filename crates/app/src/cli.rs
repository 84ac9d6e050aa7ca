//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod audit;
mod check;
mod connections;
mod privacy;
mod scan;
mod webhooks;

pub(crate) use audit::{AuditCommand, AuditPlace};
pub(crate) use check::{CheckFormat, CheckOptions};
pub(crate) use connections::{ConnectionsAt, ConnectionsCommand};
pub(crate) use privacy::{PersonOptions, PrivacyCommand, PrivacyOptions};
pub(crate) use scan::ScanOptions;
pub(crate) use webhooks::{
    At, ListOptions, ReplayOptions, SubscribersOptions, TailOptions, VerifyOptions, WebhooksCommand,
    WebhooksOptions,
};

mod outbox;

pub(crate) use outbox::{OutboxChange, OutboxCommand, OutboxFilter, OutboxOptions};

/// Keeps HubSpot integrations online, and when one breaks says what broke, whose fault it is and what to do first.
#[derive(Debug, Parser)]
#[command(name = "hubkeeper", version, propagate_version = true, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 fine, 1 a problem was found or the work failed, 2 wrong usage or configuration, \
                        3 could not tell.\nNot affiliated with HubSpot, Inc."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// The configuration file; without one, ./hubkeeper.toml is used if it is there
    #[arg(long, global = true, env = "HUBKEEPER_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// What is logged to stderr, such as `info` or `client=debug` [default: from the configuration, else info]
    #[arg(long, global = true, env = "HUBKEEPER_LOG", value_name = "FILTER")]
    pub(crate) log: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the gateway: your programs call it instead of api.hubapi.com
    Up(UpOptions),
    /// See it work: a simulated HubSpot, the gateway and a small workload
    Demo(DemoOptions),
    /// Run a simulated HubSpot that misbehaves on request
    Sim(SimOptions),
    /// Find out what is wrong: probe every layer, name the cause and what to do first
    Triage(TriageOptions),
    /// Show what HubSpot's limits are spent on, how long they last, and what would make them last longer
    Quota(QuotaOptions),
    /// Hold this integration against the production checklist, point by point, with the evidence
    Check(CheckOptions),
    /// Find credentials, calls that end, reversed associations and habits that hurt, in source and in git's history
    Scan(ScanOptions),
    /// Put what support needs to know into one archive that is safe to send
    Bundle(BundleOptions),
    /// The incident room: what is going on, who has it, what was done
    Incident(IncidentOptions),
    /// Show writes that were accepted to be applied later, and replay, change, cancel or drop them
    Outbox(OutboxOptions),
    /// HubSpot's events: what came, what went on, what waits, and why a delivery does not verify
    Webhooks(WebhooksOptions),
    /// Tell what is kept here of a person, and forget it
    Privacy(PrivacyOptions),
    /// The ways we may call HubSpot: how they stand, authorising, renewing, removing
    #[command(subcommand)]
    Connections(ConnectionsCommand),
    /// Make keys for callers of the gateway
    #[command(subcommand)]
    Callers(CallersCommand),
    /// Show the audit log, and prove that it only grew
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Print the runbook page of a diagnosis, such as auth.token_revoked; without a code, list them
    Runbook(RunbookOptions),
    /// Check, show or print the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Args, Default)]
pub(crate) struct UpOptions {
    /// Where programs call us [default: 127.0.0.1:8400]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// Where the admin API listens [default: 127.0.0.1:8401]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) admin_listen: Option<String>,
    /// HubSpot, or a simulator [default: https://api.hubapi.com]
    #[arg(long, value_name = "URL")]
    pub(crate) upstream: Option<String>,
    /// HubSpot's status page [default: https://status.hubspot.com/api/v2/summary.json]
    #[arg(long, value_name = "URL")]
    pub(crate) status_page: Option<String>,
    /// For what outlives a restart: accepted writes, webhooks, incidents, the day's ledger; created if it is not there
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct DemoOptions {
    /// The gateway's address
    #[arg(long, default_value = "127.0.0.1:8400", value_name = "ADDRESS")]
    pub(crate) listen: String,
    /// The admin API's address
    #[arg(long, default_value = "127.0.0.1:8401", value_name = "ADDRESS")]
    pub(crate) admin_listen: String,
    /// The simulator's address
    #[arg(long, default_value = "127.0.0.1:8410", value_name = "ADDRESS")]
    pub(crate) sim_listen: String,
}

#[derive(Debug, Args)]
pub(crate) struct SimOptions {
    /// Where the simulated HubSpot listens
    #[arg(long, default_value = "127.0.0.1:8410", value_name = "ADDRESS")]
    pub(crate) listen: String,
    /// The portal's subscription, which sets its limits
    #[arg(long, value_enum, default_value_t = SimPlan::Professional)]
    pub(crate) plan: SimPlan,
    /// Same seed, same calls: same bytes
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) seed: u64,
    /// Contacts to begin with
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) contacts: u32,
    /// How long an answer takes, from..to, in milliseconds
    #[arg(long, default_value = "20..60", value_name = "FROM..TO")]
    pub(crate) latency_ms: simulator::config::Latency,
    /// The portal's time zone, which sets when its day ends
    #[arg(long, default_value = "US/Eastern", value_name = "ZONE")]
    pub(crate) time_zone: String,
    /// Calls per app in any 10 s, instead of the plan's
    #[arg(long, value_name = "N")]
    pub(crate) burst: Option<u32>,
    /// Calls per day, instead of the plan's
    #[arg(long, value_name = "N")]
    pub(crate) daily: Option<u64>,
    /// Also answer DNS questions (UDP) here, as the DNS fault says
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) dns_listen: Option<String>,
    /// Append every write that took effect, every event and every delivery to this file, one JSON line each
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<PathBuf>,
    /// Play this story of faults (TOML), from the moment the simulator is ready
    #[arg(long, value_name = "FILE")]
    pub(crate) scenario: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SimPlan {
    Free,
    Starter,
    Professional,
    Enterprise,
}

#[derive(Debug, Args, Default)]
pub(crate) struct TriageOptions {
    /// Print the diagnosis as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// HubSpot, or whatever stands before it [default: https://api.hubapi.com]
    #[arg(long, value_name = "URL")]
    pub(crate) upstream: Option<String>,
    /// HubSpot's status page [default: https://status.hubspot.com/api/v2/summary.json]
    #[arg(long, value_name = "URL")]
    pub(crate) status_page: Option<String>,
    /// A running gateway's admin API, for what its traffic shows; nothing there is fine [default: from the configuration]
    #[arg(long, value_name = "URL")]
    pub(crate) admin: Option<String>,
    /// The account the token should belong to
    #[arg(long, value_name = "ID")]
    pub(crate) portal_id: Option<u64>,
    /// Check the way to HubSpot only, without a token
    #[arg(long)]
    pub(crate) without_token: bool,
    /// Name servers to compare the system's with, as address:port
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    pub(crate) dns_servers: Vec<std::net::SocketAddr>,
    /// Name servers to ask in place of the system's, as address:port
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    pub(crate) system_dns: Vec<std::net::SocketAddr>,
    /// Use these addresses for the upstream's name
    #[arg(long, value_name = "IP", value_delimiter = ',')]
    pub(crate) resolve: Vec<std::net::IpAddr>,
    /// More certificate authorities to trust (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Your own runbook pages, which go before the built-in ones
    #[arg(long, value_name = "DIR")]
    pub(crate) runbooks: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 all is well, 1 a pool is empty, a lane is stopped or the day's pool will not last, 2 wrong \
                        usage, 3 no gateway answers or nothing has been called yet."
)]
pub(crate) struct QuotaOptions {
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The running gateway's admin API [default: from the configuration]
    #[arg(long, value_name = "URL")]
    pub(crate) admin: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct BundleOptions {
    /// Where to write it [default: hubkeeper-bundle-SECONDS.tar]
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// With one incident, its timeline and what its diagnoses were drawn from
    #[arg(long, value_name = "ID")]
    pub(crate) incident: Option<String>,
    /// Probe nothing: only what a running gateway tells
    #[arg(long)]
    pub(crate) without_triage: bool,
    /// The running gateway's admin API; nothing there is fine [default: from the configuration]
    #[arg(long, value_name = "URL")]
    pub(crate) admin: Option<String>,
    /// Print the manifest as JSON instead of the archive's name
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 done, and with `list` no incident is open, 1 one is open or it was refused, 2 wrong usage, 3 no \
                        gateway answers."
)]
pub(crate) struct IncidentOptions {
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The running gateway's admin API [default: from the configuration]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) admin: Option<String>,
    #[command(subcommand)]
    pub(crate) command: IncidentCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IncidentCommand {
    /// List open incidents
    List {
        /// Those that are over, too
        #[arg(long)]
        all: bool,
    },
    /// Show one incident with its timeline
    Show { id: String },
    /// Take it, so that others know
    Ack {
        id: String,
        /// Who
        #[arg(long, env = "USER", default_value = "somebody", value_name = "NAME")]
        by: String,
    },
    /// Write something into the timeline
    Note {
        id: String,
        #[arg(required = true)]
        text: Vec<String>,
        /// Who
        #[arg(long, env = "USER", default_value = "somebody", value_name = "NAME")]
        by: String,
    },
    /// Say that it is over; it resolves by itself once recovery is proven
    Resolve {
        id: String,
        /// Who
        #[arg(long, env = "USER", default_value = "somebody", value_name = "NAME")]
        by: String,
    },
    /// Turn a mitigation on or off
    Measure {
        id: String,
        /// Such as serve_stale
        mitigation: String,
        #[arg(value_parser = ["on", "off"])]
        turn: String,
        /// Who
        #[arg(long, env = "USER", default_value = "somebody", value_name = "NAME")]
        by: String,
    },
    /// Print the report with its facts filled in, as Markdown
    Postmortem { id: String },
    /// Run its diagnoses again from what was recorded
    Replay { id: String },
    /// Print all that is kept of it as JSON, or make a story of it that `hubkeeper sim --scenario FILE` plays
    Export {
        id: String,
        /// The story, as TOML
        #[arg(long)]
        scenario: bool,
    },
    /// Break a simulated portal, watch the room at work, mend it, and print a score card
    Drill {
        /// A fault, such as auth.token_revoked, or `random`
        #[arg(default_value = "random")]
        fault: String,
        /// The simulator behind the gateway
        #[arg(long, default_value = "http://127.0.0.1:8410", value_name = "URL")]
        sim: String,
        /// The gateway, called meanwhile where HUBSPOT_ACCESS_TOKEN is the simulator's token; without it somebody else has to
        /// call, as in `hubkeeper demo` [default: from the configuration]
        #[arg(long, value_name = "URL")]
        gateway: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RunbookOptions {
    /// The code that triage names
    #[arg(value_name = "CODE")]
    pub(crate) code: Option<String>,
    /// Your own runbook pages, which go before the built-in ones
    #[arg(long, value_name = "DIR")]
    pub(crate) runbooks: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CallersCommand {
    /// Print a new gateway key, once, and the hash of it for the configuration
    NewKey {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check the configuration without starting anything
    Check,
    /// Show the configuration in force; secrets stay references
    Show {
        /// As JSON instead of TOML
        #[arg(long)]
        json: bool,
    },
    /// Print the default file, which is the manual
    Default,
}

/// Reads the command line; a mistake ends the process with exit code 2 and a hint.
pub(crate) fn parse() -> Cli {
    Cli::parse()
}
