//! The webhooks journal, read through the same governed way as everything else.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use client::accounts::{Connection, Credential};
use client::body::Body;
use client::call::Call;
use client::handling::Handling;
use client::lane::Lane;
use client::stack::Stack;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, StatusCode, Uri};
use http_body_util::{BodyExt, Limited};
use inbox::dispatch::dial::Dialler;
use inbox::journal::{Entry, Next, Source};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

/// The dated version of the journal's API. hubspot-facts §6.7.
const JOURNAL: &str = "/webhooks-journal/journal/2026-03";

const PATIENCE: Duration = Duration::from_secs(60);

/// What HubSpot puts into one file is not documented.
const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;

pub(super) struct Journal {
    pub(super) stack: Arc<Stack>,
    pub(super) connection: Arc<Connection>,
    /// HubSpot's origin: files may lie elsewhere.
    pub(super) upstream: Uri,
    pub(super) dialler: Dialler,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fetched {
    url: String,
    current_offset: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    journal_events: Vec<Value>,
    published_at: Timestamp,
}

impl Source for Journal {
    fn next(&self, after: Option<String>) -> BoxFuture<'static, Result<Next, String>> {
        let journal = Self {
            stack: self.stack.clone(),
            connection: self.connection.clone(),
            upstream: self.upstream.clone(),
            dialler: self.dialler.clone(),
        };
        Box::pin(async move { journal.fetch(after.as_deref()).await })
    }
}

impl Journal {
    async fn fetch(&self, after: Option<&str>) -> Result<Next, String> {
        let path = match after {
            Some(place) => format!("{JOURNAL}/offset/{place}/next"),
            None => format!("{JOURNAL}/earliest"),
        };
        let (status, body) = self.get(&path).await?;
        match status {
            StatusCode::NO_CONTENT => return Ok(Next::Nothing),
            StatusCode::NOT_FOUND => return Ok(Next::Forgotten),
            status if !status.is_success() => return Err(format!("HubSpot answered {status}")),
            _ => {}
        }
        let fetched: Fetched = serde_json::from_slice(&body).map_err(|error| format!("the entry cannot be read: {error}"))?;
        let file = self.file(&fetched.url).await?;
        let file: File = serde_json::from_slice(&file).map_err(|error| format!("the file cannot be read: {error}"))?;
        let (place, published_at, events) = (fetched.current_offset, file.published_at, file.journal_events);
        Ok(Next::Entry(Entry { place, published_at, events }))
    }

    /// With our credential where it is HubSpot's own address, and without anywhere else.
    async fn file(&self, url: &str) -> Result<Bytes, String> {
        let uri: Uri = url.parse().map_err(|_| "an entry's file has no address")?;
        let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        if uri.authority() == self.upstream.authority() {
            let (status, body) = self.get(path).await?;
            return if status.is_success() { Ok(body) } else { Err(format!("an entry's file: {status}")) };
        }
        self.dialler.get(&uri, FILE_BYTES_MAX).await.map_err(|reason| format!("an entry's file: {}", reason.told()))
    }

    async fn get(&self, path: &str) -> Result<(StatusCode, Bytes), String> {
        let target: http::uri::PathAndQuery = path.parse().map_err(|_| "no path")?;
        let call = Call {
            endpoint: hubspot::endpoint::classify(&Method::GET, target.path()),
            method: Method::GET,
            target,
            headers: HeaderMap::new(),
            credential: Credential::Connection(self.connection.clone()),
            caller: Arc::from("journal"),
            deadline: Instant::now() + PATIENCE,
            handling: Handling { lane: Lane::Sync, ..Handling::default() },
        };
        let answer = self.stack.call(call, Body::Empty).await.map_err(|failed| failed.why.name().to_owned())?;
        let status = answer.response.status();
        let body = Limited::new(answer.response.into_body(), FILE_BYTES_MAX).collect().await;
        Ok((status, body.map_err(|_| "the answer broke off")?.to_bytes()))
    }
}
