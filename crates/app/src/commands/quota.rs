//! `hubkeeper quota`: what HubSpot's limits are spent on, and how long they last.

use std::time::Duration;

use ops::quota::QuotaReport;

use super::triage;
use crate::cli::QuotaOptions;
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::{admin_api, process};

mod tell;

/// The gateway is near and answers from memory.
const PATIENCE: Duration = Duration::from_secs(3);

const PATH: &str = "/api/v1/quota";

pub(super) fn run(config: &Config, options: &QuotaOptions) -> Result<Exit, Failure> {
    let admin = match &options.admin {
        Some(admin) => triage::uri("--admin", admin)?,
        None => triage::uri("admin.listen", &config.admin.url())?,
    };
    let asked = process::runtime()?.block_on(async {
        tokio::time::timeout(PATIENCE, admin_api::get::<QuotaReport>(&admin, PATH)).await
    });
    let report = match asked {
        Ok(Ok(report)) => report,
        Ok(Err(why)) => return Err(nobody(&admin, &why.to_string())),
        Err(_late) => return Err(nobody(&admin, "no answer in time")),
    };
    let text = if options.json {
        serde_json::to_string(&report).map_err(Failure::work)?
    } else {
        tell::for_people(&report)
    };
    process::print_line(text.trim_end());
    Ok(exit(&report))
}

fn nobody(admin: &http::Uri, why: &str) -> Failure {
    Failure::unsure(format!("no gateway tells about its quota at {admin}: {why}"))
        .hint("start one with `hubkeeper up`, or name its admin API with --admin")
}

fn exit(report: &QuotaReport) -> Exit {
    if report.is_empty() {
        Exit::Unsure
    } else if report.has_problem() {
        Exit::Problem
    } else {
        Exit::Fine
    }
}
