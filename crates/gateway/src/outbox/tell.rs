//! What callers are told of their own operations: `GET /operations/{id}`, and `DELETE` to take one back.

use std::sync::Arc;

use bytes::Bytes;
use client::body::Body;
use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::Value;
use store::outbox::Operation;
use uuid::Uuid;

use super::wish::Writer;
use super::{Outbox, show};
use crate::refusal::Refusal;

/// A caller who waits asks again after this.
const ASK_AGAIN_SECONDS: u64 = 2;

impl Outbox {
    pub(crate) async fn tell(
        self: Arc<Self>,
        method: Method,
        id: String,
        reader: Writer,
        caller: Arc<str>,
    ) -> Response<Body> {
        let told = match method {
            Method::GET | Method::HEAD => self.own(&id, &reader, &caller).await,
            Method::DELETE => self.take_back(&id, &reader, &caller).await,
            _ => Err(Refusal::operation_method()),
        };
        told.map_or_else(Refusal::into_response, |operation| answer(&operation))
    }

    /// Only who made it may read it; to others it is not there.
    async fn own(&self, id: &str, reader: &Writer, caller: &str) -> Result<Operation, Refusal> {
        let id: Uuid = id.parse().map_err(|_| Refusal::no_such_operation())?;
        let found = self.store.operation(id).await.map_err(|_logged_by_the_worker| Refusal::not_told())?;
        let is_own = |operation: &Operation| match reader {
            Writer::Connection(connection) => {
                operation.asked.connection == connection.name && operation.asked.caller == caller
            }
            Writer::Before(_) | Writer::Token => false,
        };
        found.filter(is_own).ok_or_else(Refusal::no_such_operation)
    }

    async fn take_back(&self, id: &str, reader: &Writer, caller: &str) -> Result<Operation, Refusal> {
        let operation = self.own(id, reader, caller).await?;
        let cancelled = self.store.cancel(operation.asked.id, self.clock.now()).await;
        if !cancelled.map_err(|_logged_by_the_worker| Refusal::not_told())? {
            return Err(Refusal::too_late_to_cancel());
        }
        tracing::info!(id = %operation.asked.id, caller, "an accepted write was taken back by its caller");
        self.wake.notify_one();
        self.own(id, reader, caller).await
    }
}

fn answer(operation: &Operation) -> Response<Body> {
    let shown: Value = show::of(operation);
    let mut response = Response::new(Body::from(Bytes::from(shown.to_string())));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json;charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if !operation.state.is_settled() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(ASK_AGAIN_SECONDS));
    }
    response
}
