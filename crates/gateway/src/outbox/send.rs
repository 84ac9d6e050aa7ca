//! One try of one operation: the call, and what came of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use client::accounts::Credential;
use client::body::Body;
use client::call::{Answer, Call, CallFailed};
use client::handling::Handling;
use client::lane::Lane;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use http_body_util::{BodyExt, Limited};
use hubspot::error::ApiError;
use jiff::{SignedDuration, Timestamp};
use store::outbox::{Answer as KeptAnswer, Attempt, Ending, Operation};
use tokio::time::Instant;

use super::settle::Found;
use super::verdict::{self, Again, Blame, Twice, Verdict};
use super::{Outbox, create};

/// How long an operation waits for its slot before it is put back.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// A try ends well within its patience; a claim that is older was interrupted.
pub(super) const CLAIM_FOR: SignedDuration = SignedDuration::from_secs(PATIENCE.as_secs() as i64 + 120);

/// HubSpot may still be at work on a request whose answer was lost.
const READ_BACK_AFTER: Duration = Duration::from_secs(5);

/// Refused and not to be found so often, it is refused.
const DOUBTS_MAX: usize = 8;

/// What is kept of an answer: a batch of a hundred long records is less.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// HubSpot's words are kept for people; a text of it is enough.
const REASON_CHARS_MAX: usize = 300;

/// One that failed waits this long for its next turn, doubled with each attempt.
const BACKOFF: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_secs(20);

/// What one try came to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tried {
    pub(super) attempt: Option<Attempt>,
    pub(super) verdict: Verdict,
    pub(super) answer: Option<KeptAnswer>,
    /// For people; may tell about a person.
    pub(super) reason: String,
}

impl Tried {
    /// HubSpot has failed on it often enough while it answered others.
    pub(super) fn for_the_last_time(self) -> Self {
        match &self.verdict {
            Verdict::Again(Again { blame: Blame::Failing, .. }) if self.attempt.is_some() => {
                let doubtful = self.attempt.as_ref().is_some_and(|attempt| attempt.doubtful);
                let verdict = if doubtful { Verdict::InDoubt } else { Verdict::Dead };
                let reason =
                    format!("HubSpot fails on it again and again while it answers others: {}", self.reason);
                Self { verdict, reason, ..self }
            }
            Verdict::Again(_) | Verdict::Applied | Verdict::Dead | Verdict::InDoubt => self,
        }
    }
}

