//! One request for a token, down the same layers as every call.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use client::accounts::Credential;
use client::body::Body;
use client::call::{Call, Failure};
use client::handling::Handling;
use client::lane::Lane;
use client::stack::Stack;
use http::{HeaderMap, HeaderValue, Method, header};
use hubspot::oauth::{Client, Exchange, TOKEN_PATH, Traded, Trouble};
use tokio::time::Instant;

/// The endpoint answers in well under a second.
const PATIENCE: Duration = Duration::from_secs(20);

/// Trades what a connection has for an access token.
pub(super) async fn trade(
    stack: &Arc<Stack>,
    client: &Client,
    exchange: Exchange<'_>,
) -> Result<Traded, Trouble> {
    let form = exchange.form(client);
    let mut headers = HeaderMap::new();
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded;charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let call = Call {
        method: Method::POST,
        target: http::uri::PathAndQuery::from_static(TOKEN_PATH),
        headers,
        endpoint: hubspot::endpoint::classify(&Method::POST, TOKEN_PATH),
        credential: Credential::Anonymous,
        caller: Arc::from("hubkeeper"),
        calls_itself: None,
        deadline: Instant::now() + PATIENCE,
        handling: Handling { lane: Lane::Probe, ..Handling::default() },
    };
    let body = Body::Whole(Bytes::copy_from_slice(form.as_bytes()));
    let answer = stack.call(call, body).await.map_err(|failed| of_failure(&failed.why))?;
    match answer.error {
        Some(error) => Err(Trouble::of(&error)),
        None => Traded::read(answer.response.body().at_hand()).ok_or(Trouble::Unavailable),
    }
}

/// Nothing that goes wrong on the way says anything about a token.
fn of_failure(why: &Failure) -> Trouble {
    tracing::debug!(why = why.name(), "the token endpoint gave no answer");
    Trouble::Unavailable
}
