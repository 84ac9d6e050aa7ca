//! The scan's report for a person: file by file, what, why and what to do; the sum last.

use std::fmt::Write;

use ops::scan::report::{Finding, History, LookedAt, ScanReport};
use ops::scan::rules::Level;

/// The whole text, ending in a line break.
pub(super) fn for_people(report: &ScanReport) -> String {
    let mut text = String::new();
    let mut explained: Vec<&str> = Vec::new();
    for finding in &report.findings {
        let first = !explained.contains(&&*finding.rule);
        explained.push(&finding.rule);
        tell(finding, first, &mut text);
    }
    let _infallible = writeln!(text, "{}", sum(report));
    text
}

/// Why and what to do is said once for each rule.
fn tell(finding: &Finding, explain: bool, text: &mut String) {
    let Finding { path, line, column, level, what, rule, why, fix, excerpt, .. } = finding;
    let _infallible = writeln!(text, "{path}:{line}:{column}: {}: {what} [{rule}]", level.name());
    if let Some(commit) = &finding.commit {
        let _infallible =
            writeln!(text, "  no longer in the files; commit {commit} brought it into git's history");
    }
    if !excerpt.is_empty() {
        let _infallible = writeln!(text, "    {excerpt}");
    }
    if explain {
        let _infallible = writeln!(text, "  why: {why}\n  do:  {fix}");
    }
    text.push('\n');
}

fn sum(report: &ScanReport) -> String {
    let LookedAt { files, binary, too_large, unreadable, .. } = report.looked_at;
    let [errors, warnings, notes] =
        [Level::Error, Level::Warning, Level::Note].map(|level| report.count(level));
    let mut sum = format!("{errors} errors, {warnings} warnings, {notes} notes in {files} files");
    for (count, what) in [(binary, "binary"), (too_large, "too large"), (unreadable, "unreadable")] {
        if count > 0 {
            let _infallible = write!(sum, ", {count} {what}");
        }
    }
    match &report.history {
        History::Read { blobs, .. } => {
            let _infallible = write!(sum, "; {blobs} file versions in git's history");
        }
        History::Left | History::NoRepository | History::Failed { .. } => {}
    }
    if report.known > 0 {
        let _infallible = write!(sum, "; {} known ones are left out", report.known);
    }
    sum
}
