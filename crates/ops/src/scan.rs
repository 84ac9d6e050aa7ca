//! What in a source tree will break an integration, or give its credentials away.
//!
//! A [`Plan`] says where to look; [`run`] reads files and git's history and tells what the rules of [`rules`] see there, as a
//! [`ScanReport`]. The same rules mask secrets in what leaves the house: see [`redact`].
//!
//! | module | is |
//! |---|---|
//! | [`rules`] | the rules, data with examples |
//! | [`redact`] | masks what the rules call secret |
//! | [`report`] | findings, and what was looked at |
//! | [`baseline`] | findings that are known and left |
//! | [`sarif`] | the report as code hosts take it |
//! | `look` | one file's text against the rules |
//! | `place` | lines, excerpts and fingerprints of a finding |
//! | `ending`, `direction`, `secret` | what rules of these kinds know beyond their patterns |
//! | `files`, `history` | where the text comes from |

use std::collections::HashSet;
use std::path::PathBuf;

use jiff::civil::Date;

pub mod baseline;
mod called;
mod direction;
mod ending;
mod files;

mod history;
mod look;
mod place;
pub mod redact;
pub mod report;
pub mod rules;
pub mod sarif;
mod secret;

use report::{Finding, History, LookedAt, ScanReport};
use rules::RuleSet;

/// Larger files are counted, not read: data and bundles, in which nothing is written by hand.
pub const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What to look at.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Files and directories.
    pub paths: Vec<PathBuf>,
    pub past: Past,
    pub file_bytes_max: u64,
    /// Decides what has ended and what is about to.
    pub today: Date,
    pub threads: usize,
}

/// Whether git's history is read too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Past {
    Read,
    Left,
}

/// Looks at everything the plan names.
///
/// # Errors
/// A path that cannot be looked at.
pub fn run(plan: &Plan) -> Result<ScanReport, ScanError> {
    let rules = RuleSet::built_in();
    if let Some(missing) = plan.paths.iter().find(|path| !path.exists()) {
        return Err(ScanError::Missing(missing.clone()));
    }
    let (mut findings, looked_at) = files::scan(plan, rules);
    let mut history = History::Left;
    if plan.past == Past::Read {
        let known: HashSet<String> = findings.iter().filter_map(|seen| seen.secret.clone()).collect();
        let (past, state) = history::scan(plan, rules, &known);
        findings.extend(past);
        history = state;
    }
    Ok(report_of(findings, looked_at, history, plan.today))
}

fn report_of(findings: Vec<Finding>, looked_at: LookedAt, history: History, today: Date) -> ScanReport {
    let mut report = ScanReport { schema: report::SCHEMA, today, findings, known: 0, looked_at, history };
    report.findings.sort_by(|one, other| one.order().cmp(&other.order()));
    report
}

/// Why nothing was looked at.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error("{} is not there", .0.display())]
    Missing(PathBuf),
}

#[cfg(test)]
mod tests;
