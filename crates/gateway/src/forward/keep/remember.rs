//! What is kept of an answer, for whoever sends the same write again.

use client::body::Body;
use http::{HeaderMap, HeaderValue, Response};
use store::failure::StoreError;
use store::idempotency::{Begun, KeptAnswer, Keyed};
use store::step::{self, Step};

use super::{REPLAYED, Sent};
use crate::outbox::{Outbox, Verdict};
use crate::refusal::Refusal;

/// The answer to a write is no larger than what was written, or not by much.
const KEPT_ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Cookies of HubSpot's edge are nobody else's business, and the rest is made anew, or old by then.
const NOT_KEPT: [&str; 8] = [
    "set-cookie",
    "content-length",
    "transfer-encoding",
    "connection",
    "x-hubkeeper-wait-ms",
    "x-hubkeeper-attempts",
    "x-hubkeeper-source",
    "idempotent-replayed",
];

impl Outbox {
    pub(super) async fn begin(&self, keyed: &Keyed) -> Result<Begun, Refusal> {
        let begun = self.store().begin_key(keyed.clone()).await.map_err(|error| Refusal::not_kept(&error));
        step::at(Step::KeyBegun);
        begun
    }

    /// Keeps the answer of a write that was found to have been made.
    pub(super) async fn keep_found(&self, keyed: Keyed, answer: &KeptAnswer) {
        tell(self.store().end_key(keyed, answer.clone()).await);
    }

    /// Whoever comes with the key again is told that its outcome is not known.
    pub(super) async fn leave_in_doubt(&self, keyed: &Keyed) {
        tell(self.store().interrupt_key(keyed.key).await);
    }

    /// Keeps the answer before it is given, or forgets the key where nothing was done and it may be sent again.
    pub(super) async fn remember(
        &self,
        keyed: Keyed,
        sent: Result<Sent, Refusal>,
    ) -> Result<Response<Body>, Refusal> {
        let (response, verdict) = match sent {
            Ok(Sent::Tried(response, verdict)) => (response, verdict),
            // Its answer went into the store with the operation.
            Ok(Sent::Kept(response)) => return Ok(response),
            Err(refusal) => {
                tell(self.store().release_key(keyed.key).await);
                return Err(refusal);
            }
        };
        let mut response = match verdict {
            Verdict::Applied | Verdict::Dead => self.keep_answer(keyed, response).await,
            Verdict::Again(_) => {
                tell(self.store().release_key(keyed.key).await);
                response
            }
            Verdict::InDoubt => {
                self.leave_in_doubt(&keyed).await;
                response
            }
        };
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("false"));
        Ok(response)
    }

    async fn keep_answer(&self, keyed: Keyed, response: Response<Body>) -> Response<Body> {
        let (parts, body) = response.into_parts();
        let body = match body.read_ahead(KEPT_ANSWER_BYTES_MAX).await {
            Ok(Body::Empty) => bytes::Bytes::new(),
            Ok(Body::Whole(bytes)) => bytes,
            Ok(longer) => {
                self.leave_in_doubt(&keyed).await;
                return Response::from_parts(parts, longer);
            }
            Err(_cut) => {
                self.leave_in_doubt(&keyed).await;
                return Refusal::answer_cut().into_response();
            }
        };
        let kept =
            KeptAnswer { status: parts.status.as_u16(), headers: kept(&parts.headers), body: body.to_vec() };
        tell(self.store().end_key(keyed, kept).await);
        step::at(Step::AnswerKept);
        Response::from_parts(parts, Body::from(body))
    }
}

fn kept(headers: &HeaderMap) -> Vec<(String, String)> {
    let is_kept = |name: &str| !NOT_KEPT.contains(&name) && !name.starts_with("x-hubspot-ratelimit");
    let kept = headers.iter().filter(|(name, _)| is_kept(name.as_str()));
    kept.filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect()
}

/// The write has been made; that its answer is not kept only means that who asks again is told it is not known.
fn tell(kept: Result<(), StoreError>) {
    if let Err(error) = kept {
        tracing::error!(%error, "what became of a write with a key could not be written down");
    }
}
