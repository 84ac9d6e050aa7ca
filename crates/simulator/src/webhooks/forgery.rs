//! Requests that somebody other than HubSpot makes up, and each with another fault.

use bytes::Bytes;
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::sign;
use crate::seed::{Purpose, Seed};

/// What a forger does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgery {
    /// No signature at all.
    Unsigned,
    /// A secret of his own.
    OtherSecret,
    /// A captured delivery with its body changed.
    OtherBody,
    /// A captured delivery, long after.
    Replayed,
}

/// Facts §6.6: HubSpot's own advice is to refuse what is older than five minutes.
const REPLAYED_AFTER: SignedDuration = SignedDuration::from_mins(10);

impl Forgery {
    const ALL: [Self; 4] = [Self::Unsigned, Self::OtherSecret, Self::OtherBody, Self::Replayed];

    pub(super) fn drawn(seed: Seed, number: u64) -> Self {
        let index = seed.below(Purpose::Forgery, number, Self::ALL.len() as u64);
        Self::ALL[usize::try_from(index).unwrap_or(0)]
    }

    /// An event of an app and a portal that nobody here knows.
    pub(super) fn event(number: u64, now: Timestamp) -> Value {
        json!({
            "eventId": number, "subscriptionId": 666, "portalId": 66_600_000 + number % 7, "appId": 666,
            "occurredAt": now.as_millisecond(), "subscriptionType": "contact.creation", "attemptNumber": 0,
            "objectId": number, "changeSource": "CRM", "changeFlag": "NEW",
        })
    }

    /// The headers he sends. `secret` is the app's own: what was captured was signed with it.
    pub fn headers(self, secret: &str, url: &str, body: &Bytes, now: Timestamp) -> HeaderMap {
        match self {
            Self::Unsigned => HeaderMap::new(),
            Self::OtherSecret => sign::headers("a-guess", url, body, now),
            Self::OtherBody => sign::headers(secret, url, b"[]", now),
            Self::Replayed => {
                let mut headers = sign::headers(secret, url, body, now - REPLAYED_AFTER);
                // Of the older generation there is no time to check.
                headers.remove("x-hubspot-signature");
                headers.remove("x-hubspot-signature-version");
                headers
            }
        }
    }
}
