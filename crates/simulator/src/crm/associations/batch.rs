//! Many pairs at once, facts §4.1. A wrong type fails the call; a record that is not there fails its item.

use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::super::Crm;
use super::super::ask::{Ask, Version};
use super::super::batch_answer::{Outcome, check_size};
use super::super::kind::Kind;
use super::super::paging;
use super::super::refusal::Refusal;
use super::single::{Existing, PAGE, default_json};
use super::{AnyId, End, Spec};
use crate::call::Reply;

/// Facts §11: `ASSOC_BATCH_READ_MAX`, `ASSOC_BATCH_CREATE_MAX`.
const READ_MAX: usize = 1_000;
const WRITE_MAX: usize = 2_000;

#[derive(Debug, Deserialize)]
pub(super) struct Inputs<T> {
    pub(super) inputs: Vec<T>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Id {
    pub(super) id: AnyId,
}

#[derive(Debug, Deserialize)]
struct ReadItem {
    id: AnyId,
    after: Option<AnyId>,
}

#[derive(Debug, Deserialize)]
struct PairItem {
    from: Id,
    to: Id,
    types: Option<Vec<Spec>>,
}

#[derive(Debug, Deserialize)]
struct ArchiveItem {
    from: Id,
    to: Vec<Id>,
}

type Pair = (Kind, Kind);

/// `{from}/{to}/batch/…`, with `rest` what follows.
pub(super) fn answer(crm: &mut Crm, ask: &Ask<'_>, pair: Pair, rest: &[&str]) -> Result<Reply, Refusal> {
    match rest {
        ["read"] => read(crm, ask, pair),
        ["create"] => create(crm, ask, pair),
        ["associate", "default"] => create_default(crm, ask, pair),
        ["archive"] => archive(crm, ask, pair),
        ["labels", "archive"] => archive_labels(crm, ask, pair),
        _ => Err(Refusal::not_found("resource not found")),
    }
}

fn read(crm: &Crm, ask: &Ask<'_>, (from, to): Pair) -> Result<Reply, Refusal> {
    let mut outcome = Outcome::default();
    for item in inputs::<ReadItem>(ask, READ_MAX)? {
        let id = item.id.text();
        let after = item.after.and_then(|after| after.record()).map_or(0, |after| after.0);
        let neighbours = crm.end(from, &id).ok().map(|end| {
            let neighbours = crm.neighbours(end, to).filter(|(id, _)| id.0 >= after);
            paging::cut(neighbours, PAGE, |(id, _)| id.0)
        });
        match neighbours.filter(|page| !page.items.is_empty()) {
            Some(page) => {
                let to: Vec<Value> = page
                    .items
                    .iter()
                    .map(|(id, types)| {
                        json!({"toObjectId": id.to_string(), "associationTypes": crm.types_json(types)})
                    })
                    .collect();
                let mut result = Map::new();
                result.insert("from".into(), json!({"id": id}));
                result.insert("to".into(), json!(to));
                if let Some(next) = page.next {
                    result.insert("paging".into(), json!({"next": {"after": next.to_string()}}));
                }
                outcome.results.push(Value::Object(result));
            }
            None => outcome.fail(&crm.nothing_associated(from, &id, to)),
        }
    }
    Ok(outcome.reply(ask, StatusCode::OK))
}

fn create(crm: &mut Crm, ask: &Ask<'_>, (from, to): Pair) -> Result<Reply, Refusal> {
    let items = inputs::<PairItem>(ask, WRITE_MAX)?;
    let mut keyed = Vec::with_capacity(items.len());
    for item in &items {
        keyed.push(crm.directed_keys(from, to, item.types.as_deref().unwrap_or_default())?);
    }
    let mut outcome = Outcome::default();
    for (item, keys) in items.iter().zip(keyed) {
        match crm.ends((from, to), item) {
            Ok((from, to)) => {
                crm.commit_link(ask, from, to, &keys, Existing::Replace);
                outcome.results.push(crm.labels_json(from, to));
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

fn create_default(crm: &mut Crm, ask: &Ask<'_>, (from, to): Pair) -> Result<Reply, Refusal> {
    let plain = crm.plain(from, to)?.key;
    let mut outcome = Outcome::default();
    for item in inputs::<PairItem>(ask, WRITE_MAX)? {
        match crm.ends((from, to), &item) {
            Ok((from, to)) => {
                crm.commit_link(ask, from, to, &[plain], Existing::Keep);
                outcome.results.push(default_json(from, to, plain));
            }
            Err(refusal) => outcome.fail(&refusal),
        }
    }
    Ok(outcome.reply(ask, StatusCode::OK))
}

fn archive(crm: &mut Crm, ask: &Ask<'_>, (from, to): Pair) -> Result<Reply, Refusal> {
    for item in inputs::<ArchiveItem>(ask, WRITE_MAX)? {
        let Ok(from) = crm.end(from, &item.from.id.text()) else { continue };
        for other in item.to {
            if let Ok(to) = crm.end(to, &other.id.text()) {
                crm.commit_unlink(ask, from, to);
            }
        }
    }
    Ok(archived(ask))
}

fn archive_labels(crm: &mut Crm, ask: &Ask<'_>, (from, to): Pair) -> Result<Reply, Refusal> {
    for item in inputs::<PairItem>(ask, WRITE_MAX)? {
        let keys = crm.directed_keys(from, to, item.types.as_deref().unwrap_or_default())?;
        if let Ok((from, to)) = crm.ends((from, to), &item) {
            crm.links.remove_types(&crm.link_types, from, to, &keys);
            crm.note_link(ask, "disassociate", from, to);
        }
    }
    Ok(archived(ask))
}

/// v4 answers 204, dated versions 200 with a batch body, facts §4.1.
fn archived(ask: &Ask<'_>) -> Reply {
    match ask.version {
        Version::V3 | Version::V4 => Reply::no_content(),
        Version::Dated2025September | Version::Dated2026March | Version::Dated2026September => {
            Outcome::default().reply(ask, StatusCode::OK)
        }
    }
}

pub(super) fn inputs<T: DeserializeOwned>(ask: &Ask<'_>, max: usize) -> Result<Vec<T>, Refusal> {
    let body: Inputs<T> = ask.body()?;
    check_size(body.inputs.len(), max)?;
    Ok(body.inputs)
}

impl Crm {
    fn ends(&self, (from, to): Pair, item: &PairItem) -> Result<(End, End), Refusal> {
        Ok((self.end(from, &item.from.id.text())?, self.end(to, &item.to.id.text())?))
    }

    /// The item error of a batch read; observed, unconfirmed.
    pub(super) fn nothing_associated(&self, from: Kind, id: &str, to: Kind) -> Refusal {
        let (from, to) = (self.kinds.info(from), self.kinds.info(to));
        Refusal::not_found(format!("No {} is associated with {} {id}.", to.singular, from.singular))
            .under("crm.associations.NO_ASSOCIATIONS_FOUND")
            .with("fromObjectId", vec![id.to_owned()])
            .with("fromObjectType", vec![from.singular.clone()])
            .with("toObjectType", vec![to.singular.clone()])
    }
}
