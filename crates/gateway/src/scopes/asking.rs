//! One question to HubSpot about a connection's token, down the same layers as every call.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use client::accounts::Credential;
use client::body::Body;
use client::call::Call;
use client::handling::Handling;
use client::lane::Lane;
use client::stack::Stack;
use http::{HeaderMap, HeaderValue, Method, header};
use hubspot::oauth::Client;
use hubspot::oauth::introspect::{Question, Told};
use tokio::time::Instant;

use super::OfConnection;

/// It answers in well under a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// `None`: HubSpot told nothing, for whatever reason.
pub(super) async fn ask(stack: &Arc<Stack>, of: &OfConnection) -> Option<Told> {
    let token = of.connection.token(Instant::now())?;
    let client = of
        .app
        .as_ref()
        .map(|app| Client { id: app.client_id.clone(), secret: (**app.client_secret.load()).clone() });
    let question = match &client {
        Some(client) => Question::Oauth { token: &token, client },
        None => Question::PrivateApp { token: &token },
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(question.content_type()));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let call = Call {
        method: Method::POST,
        target: http::uri::PathAndQuery::from_static(question.path()),
        headers,
        endpoint: hubspot::endpoint::classify(&Method::POST, question.path()),
        credential: Credential::Anonymous,
        caller: Arc::from("hubkeeper"),
        calls_itself: None,
        deadline: Instant::now() + PATIENCE,
        handling: Handling { lane: Lane::Probe, ..Handling::default() },
    };
    let body = Body::Whole(Bytes::copy_from_slice(question.body().as_bytes()));
    let answer = stack.call(call, body).await.ok()?;
    let told = Told::read(answer.response.body().at_hand()).filter(|_| answer.error.is_none());
    if told.is_none() {
        let status = answer.response.status().as_u16();
        tracing::debug!(connection = of.connection.name, status, "HubSpot does not tell the token's scopes");
    }
    told
}
