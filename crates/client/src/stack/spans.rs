//! Tracing spans: one for each call, one in it for each request sent.
//!
//! They are of level `debug`, so that usually nobody listens, and then a span is one look at a flag: its fields are not
//! even read. Ids are masked in routes; bodies, query strings and tokens do not pass here, and of what HubSpot writes
//! only the correlation id.

use http::HeaderMap;
use tracing::Span;
use tracing::field::Empty;

use crate::accounts::Account;
use crate::call::{Call, Effort};
use crate::telemetry::{AttemptResult, CallResult};

/// What listeners choose by.
const TARGET: &str = "client::call";

/// The header of W3C Trace Context. It also goes on to HubSpot as it came.
const TRACEPARENT: &str = "traceparent";

/// `00-`, 32 digits, `-`, 16 digits, `-`, 2 digits.
const TRACEPARENT_LENGTH: usize = 55;

/// Texts go as they are: to have them formatted costs a listener more than all the rest.
pub(super) fn of_call(call: &Call, account: &Account) -> Span {
    tracing::debug_span!(
        target: TARGET,
        "call",
        connection = &*account.name,
        caller = &**call.shown_caller(),
        lane = call.handling.lane.name(),
        family = call.endpoint.family.name(),
        method = call.method.as_str(),
        route = &*hubspot::endpoint::route(&call.method, call.target.path()),
        traceparent = traceparent(&call.headers),
        status = Empty,
        category = Empty,
        correlation_id = Empty,
        source = Empty,
        attempts = Empty,
        waited_ms = Empty,
        failed = Empty,
    )
}

pub(super) fn of_attempt(call: &Call, account: &Account, number: u32) -> Span {
    tracing::debug_span!(
        target: TARGET,
        "attempt",
        connection = &*account.name,
        family = call.endpoint.family.name(),
        method = call.method.as_str(),
        route = &*hubspot::endpoint::route(&call.method, call.target.path()),
        number,
        status = Empty,
        category = Empty,
        correlation_id = Empty,
        failed = Empty,
    )
}

/// Everyday refusals (404, 409, a bad value) are no failures of the call; all else that is not a success is.
pub(super) fn call_ended(span: &Span, result: CallResult<'_>, effort: Effort) {
    if span.is_disabled() {
        return;
    }
    span.record("attempts", effort.attempts);
    span.record("waited_ms", u64::try_from(effort.waited.as_millis()).unwrap_or(u64::MAX));
    match result {
        CallResult::Answered(status, error, source) => {
            span.record("status", status.as_u16());
            span.record("source", source.name());
            if let Some(error) = error {
                answered_badly(span, error);
            }
        }
        CallResult::Failed(failure) => {
            span.record("failed", failure.name());
        }
        CallResult::Cancelled => {
            span.record("failed", "cancelled");
        }
    }
}

pub(super) fn attempt_ended(span: &Span, result: AttemptResult<'_>) {
    if span.is_disabled() {
        return;
    }
    match result {
        AttemptResult::Good(status) => {
            span.record("status", status.as_u16());
        }
        AttemptResult::Error(error) => {
            span.record("status", error.status.as_u16());
            answered_badly(span, error);
        }
        AttemptResult::Transport(fault) => {
            span.record("failed", fault.name());
        }
        AttemptResult::TimedOut => {
            span.record("failed", "timeout");
        }
    }
}

/// HubSpot's own answer; what its error says of itself goes before this.
pub(super) fn answered(span: &Span, headers: &HeaderMap) {
    if !span.is_disabled()
        && let Some(id) = hubspot::error::correlation_header(headers)
    {
        span.record("correlation_id", id);
    }
}

fn answered_badly(span: &Span, error: &hubspot::error::ApiError) {
    span.record("category", error.kind.name());
    if let Some(id) = &error.correlation_id {
        span.record("correlation_id", id.as_str());
    }
    if !error.kind.is_everyday() {
        span.record("failed", error.kind.name());
    }
}

/// The header's value where it is one: anything else may be anything.
fn traceparent(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(TRACEPARENT)?.to_str().ok()?;
    let digits = |part: &str, length| {
        part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let named = |part: &str| part.bytes().any(|byte| byte != b'0');
    let mut parts = value.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let whole = version != "00" || parts.next().is_none();
    let proper = digits(version, 2) && digits(trace, 32) && digits(parent, 16) && digits(flags, 2);
    // A later version may go on; what we know of it stands in front.
    (whole && proper && version != "ff" && named(trace) && named(parent))
        .then(|| &value[..TRACEPARENT_LENGTH])
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use rstest::rstest;

    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[rstest]
    #[case(GOOD, Some(GOOD))]
    #[case::a_later_version_goes_on(
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-jane",
        Some("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    )]
    #[case::ours_does_not("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-jane", None)]
    #[case::no_version("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None)]
    #[case::no_trace("00-00000000000000000000000000000000-00f067aa0ba902b7-01", None)]
    #[case::no_parent("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", None)]
    #[case::large_letters("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", None)]
    #[case::a_person("jane.doe@example.com", None)]
    #[case::a_short_one("00-4bf9-00f0-01", None)]
    fn only_a_proper_traceparent_is_taken(#[case] value: &str, #[case] taken: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_str(value).unwrap());
        assert_eq!(traceparent(&headers), taken);
    }
}
