//! Into the store, and what the caller is told.

use bytes::Bytes;
use client::accounts::Connection;
use client::body::Body;
use client::call::Call;
use client::lane::Lane;
use http::{HeaderValue, Response, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use store::failure::StoreError;
use store::idempotency::{Begun, Fingerprint, Hold, KeptAnswer, KeyDigest, Keyed};
use store::outbox::NewOperation;
use store::step::{self, Step};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Outbox, PATH, create, write};

/// What travels with an operation. Nothing else: a header that is not known here might be a credential.
const KEPT_HEADERS: [http::HeaderName; 4] =
    [header::CONTENT_TYPE, header::ACCEPT, header::ACCEPT_LANGUAGE, header::USER_AGENT];

/// How long after its deadline a write that never ended counts as interrupted.
const GRACE: SignedDuration = SignedDuration::from_secs(60);

/// A write that is to be kept.
pub(crate) struct Asked<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) call: &'a Call,
    pub(crate) body: &'a Bytes,
    pub(crate) key: Option<(Keyed, Hold)>,
}

/// What came of it.
pub(crate) enum Accepted {
    /// It is on the disk. This is the answer.
    Kept(KeptAnswer),
    /// Its key was found.
    Found(Begun),
}

impl Outbox {
    /// Puts a write into the store. `Ok(Kept)` means that it will be applied, or end visibly otherwise.
    ///
    /// # Errors
    /// [`StoreError::NotAccepted`] when nothing was written; anything else when it may have been.
    pub(crate) async fn accept(&self, asked: Asked<'_>) -> Result<Accepted, StoreError> {
        let operation = self.operation(&asked.connection.name, asked.call, asked.body);
        let answer = answer(operation.id);
        let found = match asked.key {
            None => {
                self.store.accept(operation).await?;
                Begun::New
            }
            Some((keyed, hold)) => self.store.accept_once(operation, keyed, answer.clone(), hold).await?,
        };
        if found != Begun::New {
            return Ok(Accepted::Found(found));
        }
        step::at(Step::OperationKept);
        self.books.accepted();
        self.wake.notify_one();
        Ok(Accepted::Kept(answer))
    }

    /// Would this write overtake others on its record that wait here?
    pub(crate) async fn would_overtake(&self, connection: &Connection, call: &Call, body: &[u8]) -> bool {
        let Some(record) = write::record(&call.method, &call.target, body) else { return false };
        // A store that cannot be read takes nothing either, and the write goes as if there were no outbox.
        self.store.has_unsettled(&connection.name, &record).await.unwrap_or(false)
    }

    pub(crate) fn keyed(
        &self,
        key: KeyDigest,
        fingerprint: Fingerprint,
        stamp: Option<String>,
        deadline: Instant,
    ) -> Keyed {
        let now = self.clock.now();
        let patience = deadline.saturating_duration_since(Instant::now());
        let until =
            SignedDuration::try_from(patience).ok().and_then(|patience| now.checked_add(patience).ok());
        let until = until.and_then(|until| until.checked_add(GRACE).ok()).unwrap_or(Timestamp::MAX);
        Keyed { key, fingerprint, now, until, stamp }
    }

    pub(super) fn operation(&self, connection: &str, call: &Call, body: &Bytes) -> NewOperation {
        let header = |name: &http::HeaderName| {
            Some((name.as_str().to_owned(), call.headers.get(name)?.to_str().ok()?.to_owned()))
        };
        let id = Uuid::now_v7();
        NewOperation {
            id,
            accepted_at: self.clock.now(),
            connection: connection.to_owned(),
            caller: call.caller.to_string(),
            family: call.endpoint.family.name().to_owned(),
            // Nobody waits for the answer.
            lane: call.handling.lane.max(Lane::Sync).name().to_owned(),
            method: call.method.to_string(),
            target: call.target.to_string(),
            headers: KEPT_HEADERS.iter().filter_map(header).collect(),
            body: body.to_vec(),
            record: write::record(&call.method, &call.target, body),
            stamp: self.stamp(call, body, id),
        }
    }
}

impl Outbox {
    /// What makes a create repeatable, where the portal has a property for it.
    fn stamp(&self, call: &Call, body: &[u8], id: Uuid) -> Option<String> {
        let property = self.settings.stamp_property.as_deref()?;
        write::Create::read(call.method.as_str(), call.target.as_str())?;
        create::form(body, property).map(|_| id.to_string())
    }
}

fn answer(id: Uuid) -> KeptAnswer {
    let location = format!("{PATH}{id}");
    let body = json!({"id": id.to_string(), "state": "pending", "location": location});
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    KeptAnswer {
        status: StatusCode::ACCEPTED.as_u16(),
        headers: vec![
            header("content-type", "application/json;charset=utf-8"),
            header("location", &location),
            header("preference-applied", "respond-async"),
        ],
        body: body.to_string().into_bytes(),
    }
}

/// A kept answer, as it goes out.
pub(crate) fn response(kept: KeptAnswer) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from(kept.body)));
    *response.status_mut() = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in kept.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), HeaderValue::from_str(&value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
