//! Batch create, read and archive of definitions; there is no batch update, facts §3.5.

use http::StatusCode;
use serde::Deserialize;

use super::super::Crm;
use super::super::ask::{Ask, Shelf, Version};
use super::super::batch_answer::{Outcome, check_size};
use super::super::kind::Kind;
use super::super::refusal::Refusal;
use super::{NewProperty, missing};
use crate::call::Reply;

/// As for objects; not documented for properties.
const INPUTS_MAX: usize = 100;

#[derive(Debug, Deserialize)]
struct Inputs<T> {
    inputs: Vec<T>,
    archived: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

pub(super) fn answer(crm: &mut Crm, ask: &Ask<'_>, kind: Kind, verb: &str) -> Result<Reply, Refusal> {
    match verb {
        "create" => create(crm, ask, kind),
        "read" => read(crm, ask, kind),
        "archive" => archive(crm, ask, kind),
        _ => Err(Refusal::not_found("resource not found")),
    }
}

fn create(crm: &mut Crm, ask: &Ask<'_>, kind: Kind) -> Result<Reply, Refusal> {
    let body: Inputs<NewProperty> = ask.body()?;
    check_size(body.inputs.len(), INPUTS_MAX)?;
    let mut outcome = Outcome::default();
    for new in &body.inputs {
        match crm.create_property(ask, kind, new) {
            Ok(name) => {
                let made = crm.definitions(kind).get(&name).map(|made| crm.property_json(kind, made));
                outcome.results.extend(made);
            }
            Err(refusal) => outcome.fail(&refusal),
        }
    }
    let success = match ask.version {
        Version::Dated2026September => StatusCode::OK,
        Version::V3 | Version::V4 | Version::Dated2025September | Version::Dated2026March => {
            StatusCode::CREATED
        }
    };
    Ok(outcome.reply(ask, success))
}

fn read(crm: &Crm, ask: &Ask<'_>, kind: Kind) -> Result<Reply, Refusal> {
    let body: Inputs<Named> = ask.body()?;
    check_size(body.inputs.len(), INPUTS_MAX)?;
    let shelf = if body.archived == Some(true) { Shelf::Archived } else { Shelf::Live };
    let mut outcome = Outcome::default();
    for named in &body.inputs {
        let found = crm.definitions(kind).any(&named.name);
        match found.filter(|definition| definition.shelf() == shelf) {
            Some(definition) => outcome.results.push(crm.property_json(kind, definition)),
            None => outcome.fail(&missing(&named.name).with("name", vec![named.name.clone()])),
        }
    }
    Ok(outcome.reply(ask, StatusCode::OK))
}

fn archive(crm: &mut Crm, ask: &Ask<'_>, kind: Kind) -> Result<Reply, Refusal> {
    let body: Inputs<Named> = ask.body()?;
    check_size(body.inputs.len(), INPUTS_MAX)?;
    for named in &body.inputs {
        match crm.archive_property(ask, kind, &named.name) {
            // Archiving what is gone already is no error.
            Err(refusal) if refusal.status == StatusCode::NOT_FOUND => {}
            other => other?,
        }
    }
    Ok(Reply::no_content())
}
