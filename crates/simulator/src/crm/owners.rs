//! The people and queues records are assigned to, facts §3.7.

use http::{Method, StatusCode};
use jiff::Timestamp;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

use super::Crm;
use super::ask::{Ask, Shelf};
use super::names;
use super::paging;
use super::record::instant_text;
use super::refusal::Refusal;
use crate::call::Reply;

/// Page size, default and most, facts §3.7 [SPEC `Crm_Owners`]; the upper bound is observed.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OwnerType {
    Person,
    Queue,
}

#[derive(Debug, Clone)]
pub(super) struct Owner {
    pub(super) id: u64,
    /// A different number from `id`: assigning it as an owner fails.
    user_id: Option<u64>,
    email: Option<String>,
    first_name: String,
    last_name: String,
    owner_type: OwnerType,
    created: Timestamp,
    shelf: Shelf,
}

/// Five people, one of them gone, and a queue.
pub(super) fn stock(random: &mut ChaCha8Rng) -> Vec<Owner> {
    let since = Timestamp::UNIX_EPOCH;
    let mut owners: Vec<Owner> = (0..5_u64)
        .map(|place| {
            let first_name = names::FIRST[random.random_range(0..names::FIRST.len())].to_owned();
            let last_name = names::LAST[random.random_range(0..names::LAST.len())].to_owned();
            let email = format!("{first_name}.{last_name}@hubkeeper.example").to_lowercase();
            Owner {
                id: 70_001_001 + place * 37,
                user_id: Some(9_001_001 + place * 11),
                email: Some(email),
                first_name,
                last_name,
                owner_type: OwnerType::Person,
                created: since,
                shelf: if place == 4 { Shelf::Archived } else { Shelf::Live },
            }
        })
        .collect();
    owners.push(Owner {
        id: 70_002_001,
        user_id: None,
        email: None,
        first_name: "Support".to_owned(),
        last_name: "Queue".to_owned(),
        owner_type: OwnerType::Queue,
        created: since,
        shelf: Shelf::Live,
    });
    owners
}

/// `/crm/v3/owners…`
pub(super) fn answer(crm: &Crm, ask: &Ask<'_>, rest: &[&str]) -> Result<Reply, Refusal> {
    match (ask.method(), rest) {
        (&Method::GET, []) => list(crm, ask),
        (&Method::GET, [id]) => get(crm, ask, id),
        (_, [] | [_]) => Err(Refusal::wrong_method()),
        _ => Err(Refusal::not_found("resource not found")),
    }
}

fn list(crm: &Crm, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let limit = ask.limit(LIMIT_DEFAULT, LIMIT_MAX)?;
    let after = ask.after()?;
    let email = ask.call.query("email");
    let wanted = crm
        .owners
        .iter()
        .filter(|owner| owner.id >= after && owner.shelf == ask.shelf())
        .filter(|owner| email.is_none_or(|email| owner.has_email(email)));
    let page = paging::cut(wanted, limit, |owner| owner.id);
    let results = page.items.iter().map(|owner| owner.json()).collect();
    Ok(Reply::json(StatusCode::OK, &page.answer(ask, results)))
}

fn get(crm: &Crm, ask: &Ask<'_>, id: &str) -> Result<Reply, Refusal> {
    let by_user = ask.call.query("idProperty") == Some("userId");
    let number: Option<u64> = id.parse().ok();
    let found = crm.owners.iter().filter(|owner| owner.shelf == ask.shelf()).find(|owner| {
        let own = if by_user { owner.user_id } else { Some(owner.id) };
        own.is_some() && own == number
    });
    let owner = found.ok_or_else(|| Refusal::not_found("resource not found"))?;
    Ok(Reply::json(StatusCode::OK, &owner.json()))
}

impl Owner {
    /// Whether records can be assigned to it.
    pub(super) fn is_active(&self) -> bool {
        self.shelf == Shelf::Live
    }

    fn has_email(&self, email: &str) -> bool {
        self.email.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(email))
    }

    fn json(&self) -> Value {
        let mut body = Map::new();
        body.insert("id".into(), json!(self.id.to_string()));
        if let Some(email) = &self.email {
            body.insert("email".into(), json!(email));
        }
        let owner_type = match self.owner_type {
            OwnerType::Person => "PERSON",
            OwnerType::Queue => "QUEUE",
        };
        body.insert("type".into(), json!(owner_type));
        body.insert("firstName".into(), json!(self.first_name));
        body.insert("lastName".into(), json!(self.last_name));
        if let (Some(user_id), Shelf::Live) = (self.user_id, self.shelf) {
            body.insert("userId".into(), json!(user_id));
        }
        if let Some(user_id) = self.user_id {
            body.insert("userIdIncludingInactive".into(), json!(user_id));
        }
        body.insert("createdAt".into(), json!(instant_text(self.created)));
        body.insert("updatedAt".into(), json!(instant_text(self.created)));
        body.insert("archived".into(), json!(self.shelf == Shelf::Archived));
        body.insert("teams".into(), json!([]));
        Value::Object(body)
    }
}
