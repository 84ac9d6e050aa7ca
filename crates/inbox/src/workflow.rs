//! What a workflow's action "send a webhook" sends: no array of events but one JSON object of the user's own shape, the
//! enrolled record, or nothing at all. It is kept as one event like any other, so that all that is done with events is done
//! with it, and what was sent lies in its `body`, byte for byte:
//!
//! ```json
//! {"subscriptionType":"workflow.webhook","eventId":"5d41402abc4b2a76b9719d911017c592","portalId":62515,"objectId":123,
//!  "objectTypeId":"0-1","occurredAt":1772366400000,"method":"POST","target":"/webhooks/hubspot?from=flow","body":{"vid":123}}
//! ```
//!
//! HubSpot tells neither its portal nor its record but in the body, if the user put them there. `occurredAt` is when it was
//! signed, and where the signature tells no time, when it came.
//! Source: hubspot-facts §6.1, §6.5, §6.6.

use std::borrow::Cow;
use std::collections::BTreeMap;

use aws_lc_rs::digest::{Context, SHA256};
use http::{HeaderMap, Method};
use hubspot::event_type;
use hubspot::signature::{SIGNATURE_HEADER, SIGNATURE_V3_HEADER, TIMESTAMP_HEADER};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::event::{CONTACTS, NoDelivery};
use crate::receive::Request;

/// Names under which bodies tell the portal, the best first: users' own, and the one in an enrolled contact.
const PORTALS: [&str; 3] = ["portalId", "portal-id", "portal_id"];

/// The same for the record, `vid` apart: only contacts have one.
const OBJECTS: [&str; 3] = ["objectId", "hs_object_id", "object_id"];
const CONTACT: &str = "vid";

/// HubSpot's ids have at most so many digits.
const DIGITS_MAX: usize = 20;

/// Who sends: the webhooks of an app, or the action of a workflow. They repeat different answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sender {
    /// Repeats whatever was not taken, for a day.
    #[default]
    App,
    /// Repeats after 5xx and 429 alone, and gives up at once after any other 4xx.
    Workflow,
}

/// The event, as it is kept.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Kept<'a> {
    subscription_type: &'a str,
    event_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    portal_id: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_id: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_type_id: Option<Cow<'a, str>>,
    occurred_at: i64,
    method: &'a str,
    target: &'a str,
    body: Option<&'a RawValue>,
}

/// Whether a request without a body may be a workflow's: nobody else signs one.
pub fn may_be(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::GET && is_signed(headers)
}

/// Whether it is a workflow's, if it is HubSpot's.
pub(crate) fn is_one(request: &Request<'_>) -> bool {
    let begin = request.body.trim_ascii_start().first();
    is_signed(request.headers) && matches!(begin, None | Some(b'{'))
}

/// A delivery of one event.
///
/// # Errors
/// [`NoDelivery::Shape`] where there is a body that is no JSON object.
pub(crate) fn delivery(request: &Request<'_>, now: Timestamp) -> Result<Vec<u8>, NoDelivery> {
    let shape = |error: &dyn std::fmt::Display| NoDelivery::Shape(error.to_string());
    let body = str::from_utf8(request.body).map_err(|error| shape(&error))?.trim();
    let fields: Fields<'_> = match body {
        "" => BTreeMap::new(),
        body => serde_json::from_str(body).map_err(|error| shape(&error))?,
    };
    let contact = id(&fields, &[CONTACT]);
    let sent = Sent::of(request, now);
    let kept = Kept {
        subscription_type: event_type::WORKFLOW,
        event_id: sent.id(),
        portal_id: id(&fields, &PORTALS),
        object_id: contact.or_else(|| id(&fields, &OBJECTS)),
        object_type_id: contact.map_or_else(|| kind(&fields), |_| Some(CONTACTS.into())),
        occurred_at: sent.at.as_millisecond(),
        method: request.method,
        target: request.target,
        body: (!body.is_empty())
            .then(|| serde_json::from_str(body))
            .transpose()
            .map_err(|error| shape(&error))?,
    };
    serde_json::to_vec(&[kept]).map_err(|error| shape(&error))
}

type Fields<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// What tells it from every other: HubSpot numbers nothing here. What is signed at one millisecond with one signature was sent
/// once, whoever brings it twice. What is signed anew is another, also if it says the same: two people may be enrolled with one
/// body, and neither may be lost. v2 tells no time, so that nothing tells a second try from a second person.
struct Sent<'a> {
    at: Timestamp,
    signature: &'a [u8],
    /// Beyond milliseconds.
    nanosecond: i128,
}

impl<'a> Sent<'a> {
    fn of(request: &Request<'a>, now: Timestamp) -> Self {
        let text = |name| request.headers.get(name).and_then(|value| value.to_str().ok());
        let signed_at =
            text(TIMESTAMP_HEADER).and_then(|at| Timestamp::from_millisecond(at.parse().ok()?).ok());
        match (text(SIGNATURE_V3_HEADER), signed_at) {
            (Some(signature), Some(at)) => Self { at, signature: signature.as_bytes(), nanosecond: 0 },
            (Some(_), None) | (None, _) => Self {
                at: now,
                signature: text(SIGNATURE_HEADER).unwrap_or_default().as_bytes(),
                nanosecond: now.as_nanosecond(),
            },
        }
    }

    fn id(&self) -> String {
        let mut digest = Context::new(&SHA256);
        digest.update(&self.nanosecond.to_be_bytes());
        digest.update(self.signature);
        digest.finish().as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn is_signed(headers: &HeaderMap) -> bool {
    headers.contains_key(SIGNATURE_HEADER) || headers.contains_key(SIGNATURE_V3_HEADER)
}

/// The first of some fields that is there, if it is an id.
fn id<'a>(fields: &Fields<'a>, names: &[&str]) -> Option<&'a RawValue> {
    let found = names.iter().find_map(|name| fields.get(*name).copied())?;
    let raw = found.get();
    let digits = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(raw);
    let is_id =
        !digits.is_empty() && digits.len() <= DIGITS_MAX && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_id.then_some(found)
}

/// The kind of record, where the body names its id.
fn kind<'a>(fields: &Fields<'a>) -> Option<Cow<'a, str>> {
    let told: String = serde_json::from_str(fields.get("objectTypeId")?.get()).ok()?;
    let is_kind = |(zone, number): (&str, &str)| {
        [zone, number].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    told.split_once('-').is_some_and(is_kind).then_some(Cow::Owned(told))
}
