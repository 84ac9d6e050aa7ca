//! The command line of `hubkeeper outbox`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::At;

#[derive(Debug, Args)]
pub(crate) struct OutboxOptions {
    #[command(flatten)]
    pub(crate) at: At,
    #[command(subcommand)]
    pub(crate) command: OutboxCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum OutboxCommand {
    /// How the outbox stands, and operations; exit code 1 while some are dead or unknown and wait for a person
    List {
        #[command(flatten)]
        filter: OutboxFilter,
        /// After this place in the order of acceptance, as the end of the list before told it
        #[arg(long, value_name = "SEQ")]
        after: Option<i64>,
        /// So many at most
        #[arg(long, default_value_t = 50, value_name = "N")]
        max: usize,
    },
    /// One operation: its request, its attempts, and how it ended
    Show { id: String },
    /// Change what an operation will send, and leave it where it is
    Edit {
        id: String,
        #[command(flatten)]
        change: OutboxChange,
    },
    /// Try again what ended without being applied, by id or filter; one of them perhaps changed
    Replay {
        ids: Vec<String>,
        #[command(flatten)]
        filter: OutboxFilter,
        #[command(flatten)]
        change: OutboxChange,
    },
    /// Take back what still waits, by id or filter
    Cancel {
        ids: Vec<String>,
        #[command(flatten)]
        filter: OutboxFilter,
    },
    /// Drop for good what ended without being applied, by id or filter
    Drop {
        ids: Vec<String>,
        #[command(flatten)]
        filter: OutboxFilter,
    },
}

/// Which operations are meant.
#[derive(Debug, Args, Default)]
pub(crate) struct OutboxFilter {
    /// pending, sending, applied, dead, cancelled or unknown
    #[arg(long)]
    pub(crate) state: Option<String>,
    #[arg(long)]
    pub(crate) caller: Option<String>,
    #[arg(long)]
    pub(crate) connection: Option<String>,
    /// Such as contacts/7, as `show` tells it
    #[arg(long)]
    pub(crate) record: Option<String>,
}

/// What is to be sent instead.
#[derive(Debug, Args, Default)]
pub(crate) struct OutboxChange {
    /// Another path and query
    #[arg(long = "target", value_name = "PATH")]
    pub(crate) target_path: Option<String>,
    /// Another body: a file with JSON, or - for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) body: Option<PathBuf>,
}

impl OutboxFilter {
    pub(crate) fn is_empty(&self) -> bool {
        self.as_json().as_object().is_none_or(serde_json::Map::is_empty)
    }

    /// As the admin API takes it.
    pub(crate) fn as_json(&self) -> serde_json::Value {
        let Self { state, caller, connection, record } = self;
        let named = [("state", state), ("caller", caller), ("connection", connection), ("record", record)];
        let json = |value: &Option<String>| value.clone().map(serde_json::Value::String);
        named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json(value)?))).collect()
    }
}
