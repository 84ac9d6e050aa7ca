//! Property definitions, facts §3.5: routes first, then one definition at a time.

mod batch;
mod groups;
mod input;
mod wire;

pub(super) use input::NewProperty;

use http::{Method, StatusCode};
use serde_json::json;

use super::Crm;
use super::ask::{Ask, Shelf};
use super::definition::{Author, Definition};
use super::kind::Kind;
use super::refusal::Refusal;
use crate::call::Reply;
use input::PropertyPatch;

/// `/crm/v3/properties/{type}…`
pub(super) fn answer(crm: &mut Crm, ask: &Ask<'_>, rest: &[&str]) -> Result<Reply, Refusal> {
    let [word, rest @ ..] = rest else { return Err(Refusal::not_found("resource not found")) };
    let kind = crm.kind(word)?;
    match (ask.method(), rest) {
        (_, ["groups", rest @ ..]) => groups::answer(crm, ask, kind, rest),
        (&Method::POST, ["batch", verb]) => batch::answer(crm, ask, kind, verb),
        (&Method::GET, []) => Ok(list(crm, ask, kind)),
        (&Method::POST, []) => create(crm, ask, kind),
        (&Method::GET, [name]) => get(crm, ask, kind, name),
        (&Method::PATCH, [name]) => update(crm, ask, kind, name),
        (&Method::DELETE, [name]) => {
            crm.archive_property(ask, kind, name)?;
            Ok(Reply::no_content())
        }
        (_, [] | [_] | ["batch", _]) => Err(Refusal::wrong_method()),
        _ => Err(Refusal::not_found("resource not found")),
    }
}

fn list(crm: &Crm, ask: &Ask<'_>, kind: Kind) -> Reply {
    let plain = ask.call.query("dataSensitivity").is_none_or(|wanted| wanted == "non_sensitive");
    let definitions =
        crm.definitions(kind).iter().filter(|definition| plain && definition.shelf() == ask.shelf());
    let results: Vec<_> = definitions.map(|definition| crm.property_json(kind, definition)).collect();
    Reply::json(StatusCode::OK, &json!({"results": results}))
}

fn get(crm: &Crm, ask: &Ask<'_>, kind: Kind, name: &str) -> Result<Reply, Refusal> {
    let definition = crm.definitions(kind).any(name).filter(|definition| definition.shelf() == ask.shelf());
    let definition = definition.ok_or_else(|| missing(name))?;
    Ok(Reply::json(StatusCode::OK, &crm.property_json(kind, definition)))
}

fn create(crm: &mut Crm, ask: &Ask<'_>, kind: Kind) -> Result<Reply, Refusal> {
    let new: NewProperty = ask.body()?;
    let name = crm.create_property(ask, kind, &new)?;
    let definition = crm.definitions(kind).get(&name).ok_or_else(|| missing(&name))?;
    Ok(Reply::json(StatusCode::CREATED, &crm.property_json(kind, definition)))
}

fn update(crm: &mut Crm, ask: &Ask<'_>, kind: Kind, name: &str) -> Result<Reply, Refusal> {
    let patch: PropertyPatch = ask.body()?;
    let before = crm.definitions(kind).get(name).ok_or_else(|| missing(name))?;
    let after = patch.applied(before, crm.definitions(kind), ask.moment.now)?;
    let answer = crm.property_json(kind, &after);
    crm.definitions[kind.0].put(after);
    crm.note(ask, "update_property", &crm.kinds.info(kind).log_name(), name, None);
    Ok(Reply::json(StatusCode::OK, &answer))
}

fn missing(name: &str) -> Refusal {
    Refusal::not_found(format!("Property \"{name}\" does not exist"))
}

impl Definition {
    fn shelf(&self) -> Shelf {
        if self.archived.is_some() { Shelf::Archived } else { Shelf::Live }
    }
}

impl Crm {
    /// Creating an archived name revives it, values and all, facts §3.5.
    pub(super) fn create_property(
        &mut self,
        ask: &Ask<'_>,
        kind: Kind,
        new: &NewProperty,
    ) -> Result<String, Refusal> {
        let definition = new.definition(self.definitions(kind), ask.moment.now)?;
        let name = definition.name.clone();
        let unique = definition.is_unique();
        self.definitions[kind.0].put(definition);
        if unique {
            self.store_mut(kind).index(&name);
        }
        self.note(ask, "create_property", &self.kinds.info(kind).log_name(), &name, None);
        Ok(name.to_string())
    }

    fn archive_property(&mut self, ask: &Ask<'_>, kind: Kind, name: &str) -> Result<(), Refusal> {
        let now = ask.moment.now;
        let definitions = &mut self.definitions[kind.0];
        let definition = definitions.get_mut(name).filter(|definition| definition.archived.is_none());
        let definition = definition.ok_or_else(|| missing(name))?;
        match definition.author {
            Author::Portal => definition.archived = Some(now),
            Author::HubSpot => {
                let message = format!("{name} is a HubSpot property and cannot be deleted");
                return Err(Refusal::invalid(message));
            }
        }
        self.note(ask, "archive_property", &self.kinds.info(kind).log_name(), name, None);
        Ok(())
    }
}
