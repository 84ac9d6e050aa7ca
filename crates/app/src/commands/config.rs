//! `hubkeeper config check|show|default`.

use crate::cli::ConfigCommand;
use crate::config::{Config, DEFAULT_FILE};
use crate::failure::{Exit, Failure};
use crate::process::print_line;

pub(super) fn run(
    command: &ConfigCommand,
    load: impl FnOnce() -> Result<Config, Failure>,
) -> Result<Exit, Failure> {
    match command {
        ConfigCommand::Check => {
            load()?;
            print_line("The configuration is good.");
        }
        ConfigCommand::Show { json } => {
            let config = load()?;
            let text = if *json {
                serde_json::to_string_pretty(&config).map_err(Failure::work)?
            } else {
                toml::to_string_pretty(&config).map_err(Failure::work)?
            };
            print_line(text.trim_end());
        }
        ConfigCommand::Default => print_line(DEFAULT_FILE.trim_end()),
    }
    Ok(Exit::Fine)
}
