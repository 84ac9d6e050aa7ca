//! Writes that are kept: answered before they are sent, or sent once for each key.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use client::body::Body;
use client::call::{Answer, Call, CallFailed, Effort, Source};
use http::{HeaderName, HeaderValue, Response, header};
use http_body_util::Limited;
use jiff::Timestamp;
use store::idempotency::{Begun, Hold, Keyed};

use super::{Forwarder, HELD_BODY_TIME_MAX, Prepared};
use crate::outbox::wish::{Wish, Writer};
use crate::outbox::{self, Accepted, Again, Asked, Blame, Outbox, Queue, Settled, Twice, Verdict, key};
use crate::refusal::Refusal;
use crate::reply::{Reply, Told};

mod remember;

/// A batch of a hundred records with long texts; a larger body goes as it comes, and is not kept.
const KEPT_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Whether this answer was given before, to the same write.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A write, and what is wished for it.
struct Write {
    call: Call,
    body: Bytes,
    host: Option<HeaderValue>,
    keyed: Option<Keyed>,
    wish: Wish,
}

/// A write was sent, or kept instead.
enum Sent {
    Kept(Response<Body>),
    Tried(Response<Body>, Verdict),
}

impl Forwarder {
    /// Does with a write what is wished.
    pub(super) async fn keep(
        self: Arc<Self>,
        outbox: Arc<Outbox>,
        prepared: Prepared<Call>,
        wish: Wish,
    ) -> Response<Body> {
        let Prepared { call, incoming, host, rule, doubt } = prepared;
        if let Some(any_of) = doubt
            && let Err(refusal) = self.check_scopes(&call, any_of).await
        {
            return self.turn_away(refusal);
        }
        if let Err(refusal) = self.check_length(&incoming) {
            return self.turn_away(refusal);
        }
        let reading = tokio::time::timeout(HELD_BODY_TIME_MAX, incoming.read_ahead(KEPT_BODY_BYTES_MAX));
        let read = reading.await.ok().and_then(Result::ok);
        if let (Some(rule), Some(body)) = (&rule, &read)
            && let Err(refusal) = self.hold(rule, body, &call)
        {
            return self.turn_away(refusal);
        }
        let body = match read {
            None => return self.turn_away(Refusal::body_unreadable()),
            Some(Body::Empty) => Bytes::new(),
            Some(Body::Whole(bytes)) => bytes,
            Some(_) if wish.key.is_some() => {
                return self.turn_away(Refusal::too_large_to_keep(KEPT_BODY_BYTES_MAX));
            }
            Some(longer) => return self.send_longer(call, longer, host).await,
        };
        let keyed = match &wish.key {
            Some(text) => Some(outbox.keyed_as(text, &wish, &call, &body).await),
            None => None,
        };
        let write = Write { call, body, host, keyed, wish };
        let answered = match write.wish.queue {
            Queue::Always => outbox.keep(&write, Hold::Free).await,
            Queue::Never | Queue::Behind | Queue::OnOutage => self.send_or_keep(outbox, write).await,
        };
        answered.unwrap_or_else(|refusal| self.turn_away(refusal))
    }

    /// Too long to be kept; the preference is not honoured.
    async fn send_longer(&self, call: Call, body: Body, host: Option<HeaderValue>) -> Response<Body> {
        let max = usize::try_from(self.settings.body_bytes_max).unwrap_or(usize::MAX);
        let again = call.again();
        let result = self.stack.call(call, Body::boxed(Limited::new(body, max))).await;
        self.told(result, &again, host.as_ref())
    }

    async fn send_or_keep(
        self: &Arc<Self>,
        outbox: Arc<Outbox>,
        mut write: Write,
    ) -> Result<Response<Body>, Refusal> {
        let Some(mut keyed) = write.keyed.clone() else {
            return match self.send(&outbox, write, Hold::Free).await? {
                Sent::Kept(response) | Sent::Tried(response, _) => Ok(response),
            };
        };
        let mut in_doubt_since = None;
        match outbox.begin(&keyed).await? {
            Begun::New => {}
            // Twice is the same as once.
            Begun::Interrupted { .. } if write.call.endpoint.idempotent => {}
            Begun::Interrupted { since, stamp } => {
                keyed.stamp.clone_from(&stamp);
                write.keyed = Some(keyed.clone());
                if let Some(answered) = self.found_out(&outbox, &write, &keyed, since).await? {
                    return Ok(answered);
                }
                in_doubt_since = Some(since);
            }
            found @ (Begun::Answered { .. } | Begun::InProgress | Begun::Different) => {
                return replay(found, outbox.now());
            }
        }
        // In a task of its own: the answer must not be lost because its caller hangs up.
        let forwarder = self.clone();
        let sending = tokio::spawn(async move {
            let again = in_doubt_since.map(|since| (write.copy(), since));
            let sent = forwarder.send(&outbox, write, Hold::Ours).await;
            // Refused because it is there already: the try whose answer was lost has made it after all.
            let is_refused = matches!(sent, Ok(Sent::Tried(_, Verdict::Dead)));
            if let Some((write, since)) = again.filter(|_| is_refused)
                && let Some(answered) = forwarder.found_out(&outbox, &write, &keyed, since).await?
            {
                return Ok(answered);
            }
            outbox.remember(keyed, sent).await
        });
        sending.await.unwrap_or_else(|_| Err(Refusal::key_in_doubt()))
    }

