//! What HubSpot has switched off, and from when (facts §8.2).

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// The part of a path and the day it stops answering.
struct Sunset {
    prefix: &'static [&'static str],
    from: Date,
}

const SUNSETS: [Sunset; 3] = [
    // [CL upcoming-sunset-v1-lists-api]: 404 from that day.
    Sunset { prefix: &["contacts", "v1", "lists"], from: jiff::civil::date(2026, 4, 30) },
    // [CL pipelines-api-v1-sunset]
    Sunset { prefix: &["crm-pipelines", "v1"], from: jiff::civil::date(2026, 12, 4) },
    // [CL v1-oauth-api-deprecation]
    Sunset { prefix: &["oauth", "v1"], from: jiff::civil::date(2027, 2, 16) },
];

/// Is this path gone? The day begins at midnight UTC; HubSpot names no hour.
pub fn has_set(segments: &[&str], now: Timestamp) -> bool {
    // Three reads of list members survive the lists API (facts §8.2).
    if matches!(segments, ["contacts", "v1", "lists", .., "contacts", _]) {
        return false;
    }
    let today = now.to_zoned(TimeZone::UTC).date();
    SUNSETS.iter().any(|sunset| segments.starts_with(sunset.prefix) && today >= sunset.from)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("contacts/v1/lists/all", "2026-04-29", false)]
    #[case("contacts/v1/lists/all", "2026-04-30", true)]
    #[case("contacts/v1/lists/5/contacts/all", "2026-10-01", false)]
    #[case("crm-pipelines/v1/pipelines/deals", "2026-12-03", false)]
    #[case("crm-pipelines/v1/pipelines/deals", "2026-12-04", true)]
    #[case("oauth/v1/token", "2027-02-16", true)]
    #[case("oauth/v3/token", "2027-02-16", false)]
    #[case("crm/v3/objects/contacts", "2027-12-01", false)]
    fn a_path_dies_on_its_day(#[case] path: &str, #[case] day: &str, #[case] gone: bool) {
        let now = format!("{day}T00:00:00Z").parse().expect("a timestamp");
        assert_eq!(has_set(&path.split('/').collect::<Vec<_>>(), now), gone);
    }
}
