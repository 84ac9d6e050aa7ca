//! HubSpot's webhooks journal: what happened in the last three days, to be fetched instead of waited for. facts §6.7.
//!
//! An entry names a file; the file holds the events. It lies at a signed address and is fetched without any credential.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use crate::accounts::Credential;
use crate::app::{App, NoToken};
use crate::body::Body;
use crate::call::Call;
use crate::handling::Handling;
use crate::lane::Lane;
use crate::stack::Stack;

/// What reading it takes. facts §5.5 [DOC webhooks-journal guide].
pub const SCOPES: &str = "developer.webhooks_journal.read";

/// The journal of all accounts that have the app, in its dated version. facts §6.7.
const JOURNAL: &str = "/webhooks-journal/journal/2026-03";

const PATIENCE: Duration = Duration::from_secs(60);

/// What HubSpot puts into one file is not documented.
pub const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A place is a uuid.
const PLACE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Reads the journal of one app.
#[derive(Clone)]
pub struct Journal {
    pub stack: Arc<Stack>,
    pub app: Arc<App>,
}

/// What follows a place in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    Entry(Entry),
    /// There is nothing yet.
    Nothing,
    /// The place is not known any more: it lies more than three days back.
    Forgotten,
}

/// Where an entry's events lie.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    #[serde(rename = "currentOffset")]
    pub place: String,
    pub url: String,
}

/// What lies there.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct File {
    pub published_at: Timestamp,
    #[serde(rename = "journalEvents")]
    pub events: Vec<Value>,
}

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error(transparent)]
    NoToken(#[from] NoToken),
    #[error("HubSpot does not let the app read it: the app needs the scope {SCOPES}")]
    Scope,
    #[error("HubSpot answered {0}")]
    Status(u16),
    #[error("no answer from HubSpot: {0}")]
    Failed(&'static str),
    #[error("an entry's file cannot be fetched: {0}")]
    File(&'static str),
    #[error("what HubSpot answered cannot be read: {0}")]
    Unreadable(&'static str),
}

impl File {
    /// # Errors
    /// [`JournalError::Unreadable`].
    pub fn read(bytes: &[u8]) -> Result<Self, JournalError> {
        serde_json::from_slice(bytes).map_err(|_| JournalError::Unreadable("an entry's file"))
    }
}

impl Journal {
    /// The entry after a place, or the earliest that is kept.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn next(&self, after: Option<&str>) -> Result<Next, JournalError> {
        let path = match after {
            Some(place) => format!("{JOURNAL}/offset/{}/next", utf8_percent_encode(place, PLACE)),
            None => format!("{JOURNAL}/earliest"),
        };
        self.stack.sign_in(&self.app).await?;
        let (status, body) = self.get(&path, Credential::App(self.app.clone())).await?;
        match status {
            StatusCode::NO_CONTENT => Ok(Next::Nothing),
            StatusCode::NOT_FOUND => Ok(Next::Forgotten),
            StatusCode::UNAUTHORIZED => {
                self.app.forget_token();
                Err(JournalError::Status(status.as_u16()))
            }
            StatusCode::FORBIDDEN => Err(JournalError::Scope),
            status if !status.is_success() => Err(JournalError::Status(status.as_u16())),
            _ if body.is_empty() => Ok(Next::Nothing),
            _ => {
                let entry =
                    serde_json::from_slice(&body).map_err(|_| JournalError::Unreadable("an entry"))?;
                Ok(Next::Entry(entry))
            }
        }
    }

    /// An entry's file that lies at HubSpot's own address.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn own_file(&self, path: &str) -> Result<File, JournalError> {
        let (status, body) = self.get(path, Credential::Anonymous).await?;
        if !status.is_success() {
            return Err(JournalError::Status(status.as_u16()));
        }
        File::read(&body)
    }

    async fn get(&self, path: &str, credential: Credential) -> Result<(StatusCode, Bytes), JournalError> {
        let target: PathAndQuery = path.parse().map_err(|_| JournalError::Unreadable("an address"))?;
        let call = Call {
            endpoint: hubspot::endpoint::classify(&Method::GET, target.path()),
            method: Method::GET,
            target,
            headers: HeaderMap::new(),
            credential,
            caller: Arc::from("journal"),
            calls_itself: None,
            deadline: Instant::now() + PATIENCE,
            handling: Handling { lane: Lane::Sync, ..Handling::default() },
        };
        let answered = self.stack.call(call, Body::Empty).await;
        let answer = answered.map_err(|failed| JournalError::Failed(failed.why.name()))?;
        let status = answer.response.status();
        let body = Limited::new(answer.response.into_body(), FILE_BYTES_MAX).collect().await;
        Ok((status, body.map_err(|_| JournalError::Failed("the answer broke off"))?.to_bytes()))
    }
}
