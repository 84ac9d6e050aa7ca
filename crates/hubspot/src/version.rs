//! API versions and their end.

use jiff::civil::Date;

/// The version a path speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ApiVersion {
    V1,
    V2,
    V3,
    V4,
    /// `2026-03`: year, month, beta?
    Dated { year: u16, month: u8, beta: bool },
}

impl ApiVersion {
    /// Reads one path segment: `v3`, `2026-03`, `2026-09-beta`.
    pub fn parse(segment: &str) -> Option<Self> {
        let _ = segment;
        None
    }

    /// The day support ends, where HubSpot has said so.
    pub fn unsupported_from(self) -> Option<Date> {
        None
    }
}
