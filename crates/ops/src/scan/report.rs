//! Findings, and what was looked at.

use jiff::civil::Date;
use serde::Serialize;

use super::rules::Level;

/// The version of the report's shape.
pub const SCHEMA: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScanReport {
    pub schema: u32,
    pub today: Date,
    /// By path, line and rule.
    pub findings: Vec<Finding>,
    /// Findings left out because the baseline has them.
    pub known: usize,
    pub looked_at: LookedAt,
    pub history: History,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub rule: String,
    pub level: Level,
    /// As it was reached from where the scan started, with slashes.
    pub path: String,
    /// From 1.
    pub line: usize,
    pub column: usize,
    pub column_end: usize,
    pub what: String,
    pub why: String,
    pub fix: String,
    /// The line, shortened, secrets masked.
    pub excerpt: String,
    /// Names the finding without its line, so that it is known again after lines have moved.
    pub fingerprint: String,
    /// The commit that brought it, for what is no longer in the files.
    pub commit: Option<String>,
    /// When what it calls ends.
    pub ends: Option<Date>,
    /// The secret's own fingerprint: the same secret has the same in every place.
    pub secret: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LookedAt {
    pub files: u64,
    pub bytes: u64,
    pub binary: u64,
    pub too_large: u64,
    pub unreadable: u64,
}

/// What became of the look into the past.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum History {
    /// Not asked for.
    Left,
    NoRepository,
    Read {
        blobs: u64,
        too_large: u64,
    },
    /// Git could not be asked, or said no.
    Failed {
        why: String,
    },
}

impl Finding {
    pub(super) fn order(&self) -> (&str, bool, usize, usize, &str) {
        (&self.path, self.commit.is_some(), self.line, self.column, &self.rule)
    }

    /// It makes the scan fail.
    pub fn is_problem(&self) -> bool {
        match self.level {
            Level::Error | Level::Warning => true,
            Level::Note => false,
        }
    }
}

impl ScanReport {
    pub fn has_problem(&self) -> bool {
        self.findings.iter().any(Finding::is_problem)
    }

    pub fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }
}

impl LookedAt {
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            files: self.files + other.files,
            bytes: self.bytes + other.bytes,
            binary: self.binary + other.binary,
            too_large: self.too_large + other.too_large,
            unreadable: self.unreadable + other.unreadable,
        }
    }
}
