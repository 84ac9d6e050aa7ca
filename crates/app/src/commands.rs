//! One file per command.

use crate::cli::{Cli, Command};
use crate::config::{Config, LogSection};
use crate::failure::{Exit, Failure};
use crate::logs;

mod admission;
mod audit;
mod bind;
mod bundle;
mod callers;
mod check;
mod config;
mod connections;
mod degrade;
mod demo;
mod incident;
mod listen_tls;
mod names;
mod outbox;
mod places;
mod privacy;
mod quota;
mod room;
mod runbook;
mod scan;
mod scenario;
mod sim;
mod stack_settings;
mod triage;
mod up;
mod webhooks;
mod workload;

pub(crate) use up::{client_tls, extra_roots as certificates};

/// Runs the command that was asked for.
pub(crate) fn run(cli: Cli) -> Result<Exit, Failure> {
    #[cfg(feature = "proof")]
    crate::process::arm()?;
    let file = cli.config;
    let load = || Config::load(file.as_deref());
    // `up` starts its log as it is configured.
    if !matches!(cli.command, Command::Up(_)) {
        logs::start(&LogSection::default(), cli.log.as_deref(), None)?;
    }
    match cli.command {
        Command::Up(options) => up::run(Config::read(file.as_deref())?, &options, cli.log.as_deref()),
        Command::Demo(options) => demo::run(&options),
        Command::Sim(options) => sim::run(&options),
        Command::Triage(options) => triage::run(&load()?, &options),
        Command::Outbox(options) => outbox::run(&load()?, &options),
        Command::Check(options) => check::run(&load()?, &options),
        Command::Quota(options) => quota::run(&load()?, &options),
        Command::Bundle(options) => bundle::run(&load()?, &options),
        Command::Incident(options) => incident::run(&load()?, &options),
        Command::Scan(options) => scan::run(&options),
        Command::Webhooks(options) => webhooks::run(&load()?, &options),
        Command::Privacy(options) => privacy::run(&load()?, &options),
        Command::Connections(command) => connections::run(load, &command),
        Command::Callers(command) => callers::run(&command),
        Command::Audit(command) => audit::run(&load()?, &command),
        Command::Runbook(options) => runbook::run(&load()?, &options),
        Command::Config(command) => config::run(&command, load),
    }
}
