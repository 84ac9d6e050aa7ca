//! The quarantine: what did not verify is kept, and verified again once our secret or address is mended.

use aws_lc_rs::digest::{Context, SHA256};
use http::{HeaderMap, HeaderName, HeaderValue};
use hubspot::signature::{
    Refusal, SIGNATURE_HEADER, SIGNATURE_V3_HEADER, SIGNATURE_VERSION_HEADER, TIMESTAMP_HEADER,
};
use jiff::Timestamp;
use store::failure::StoreError;
use store::quarantine::Suspect;

use crate::event::{self, Event};
use crate::receive::{Outcome, Receiver, Request};

/// Headers that are kept: what a signature needs, and what tells how the request came.
const KEPT: [HeaderName; 8] = [
    SIGNATURE_HEADER,
    SIGNATURE_VERSION_HEADER,
    SIGNATURE_V3_HEADER,
    TIMESTAMP_HEADER,
    http::header::HOST,
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-forwarded-port"),
];

/// Suspects looked at between two breaths.
const PAGE: usize = 100;

/// What verifying all of the quarantine again has brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Reverified {
    /// Deliveries that fit now, and were taken.
    pub taken: usize,
    /// Events of them that had not come by another way.
    pub new: usize,
    pub still: usize,
}

/// A request as it is kept. The same events make the same digest, however often HubSpot tries.
pub(crate) fn suspect(
    request: &Request<'_>,
    events: &[Event<'_>],
    connection: &str,
    refusal: Refusal,
    now: Timestamp,
) -> Suspect {
    let mut digest = Context::new(&SHA256);
    for event in events {
        digest.update(event.key().bytes());
    }
    let header = |name: &HeaderName| {
        let value = request.headers.get(name)?.to_str().ok()?;
        Some((name.to_string(), value.to_owned()))
    };
    Suspect {
        id: 0,
        digest: digest.finish().as_ref().to_owned(),
        received_at: now,
        connection: connection.to_owned(),
        method: request.method.to_owned(),
        target: request.target.to_owned(),
        headers: KEPT.iter().filter_map(header).collect(),
        body: request.body.to_owned(),
        refusal: refusal.to_string(),
        times: 1,
    }
}

/// The headers as they came.
pub fn headers(suspect: &Suspect) -> HeaderMap {
    let parsed = suspect.headers.iter().filter_map(|(name, value)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::from_str(value).ok()?))
    });
    parsed.collect()
}

impl Receiver {
    /// Verifies what is in quarantine against today's secrets and address, by the clock of its arrival, and takes what fits.
    ///
    /// # Errors
    /// [`StoreError`]; what was taken is taken.
    pub async fn reverify(&self, only: Option<i64>) -> Result<Reverified, StoreError> {
        let mut found = Reverified::default();
        let mut after = only.map_or(0, |id| id - 1);
        loop {
            let page = self.store.suspects(after, if only.is_some() { 1 } else { PAGE }).await?;
            let Some(last) = page.last() else { return Ok(found) };
            after = last.id;
            for suspect in page.iter().filter(|suspect| only.is_none_or(|id| suspect.id == id)) {
                match self.try_again(suspect).await? {
                    Some(new) => {
                        found.taken += 1;
                        found.new += new;
                    }
                    None => found.still += 1,
                }
            }
            if only.is_some() {
                return Ok(found);
            }
        }
    }

    /// How many new events it brought, if it fits now.
    async fn try_again(&self, suspect: &Suspect) -> Result<Option<usize>, StoreError> {
        let (headers, now) = (headers(suspect), suspect.received_at);
        let request = Request {
            method: &suspect.method,
            target: &suspect.target,
            connection: Some(&suspect.connection),
            headers: &headers,
            body: &suspect.body,
            peer: None,
        };
        let Ok(events) = event::read(&suspect.body) else { return Ok(None) };
        let app = self.apps.iter().find(|app| app.connection == suspect.connection);
        let Some(app) = app.filter(|app| self.verify(app, &request, now).is_ok()) else { return Ok(None) };
        match self.keep(app, &suspect.body, &events, now).await {
            Outcome::Kept { new, .. } => {
                self.store.release(suspect.id).await?;
                Ok(Some(new))
            }
            Outcome::NotKept(error) => Err(error),
            Outcome::NoDelivery(_)
            | Outcome::Forged(_)
            | Outcome::Doubtful { .. }
            | Outcome::UnknownConnection => Ok(None),
        }
    }
}
