//! Custom object types, facts §3.7: `/crm-object-schemas/v3/schemas` and its dated forms.

mod wire;

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Crm;
use super::ask::{Ask, Shelf};
use super::associations::TypeKey;
use super::kind::{Kind, KindInfo};
use super::properties::NewProperty;
use super::refusal::Refusal;
use super::stock;
use crate::call::Reply;

/// Custom type ids count on from here, `2-10000001`.
const FIRST_TYPE_NUMBER: usize = 10_000_001;

/// What a custom object type has beyond its [`KindInfo`] and properties.
#[derive(Debug, Clone)]
pub(super) struct Schema {
    kind: Kind,
    labels: Labels,
    description: Option<String>,
    primary_display: Option<String>,
    secondary_display: Vec<String>,
    associations: Vec<(TypeKey, Option<String>)>,
    created: Timestamp,
    updated: Timestamp,
    archived: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Labels {
    singular: Option<String>,
    plural: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewSchema {
    name: String,
    labels: Labels,
    description: Option<String>,
    properties: Vec<NewProperty>,
    required_properties: Vec<String>,
    searchable_properties: Option<Vec<String>>,
    primary_display_property: Option<String>,
    secondary_display_properties: Option<Vec<String>>,
    associated_objects: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SchemaPatch {
    labels: Option<Labels>,
    description: Option<String>,
    required_properties: Option<Vec<String>>,
    searchable_properties: Option<Vec<String>>,
    primary_display_property: Option<String>,
    secondary_display_properties: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewAssociation {
    to_object_type_id: String,
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct BatchRead {
    inputs: Vec<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    id: String,
}

pub(super) fn answer(crm: &mut Crm, ask: &Ask<'_>, rest: &[&str]) -> Result<Reply, Refusal> {
    match (ask.method(), rest) {
        (&Method::GET, []) => {
            let wanted =
                crm.schemas.iter().filter(|schema| schema.archived == (ask.shelf() == Shelf::Archived));
            let results: Vec<Value> = wanted.map(|schema| crm.schema_json(schema)).collect();
            Ok(Reply::json(StatusCode::OK, &json!({"results": results})))
        }
        (&Method::POST, []) => create(crm, ask),
        (&Method::POST, ["batch", "read"]) => {
            let body: BatchRead = ask.body()?;
            let found = body.inputs.iter().filter_map(|named| found(crm, &named.id).ok());
            let mut outcome = super::batch_answer::Outcome::default();
            outcome.results.extend(found.map(|index| crm.schema_json(&crm.schemas[index])));
            Ok(outcome.reply(ask, StatusCode::OK))
        }
        (&Method::GET, [word]) => {
            let index = found(crm, word)?;
            Ok(Reply::json(StatusCode::OK, &crm.schema_json(&crm.schemas[index])))
        }
        (&Method::PATCH, [word]) => update(crm, ask, word),
        (&Method::DELETE, [word]) => delete(crm, ask, word),
        (&Method::POST, [word, "associations"]) => associate(crm, ask, word),
        (&Method::DELETE, [word, "associations", id]) => dissociate(crm, word, id),
        (_, [] | [_] | ["batch", "read"] | [_, "associations"]) => Err(Refusal::wrong_method()),
        _ => Err(Refusal::not_found("resource not found")),
    }
}

fn create(crm: &mut Crm, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let new: NewSchema = ask.body()?;
    let now = ask.moment.now;
    if crm.kinds.find(&new.name).is_some() {
        let message = format!("An object type named '{}' already exists", new.name);
        return Err(Refusal::already_exists(message, "ObjectTypes.OBJECT_TYPE_WITH_NAME_EXISTS"));
    }
    let associated =
        new.associated_objects.iter().map(|word| crm.kind(word)).collect::<Result<Vec<_>, _>>()?;
    let info = new.info(crm.portal_id, crm.schemas.len());
    let mut definitions = stock::definitions(&info);
    let group = stock::group_of(&info);
    for property in &new.properties {
        definitions.put(property.definition_in(&group, &definitions, now)?);
    }
    let named = new.required_properties.iter().chain(&new.primary_display_property);
    if let Some(unknown) = named.into_iter().find(|name| definitions.get(name).is_none()) {
        return Err(Refusal::invalid(format!("Property '{unknown}' is not among the schema's properties")));
    }
    let kind = crm.kinds.add(info);
    crm.open_store(definitions);
    let mut associated: Vec<Kind> = associated.into_iter().chain(crm.kinds.activities()).collect();
    associated.sort_unstable();
    associated.dedup();
    let associations = associated.into_iter();
    let associations: Vec<(TypeKey, Option<String>)> =
        associations.map(|to| (crm.link_types.add_plain(&crm.kinds, kind, to), None)).collect();
    let schema = Schema {
        kind,
        labels: new.labels,
        description: new.description,
        primary_display: new.primary_display_property,
        secondary_display: new.secondary_display_properties.unwrap_or_default(),
        associations,
        created: now,
        updated: now,
        archived: false,
    };
    let answer = crm.schema_json(&schema);
    crm.schemas.push(schema);
    crm.note(ask, "create_schema", "schemas", crm.kinds.info(kind).type_id.clone(), None);
    Ok(Reply::json(StatusCode::CREATED, &answer))
}

fn update(crm: &mut Crm, ask: &Ask<'_>, word: &str) -> Result<Reply, Refusal> {
    let patch: SchemaPatch = ask.body()?;
    let index = found(crm, word)?;
    let schema = &mut crm.schemas[index];
    if let Some(labels) = patch.labels {
        schema.labels = labels;
    }
    schema.description = patch.description.or(schema.description.take());
    schema.primary_display = patch.primary_display_property.or(schema.primary_display.take());
    if let Some(names) = patch.secondary_display_properties {
        schema.secondary_display = names;
    }
    schema.updated = ask.moment.now;
    let kind = schema.kind;
    crm.note(ask, "update_schema", "schemas", crm.kinds.info(kind).type_id.clone(), None);
    let info = crm.kinds.info_mut(kind);
    if let Some(names) = patch.required_properties {
        info.required_properties = names;
    }
    if let Some(names) = patch.searchable_properties {
        info.searched_properties = names;
    }
    Ok(Reply::json(StatusCode::OK, &crm.schema_json(&crm.schemas[index])))
}

/// Only an empty type can go, facts §3.7.
fn delete(crm: &mut Crm, ask: &Ask<'_>, word: &str) -> Result<Reply, Refusal> {
    let index = found(crm, word)?;
    let kind = crm.schemas[index].kind;
    if crm.store(kind).live_count() > 0 {
        let name = crm.kinds.info(kind).plural.clone();
        return Err(Refusal::invalid(format!("{name} still has records and cannot be deleted")));
    }
    crm.schemas[index].archived = true;
    crm.kinds.retire(kind);
    crm.note(ask, "archive_schema", "schemas", crm.kinds.info(kind).type_id.clone(), None);
    Ok(Reply::no_content())
}

fn associate(crm: &mut Crm, ask: &Ask<'_>, word: &str) -> Result<Reply, Refusal> {
    let new: NewAssociation = ask.body()?;
    let index = found(crm, word)?;
    let to = crm.kind(&new.to_object_type_id)?;
    let from = crm.schemas[index].kind;
    let key = crm.link_types.add_plain(&crm.kinds, from, to);
    crm.schemas[index].associations.retain(|(known, _)| *known != key);
    crm.schemas[index].associations.push((key, new.name));
    let schema = &crm.schemas[index];
    let made =
        schema.associations.last().map(|(key, name)| crm.association_json(schema, *key, name.as_deref()));
    Ok(Reply::json(StatusCode::CREATED, &made.unwrap_or_default()))
}

fn dissociate(crm: &mut Crm, word: &str, id: &str) -> Result<Reply, Refusal> {
    let index = found(crm, word)?;
    let associations = &mut crm.schemas[index].associations;
    let place = associations.iter().position(|(key, _)| key.id.to_string() == id);
    let place = place.ok_or_else(|| Refusal::not_found("resource not found"))?;
    let (key, _) = associations.remove(place);
    let back = crm.link_types.get(key).and_then(|link_type| link_type.back);
    for key in [Some(key), back].into_iter().flatten() {
        crm.links.forget_type(key);
    }
    crm.link_types.remove(key);
    Ok(Reply::no_content())
}

/// The place of a live custom type.
fn found(crm: &Crm, word: &str) -> Result<usize, Refusal> {
    let kind = crm.kinds.find(word);
    let mut schemas = crm.schemas.iter();
    let place = schemas.position(|schema| !schema.archived && Some(schema.kind) == kind);
    place.ok_or_else(|| Refusal::not_found(format!("No custom object type {word}")))
}

impl NewSchema {
    fn info(&self, portal_id: u64, before: usize) -> KindInfo {
        let searched = self.searchable_properties.clone();
        KindInfo {
            type_id: format!("2-{}", FIRST_TYPE_NUMBER + before),
            singular: self.name.clone(),
            plural: self.name.clone(),
            qualified: Some(format!("p{portal_id}_{}", self.name)),
            created_property: "hs_createdate",
            modified_property: "hs_lastmodifieddate",
            default_properties: Vec::new(),
            searched_properties: searched
                .unwrap_or_else(|| self.primary_display_property.iter().cloned().collect()),
            required_properties: self.required_properties.clone(),
            retired: false,
        }
    }
}
