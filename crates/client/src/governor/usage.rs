//! What the daily usage endpoint answers (hubspot-facts §1.8, spec Account_Info/144923).

use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;

/// `GET`; aggregates all privately distributed apps of the account.
pub(crate) const DAILY_USAGE: &str = "/account-info/v3/api-usage/daily/private-apps";

/// How much of the pool is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Usage {
    Told {
        limit: u64,
        used: u64,
        resets_at: Option<Timestamp>,
    },
    /// Even this was refused: the pool is empty.
    Empty,
    Unknown,
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<Figure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Figure {
    usage_limit: u64,
    current_usage: u64,
    fetch_status: String,
    resets_at: Option<Timestamp>,
}

impl Usage {
    pub(crate) fn read(status: StatusCode, body: &[u8], daily_limit_hit: bool) -> Self {
        if daily_limit_hit {
            return Self::Empty;
        }
        let answer =
            (status == StatusCode::OK).then(|| serde_json::from_slice::<Answer>(body).ok()).flatten();
        let figures = answer.map(|answer| answer.results).unwrap_or_default();
        // TIMEOUT, FAILURE and NOTFOUND come with a number that means nothing.
        let sound = |figure: &&Figure| {
            matches!(figure.fetch_status.as_str(), "SUCCESS" | "CACHED") && figure.usage_limit > 0
        };
        // Fresh figures go before remembered ones.
        let best = figures.iter().filter(sound).max_by_key(|figure| figure.fetch_status == "SUCCESS");
        best.map_or(Self::Unknown, |figure| Self::Told {
            limit: figure.usage_limit,
            used: figure.current_usage,
            resets_at: figure.resets_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn read(fetch_status: &str) -> Usage {
        let body = format!(
            r#"{{"results":[{{"name":"private-apps-api-calls-daily","usageLimit":250000,"currentUsage":16,
            "collectedAt":"2025-12-12T22:25:00Z","fetchStatus":"{fetch_status}","resetsAt":"2025-12-13T05:00:00Z"}}]}}"#
        );
        Usage::read(StatusCode::OK, body.as_bytes(), false)
    }

    #[rstest]
    #[case("SUCCESS", true)]
    #[case("CACHED", true)]
    #[case("TIMEOUT", false)]
    #[case("FAILURE", false)]
    #[case("NOTFOUND", false)]
    #[case("SOMETHING_NEW", false)]
    fn only_sound_figures_count(#[case] fetch_status: &str, #[case] sound: bool) {
        let told = Usage::Told {
            limit: 250_000,
            used: 16,
            resets_at: Some("2025-12-13T05:00:00Z".parse().expect("a timestamp")),
        };
        assert_eq!(read(fetch_status), if sound { told } else { Usage::Unknown });
    }

    #[test]
    fn anything_else_tells_nothing() {
        assert_eq!(Usage::read(StatusCode::OK, b"<html>", false), Usage::Unknown);
        assert_eq!(Usage::read(StatusCode::FORBIDDEN, b"{}", false), Usage::Unknown);
        assert_eq!(Usage::read(StatusCode::OK, br#"{"results":[]}"#, false), Usage::Unknown);
        assert_eq!(Usage::read(StatusCode::TOO_MANY_REQUESTS, b"{}", true), Usage::Empty);
    }
}
