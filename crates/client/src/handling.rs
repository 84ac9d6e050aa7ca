//! What may be done for a call besides sending it: decided by whoever knows the caller and the route.

use std::time::Duration;

use crate::lane::Lane;
use crate::stack::Feature;

/// How one call is to be treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handling {
    pub lane: Lane,
    /// The caller's share of its lane, against the others' there.
    pub weight: u16,
    /// Tells apart callers who go by one name: each kin has a turn of its own. 0 where they cannot be told apart.
    pub kin: u16,
    /// It may travel with others as one batch.
    pub packing: Feature,
    /// How long an answer may be served again. Zero: not at all; definitions have a time of their own.
    pub keep: Duration,
    /// The oldest answer that is better than none, while HubSpot does not answer. Zero: an error is. `None`: what the
    /// house says (`[cache] max_stale_seconds`). Said outright, it also goes for calls refused for a spent budget.
    pub stale_max: Option<Duration>,
    /// The caller wants HubSpot's own word (`Cache-Control: no-cache`).
    pub fresh: bool,
}

impl Default for Handling {
    fn default() -> Self {
        Self {
            lane: Lane::default(),
            weight: 1,
            kin: 0,
            packing: Feature::On,
            keep: Duration::ZERO,
            stale_max: None,
            fresh: false,
        }
    }
}
