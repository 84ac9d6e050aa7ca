//! One try of one operation: the call, and what came of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use client::accounts::{Connection, Credential};
use client::body::Body;
use client::call::{Answer, Call, CallFailed};
use client::handling::Handling;
use client::lane::Lane;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::{BodyExt, Limited};
use hubspot::error::ApiError;
use jiff::Timestamp;
use store::outbox::{Answer as KeptAnswer, Attempt, Ending, Operation};
use tokio::time::Instant;

use super::Outbox;
use super::verdict::{self, Again, Blame, Twice, Verdict};

/// How long an operation waits for its slot before it is put back.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// What is kept of an answer: a batch of a hundred long records is less.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// HubSpot's words are kept for people; a text of it is enough.
const REASON_CHARS_MAX: usize = 300;

/// One that failed waits this long for its next turn, doubled with each attempt.
const BACKOFF: Duration = Duration::from_secs(1);
const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// What one try came to.
pub(super) struct Tried {
    pub(super) attempt: Option<Attempt>,
    pub(super) verdict: Verdict,
    pub(super) answer: Option<KeptAnswer>,
    /// For people; may tell about a person.
    pub(super) reason: String,
}

/// Why an operation cannot be sent as it stands.
pub(super) struct Unsendable(pub(super) &'static str);

impl Outbox {
    pub(super) async fn try_once(&self, operation: &Operation) -> Tried {
        let call = match self.call_of(operation) {
            Ok(call) => call,
            Err(Unsendable(why)) => return unsendable(why),
        };
        let twice = if call.endpoint.idempotent { Twice::Safe } else { Twice::Unsafe };
        let body = Body::from(Bytes::from(operation.asked.body.clone()));
        let at = self.clock.now();
        match self.stack.call(call, body).await {
            Ok(answer) => answered(answer, twice, at).await,
            Err(failed) => failed_to_answer(&failed, twice, at),
        }
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
        let lane = Lane::of_caller(&asked.lane).unwrap_or(Lane::Sync);
        Ok(call(connection, method, target, headers, lane, &asked.caller))
    }
}

/// A call of ours on behalf of a caller.
pub(super) fn call(
    connection: &Arc<Connection>,
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
        credential: Credential::Connection(connection.clone()),
        caller: Arc::from(caller),
        deadline: Instant::now() + PATIENCE,
        handling: Handling { lane, ..Handling::default() },
    }
}

async fn answered(answer: Answer, twice: Twice, at: Timestamp) -> Tried {
    let Answer { response, error, .. } = answer;
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
    Tried {
        attempt: Some(attempt(at, parts.status.as_u16(), correlation_id, outcome, doubtful)),
        verdict,
        answer: Some(KeptAnswer { status: parts.status.as_u16(), body: kept }),
        reason: error.map(reason).unwrap_or_default(),
    }
}

fn failed_to_answer(failed: &CallFailed, twice: Twice, at: Timestamp) -> Tried {
    let outcome = failed.why.name();
    let doubtful = verdict::is_doubtful(Err(failed));
    // What was never sent is no attempt.
    let sent = failed.effort.reached || doubtful;
    Tried {
        attempt: sent.then(|| attempt(at, 0, None, outcome, doubtful)),
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
    Attempt { at, status, correlation_id, outcome: outcome.to_owned(), doubtful, not_kept: 0 }
}

/// What HubSpot said, short.
pub(super) fn reason(error: &ApiError) -> String {
    let kind = error.kind.name();
    let said: String = error.message.as_deref().unwrap_or_default().chars().take(REASON_CHARS_MAX).collect();
    if said.is_empty() { kind.to_owned() } else { format!("{kind}: {said}") }
}

fn unsendable(why: &str) -> Tried {
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
