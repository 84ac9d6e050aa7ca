//! Everything a diagnosis may know, as plain data.
//!
//! Facts are handed in: by the probes through `app`, by the gateway as JSON, by a test as a literal. Each one may be
//! missing, and missing means "could not tell", never "fine". They serialise, so that a conclusion can be
//! replayed from what it was drawn from.

pub mod configured;
pub mod error_kind;
pub mod exchange;
pub mod probes;
pub mod traffic;

use serde::{Deserialize, Serialize};

use configured::Configured;
use probes::Probes;
use traffic::Traffic;

/// All that is known at one moment.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    pub configured: Configured,
    /// How long the probes took together.
    pub duration_ms: u64,
    pub probes: Probes,
    /// What the gateway saw in the last 15 minutes; `None` where no gateway answered.
    pub traffic: Option<Traffic>,
}