/// Why an operation cannot be sent as it stands.
pub(super) struct Unsendable(pub(super) &'static str);

impl Outbox {
    /// One operation, by itself. What may have been made already is looked for first.
    pub(super) async fn try_once(&self, operation: &Operation) -> Tried {
        if operation.is_doubtful() && self.can_be_read_back(operation) {
            let asker = match self.asker(operation) {
                Ok(asker) => asker,
                Err(Unsendable(why)) => return unsendable(why),
            };
            match self.read_back(operation, &asker).await {
                Found::Nothing => {}
                Found::Made(answer) => {
                    return found(Verdict::Applied, Some(answer), "found when it was read back");
                }
                Found::Before => return found(Verdict::Dead, None, "conflict: the record was there before"),
                Found::Undecided(why) => return found(Verdict::InDoubt, None, why),
                Found::NotNow(tried) => return tried,
            }
        }
        let bare;
        let operation = match self.with_stamp(operation).await {
            Ok(true) => operation,
            Ok(false) => {
                bare = without_stamp(operation);
                &bare
            }
            Err(not_now) => return not_now,
        };
        match self.send(operation).await {
            Ok(tried) => self.settle(operation, tried),
            Err(Unsendable(why)) => unsendable(why),
        }
    }

    /// Whether its stamp can go with it: the type has a property for it.
    async fn with_stamp(&self, operation: &Operation) -> Result<bool, Tried> {
        match (&operation.asked.stamp, &self.settings.stamp_property) {
            (Some(_), Some(property)) => {
                let asker = self.asker(operation).map_err(|Unsendable(why)| unsendable(why))?;
                self.takes_stamps(operation, &asker, property).await
            }
            (None, _) => Ok(true),
            (Some(_), None) => Ok(false),
        }
    }

    async fn send(&self, operation: &Operation) -> Result<Tried, Unsendable> {
        let mut call = self.call_of(operation)?;
        let twice = if call.endpoint.idempotent { Twice::Safe } else { Twice::Unsafe };
        let mut body = Bytes::from(operation.asked.body.clone());
        if let (Some(stamp), Some(property)) = (&operation.asked.stamp, &self.settings.stamp_property) {
            body = create::stamped(&body, property, stamp).ok_or(Unsendable("its body takes no stamp"))?;
        }
        call.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let at = self.clock.now();
        Ok(match self.stack.call(call, Body::from(body)).await {
            Ok(answer) => answered(answer, twice, at).await,
            Err(failed) => failed_to_answer(&failed, twice, at),
        })
    }

    /// A create in doubt is looked for at its next turn; one that HubSpot refuses because something of it is there already
    /// may have been made by an earlier try.
    fn settle(&self, operation: &Operation, mut tried: Tried) -> Tried {
        if !self.can_be_read_back(operation) {
            return tried;
        }
        let again = |blame| Verdict::Again(Again { after: Some(READ_BACK_AFTER), blame });
        match tried.verdict {
            Verdict::InDoubt => tried.verdict = again(Blame::Failing),
            Verdict::Dead if operation.is_doubtful() && operation.attempts.len() < DOUBTS_MAX => {
                tried.verdict = again(Blame::Operation);
            }
            Verdict::Dead | Verdict::Applied | Verdict::Again(_) => {}
        }
        tried
    }

    /// The call that an operation stands for.
    pub(super) fn call_of(&self, operation: &Operation) -> Result<Call, Unsendable> {
        let asked = &operation.asked;
        let connection = self.connection(&asked.connection);
        let connection = connection.ok_or(Unsendable("its connection is not configured any more"))?;
        let method: Method = asked.method.parse().map_err(|_| Unsendable("its method is none"))?;
        let target = asked.target.parse().map_err(|_| Unsendable("its target is no path"))?;
        let mut headers = HeaderMap::new();
        for (name, value) in &asked.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
                headers.append(name, value);
            }
        }
        let credential = Credential::Connection(connection.clone());
        let call = call(credential, method, target, headers, lane(operation), &asked.caller);
        Ok(Call { deadline: self.patience_ends(), ..call })
    }
}

pub(super) fn lane(operation: &Operation) -> Lane {
    Lane::of_caller(&operation.asked.lane).unwrap_or(Lane::Sync)
}

/// As if there were no property for stamps.
pub(super) fn without_stamp(operation: &Operation) -> Operation {
    let mut bare = operation.clone();
    bare.asked.stamp = None;
    bare
}

fn found(verdict: Verdict, answer: Option<KeptAnswer>, reason: &str) -> Tried {
    Tried { attempt: None, verdict, answer, reason: reason.to_owned() }
}

/// A call of ours on behalf of a caller.
pub(super) fn call(
    credential: Credential,
    method: Method,
    target: http::uri::PathAndQuery,
    headers: HeaderMap,
    lane: Lane,
    caller: &str,
) -> Call {
    Call {
        endpoint: hubspot::endpoint::classify(&method, target.path()),
        method,
        target,
        headers,
        credential,
        caller: Arc::from(caller),
        calls_itself: None,
        deadline: Instant::now() + PATIENCE,
        handling: Handling { lane, ..Handling::default() },
    }
}

pub(super) async fn answered(answer: Answer, twice: Twice, at: Timestamp) -> Tried {
    let Answer { response, error, effort, .. } = answer;
    let (parts, body) = response.into_parts();
    let correlation_id = error.as_ref().and_then(|error| error.correlation_id.clone()).or_else(|| {
        let header = parts.headers.get("x-hubspot-correlation-id")?;
        header.to_str().ok().map(str::to_owned)
    });
    let read = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
    let kept = read.map(|read| read.to_bytes().to_vec()).unwrap_or_default();
    let error = error.as_deref();
    let verdict = verdict::of_answer(error, twice);
    let outcome = error.map_or("applied", |error| error.kind.name());
    let doubtful = verdict::is_doubtful(Ok(error)) && verdict != Verdict::Applied && verdict != Verdict::Dead;
    let attempt = attempt(at, parts.status.as_u16(), correlation_id, outcome, doubtful);
    Tried {
        attempt: Some(Attempt { requests: effort.attempts.max(1), ..attempt }),
        verdict,
        answer: Some(KeptAnswer { status: parts.status.as_u16(), body: kept }),
        reason: error.map(reason).unwrap_or_default(),
    }
}