    /// What became of a create whose answer was lost. `None`: it was not made, and may be sent.
    async fn found_out(
        &self,
        outbox: &Outbox,
        write: &Write,
        keyed: &Keyed,
        since: Timestamp,
    ) -> Result<Option<Response<Body>>, Refusal> {
        match outbox.settle_key(&write.call, &write.body, keyed.stamp.clone(), since).await {
            Settled::NotMade => Ok(None),
            Settled::Made(answer) => {
                outbox.keep_found(keyed.clone(), &answer).await;
                let since = outbox.now();
                replay(Begun::Answered { answer, since }, since).map(Some)
            }
            Settled::Unknown(why) => {
                outbox.leave_in_doubt(keyed).await;
                tracing::warn!(
                    why,
                    "a create with a key was sent, its answer was lost, and nothing tells whether it was made"
                );
                Err(Refusal::key_in_doubt())
            }
            Settled::NotNow => {
                outbox.leave_in_doubt(keyed).await;
                Err(Refusal::key_not_settled())
            }
        }
    }

    /// Sends a write, and keeps it for later where HubSpot is not there and the route says so.
    async fn send(&self, outbox: &Outbox, mut write: Write, hold: Hold) -> Result<Sent, Refusal> {
        let behind = matches!(write.wish.queue, Queue::Behind | Queue::OnOutage);
        if behind && outbox.waits(&write).await {
            return outbox.keep(&write, hold).await.map(Sent::Kept);
        }
        if write.keyed.is_some() {
            // It may be told to somebody later who asks for another encoding.
            write.call.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        let twice = if write.call.endpoint.idempotent { Twice::Safe } else { Twice::Unsafe };
        let stamp = write.keyed.as_ref().and_then(|keyed| keyed.stamp.as_deref());
        let body = outbox.marked(&write.body, stamp);
        let result = self.stack.call(write.call.again(), Body::from(body)).await;
        let verdict = match &result {
            Ok(answer) => outbox::of_answer(answer.error.as_deref(), twice),
            Err(failed) => outbox::of_failure(failed, twice),
        };
        if write.wish.queue == Queue::OnOutage
            && let Verdict::Again(Again { blame: Blame::Way | Blame::Failing, .. }) = verdict
        {
            return outbox.keep(&write, hold).await.map(Sent::Kept);
        }
        Ok(Sent::Tried(self.told(result, &write.call, write.host.as_ref()), verdict))
    }

    fn told(
        &self,
        result: Result<Answer, CallFailed>,
        call: &Call,
        host: Option<&HeaderValue>,
    ) -> Response<Body> {
        match result {
            Ok(answer) => self.respond(answer, call.endpoint.paged, host).into_response(),
            Err(failed) => self.failed(&failed, &call.endpoint),
        }
    }
}

impl Write {
    fn copy(&self) -> Self {
        let Self { call, body, host, keyed, wish } = self;
        Self {
            call: call.again(),
            body: body.clone(),
            host: host.clone(),
            keyed: keyed.clone(),
            wish: wish.clone(),
        }
    }
}

impl Outbox {
    /// A caller's key, with what its write goes with.
    async fn keyed_as(&self, text: &str, wish: &Wish, call: &Call, body: &Bytes) -> Keyed {
        let digest = key::digest(text, &wish.writer, call);
        let stamp = match wish.queue {
            // One that is kept gets a mark of its own.
            Queue::Always => None,
            Queue::Never | Queue::Behind | Queue::OnOutage => self.stamp_for(call, body, &digest).await,
        };
        self.keyed(digest, key::fingerprint(call, body), stamp, call.deadline)
    }

    /// Puts a write into the store; its answer is that it is there.
    async fn keep(&self, write: &Write, hold: Hold) -> Result<Response<Body>, Refusal> {
        let Writer::Connection(connection) = &write.wish.writer else {
            return Err(Refusal::unknown_caller()); // it is never wished for
        };
        let key = write.keyed.clone().map(|keyed| (keyed, hold));
        let asked = Asked { connection, call: &write.call, body: &write.body, key };
        match self.accept(asked).await.map_err(|error| Refusal::not_kept(&error))? {
            Accepted::Kept(answer) => {
                let mut response = outbox::response(answer);
                if write.keyed.is_some() {
                    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("false"));
                }
                Ok(response)
            }
            Accepted::Found(found) => replay(found, self.now()),
        }
    }

    /// Others wait here that this write must not overtake.
    async fn waits(&self, write: &Write) -> bool {
        let Writer::Connection(connection) = &write.wish.writer else { return false };
        self.would_overtake(connection, &write.call, &write.body).await
    }
}

/// What is known of a key, to whoever sends it again. An answer from then says how old it is.
fn replay(found: Begun, now: Timestamp) -> Result<Response<Body>, Refusal> {
    match found {
        Begun::Answered { answer, since } => {
            let age = Duration::try_from(now.duration_since(since)).unwrap_or_default();
            let told = Told { source: Source::Cache { age }, effort: Effort::default() };
            let mut response = Reply { response: outbox::response(answer), told: Some(told) }.into_response();
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
            Ok(response)
        }
        Begun::Different => Err(Refusal::key_used_otherwise()),
        Begun::InProgress => Err(Refusal::key_in_progress()),
        Begun::Interrupted { .. } | Begun::New => Err(Refusal::key_in_doubt()),
    }
}
