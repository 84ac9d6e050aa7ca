//! Words that HubSpot's answers, and the edge's before it, are full of. They lie in the program itself: to copy one that was
//! read counts its copies, twice a header of every answer, and to copy one of these counts nothing.

use http::{HeaderName, HeaderValue};

/// Names that `http` has no words of its own for (facts §1.3, §4).
const NAMES: [HeaderName; 14] = [
    HeaderName::from_static("x-hubspot-ratelimit-max"),
    HeaderName::from_static("x-hubspot-ratelimit-remaining"),
    HeaderName::from_static("x-hubspot-ratelimit-interval-milliseconds"),
    HeaderName::from_static("x-hubspot-ratelimit-daily"),
    HeaderName::from_static("x-hubspot-ratelimit-daily-remaining"),
    HeaderName::from_static("x-hubspot-ratelimit-secondly"),
    HeaderName::from_static("x-hubspot-ratelimit-secondly-remaining"),
    HeaderName::from_static("x-hubspot-correlation-id"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("cf-ray"),
    HeaderName::from_static("cf-cache-status"),
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("nel"),
    HeaderName::from_static("report-to"),
];

const VALUES: [&str; 11] = [
    "application/json",
    "application/json;charset=utf-8",
    "keep-alive",
    "close",
    "chunked",
    "gzip",
    "cloudflare",
    "DYNAMIC",
    "nosniff",
    "origin, Accept-Encoding",
    "max-age=31536000; includeSubDomains; preload",
];

/// The same name, without anything to count where it is a familiar one.
pub(super) fn name(name: HeaderName) -> HeaderName {
    NAMES.iter().find(|familiar| **familiar == name).cloned().unwrap_or(name)
}

/// The value in memory of its own, or in none.
pub(super) fn value(value: &HeaderValue) -> HeaderValue {
    match VALUES.iter().find(|familiar| **familiar == value) {
        Some(familiar) => HeaderValue::from_static(familiar),
        None => HeaderValue::from_bytes(value.as_bytes()).expect("it is one already"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reads_differently() {
        for text in ["x-hubspot-ratelimit-max", "content-type", "x-else"] {
            let given = HeaderName::from_bytes(text.as_bytes()).expect("a name");
            assert_eq!(name(given).as_str(), text);
        }
        for text in VALUES.into_iter().chain(["", "application/JSON", "a\u{e4}"]) {
            let given = HeaderValue::from_bytes(text.as_bytes()).expect("a value");
            assert_eq!(value(&given), given);
        }
    }
}
