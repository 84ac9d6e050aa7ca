//! How long HubSpot asks to wait.

use std::time::Duration;

use http::{HeaderMap, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// Longer waits are cut to this. The longest HubSpot documents is about a day, on a 477 (facts §1.6).
pub(super) const WAIT_MAX: Duration = Duration::from_secs(48 * 60 * 60);

/// Reads `Retry-After`: seconds, as HubSpot documents for 477 and is seen to send on token throttles (facts §1.6);
/// or a date, as a proxy may write it, measured against the `Date` of the same answer, so that no clock of ours
/// is needed.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = seconds(value).or_else(|| until(value, headers))?;
    Some(wait.min(WAIT_MAX))
}

/// Whole seconds; a fraction, sent by some proxies, is rounded up.
fn seconds(value: &str) -> Option<Duration> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    // What does not fit is longer than any wait we keep.
    let whole: u64 = whole.parse().unwrap_or(u64::MAX);
    let round_up = fraction.bytes().any(|byte| byte != b'0');
    Some(Duration::from_secs(whole.saturating_add(u64::from(round_up))))
}

fn until(value: &str, headers: &HeaderMap) -> Option<Duration> {
    let then = http_date(value)?;
    let now = http_date(headers.get(header::DATE)?.to_str().ok()?)?;
    // A moment that has passed asks for no wait.
    Some(Duration::try_from(then.duration_since(now)).unwrap_or_default())
}

fn http_date(value: &str) -> Option<Timestamp> {
    // A wrong weekday does not make the moment doubtful.
    rfc2822::DateTimeParser::new().relaxed_weekday(true).parse_timestamp(value).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn read(value: &str, date: Option<&str>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, HeaderValue::from_str(value).ok()?);
        if let Some(date) = date {
            headers.insert(header::DATE, HeaderValue::from_str(date).unwrap());
        }
        retry_after(&headers)
    }

    #[rstest]
    #[case("10", Some(10))]
    #[case(" 10 ", Some(10))]
    #[case("0", Some(0))]
    #[case("1.2", Some(2))]
    #[case("1.0", Some(1))]
    #[case("86400", Some(86_400))]
    #[case("999999999999999999999999999", Some(172_800))]
    #[case("-5", None)]
    #[case("+5", None)]
    #[case("", None)]
    #[case("soon", None)]
    #[case("1e9", None)]
    #[case("Fri, 20 Nov 2026 10:00:00 GMT", None)]
    fn seconds_are_read(#[case] value: &str, #[case] seconds: Option<u64>) {
        assert_eq!(read(value, None), seconds.map(Duration::from_secs));
    }

    #[rstest]
    #[case("Fri, 20 Nov 2026 10:00:30 GMT", Some(30))]
    #[case("Fri, 20 Nov 2026 09:00:00 GMT", Some(0))]
    #[case("Fri, 20 Nov 2036 10:00:00 GMT", Some(172_800))]
    fn a_date_is_measured_against_the_answers_own(#[case] value: &str, #[case] seconds: Option<u64>) {
        let date = Some("Fri, 20 Nov 2026 10:00:00 GMT");
        assert_eq!(read(value, date), seconds.map(Duration::from_secs));
    }

    proptest! {
        #[test]
        fn nothing_panics_and_nothing_waits_for_ever(value in ".*", date in proptest::option::of("[ -~]*")) {
            if let Some(wait) = read(&value, date.as_deref()) {
                prop_assert!(wait <= WAIT_MAX);
            }
        }
    }
}
