//! What the limit headers of an answer say.
//!
//! Source: facts §1.3 [DOC usage-guidelines]. The old `-Secondly` pair is still sent and must be ignored.

use http::{HeaderMap, HeaderValue};
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
    /// Reads them; a value that is not a number counts as absent, and of one sent twice the first counts.
    pub fn read(headers: &HeaderMap) -> Self {
        let mut read = Self::default();
        // One pass: every answer is read, and most of its headers are told apart by their first letters.
        for (name, value) in headers {
            let Some(which) = name.as_str().strip_prefix(PREFIX) else { continue };
            match which {
                "max" => note(&mut read.max, value),
                "remaining" => note(&mut read.remaining, value),
                "interval-milliseconds" => {
                    let mut milliseconds = None;
                    note(&mut milliseconds, value);
                    // A window of nothing is no window; it would let any rate through.
                    let window = milliseconds.filter(|ms| *ms > 0).map(Duration::from_millis);
                    read.window = read.window.or(window);
                }
                "daily" => note(&mut read.daily, value),
                "daily-remaining" => note(&mut read.daily_remaining, value),
                _ => {}
            }
        }
        read
    }

    /// Nothing was said, as on search.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Header names are matched in any letter case: `http` keeps them in small letters.
const PREFIX: &str = "x-hubspot-ratelimit-";

fn note<N: TryFrom<u64>>(place: &mut Option<N>, value: &HeaderValue) {
    if place.is_none() {
        // Blanks around it are rare: they are looked for where it does not read as it stands.
        let digits = value.as_bytes();
        let read = number(digits).or_else(|| number(digits.trim_ascii()));
        *place = read.and_then(|number| number.try_into().ok());
    }
}

/// As many digits as surely make no number too large to hold.
const DIGITS_MAX: usize = 19;

/// Digit by digit: every answer brings five of these, and text would be checked and trimmed as Unicode first.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > DIGITS_MAX {
        return None;
    }
    digits.iter().try_fold(0, |sum, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| sum * 10 + u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
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
                for which in ["max", "remaining", "interval-milliseconds", "daily", "daily-remaining"] {
                    let name: http::HeaderName = format!("{PREFIX}{which}").parse().unwrap();
                    map.insert(name, value.clone());
                }
            }
            let _ = RateHeaders::read(&map);
        }
    }
}
