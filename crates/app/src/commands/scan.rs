//! `hubkeeper scan`: credentials and habits in a source tree that will hurt.

use std::fs;
use std::path::Path;

use anstream::eprintln;
use client::clock::WallClock;
use jiff::tz::TimeZone;
use ops::scan::baseline::Baseline;
use ops::scan::report::{History, ScanReport};
use ops::scan::{self, FILE_BYTES_MAX, Past, Plan, ScanError, sarif};

use crate::cli::ScanOptions;
use crate::failure::{Exit, Failure};
use crate::process;

mod tell;

pub(super) fn run(options: &ScanOptions) -> Result<Exit, Failure> {
    let known = options.baseline.as_deref().map(read_baseline).transpose()?;
    let mut report = scan::run(&plan(options)).map_err(|error| refused(&error))?;
    if let Some(known) = known {
        known.apply(&mut report);
    }
    if let Some(path) = &options.write_baseline {
        write_baseline(path, &report)?;
        eprintln!("{} findings are known from now on: {}", report.findings.len(), path.display());
        return Ok(Exit::Fine);
    }
    warn(&report.history);
    let text = if options.sarif {
        serde_json::to_string_pretty(&sarif::sarif(&report, env!("CARGO_PKG_VERSION")))
    } else if options.json {
        serde_json::to_string(&report)
    } else {
        Ok(tell::for_people(&report))
    };
    process::print_line(text.map_err(Failure::work)?.trim_end());
    Ok(if report.has_problem() { Exit::Problem } else { Exit::Fine })
}

fn plan(options: &ScanOptions) -> Plan {
    let here = || vec![".".into()];
    Plan {
        paths: if options.paths.is_empty() { here() } else { options.paths.clone() },
        past: if options.no_history { Past::Left } else { Past::Read },
        file_bytes_max: options.max_file_bytes.unwrap_or(FILE_BYTES_MAX),
        today: WallClock::system().now().to_zoned(TimeZone::UTC).date(),
        threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    }
}

fn refused(error: &ScanError) -> Failure {
    Failure::usage(error).hint("name files or directories; without any, the current directory is looked at")
}

fn read_baseline(path: &Path) -> Result<Baseline, Failure> {
    let hint = "make one with `hubkeeper scan --write-baseline FILE`";
    let unreadable =
        |why: String| Failure::usage(format!("{} is no baseline: {why}", path.display())).hint(hint);
    let text = fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    Baseline::read(&text).map_err(unreadable)
}

fn write_baseline(path: &Path, report: &ScanReport) -> Result<(), Failure> {
    let written = fs::write(path, Baseline::of(report).written());
    written.map_err(|error| Failure::work(format!("{} cannot be written: {error}", path.display())))
}

fn warn(history: &History) {
    match history {
        History::Left | History::NoRepository | History::Read { .. } => {}
        History::Failed { why } => eprintln!("warning: git's history was not looked at: {why}"),
    }
}
