//! What an answer means for an operation, as a pure function. Its first question, as everywhere: may it have taken effect?
//!
//! | what came | then |
//! |---|---|
//! | 2xx | applied |
//! | 400, 403, 404, 409, … | dead: HubSpot looked at it and said no |
//! | 207 with errors | dead: a part of it was applied, the answer says which |
//! | 429, 423, 477, never sent | again; HubSpot did not look at it |
//! | 401 | again: the credential is refused, not the write; a person has to see to it |
//! | 5xx, no answer, and it may be sent twice | again |
//! | 5xx, no answer, and it may not | to be settled: read back, or `unknown` |

use std::time::Duration;

use client::call::{CallFailed, Failure};
use client::governor::RefusalReason;
use hubspot::error::{ApiError, ErrorKind};

/// A record set stays locked this long (hubspot-facts §1.7).
const LOCK: Duration = Duration::from_secs(2);

/// A refused credential is a matter for people: asked about now and then.
const CREDENTIAL: Duration = Duration::from_secs(60);

/// A person may turn it back at any moment.
const SWITCH: Duration = Duration::from_secs(2);

/// What HubSpot, or the layers before it, made of one try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    Applied,
    /// HubSpot refused it.
    Dead,
    /// To be sent again.
    Again(Again),
    /// It may have taken effect, and sending it again might do so twice.
    InDoubt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Again {
    /// Not sooner, where that is known.
    pub(crate) after: Option<Duration>,
    pub(crate) blame: Blame,
}

/// Whether the others in line have anything to fear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blame {
    /// Whatever is sent now meets the same: nobody goes for a while.
    Way,
    /// HubSpot failed on this one; perhaps on others too.
    Failing,
    /// This one alone.
    Operation,
}

/// Is sending it twice the same as once?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twice {
    Safe,
    Unsafe,
}

/// After an answer; `error` is what it means where it is no plain success.
pub(crate) fn of_answer(error: Option<&ApiError>, twice: Twice) -> Verdict {
    let Some(error) = error else { return Verdict::Applied };
    let again = |blame, after: Option<Duration>| Verdict::Again(Again { after, blame });
    match error.kind {
        ErrorKind::BurstLimit
        | ErrorKind::SearchLimit
        | ErrorKind::OtherLimit
        | ErrorKind::DailyLimit
        | ErrorKind::Migrating => again(Blame::Way, error.retry_after),
        ErrorKind::Locked => {
            again(Blame::Operation, Some(error.retry_after.map_or(LOCK, |asked| asked.max(LOCK))))
        }
        ErrorKind::InvalidAuthentication | ErrorKind::ExpiredAuthentication => {
            again(Blame::Way, Some(CREDENTIAL))
        }
        // Not HubSpot's API speaking: something before it is in the way, as for everybody.
        ErrorKind::EdgeBlock => again(Blame::Way, Some(CREDENTIAL)),
        ErrorKind::Internal
        | ErrorKind::Processing
        | ErrorKind::Unavailable
        | ErrorKind::OriginUnreachable
        | ErrorKind::EdgeTimeout
        | ErrorKind::OtherServer
        | ErrorKind::Proxy => {
            let never_reached = matches!(error.status.as_u16(), 407 | 521 | 523);
            match twice {
                Twice::Unsafe if !never_reached => Verdict::InDoubt,
                Twice::Safe | Twice::Unsafe => again(Blame::Failing, error.retry_after),
            }
        }
        ErrorKind::Validation
        | ErrorKind::MissingScopes
        | ErrorKind::UserPermissions
        | ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::NoSuchEndpoint
        | ErrorKind::MethodNotAllowed
        | ErrorKind::Conflict
        | ErrorKind::TooLong
        | ErrorKind::BadRefreshToken
        | ErrorKind::BadClient
        | ErrorKind::OtherOauth
        | ErrorKind::Partial
        | ErrorKind::OtherClient => Verdict::Dead,
    }
}

/// After a try without an answer.
pub(crate) fn of_failure(failed: &CallFailed, twice: Twice) -> Verdict {
    if failed.why.may_have_been_applied() {
        return match twice {
            Twice::Safe => Verdict::Again(Again { after: None, blame: Blame::Failing }),
            Twice::Unsafe => Verdict::InDoubt,
        };
    }
    let (blame, after) = match &failed.why {
        Failure::Refused(refusal) => match refusal.reason {
            RefusalReason::ShuttingDown | RefusalReason::Moved => (Blame::Operation, Some(Duration::ZERO)),
            RefusalReason::Deadline
            | RefusalReason::Late
            | RefusalReason::QueueFull
            | RefusalReason::DailyPoolEmpty
            | RefusalReason::DailyReserve => (Blame::Way, Some(refusal.retry_after)),
        },
        Failure::BreakerOpen { retry_after, .. }
        | Failure::Congested { retry_after, .. }
        // It may be there sooner than HubSpot said: one goes to ask, and outlives its caller's patience anyway.
        | Failure::PortalPaused { asked_again_in: retry_after, .. } => (Blame::Way, Some(*retry_after)),
        // Looking at a switch costs nothing.
        Failure::Degraded { .. } | Failure::Held { .. } => (Blame::Way, Some(SWITCH)),
        // Until a person has authorised it, or for a moment: it waits as for an outage.
        Failure::NoToken { .. } => (Blame::Way, None),
        Failure::RetriesSpent { retry_after } => (Blame::Operation, Some(*retry_after)),
        // A write that must not be sent.
        Failure::NotKept => return Verdict::Dead,
        Failure::TooManyCredentials => (Blame::Way, None),
        // It could not be connected; what may have been sent was told above.
        Failure::Transport(_) | Failure::TimedOut { .. } => (Blame::Failing, None),
    };
    Verdict::Again(Again { after, blame })
}

