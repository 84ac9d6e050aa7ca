//! Submissions of forms, which at HubSpot have a host of their own: `api.hsforms.com`, here `/_forms/…`. Facts §3.8.

use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::auth::{self, Credential};
use crate::call::{Call, Reply};
use crate::crm::Moment;
use crate::limits::window::RollingWindow;
use crate::refusal::Refusal;
use crate::seed::Purpose;
use crate::simulator::{Simulator, portal};

/// Facts §1.1 [CL announcing-forms-submission-rate-limits].
const UNAUTHENTICATED_PER_10S: u64 = 50;

/// Facts §1.9: ten refusals within a second block a sender for a minute.
const REFUSALS_TOLERATED: u64 = 10;
const BLOCKED: SignedDuration = SignedDuration::from_mins(1);

/// Facts §3.8.
const FIELDS_MAX: usize = 1_000;
const OLDEST: SignedDuration = SignedDuration::from_hours(31 * 24);

/// What the forms' host remembers of senders. They are one here: the simulator does not know their addresses.
pub struct Gate {
    submissions: RollingWindow,
    refusals: RollingWindow,
    blocked_until: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Submission {
    fields: Vec<Field>,
    submitted_at: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Field {
    /// Contacts where it is absent.
    object_type_id: Option<String>,
    name: String,
    value: Value,
}

impl Default for Gate {
    fn default() -> Self {
        let seconds = |seconds| RollingWindow::new(SignedDuration::from_secs(seconds));
        Self { submissions: seconds(10), refusals: seconds(1), blocked_until: Timestamp::MIN }
    }
}

impl Gate {
    fn admit(&mut self, now: Timestamp) -> Result<(), Refusal> {
        let refuse = || {
            let message = "You have reached your ten_secondly_rolling limit.";
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, message).field("errorType", json!("RATE_LIMIT"))
        };
        if now < self.blocked_until {
            return Err(refuse());
        }
        if self.submissions.used(now) < UNAUTHENTICATED_PER_10S {
            self.submissions.count(now);
            return Ok(());
        }
        if self.refusals.count(now) >= REFUSALS_TOLERATED {
            self.blocked_until = now + BLOCKED;
        }
        Err(refuse())
    }
}

/// `POST /_forms/submissions/v3/integration/[secure/]submit/{portalId}/{formGuid}`.
pub(crate) fn answer(simulator: &mut Simulator, call: &Call, now: Timestamp) -> Reply {
    submit(simulator, call, now).unwrap_or_else(|refusal| refusal.reply("-"))
}

fn submit(simulator: &mut Simulator, call: &Call, now: Timestamp) -> Result<Reply, Refusal> {
    if call.method != Method::POST {
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "HTTP 405 Method Not Allowed"));
    }
    let segments = call.segments();
    let portal_id = match segments.as_slice() {
        ["_forms", "submissions", "v3", "integration", "submit", portal_id, _guid] => {
            simulator.forms.admit(now)?;
            portal_id
        }
        ["_forms", "submissions", "v3", "integration", "secure", "submit", portal_id, _guid] => {
            let credential: Credential<'_> = auth::credential(&call.headers);
            auth::authenticate(credential, &simulator.registry, now)?;
            portal_id
        }
        _ => return Err(Refusal::no_such_path()),
    };
    let portal_id = portal_id.parse().map_err(|_| Refusal::no_such_path())?;
    let properties = contact(call, now)?;
    simulator.submitted += 1;
    let correlation_id = simulator.seed.uuid(Purpose::FormSubmission, simulator.submitted);
    let portal = portal(&mut simulator.portals, &simulator.config, portal_id);
    let input = json!({"id": properties["email"], "idProperty": "email", "properties": properties});
    let upsert = Call {
        body: json!({"inputs": [input]}).to_string().into(),
        ..Call::bare(Method::POST, "/crm/v3/objects/contacts/batch/upsert")
    };
    let moment = Moment { now, portal_id, correlation_id };
    let kept = portal.crm.handle(&upsert, &moment);
    if !kept.is_some_and(|reply| reply.status.is_success()) {
        return Err(refused("INVALID_FIELDS", "a field names no property, or its value does not fit"));
    }
    let changes = portal.crm.take_changes();
    simulator.webhooks.note(portal_id, &changes);
    Ok(Reply::json(StatusCode::OK, &json!({"inlineMessage": "Thanks for submitting the form."})))
}

