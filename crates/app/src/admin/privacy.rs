//! `/api/v1/privacy…`: what is kept here of a person, and that it goes. Whom it is about stands in the body, so that no
//! address of a person's is in a path.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use inbox::effects::Person;
use inbox::privacy::Privacy;
use inbox::privacy::asked::{Found, NotForgotten, Who};
use serde::Deserialize;
use serde_json::{Value, json};
use store::audit::{Act, Outcome, Subject};
use store::privacy::PurgeCounts;

use super::Admin;

type Refused = (StatusCode, Json<Value>);
type Answer = Result<Json<Value>, Refused>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// HubSpot's number of a contact, or an e-mail address.
    who: String,
    portal: Option<u64>,
}

/// What stays, whatever is forgotten here.
const STAYS: [&str; 5] = [
    "events stay without their values, so that subscribers still get them",
    "the audit log names people by a keyed hash and only grows; a reason that somebody typed for an act stands there as typed",
    "in what people wrote into incidents, e-mail addresses are found and taken out; a name or a number there may be anybody's, and stays",
    "what went out stays where it went: messages, exported incidents and postmortems, bundles",
    "PostgreSQL keeps rows that went until it vacuums, and both kinds of store live on in their backups",
];

/// Whose the data is in the first place.
const AT_HUBSPOT: &str = "HubSpot is not asked, and keeps what it has: delete the contact there \
                          (POST /crm/v3/objects/contacts/gdpr-delete). Its event contact.privacyDeletion makes hubkeeper forget by itself.";

pub(super) fn routes() -> Router<Admin> {
    Router::new().route("/api/v1/privacy/find", post(find)).route("/api/v1/privacy/forget", post(forget))
}

async fn find(State(admin): State<Admin>, Json(asked): Json<Asked>) -> Answer {
    let (_, found) = look(&admin, &asked).await?;
    let people = found.iter().map(|found| told(&admin, found)).collect::<Vec<_>>();
    Ok(Json(json!({"schema": 1, "people": people, "stays": STAYS, "hubspot": AT_HUBSPOT})))
}

async fn forget(State(admin): State<Admin>, Json(asked): Json<Asked>) -> Answer {
    let (privacy, found) = look(&admin, &asked).await?;
    let portals: BTreeSet<&str> = found.iter().map(|found| &*found.person.portal_id).collect();
    if portals.len() > 1 {
        let portals = portals.into_iter().collect::<Vec<_>>().join(", ");
        return Err(refused(
            StatusCode::BAD_REQUEST,
            &format!("This may be several people, of the portals {portals}. Name the portal."),
        ));
    }
    let mut people = Vec::new();
    for one in found {
        let person = Person { connection: connection(&admin, &one.person.portal_id), ..one.person.clone() };
        let forgotten = privacy.forget(person).await;
        let (outcome, counts) = match &forgotten {
            Ok(counts) => (Outcome::Done, *counts),
            Err(NotForgotten::Elsewhere) => (Outcome::Refused, PurgeCounts::default()),
            Err(NotForgotten::NotYet(_)) => (Outcome::Failed, PurgeCounts::default()),
        };
        let detail = format!("asked here: {}", in_words(counts));
        let actor = super::login::actor(super::SOMEBODY);
        let subject = Subject::Person(subject(&one.person));
        admin.audit.tell(&actor, Act::PrivacyRequest, subject, outcome, &detail).await;
        forgotten.map_err(|why| {
            let status = match why {
                NotForgotten::Elsewhere => StatusCode::CONFLICT,
                NotForgotten::NotYet(_) => StatusCode::SERVICE_UNAVAILABLE,
            };
            refused(status, &format!("Not all is forgotten yet: {why}. Ask again."))
        })?;
        people.push(told(&admin, &Found { counts, ..one }));
    }
    Ok(Json(json!({"schema": 1, "forgotten": people, "stays": STAYS, "hubspot": AT_HUBSPOT})))
}

/// Whom it may be about, and who sees to it.
async fn look(admin: &Admin, asked: &Asked) -> Result<(Arc<Privacy>, Vec<Found>), Refused> {
    let privacy = admin.privacy.clone().ok_or_else(|| {
        let message = "This gateway keeps nothing on a disk; what is in its memory of anybody goes with it.";
        let hint = "the one with --data or [store] url is the one to ask";
        (StatusCode::CONFLICT, Json(json!({"status": "error", "message": message, "hint": hint})))
    })?;
    let who = Who::parse(&asked.who).ok_or_else(|| {
        refused(StatusCode::BAD_REQUEST, "`who` is a contact's number at HubSpot, or an e-mail address.")
    })?;
    let only = asked.portal.map(|portal| portal.to_string());
    let found = privacy.find(&who, &portals(admin).await, only.as_deref()).await;
    let found =
        found.map_err(|why| refused(StatusCode::SERVICE_UNAVAILABLE, &format!("The store: {why}")))?;
    Ok((privacy, found))
}

/// Those that our connections are of. Of one that nobody knows the portal of, writes count wherever they are looked for.
async fn portals(admin: &Admin) -> Vec<String> {
    if let Some(ledger) = &admin.connections.ledger {
        ledger.introduce().await;
    }
    let all = admin.connections.all.iter();
    let known: BTreeSet<u64> = all.filter_map(|one| one.portal_id().or(one.told_portal_id())).collect();
    if known.is_empty() { vec![String::new()] } else { known.iter().map(u64::to_string).collect() }
}

fn connection(admin: &Admin, portal_id: &str) -> String {
    let is_of = |id: Option<u64>| id.is_some_and(|id| id.to_string() == portal_id);
    let mut all = admin.connections.all.iter();
    let found = all.find(|one| is_of(one.portal_id().or(one.told_portal_id())));
    found.map_or_else(|| "-".to_owned(), |one| one.name.clone())
}

fn told(admin: &Admin, found: &Found) -> Value {
    let PurgeCounts { deliveries, letters, suspects, operations, answers, lines } = found.counts;
    let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    json!({
        "portal_id": known(&found.person.portal_id),
        "contact_id": known(&found.person.contact_id),
        "kept": {
            "deliveries": deliveries, "letters": letters, "quarantine": suspects, "operations": operations, "answers": answers,
            "incidents": lines,
        },
        "in_the_audit_log": admin.audit.name_of(&subject(&found.person)),
        "forgotten_before": found.forgotten_at.map(|at| at.to_string()),
    })
}

/// As the audit log hashes them.
fn subject(person: &Person) -> String {
    match (person.contact_id.as_str(), person.emails.first()) {
        ("", Some(email)) => email.clone(),
        (number, _) => format!("{}/contact/{number}", person.portal_id),
    }
}

fn in_words(counts: PurgeCounts) -> String {
    let PurgeCounts { deliveries, letters, suspects, operations, answers, lines } = counts;
    format!(
        "{deliveries} deliveries, {letters} letters, {suspects} in quarantine, {operations} operations, {answers} answers, \
         {lines} lines of incidents"
    )
}

fn refused(status: StatusCode, message: &str) -> Refused {
    (status, Json(json!({"status": "error", "message": message})))
}
