//! The limit headers of an answer (facts §1.3 [USAGE]).

use http::{HeaderMap, HeaderName, HeaderValue};

use super::Standing;

/// facts §1.3: the window length in milliseconds, always 10000.
const INTERVAL_MS: u64 = 10_000;
/// The retired per-second figures are the window's spread over its ten seconds.
const SECONDS_PER_WINDOW: u64 = 10;

/// Search answers have neither part; answers to public OAuth apps lack the daily pair.
pub fn write(standing: &Standing, headers: &mut HeaderMap) {
    let mut put = |name, value: u64| headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
    if let Some(burst) = standing.burst {
        put("x-hubspot-ratelimit-max", burst.max);
        put("x-hubspot-ratelimit-remaining", burst.remaining);
        put("x-hubspot-ratelimit-interval-milliseconds", INTERVAL_MS);
        let secondly = burst.max / SECONDS_PER_WINDOW;
        put("x-hubspot-ratelimit-secondly", secondly);
        put("x-hubspot-ratelimit-secondly-remaining", secondly.saturating_sub(1).min(burst.remaining));
    }
    if let Some(daily) = standing.daily {
        put("x-hubspot-ratelimit-daily", daily.max);
        put("x-hubspot-ratelimit-daily-remaining", daily.remaining);
    }
}
