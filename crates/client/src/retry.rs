//! Whether an attempt is followed by another, as a pure function. Its first question: was it sent?
//!
//! | what happened | again? |
//! |---|---|
//! | never sent | yes |
//! | sent, no answer or a 5xx, idempotent | yes |
//! | sent, no answer or a 5xx, not idempotent | no: the outcome is unknown, and twice is worse than unknown |
//! | 429 other than DAILY | yes, once its window allows |
//! | 423 | yes, after its 2 s |
//! | DAILY, 477, 409, any other 4xx | no |

use std::time::Duration;

use hubspot::error::{ApiError, ErrorKind};

use crate::transport::TransportFault;

mod budget;
mod repeats;

pub(crate) use budget::RetryBudget;
pub use repeats::Repeated;
pub(crate) use repeats::{Repeat, Repeats};

/// A record set stays locked this long (hubspot-facts §1.7, HubSpot "Handling errors" page).
const LOCK: Duration = Duration::from_secs(2);

/// The first back-off for a failing server; each further one doubles, with full jitter.
const BACKOFF: Duration = Duration::from_millis(400);
const BACKOFF_MAX: Duration = Duration::from_secs(8);

/// Requests sent for one call at most.
pub const ATTEMPTS_MAX: u32 = 3;

/// How an attempt ended short of a success.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ended<'a> {
    Answered(&'a ApiError),
    Transport(TransportFault),
    TimedOut,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Hand on what there is.
    Stop,
    /// Send again after this wait.
    Again(Duration),
}

/// Decides after attempt `number` (from 1). `jitter` lies in `0.0..1.0`.
pub(crate) fn decide(ended: Ended<'_>, idempotent: bool, number: u32, jitter: f64) -> Verdict {
    if number >= ATTEMPTS_MAX {
        return Verdict::Stop;
    }
    let backoff = || Verdict::Again(backoff(number, jitter));
    match ended {
        Ended::Transport(TransportFault::ResetAfterIdle) if idempotent => Verdict::Again(Duration::ZERO),
        Ended::Transport(TransportFault::Tls) => Verdict::Stop,
        Ended::Transport(fault) if idempotent || !fault.may_have_been_sent() => backoff(),
        Ended::TimedOut if idempotent => backoff(),
        Ended::Transport(_) | Ended::TimedOut => Verdict::Stop,
        Ended::Answered(error) => after_answer(error, idempotent, backoff),
    }
}

fn after_answer(error: &ApiError, idempotent: bool, backoff: impl Fn() -> Verdict) -> Verdict {
    match error.kind {
        // The governor holds the next attempt until the window allows it.
        ErrorKind::BurstLimit | ErrorKind::SearchLimit => {
            Verdict::Again(error.retry_after.unwrap_or_default())
        }
        ErrorKind::OtherLimit => error.retry_after.map_or_else(&backoff, Verdict::Again),
        ErrorKind::Locked => Verdict::Again(error.retry_after.unwrap_or(LOCK).max(LOCK)),
        ErrorKind::Internal
        | ErrorKind::Processing
        | ErrorKind::Unavailable
        | ErrorKind::OriginUnreachable
        | ErrorKind::EdgeTimeout
        | ErrorKind::OtherServer => {
            // 525 and 526 are about certificates: asking again changes nothing (hubspot-facts §1.7).
            let certificate = matches!(error.status.as_u16(), 525 | 526);
            let never_reached = matches!(error.status.as_u16(), 521 | 523);
            if certificate || !(idempotent || never_reached) {
                Verdict::Stop
            } else {
                error.retry_after.map_or_else(backoff, Verdict::Again)
            }
        }
        ErrorKind::Validation
        | ErrorKind::InvalidAuthentication
        | ErrorKind::ExpiredAuthentication
        | ErrorKind::MissingScopes
        | ErrorKind::UserPermissions
        | ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::NoSuchEndpoint
        | ErrorKind::MethodNotAllowed
        | ErrorKind::Conflict
        | ErrorKind::TooLong
        | ErrorKind::DailyLimit
        | ErrorKind::Migrating
        | ErrorKind::EdgeBlock
        | ErrorKind::Proxy
        | ErrorKind::BadRefreshToken
        | ErrorKind::BadClient
        | ErrorKind::OtherOauth
        | ErrorKind::Partial
        | ErrorKind::OtherClient => Verdict::Stop,
    }
}

fn backoff(number: u32, jitter: f64) -> Duration {
    let ceiling = BACKOFF.saturating_mul(1 << (number - 1).min(10)).min(BACKOFF_MAX);
    ceiling.mul_f64(jitter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};
    use rstest::rstest;

    fn answer(status: u16, body: &str) -> ApiError {
        ApiError::read(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes()).unwrap()
    }

    const BURST: &str = r#"{"status":"error","errorType":"RATE_LIMIT","policyName":"TEN_SECONDLY_ROLLING"}"#;
    const DAILY: &str = r#"{"status":"error","errorType":"RATE_LIMIT","policyName":"DAILY"}"#;

    #[rstest]
    #[case::burst(429, BURST, true, true)]
    #[case::daily(429, DAILY, false, false)]
    #[case::server_error(500, "", true, false)]
    #[case::gateway_timeout(504, "<html>", true, false)]
    #[case::unavailable(503, "", true, false)]
    #[case::locked(423, "", true, true)]
    #[case::migrating(477, "", false, false)]
    #[case::conflict(409, "", false, false)]
    #[case::validation(400, "", false, false)]
    #[case::origin_down(521, "", true, true)]
    #[case::certificate(526, "", false, false)]
    fn answers(#[case] status: u16, #[case] body: &str, #[case] if_idempotent: bool, #[case] if_not: bool) {
        let error = answer(status, body);
        let again = |idempotent| decide(Ended::Answered(&error), idempotent, 1, 0.5) != Verdict::Stop;
        assert_eq!((again(true), again(false)), (if_idempotent, if_not));
    }

    #[rstest]
    #[case(TransportFault::Dns, true, true)]
    #[case(TransportFault::Connect, true, true)]
    #[case(TransportFault::Tls, false, false)]
    #[case(TransportFault::ResetAfterIdle, true, false)]
    #[case(TransportFault::Reset, true, false)]
    #[case(TransportFault::Truncated, true, false)]
    fn connections(#[case] fault: TransportFault, #[case] if_idempotent: bool, #[case] if_not: bool) {
        let again = |idempotent| decide(Ended::Transport(fault), idempotent, 1, 0.5) != Verdict::Stop;
        assert_eq!((again(true), again(false)), (if_idempotent, if_not));
    }

    #[test]
    fn a_timeout_is_an_unknown_outcome() {
        assert_eq!(decide(Ended::TimedOut, false, 1, 0.5), Verdict::Stop);
        assert_ne!(decide(Ended::TimedOut, true, 1, 0.5), Verdict::Stop);
    }

    #[test]
    fn three_attempts_at_most() {
        assert_ne!(decide(Ended::TimedOut, true, 2, 0.5), Verdict::Stop);
        assert_eq!(decide(Ended::TimedOut, true, 3, 0.5), Verdict::Stop);
    }

    #[test]
    fn a_lock_is_waited_out() {
        assert_eq!(decide(Ended::Answered(&answer(423, "")), false, 1, 0.0), Verdict::Again(LOCK));
    }
}
