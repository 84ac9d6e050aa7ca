//! The answer: what `triage --json` prints, as it prints it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::code::{Blame, Code, Severity};
use crate::facts::probes::Layer;

/// Version of the shape below.
pub const SCHEMA: u32 = 1;

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Triage {
    pub schema: u32,
    pub started_at: Timestamp,
    pub duration_ms: u64,
    pub verdict: Verdict,
    pub diagnosis: Diagnosis,
    /// What else may be true, likeliest first.
    pub also: Vec<Suspicion>,
    /// Bottom up.
    pub layers: Vec<Layer>,
    /// The questions asked, in order.
    pub path: Vec<PathStep>,
    /// What HubSpot's support asks for.
    pub correlation_ids: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Healthy,
    Degraded,
    Down,
    Unknown,
}

/// A named cause with its evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    pub code: Code,
    pub title: String,
    /// 0 to 1. Below [`PROBABLE_BELOW`] it is to be read as "probably".
    pub confidence: f64,
    pub severity: Severity,
    pub blame: Blame,
    pub evidence: Vec<Evidence>,
    /// What a person does first.
    pub remedy: String,
    pub escalation: String,
    /// The runbook page's name.
    pub runbook: String,
}

/// A look-alike is not excluded: say "probably".
pub const PROBABLE_BELOW: f64 = 0.8;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub probe: String,
    pub observed: String,
    pub supports: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suspicion {
    pub code: Code,
    pub confidence: f64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PathStep {
    pub question: String,
    /// `yes: …`, `no: …`, `could not tell: …`.
    pub answer: String,
}

impl Verdict {
    /// Its name in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Down => "down",
            Self::Unknown => "unknown",
        }
    }
}
