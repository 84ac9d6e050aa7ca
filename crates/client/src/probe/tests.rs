//! Whole runs against servers that say what they are told.

mod certificates;
mod names;
mod portal;
mod server;
mod trouble;

use http::Uri;
use hubspot::secret::Secret;
use jiff::Timestamp;

use super::report::Report;
use super::target::Target;
use crate::clock::WallClock;

/// In the shape of a private app's token, and in nobody's use.
const TOKEN: &str = "pat-na1-00000000-1111-2222-3333-444444444444";

/// The moment of every test.
fn noon() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().expect("a date")
}

fn wall() -> WallClock {
    WallClock::new(noon)
}

fn target(upstream: &str) -> Target {
    let mut target = Target::new(upstream.parse::<Uri>().expect("an address"));
    target.token = Some(Secret::new(TOKEN));
    target
}

async fn run(target: &Target) -> Report {
    super::run(target, &wall()).await
}
