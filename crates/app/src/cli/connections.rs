//! The options of `hubkeeper connections`.

use clap::{Args, Subcommand};

/// Asks a running gateway.
#[derive(Debug, Subcommand)]
pub(crate) enum ConnectionsCommand {
    /// Show how each connection stands: 0 all are well, 1 one is not
    List {
        #[command(flatten)]
        at: ConnectionsAt,
    },
    /// Call HubSpot with a connection, or with each: 0 HubSpot takes them, 1 it does not take one
    Check {
        name: Option<String>,
        #[command(flatten)]
        at: ConnectionsAt,
    },
    /// Print the address where a person authorises an OAuth connection, and wait until that is done
    Add {
        name: String,
        /// Print the address and do not wait
        #[arg(long)]
        no_wait: bool,
        #[command(flatten)]
        at: ConnectionsAt,
    },
    /// Renew an OAuth connection's token now; look at another's source again
    Rotate {
        name: String,
        #[command(flatten)]
        at: ConnectionsAt,
    },
    /// Forget what was granted to an OAuth connection; the app stays installed in HubSpot
    Remove {
        name: String,
        #[command(flatten)]
        at: ConnectionsAt,
    },
    /// Show what each token may do and which of it calls have needed in 30 days: 0 it fits, 1 a scope is missing or unused, 3
    /// HubSpot does not tell
    Scopes {
        name: Option<String>,
        #[command(flatten)]
        at: ConnectionsAt,
    },
    /// Print a new key for [store] key, which seals what people grant
    NewKey {
        /// As JSON
        #[arg(long)]
        json: bool,
        /// Give it to this command's stdin, and print what that prints: the key wrapped by a key service
        #[arg(long, value_name = "COMMAND")]
        wrap: Option<String>,
    },
    /// After a change of [store] key: seal with it what the key in key_before sealed
    Rewrap {
        #[command(flatten)]
        at: ConnectionsAt,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ConnectionsAt {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The running gateway's admin API [default: from the configuration]
    #[arg(long, value_name = "URL")]
    pub(crate) admin: Option<String>,
}
