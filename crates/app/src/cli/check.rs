//! The options of `hubkeeper check`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct CheckOptions {
    /// Print the report as JSON
    #[arg(long, conflicts_with = "format")]
    pub(crate) json: bool,
    /// How the report is written
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub(crate) format: CheckFormat,
    /// The data directory that `up` is given
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The running gateway's admin API [default: from the configuration]
    #[arg(long, value_name = "URL")]
    pub(crate) admin: Option<String>,
    /// Look only at this machine: no question to HubSpot, and no delivery to the public address
    #[arg(long)]
    pub(crate) offline: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    Text,
    Json,
    Markdown,
}
