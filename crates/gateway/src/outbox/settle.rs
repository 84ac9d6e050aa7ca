//! What may have taken effect without a word.
//!
//! What may be sent twice is sent again. A create whose answer was lost is looked for by a property that HubSpot lets
//! exist once: the stamp, a contact's e-mail address, or one that the portal's definitions call unique. Nothing else can
//! be told apart from what others made, and ends `unknown`.

use client::accounts::Credential;
use client::body::Body;
use client::call::{Answer, Call};
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use store::outbox::{Answer as KeptAnswer, Operation};

use super::Outbox;
use super::create;
use super::send::{self, CLAIM_FOR, Tried, Unsendable};
use super::verdict::{self, Again, Blame, Twice, Verdict};
use super::write::Create;

/// Records and definitions are smaller.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// HubSpot's clock and ours may differ by so much.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(120);

/// What reading back found.
pub(super) enum Found {
    /// It was made.
    Made(KeptAnswer),
    /// There is no such record: it may be sent.
    Nothing,
    /// There is one, and it was there before.
    Before,
    /// Nothing tells.
    Undecided(&'static str),
    /// It could not be read now.
    NotNow(Tried),
}

/// Whose word is good enough.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    /// HubSpot's own, now.
    Live,
    /// What is kept of it, too.
    Kept,
}

/// With which credential HubSpot is asked.
pub(super) struct Asker {
    credential: Credential,
    headers: HeaderMap,
}

impl Asker {
    /// The one that a caller's own call goes with.
    pub(super) fn of(call: &Call) -> Self {
        let own = call.headers.get(header::AUTHORIZATION);
        let headers = own.map(|own| (header::AUTHORIZATION, own.clone())).into_iter().collect();
        Self { credential: call.credential.clone(), headers }
    }

    /// A call for an operation.
    pub(super) fn call(
        &self,
        method: Method,
        target: PathAndQuery,
        mut headers: HeaderMap,
        operation: &Operation,
    ) -> Call {
        headers.extend(self.headers.clone());
        let (credential, lane) = (self.credential.clone(), send::lane(operation));
        send::call(credential, method, target, headers, lane, &operation.asked.caller)
    }
}

/// What names the record that a create may have made.
struct Name {
    property: String,
    value: String,
    /// Nobody else uses it.
    ours: bool,
}

impl Outbox {
    /// It was being sent when its sender vanished. Whether HubSpot took it in nobody knows.
    pub(super) fn interrupted(&self, operation: &Operation) -> Tried {
        let again = Verdict::Again(Again { after: None, blame: Blame::Operation });
        let verdict = match self.call_of(operation) {
            Ok(call) if call.endpoint.idempotent || self.can_be_read_back(operation) => again,
            Ok(_) | Err(_) => Verdict::InDoubt,
        };
        // It was taken that long before its claim runs out.
        let taken_at = operation.due_at.saturating_sub(CLAIM_FOR).unwrap_or(operation.asked.accepted_at);
        let attempt = send::attempt(taken_at, 0, None, "interrupted", true);
        let reason = "it was being sent when hubkeeper ended".to_owned();
        Tried { attempt: Some(attempt), verdict, answer: None, reason }
    }

    /// A create of one record; whether something names it is found out when it comes to that.
    pub(super) fn can_be_read_back(&self, operation: &Operation) -> bool {
        created(operation).is_some()
    }

    /// Asks as an operation goes itself: with its connection's token.
    pub(super) fn asker(&self, operation: &Operation) -> Result<Asker, Unsendable> {
        let connection = self.connection(&operation.asked.connection);
        let connection = connection.ok_or(Unsendable("its connection is not configured any more"))?;
        Ok(Asker { credential: Credential::Connection(connection.clone()), headers: HeaderMap::new() })
    }

    /// Looks for what an earlier try may have made.
    pub(super) async fn read_back(&self, operation: &Operation, asker: &Asker) -> Found {
        let Some(create) = created(operation) else {
            return Found::Undecided("nothing tells whether it took effect");
        };
        let name = match self.name(operation, asker, &create).await {
            Ok(Some(name)) => name,
            Ok(None) => {
                return Found::Undecided(
                    "it sets no property whose values are unique, so that nothing tells",
                );
            }
            Err(tried) => return Found::NotNow(tried),
        };
        let sent = create::properties(&operation.asked.body);
        let names: Vec<&str> =
            sent.iter().map(|(name, _)| name.as_str()).chain([name.property.as_str()]).collect();
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let target = format!(
            "{}/{}?idProperty={}&properties={}",
            create.collection,
            encode(&name.value),
            encode(&name.property),
            encode(&names.join(","))
        );
        match self.read(operation, asker, &target, Word::Live).await {
            Ok(Some((status, body))) => {
                let made = || Found::Made(KeptAnswer { status, body: body.to_string().into_bytes() });
                judge(&body, &name, &sent, first_doubt(operation)).unwrap_or_else(made)
            }
            Ok(None) => Found::Nothing,
            Err(tried) => Found::NotNow(tried),
        }
    }

