//! `hubkeeper webhooks …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct WebhooksOptions {
    #[command(flatten)]
    pub(crate) at: At,
    #[command(subcommand)]
    pub(crate) command: WebhooksCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WebhooksCommand {
    /// Show events as they come, one a line, until interrupted
    Tail(TailOptions),
    /// List events that came, or what waits: letters, the quarantine, replays
    List(ListOptions),
    /// Show one event with all that is known of it
    Show(ShowOptions),
    /// Send events once more: dead letters, or a stretch of time, in a lane of its own
    Replay(ReplayOptions),
    /// Say why a delivery does not verify; without one, verify the quarantine again and take what fits
    Verify(VerifyOptions),
    /// Send a made-up event to a subscriber and say what it answered
    SendTest(SubscriberOptions),
    /// Who gets events and how far each is; or make one, switch one, let one go
    Subscribers(SubscribersOptions),
    /// How far HubSpot's journal has been read, and which gaps it filled
    Journal,
}

/// Where the running gateway's admin API is, and how to answer.
#[derive(Debug, Args)]
pub(crate) struct At {
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The running gateway's admin API [default: from the configuration]
    #[arg(long, value_name = "URL", global = true)]
    pub(crate) admin: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TailOptions {
    /// Only these, such as contact.*
    #[arg(long, value_name = "PATTERN")]
    pub(crate) kind: Option<String>,
    /// Only of this object
    #[arg(long, value_name = "ID")]
    pub(crate) object: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ListOptions {
    /// Only these, such as contact.*
    #[arg(long, value_name = "PATTERN")]
    pub(crate) kind: Option<String>,
    /// Only of this object
    #[arg(long, value_name = "ID")]
    pub(crate) object: Option<String>,
    /// Events that were taken out of the line: waiting, dead or replaying
    #[arg(long, value_name = "STATE", num_args = 0..=1, default_missing_value = "dead", value_parser = ["waiting", "dead", "replaying"], conflicts_with_all = ["quarantine", "replays", "object"])]
    pub(crate) letters: Option<String>,
    /// Deliveries that did not verify
    #[arg(long, conflicts_with = "replays")]
    pub(crate) quarantine: bool,
    /// What was asked to be sent once more
    #[arg(long)]
    pub(crate) replays: bool,
    /// Contacts that were deleted for privacy, and what was purged of them
    #[arg(long, conflicts_with_all = ["replays", "quarantine", "letters", "object", "kind"])]
    pub(crate) purges: bool,
    /// How many, the last ones; 1000 at most
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) max: u16,
}

#[derive(Debug, Args)]
pub(crate) struct ShowOptions {
    /// The event's name, as webhook-id has it
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayOptions {
    /// Events by name (evt_…), or letters by number
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Who is to get them
    #[arg(long, value_name = "NAME")]
    pub(crate) subscriber: Option<String>,
    /// All its dead letters; with --from, --until, --kind or --object those of them
    #[arg(long)]
    pub(crate) dead: bool,
    /// Everything that came from then on, such as 2026-03-01T00:00:00Z; a day is its beginning in UTC
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) from: Option<jiff::Timestamp>,
    /// Everything that came until then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) until: Option<jiff::Timestamp>,
    /// Only these, such as contact.*
    #[arg(long, value_name = "PATTERN")]
    pub(crate) kind: Vec<String>,
    /// Only of this object
    #[arg(long, value_name = "ID")]
    pub(crate) object: Vec<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 it verifies, or nothing is left in quarantine; 1 it does not; 2 wrong usage; 3 no gateway answers.\n\
    A file holds a request as it came: request line, headers, an empty line, the body."
)]
pub(crate) struct VerifyOptions {
    /// A captured delivery in a file, or the number of one in quarantine
    #[arg(value_name = "FILE|NUMBER")]
    pub(crate) what: Option<String>,
    /// Judge the file's clock by this time [default: its own timestamp]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) received_at: Option<jiff::Timestamp>,
    /// What HubSpot calls [default: webhooks.public_url]
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct SubscriberOptions {
    /// The subscriber's name
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct SubscribersOptions {
    /// Make one, from a file with its keys as under [[webhooks.subscribers]]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["enable", "disable", "remove"])]
    pub(crate) add: Option<PathBuf>,
    /// Send to it again
    #[arg(long, value_name = "NAME", conflicts_with_all = ["disable", "remove"])]
    pub(crate) enable: Option<String>,
    /// Send nothing to it; what comes is kept
    #[arg(long, value_name = "NAME", conflicts_with = "remove")]
    pub(crate) disable: Option<String>,
    /// Let it go, with everything that waits for it
    #[arg(long, value_name = "NAME")]
    pub(crate) remove: Option<String>,
}

/// A moment, or a day, which begins at midnight UTC.
fn moment(text: &str) -> Result<jiff::Timestamp, String> {
    let day = || text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    let moment = text.parse().ok().or_else(|| day().map(|day| day.timestamp()));
    moment.ok_or_else(|| "a time looks like 2026-03-01T00:00:00Z, a day like 2026-03-01".to_owned())
}