pub(super) fn failed_to_answer(failed: &CallFailed, twice: Twice, at: Timestamp) -> Tried {
    let outcome = failed.why.name();
    let doubtful = verdict::is_doubtful(Err(failed));
    // What was never sent is no attempt.
    let sent = failed.effort.reached || doubtful;
    Tried {
        attempt: sent.then(|| {
            let attempt = attempt(at, 0, None, outcome, doubtful);
            Attempt { requests: failed.effort.attempts.max(1), ..attempt }
        }),
        verdict: verdict::of_failure(failed, twice),
        answer: None,
        reason: failed.why.to_string(),
    }
}

pub(super) fn attempt(
    at: Timestamp,
    status: u16,
    correlation_id: Option<String>,
    outcome: &str,
    doubtful: bool,
) -> Attempt {
    Attempt { at, status, correlation_id, outcome: outcome.to_owned(), doubtful, not_kept: 0, requests: 1 }
}

/// What HubSpot said, short.
pub(super) fn reason(error: &ApiError) -> String {
    let kind = error.kind.name();
    let said: String = error.message.as_deref().unwrap_or_default().chars().take(REASON_CHARS_MAX).collect();
    if said.is_empty() { kind.to_owned() } else { format!("{kind}: {said}") }
}

pub(super) fn unsendable(why: &str) -> Tried {
    Tried { attempt: None, verdict: Verdict::Dead, answer: None, reason: why.to_owned() }
}

/// How an operation stands after a try.
pub(super) fn ending(tried: &Tried, attempts: usize, now: Timestamp) -> Ending {
    let after = |wait: Duration| {
        now.checked_add(jiff::SignedDuration::try_from(wait).unwrap_or(jiff::SignedDuration::MAX))
            .unwrap_or(now)
    };
    match &tried.verdict {
        Verdict::Applied => {
            Ending::Applied(tried.answer.clone().unwrap_or(KeptAnswer { status: 200, body: Vec::new() }))
        }
        Verdict::Dead => Ending::Dead { reason: tried.reason.clone(), answer: tried.answer.clone() },
        Verdict::InDoubt => {
            Ending::Unknown { reason: format!("whether it took effect is not known: {}", tried.reason) }
        }
        // The line waits for its way; there is nothing else to wait for.
        Verdict::Again(Again { blame: Blame::Way, .. }) => Ending::Again { due_at: now },
        Verdict::Again(Again { blame: Blame::Operation, after: asked }) => {
            Ending::Again { due_at: after(asked.unwrap_or(BACKOFF)) }
        }
        Verdict::Again(Again { blame: Blame::Failing, after: asked }) => {
            let exponent = u32::try_from(attempts.min(10)).unwrap_or(10);
            let backoff = BACKOFF.saturating_mul(1 << exponent).min(BACKOFF_MAX);
            Ending::Again { due_at: after(asked.map_or(backoff, |asked| asked.clamp(BACKOFF, BACKOFF_MAX))) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use client::call::{Effort, Source};
    use http::Response;

    #[tokio::test]
    async fn a_try_tells_of_every_request_that_was_made_for_it() {
        let effort = Effort { attempts: 3, reached: true, ..Effort::default() };
        let response = Response::new(Body::from(Bytes::from_static(b"{}")));
        let answer = Answer { response, error: None, effort, source: Source::Live };
        let tried = answered(answer, Twice::Safe, Timestamp::UNIX_EPOCH).await;
        assert_eq!(tried.attempt.map(|attempt| attempt.requests), Some(3));
    }
}