/// HubSpot may have done it although it answered so, or did not answer.
pub(crate) fn is_doubtful(result: Result<Option<&ApiError>, &CallFailed>) -> bool {
    match result {
        Ok(error) => error.is_some_and(ApiError::may_have_been_applied),
        Err(failed) => failed.why.may_have_been_applied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use client::call::Effort;
    use client::governor::Refusal;
    use client::transport::{TransportError, TransportFault};
    use http::{HeaderMap, StatusCode};
    use hubspot::endpoint::{ApiFamily, Budget};
    use rstest::rstest;

    const DAILY: &str = r#"{"status":"error","errorType":"RATE_LIMIT","policyName":"DAILY"}"#;
    const UNAUTHORIZED: &str = r#"{"category":"INVALID_AUTHENTICATION"}"#;
    const PARTIAL: &str = r#"{"status":"COMPLETE","results":[],"numErrors":1,"errors":[{}]}"#;

    #[rstest]
    #[case::created(201, "{}", "applied", "applied")]
    #[case::no_content(204, "", "applied", "applied")]
    #[case::partly(207, PARTIAL, "dead", "dead")]
    #[case::invalid(400, "{}", "dead", "dead")]
    #[case::token_refused(401, UNAUTHORIZED, "way", "way")]
    #[case::forbidden(403, r#"{"category":"MISSING_SCOPES"}"#, "dead", "dead")]
    #[case::blocked_at_the_edge(403, "<html>cloudflare</html>", "way", "way")]
    #[case::gone(404, r#"{"category":"OBJECT_NOT_FOUND"}"#, "dead", "dead")]
    #[case::there_already(409, "{}", "dead", "dead")]
    #[case::locked(423, "", "operation", "operation")]
    #[case::limit(429, DAILY, "way", "way")]
    #[case::migrating(477, "", "way", "way")]
    #[case::failed(500, "", "failing", "in doubt")]
    #[case::bad_gateway(502, "<html>", "failing", "in doubt")]
    #[case::unavailable(503, "", "failing", "in doubt")]
    #[case::never_reached(521, "", "failing", "failing")]
    fn answers(#[case] status: u16, #[case] body: &str, #[case] if_safe: &str, #[case] if_not: &str) {
        let status = StatusCode::from_u16(status).unwrap();
        let error = ApiError::read(status, &HeaderMap::new(), body.as_bytes());
        let told = |twice| word(&of_answer(error.as_ref(), twice));
        assert_eq!((told(Twice::Safe), told(Twice::Unsafe)), (if_safe, if_not));
    }

    #[rstest]
    #[case::timeout(Failure::TimedOut { after: LOCK }, "failing", "in doubt")]
    #[case::reset(transport(TransportFault::Reset), "failing", "in doubt")]
    #[case::no_name(transport(TransportFault::Dns), "failing", "failing")]
    #[case::refused(transport(TransportFault::Connect), "failing", "failing")]
    #[case::breaker(Failure::BreakerOpen { family: ApiFamily::Objects, retry_after: LOCK }, "way", "way")]
    #[case::paused(Failure::PortalPaused { retry_after: LOCK, asked_again_in: LOCK }, "way", "way")]
    #[case::day_spent(refused(RefusalReason::DailyPoolEmpty), "way", "way")]
    #[case::shutting_down(refused(RefusalReason::ShuttingDown), "operation", "operation")]
    fn failures(#[case] why: Failure, #[case] if_safe: &str, #[case] if_not: &str) {
        let failed = CallFailed { why, effort: Effort::default() };
        let told = |twice| word(&of_failure(&failed, twice));
        assert_eq!((told(Twice::Safe), told(Twice::Unsafe)), (if_safe, if_not));
    }

    fn transport(fault: TransportFault) -> Failure {
        Failure::Transport(TransportError::new(fault, std::io::Error::other("x")))
    }

    fn refused(reason: RefusalReason) -> Failure {
        Failure::Refused(Refusal { budget: Budget::Daily, reason, retry_after: LOCK })
    }

    fn word(verdict: &Verdict) -> &'static str {
        match verdict {
            Verdict::Applied => "applied",
            Verdict::Dead => "dead",
            Verdict::InDoubt => "in doubt",
            Verdict::Again(Again { blame: Blame::Way, .. }) => "way",
            Verdict::Again(Again { blame: Blame::Failing, .. }) => "failing",
            Verdict::Again(Again { blame: Blame::Operation, .. }) => "operation",
        }
    }
}
