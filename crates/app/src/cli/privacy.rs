//! The options of `hubkeeper privacy`.

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct PrivacyOptions {
    #[command(subcommand)]
    pub(crate) command: PrivacyCommand,
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The running gateway's admin API [default: from the configuration]
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) admin: Option<String>,
}

/// HubSpot itself is not asked: what it holds of a person is deleted there.
#[derive(Debug, Subcommand)]
pub(crate) enum PrivacyCommand {
    /// Tell how much is kept here of a person: events, letters, quarantine, accepted writes, kept answers
    Find(PersonOptions),
    /// Take what is theirs out of all that is kept here, as HubSpot's event contact.privacyDeletion does
    Forget {
        #[command(flatten)]
        person: PersonOptions,
        /// It cannot be undone; without this it is only shown
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct PersonOptions {
    /// A contact's number at HubSpot, or an e-mail address
    #[arg(value_name = "EMAIL|CONTACT_ID")]
    pub(crate) who: String,
    /// Of this portal alone: a number may be another person's in another one
    #[arg(long, value_name = "ID")]
    pub(crate) portal: Option<u64>,
}
