//! What the limit headers of an answer say.
//!
//! Source: facts §1.3 [DOC usage-guidelines]. The old `-Secondly` pair is still sent and must be ignored.

use http::{HeaderMap, HeaderName};
use std::str::FromStr;
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
        Self {
            max: number(headers, MAX),
            remaining: number(headers, REMAINING),
            // A window of nothing is no window; it would let any rate through.
            window: number(headers, INTERVAL_MS).filter(|ms| *ms > 0).map(Duration::from_millis),
            daily: number(headers, DAILY),
            daily_remaining: number(headers, DAILY_REMAINING),
        }
    }

    /// Nothing was said, as on search.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Header names are matched in any letter case.
const MAX: HeaderName = HeaderName::from_static("x-hubspot-ratelimit-max");
const REMAINING: HeaderName = HeaderName::from_static("x-hubspot-ratelimit-remaining");
const INTERVAL_MS: HeaderName = HeaderName::from_static("x-hubspot-ratelimit-interval-milliseconds");
const DAILY: HeaderName = HeaderName::from_static("x-hubspot-ratelimit-daily");
const DAILY_REMAINING: HeaderName = HeaderName::from_static("x-hubspot-ratelimit-daily-remaining");

fn number<N: FromStr>(headers: &HeaderMap, name: HeaderName) -> Option<N> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (http::HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static(value))
            })
            .collect()
    }

    #[test]
    fn a_private_apps_answer_carries_all_five() {
        let read = RateHeaders::read(&headers(&[
            ("X-HubSpot-RateLimit-Max", "190"),
            ("X-HubSpot-RateLimit-Remaining", "187"),
            ("X-HubSpot-RateLimit-Interval-Milliseconds", "10000"),
            ("X-HubSpot-RateLimit-Daily", "1000000"),
            ("X-HubSpot-RateLimit-Daily-Remaining", " 999001 "),
            ("X-HubSpot-RateLimit-Secondly", "19"),
            ("X-HubSpot-RateLimit-Secondly-Remaining", "18"),
        ]));
        let expected = RateHeaders {
            max: Some(190),
            remaining: Some(187),
            window: Some(Duration::from_secs(10)),
            daily: Some(1_000_000),
            daily_remaining: Some(999_001),
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn an_oauth_answer_has_no_daily_pair_and_search_has_nothing() {
        let oauth = RateHeaders::read(&headers(&[("x-hubspot-ratelimit-max", "110")]));
        assert_eq!(oauth, RateHeaders { max: Some(110), ..RateHeaders::default() });
        assert!(!oauth.is_empty());
        assert!(RateHeaders::read(&HeaderMap::new()).is_empty());
    }

    #[test]
    fn what_is_not_a_number_is_absent() {
        for value in ["", "-1", "many", "1e3", "99999999999999999999", "100, 100", "0x10"] {
            let read = RateHeaders::read(&headers(&[
                ("x-hubspot-ratelimit-max", value),
                ("x-hubspot-ratelimit-daily-remaining", value),
                ("x-hubspot-ratelimit-interval-milliseconds", value),
            ]));
            assert!(read.is_empty(), "{value}: {read:?}");
        }
        let zero = RateHeaders::read(&headers(&[("x-hubspot-ratelimit-interval-milliseconds", "0")]));
        assert_eq!(zero.window, None);
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(32u8..=255, 0..40)) {
            let mut map = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                for name in [MAX, REMAINING, INTERVAL_MS, DAILY, DAILY_REMAINING] {
                    map.insert(name, value.clone());
                }
            }
            let _ = RateHeaders::read(&map);
        }
    }
}
