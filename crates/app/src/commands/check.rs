//! `hubkeeper check`: is this integration fit for production?

use jiff::tz::TimeZone;
use ops::check::{CheckReport, report};

use crate::cli::{CheckFormat, CheckOptions};
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::process;

mod delivery;
mod gather;
mod tell;

pub(super) fn run(config: &Config, options: &CheckOptions) -> Result<Exit, Failure> {
    let facts = process::runtime()?.block_on(gather::facts(config, options))?;
    let today = facts.now.to_zoned(TimeZone::UTC).date();
    let report = report(&facts, &config.check.waivers, &config.check.attestations, today);
    let text = match (options.json, options.format) {
        (true, _) | (false, CheckFormat::Json) => serde_json::to_string(&report).map_err(Failure::work)?,
        (false, CheckFormat::Text) => tell::for_people(&report),
        (false, CheckFormat::Markdown) => tell::markdown(&report),
    };
    process::print_line(text.trim_end());
    Ok(exit(&report))
}

fn exit(report: &CheckReport) -> Exit {
    if report.has_problem() { Exit::Problem } else { Exit::Fine }
}
