//! The options of `hubkeeper audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Read beside a running hubkeeper; nothing is changed.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Show who did what, the latest last
    List {
        #[command(flatten)]
        place: AuditPlace,
        /// As JSON, one act a line
        #[arg(long)]
        json: bool,
        /// So many of the latest
        #[arg(long, default_value_t = 50, value_name = "N")]
        last: usize,
    },
    /// Check that nothing was changed, dropped or cut off: 0 whole, 1 broken, 3 cannot be read
    ///
    /// A log that was emptied is found: every log begins with an entry of its own. What no log can see by itself is an older
    /// copy of the whole database put back in its place: export from time to time, keep the exports (or their last lines)
    /// elsewhere, and hold the latest against it with --against.
    Verify {
        #[command(flatten)]
        place: AuditPlace,
        /// The verdict as JSON
        #[arg(long)]
        json: bool,
        /// An earlier export, or its last line: the log must still hold what it tells
        #[arg(long, value_name = "FILE")]
        against: Option<PathBuf>,
        /// The key that is believed, where the log's own is not at hand
        #[arg(long, value_name = "HEX")]
        public_key: Option<String>,
    },
    /// Print all acts as JSON lines, the signed end of the log last; keep it elsewhere
    Export {
        #[command(flatten)]
        place: AuditPlace,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AuditPlace {
    /// The data directory that `up` was given [default: the store of the configuration]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}
