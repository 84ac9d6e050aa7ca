//! `hubkeeper config check|show|default`.

use super::listen_tls;
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
            let config = load()?;
            for why in missing(&config) {
                tracing::warn!("on this machine `hubkeeper up` would not start: {why}");
            }
            tell_unknown_events(&config);
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

pub(super) fn tell_unknown_events(config: &Config) {
    for pattern in config.webhooks.unknown_events() {
        tracing::warn!(
            "a subscriber waits for events that HubSpot is not known to send, such as contact.* would be: {pattern}"
        );
    }
}

/// What the configuration names and this machine does not have. It may be meant for another one, so this is no mistake in it.
/// Commands and stores of secrets are left alone: asking them is not for free.
fn missing(config: &Config) -> Vec<String> {
    let secrets = config.secrets().into_iter().filter(|(_, reference)| reference.is_at_hand());
    let secrets = secrets.filter_map(|(key, reference)| {
        reference.resolve_text().err().map(|why| format!("{key}: {}", why.message()))
    });
    let tls = [config.gateway.tls(), config.admin.tls()].into_iter().flatten();
    secrets.chain(tls.filter_map(|files| listen_tls::mistake(&files).map(|why| why.to_string()))).collect()
}
