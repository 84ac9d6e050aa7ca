//! How long answers live, and how much room they get.

use std::time::Duration;

use crate::stack::Feature;

/// What is kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSettings {
    /// Off: every call goes to HubSpot by itself, and no answer is kept.
    pub feature: Feature,
    /// Definitions (properties, pipelines, owners, schemas) are served again for this long.
    pub definitions: Duration,
    /// A 404 is served again for this long, where a good answer would be.
    pub not_found: Duration,
    /// The oldest answer that is better than none, for calls that say nothing about it.
    pub stale_max: Duration,
    /// Memory for all answers that are kept.
    pub bytes_max: usize,
    /// A larger answer is not kept.
    pub answer_bytes_max: usize,
}

impl CacheSettings {
    pub const OFF: Self = Self {
        feature: Feature::Off,
        definitions: Duration::ZERO,
        not_found: Duration::ZERO,
        stale_max: Duration::ZERO,
        bytes_max: 0,
        answer_bytes_max: 0,
    };
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self {
            feature: Feature::On,
            definitions: Duration::from_secs(300),
            not_found: Duration::from_secs(10),
            stale_max: Duration::from_secs(4 * 3600),
            bytes_max: 64 * 1024 * 1024,
            answer_bytes_max: 1024 * 1024,
        }
    }
}