    async fn name(
        &self,
        operation: &Operation,
        asker: &Asker,
        create: &Create<'_>,
    ) -> Result<Option<Name>, Tried> {
        if let (Some(stamp), Some(property)) = (&operation.asked.stamp, &self.settings.stamp_property) {
            return Ok(Some(Name { property: property.clone(), value: stamp.clone(), ours: true }));
        }
        let sent = create::properties(&operation.asked.body);
        let set = |name: &str| sent.iter().find(|(own, value)| own == name && !value.trim().is_empty());
        let named = |(property, value): &(String, String)| Name {
            property: property.clone(),
            value: value.trim().to_owned(),
            ours: false,
        };
        if create.is_of_contacts()
            && let Some(email) = set("email")
        {
            return Ok(Some(named(email)));
        }
        let target = definitions(create.collection, create.kind);
        let Some((_, definitions)) = self.read(operation, asker, &target, Word::Kept).await? else {
            return Ok(None);
        };
        let list = definitions.get("results").and_then(Value::as_array).cloned().unwrap_or_default();
        let unique = list.iter().filter(|one| one.get("hasUniqueValue") == Some(&Value::Bool(true)));
        let names = unique.filter_map(|one| one.get("name").and_then(Value::as_str));
        Ok(names.filter_map(set).map(named).next())
    }

    /// Is there a property for stamps on a type, and are its values unique? The cache keeps the answer for minutes.
    pub(super) async fn takes_stamps(
        &self,
        operation: &Operation,
        asker: &Asker,
        property: &str,
    ) -> Result<bool, Tried> {
        let Some(create) = created(operation) else { return Ok(false) };
        let target = format!("{}/{property}", definitions(create.collection, create.kind));
        let found = self.read(operation, asker, &target, Word::Kept).await?;
        Ok(found.is_some_and(|(_, definition)| definition.get("hasUniqueValue") == Some(&Value::Bool(true))))
    }

    /// A read on behalf of an operation: `None` where HubSpot has no such thing.
    async fn read(
        &self,
        operation: &Operation,
        asker: &Asker,
        target: &str,
        word: Word,
    ) -> Result<Option<(u16, Value)>, Tried> {
        let target: PathAndQuery =
            target.parse().map_err(|_| send::unsendable("its record cannot be named"))?;
        let mut call = asker.call(Method::GET, target, HeaderMap::new(), operation);
        call.handling.fresh = word == Word::Live;
        call.deadline = self.patience_ends();
        match self.stack.call(call, Body::Empty).await {
            Ok(Answer { response, error, .. }) => {
                let status = response.status();
                if let Some(error) = &error {
                    return match verdict::of_answer(Some(error), Twice::Safe) {
                        Verdict::Dead if status == StatusCode::NOT_FOUND => Ok(None),
                        Verdict::Dead => Err(not_read(Verdict::InDoubt, &send::reason(error))),
                        verdict => Err(not_read(verdict, &send::reason(error))),
                    };
                }
                let read = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
                let parsed = read.ok().and_then(|read| serde_json::from_slice(&read.to_bytes()).ok());
                let again = Verdict::Again(Again { after: None, blame: Blame::Operation });
                parsed
                    .map(|body| Some((status.as_u16(), body)))
                    .ok_or_else(|| not_read(again, "the answer was cut"))
            }
            Err(failed) => Err(not_read(verdict::of_failure(&failed, Twice::Safe), &failed.why.to_string())),
        }
    }
}

/// `None`: it is what this operation made. Found by the stamp, that is sure; by anything else, the record must have been
/// made since, and hold what was sent.
fn judge(record: &Value, name: &Name, sent: &[(String, String)], since: Timestamp) -> Option<Found> {
    if name.ours {
        return None;
    }
    let made_at: Option<Timestamp> =
        record.get("createdAt").and_then(Value::as_str).and_then(|text| text.parse().ok());
    let Some(made_at) = made_at else {
        return Some(Found::Undecided(
            "a record with its unique value is there, and does not tell since when",
        ));
    };
    if made_at < since.saturating_sub(CLOCKS_DIFFER).unwrap_or(since) {
        return Some(Found::Before);
    }
    let holds = |(name, value): &(String, String)| {
        let own = record.pointer("/properties").and_then(|own| own.get(name)).and_then(Value::as_str);
        own.unwrap_or_default().trim().eq_ignore_ascii_case(value.trim())
    };
    let same = sent.iter().all(holds);
    (!same).then_some(Found::Undecided(
        "a record with its unique value was made meanwhile, and holds other values",
    ))
}

fn created(operation: &Operation) -> Option<Create<'_>> {
    let path = operation.asked.target.split('?').next().unwrap_or_default();
    Create::read(&operation.asked.method, path)
}

/// Since when it may be there.
fn first_doubt(operation: &Operation) -> Timestamp {
    let doubtful = operation.attempts.iter().filter(|attempt| attempt.doubtful).map(|attempt| attempt.at);
    doubtful.min().unwrap_or(operation.asked.accepted_at)
}

/// Where a type's properties are defined, in the version of its own path.
fn definitions(collection: &str, kind: &str) -> String {
    match collection.strip_prefix("/crm/objects/").and_then(|rest| rest.split_once('/')) {
        Some((version, _)) => format!("/crm/properties/{version}/{kind}"),
        None => format!("/crm/v3/properties/{kind}"),
    }
}

fn not_read(verdict: Verdict, reason: &str) -> Tried {
    Tried { attempt: None, verdict, answer: None, reason: format!("it could not be read back: {reason}") }
}
