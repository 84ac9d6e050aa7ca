//! API versions and their end.

use std::fmt;

use jiff::ToSpan;
use jiff::civil::{Date, date};

/// The version a path speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ApiVersion {
    V1,
    V2,
    V3,
    V4,
    /// `2026-03`: year, month, beta?
    Dated {
        year: u16,
        month: u8,
        beta: bool,
    },
}

impl ApiVersion {
    /// Reads one path segment: `v3`, `2026-03`, `2026-09-beta`.
    pub fn parse(segment: &str) -> Option<Self> {
        match segment {
            "v1" => Some(Self::V1),
            "v2" => Some(Self::V2),
            "v3" => Some(Self::V3),
            "v4" => Some(Self::V4),
            dated => parse_dated(dated),
        }
    }

    /// Beta versions may change at any time (facts §8.1 [DOC api-reference/2027-03-beta]).
    pub const fn is_beta(self) -> bool {
        matches!(self, Self::Dated { beta: true, .. })
    }

    /// The day support ends, where HubSpot has said so. Unsupported does not mean gone: such a version may go
    /// on answering, without fixes (facts §8.1). Single endpoints end earlier: see [`crate::sunset`].
    ///
    /// * v4: 2027-03-30, announced by day [CL deprecating-support-for-hubspot-v4-apis].
    /// * v1 to v3: announced as "September 2027", a month; the first of it is given, so that a warning comes
    ///   early rather than late [CL legacy-apis-and-legacy-apps-whats-going-unsupported-and-when].
    /// * dated: 18 months after general availability (facts §8.1 [DOC developer-tooling/platform/versioning]).
    ///   Where the day of that is not known, the first of the month in its name stands for it.
    /// * beta: `None`, nothing is promised.
    pub fn unsupported_from(self) -> Option<Date> {
        match self {
            Self::V1 | Self::V2 | Self::V3 => Some(date(2027, 9, 1)),
            Self::V4 => Some(date(2027, 3, 30)),
            Self::Dated { beta: true, .. } => None,
            Self::Dated { year, month, beta: false } => {
                generally_available_from(year, month)?.checked_add(SUPPORT_MONTHS.months()).ok()
            }
        }
    }
}

/// As it stands in a path.
impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V1 => f.write_str("v1"),
            Self::V2 => f.write_str("v2"),
            Self::V3 => f.write_str("v3"),
            Self::V4 => f.write_str("v4"),
            Self::Dated { year, month, beta: false } => write!(f, "{year:04}-{month:02}"),
            Self::Dated { year, month, beta: true } => write!(f, "{year:04}-{month:02}-beta"),
        }
    }
}

/// A dated version is supported this long after general availability: facts §8.1
/// [CL introducing-date-based-api-versioning].
const SUPPORT_MONTHS: i32 = 18;

fn parse_dated(segment: &str) -> Option<ApiVersion> {
    let (day, beta) = match segment.strip_suffix("-beta") {
        Some(day) => (day, true),
        None => (segment, false),
    };
    let &[y1, y2, y3, y4, b'-', m1, m2] = day.as_bytes() else { return None };
    let year = number(&[y1, y2, y3, y4])?;
    let month = u8::try_from(number(&[m1, m2])?).ok()?;
    // Versions carry years of this century: a wider net would take a record id such as `1234-05`.
    ((2000..2100).contains(&year) && (1..=12).contains(&month)).then_some(ApiVersion::Dated {
        year,
        month,
        beta,
    })
}

fn number(digits: &[u8]) -> Option<u16> {
    digits
        .iter()
        .try_fold(0u16, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + u16::from(digit - b'0')))
}

/// The announced days: facts §8.1 [CL 2026-03 and 2026-09 announcements].
fn generally_available_from(year: u16, month: u8) -> Option<Date> {
    match (year, month) {
        (2026, 3) => Some(date(2026, 3, 30)),
        (2026, 9) => Some(date(2026, 9, 8)),
        _ => Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1).ok(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const fn dated(year: u16, month: u8, beta: bool) -> ApiVersion {
        ApiVersion::Dated { year, month, beta }
    }

    #[rstest]
    #[case("v1", Some(ApiVersion::V1))]
    #[case("v2", Some(ApiVersion::V2))]
    #[case("v3", Some(ApiVersion::V3))]
    #[case("v4", Some(ApiVersion::V4))]
    #[case("2026-03", Some(dated(2026, 3, false)))]
    #[case("2026-09-beta", Some(dated(2026, 9, true)))]
    #[case("2027-03-beta", Some(dated(2027, 3, true)))]
    #[case("v5", None)]
    #[case("V3", None)]
    #[case("2026-13", None)]
    #[case("2026-00", None)]
    #[case("2026-3", None)]
    #[case("2026-03-01", None)]
    #[case("2026-03-alpha", None)]
    #[case("1234-05", None)]
    #[case("20a6-03", None)]
    #[case("", None)]
    fn a_segment_is_a_version_or_not(#[case] segment: &str, #[case] version: Option<ApiVersion>) {
        assert_eq!(ApiVersion::parse(segment), version);
    }

    #[rstest]
    #[case("v1", Some(date(2027, 9, 1)))]
    #[case("v3", Some(date(2027, 9, 1)))]
    #[case("v4", Some(date(2027, 3, 30)))]
    #[case("2025-09", Some(date(2027, 3, 1)))]
    #[case("2026-03", Some(date(2027, 9, 30)))]
    #[case("2026-09", Some(date(2028, 3, 8)))]
    #[case("2026-09-beta", None)]
    fn support_ends_when_announced(#[case] version: &str, #[case] end: Option<Date>) {
        assert_eq!(ApiVersion::parse(version).unwrap().unsupported_from(), end);
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_back(segment in "(v[0-9]|20[0-9]{2}-[01][0-9](-beta)?|.{0,12})") {
            if let Some(version) = ApiVersion::parse(&segment) {
                prop_assert_eq!(version.to_string(), segment);
                prop_assert_eq!(version.is_beta(), version.to_string().ends_with("-beta"));
            }
        }
    }
}
