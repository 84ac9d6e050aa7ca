//! What is told, how and to whom: `[log]` and `[otel]`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::secret_reference::SecretReference;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogSection {
    /// Left out: text for a person at a terminal, JSON otherwise.
    pub(crate) format: Option<LogFormat>,
    /// A level, or targets such as `client=debug,warn`.
    pub(crate) level: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// One object on each line.
    Json,
    Text,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OtelSection {
    /// Left out, nothing is exported.
    pub(crate) endpoint: Option<String>,
    /// Sent with each export; a collector that others run wants a key.
    pub(crate) headers: BTreeMap<String, SecretReference>,
    pub(crate) service_name: String,
    pub(crate) sample_ratio: f64,
    pub(crate) interval_ms: u64,
}

impl Default for LogSection {
    fn default() -> Self {
        Self { format: None, level: "info".into() }
    }
}

impl Default for OtelSection {
    fn default() -> Self {
        Self {
            endpoint: None,
            headers: BTreeMap::new(),
            service_name: "hubkeeper".into(),
            sample_ratio: 0.1,
            interval_ms: 10_000,
        }
    }
}
