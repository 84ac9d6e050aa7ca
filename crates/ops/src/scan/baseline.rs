//! Findings that are known and left, so that only new ones fail a build.

use serde::{Deserialize, Serialize};

use super::report::ScanReport;

const SCHEMA: u32 = 1;

/// What is known. It holds no secret: fingerprints cannot be turned back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    schema: u32,
    findings: Vec<Known>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    rule: String,
    path: String,
    fingerprint: String,
}

impl Baseline {
    /// Everything the report found is known from now on.
    pub fn of(report: &ScanReport) -> Self {
        let known = report.findings.iter().map(|finding| Known {
            rule: finding.rule.clone(),
            path: finding.path.clone(),
            fingerprint: finding.fingerprint.clone(),
        });
        Self { schema: SCHEMA, findings: known.collect() }
    }

    /// # Errors
    /// What is wrong with the text.
    pub fn read(text: &str) -> Result<Self, String> {
        let baseline: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if baseline.schema == SCHEMA {
            Ok(baseline)
        } else {
            Err(format!("schema {} is not known", baseline.schema))
        }
    }

    /// One line each, so that a review shows what was added.
    pub fn written(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Takes what is known out of the report.
    pub fn apply(&self, report: &mut ScanReport) {
        let before = report.findings.len();
        report.findings.retain(|finding| {
            !self.findings.iter().any(|known| {
                known.fingerprint == finding.fingerprint
                    && known.rule == finding.rule
                    && known.path == finding.path
            })
        });
        report.known += before - report.findings.len();
    }
}
