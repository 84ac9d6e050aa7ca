//! One file per command.

use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::failure::{Exit, Failure};

mod bind;
mod config;
mod demo;
mod places;
mod runbook;
mod sim;
mod triage;
mod up;
mod workload;

/// Runs the command that was asked for.
pub(crate) fn run(cli: Cli) -> Result<Exit, Failure> {
    let file = cli.config;
    let load = || Config::load(file.as_deref());
    match cli.command {
        Command::Up(options) => up::run(load()?, &options),
        Command::Demo(options) => demo::run(&options),
        Command::Sim(options) => sim::run(&options),
        Command::Triage(options) => triage::run(&load()?, &options),
        Command::Runbook(options) => runbook::run(&load()?, &options),
        Command::Config(command) => config::run(&command, load),
    }
}
