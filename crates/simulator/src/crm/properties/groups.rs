//! The headings properties are listed under.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Crm;
use super::super::ask::{Ask, Shelf};
use super::super::definition::Group;
use super::super::kind::Kind;
use super::super::refusal::Refusal;
use crate::call::Reply;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewGroup {
    name: String,
    label: String,
    display_order: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupPatch {
    label: Option<String>,
    display_order: Option<i64>,
}

pub(super) fn answer(crm: &mut Crm, ask: &Ask<'_>, kind: Kind, rest: &[&str]) -> Result<Reply, Refusal> {
    match (ask.method(), rest) {
        (&Method::GET, []) => {
            let groups = crm.definitions(kind).groups.iter();
            let wanted = groups.filter(|group| group.archived == (ask.shelf() == Shelf::Archived));
            let results: Vec<Value> = wanted.map(Group::json).collect();
            Ok(Reply::json(StatusCode::OK, &json!({"results": results})))
        }
        (&Method::POST, []) => create(crm, ask, kind),
        (&Method::GET, [name]) => Ok(Reply::json(StatusCode::OK, &live(crm, kind, name)?.json())),
        (&Method::PATCH, [name]) => {
            let patch: GroupPatch = ask.body()?;
            let group = live(crm, kind, name)?;
            group.label = patch.label.unwrap_or_else(|| group.label.clone());
            group.display_order = patch.display_order.unwrap_or(group.display_order);
            let answer = group.json();
            crm.note(ask, "update_group", &crm.kinds.info(kind).log_name(), name, None);
            Ok(Reply::json(StatusCode::OK, &answer))
        }
        (&Method::DELETE, [name]) => archive(crm, ask, kind, name),
        (_, [] | [_]) => Err(Refusal::wrong_method()),
        _ => Err(Refusal::not_found("resource not found")),
    }
}

fn create(crm: &mut Crm, ask: &Ask<'_>, kind: Kind) -> Result<Reply, Refusal> {
    let new: NewGroup = ask.body()?;
    let groups = &mut crm.definitions[kind.0].groups;
    if groups.iter().any(|group| group.name == new.name && !group.archived) {
        let message = format!("A property group named '{}' already exists.", new.name);
        return Err(Refusal::already_exists(message, "PropertyGroupError.GROUP_WITH_NAME_EXISTS"));
    }
    groups.retain(|group| group.name != new.name);
    let display_order = new.display_order.unwrap_or(-1);
    let group = Group { name: new.name, label: new.label, display_order, archived: false };
    let answer = group.json();
    let name = group.name.clone();
    groups.push(group);
    crm.note(ask, "create_group", &crm.kinds.info(kind).log_name(), name, None);
    Ok(Reply::json(StatusCode::CREATED, &answer))
}

/// Not while a property stands under it, facts §2.2.
fn archive(crm: &mut Crm, ask: &Ask<'_>, kind: Kind, name: &str) -> Result<Reply, Refusal> {
    live(crm, kind, name)?;
    let is_inside = crm
        .definitions(kind)
        .iter()
        .any(|definition| definition.archived.is_none() && definition.group == name);
    if is_inside {
        let message = format!("Property group '{name}' still has active properties and cannot be deleted");
        return Err(Refusal::invalid(message).under("PropertyGroupError.GROUP_WITH_ACTIVE_PROPERTIES"));
    }
    live(crm, kind, name)?.archived = true;
    crm.note(ask, "archive_group", &crm.kinds.info(kind).log_name(), name, None);
    Ok(Reply::no_content())
}

fn live<'a>(crm: &'a mut Crm, kind: Kind, name: &str) -> Result<&'a mut Group, Refusal> {
    let mut groups = crm.definitions[kind.0].groups.iter_mut();
    let found = groups.find(|group| group.name == name && !group.archived);
    found.ok_or_else(|| Refusal::not_found(format!("Property group '{name}' does not exist")))
}

impl Group {
    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "label": self.label,
            "displayOrder": self.display_order,
            "archived": self.archived,
        })
    }
}