/// The contact that a submission tells of.
fn contact(call: &Call, now: Timestamp) -> Result<Map<String, Value>, Refusal> {
    let submission: Submission = serde_json::from_slice(&call.body)
        .map_err(|error| refused("INVALID_JSON", &format!("the body is no submission: {error}")))?;
    if submission.fields.len() > FIELDS_MAX {
        return Err(refused("MAX_NUMBER_OF_SUBMITTED_VALUES_EXCEEDED", "a submission has up to 1000 fields"));
    }
    let number = |value: Value| value.as_i64().or_else(|| value.as_str()?.parse().ok());
    let submitted_at = submission.submitted_at.and_then(number).map(Timestamp::from_millisecond);
    if submitted_at.is_some_and(|at| at.is_ok_and(|at| now.duration_since(at) > OLDEST)) {
        return Err(refused("OUT_OF_RANGE", "submittedAt is more than a month ago"));
    }
    let contacts = |field: &Field| field.object_type_id.as_deref().is_none_or(|id| id == "0-1");
    let fields = submission.fields.into_iter().filter(contacts);
    let properties: Map<String, Value> = fields.map(|field| (field.name, field.value)).collect();
    match properties.get("email").and_then(Value::as_str) {
        Some(email) if email.contains('@') => Ok(properties),
        Some(_) | None => Err(refused("INVALID_EMAIL", "the submission names no e-mail address")),
    }
}

fn refused(error_type: &str, message: &str) -> Refusal {
    let detail = json!([{"message": message, "errorType": error_type}]);
    Refusal::new(StatusCode::BAD_REQUEST, "The request is not valid").field("errors", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    fn send(simulator: &mut Simulator, path: &str, body: &Value, now: Timestamp) -> StatusCode {
        let call = Call { body: body.to_string().into(), ..Call::bare(Method::POST, path) };
        simulator.handle(&call, now).reply.status
    }

    fn start() -> (Simulator, String, Timestamp) {
        let simulator = Simulator::new(Config::default());
        let path = format!("/_forms/submissions/v3/integration/submit/{}/guid", simulator.portal_id());
        (simulator, path, Config::default().base_time)
    }

    #[test]
    fn a_submission_makes_a_contact_once() {
        let (mut simulator, path, now) = start();
        let fields = json!({"fields": [{"name": "email", "value": "a@b.example"}, {"name": "firstname", "value": "A"}]});
        assert_eq!(send(&mut simulator, &path, &fields, now), StatusCode::OK);
        assert_eq!(send(&mut simulator, &path, &fields, now), StatusCode::OK);
        let portal = &simulator.portals[&simulator.config.portal_id];
        let actions: Vec<_> = portal.crm.applied().iter().map(|one| one.action).collect();
        assert_eq!(actions, ["create", "upsert"]);
        let nameless = json!({"fields": [{"name": "firstname", "value": "A"}]});
        assert_eq!(send(&mut simulator, &path, &nameless, now), StatusCode::BAD_REQUEST);
        let secure = path.replace("/submit/", "/secure/submit/");
        assert_eq!(send(&mut simulator, &secure, &fields, now), StatusCode::UNAUTHORIZED);
    }

    #[test]
    fn fifty_in_ten_seconds_and_who_insists_is_blocked() {
        let (mut simulator, path, now) = start();
        let fields = json!({"fields": [{"name": "email", "value": "a@b.example"}]});
        let good = (0..70).filter(|_| send(&mut simulator, &path, &fields, now) == StatusCode::OK).count();
        assert_eq!(good, 50);
        let later = now + SignedDuration::from_secs(30);
        assert_eq!(send(&mut simulator, &path, &fields, later), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(send(&mut simulator, &path, &fields, later + BLOCKED), StatusCode::OK);
    }
}
