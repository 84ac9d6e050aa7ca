//! What is left of v3: batches that name the type in words, facts §4.1 [SPEC Associations/120891/v3].

use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::super::Crm;
use super::super::ask::Ask;
use super::super::batch_answer::Outcome;
use super::super::kind::Kind;
use super::super::refusal::Refusal;
use super::TypeKey;
use super::batch::{Id, inputs};
use super::single::Existing;
use crate::call::Reply;

/// Facts §11 gives no cap for v3; the ones of v4 are used.
const INPUTS_MAX: usize = 2_000;

#[derive(Debug, Deserialize)]
struct NamedPair {
    from: Id,
    to: Id,
    #[serde(rename = "type")]
    name: String,
}

pub(super) fn types(crm: &Crm, from: Kind, to: Kind) -> Reply {
    let types = crm.link_types.between(from, to);
    let results: Vec<_> =
        types.map(|link_type| json!({"id": link_type.key.id.to_string(), "name": link_type.name})).collect();
    Reply::json(StatusCode::OK, &json!({"results": results}))
}

pub(super) fn batch(
    crm: &mut Crm,
    ask: &Ask<'_>,
    (from, to): (Kind, Kind),
    verb: &str,
) -> Result<Reply, Refusal> {
    match verb {
        "read" => read(crm, ask, from, to),
        "create" => create(crm, ask, from, to),
        "archive" => archive(crm, ask, from, to),
        _ => Err(Refusal::not_found("resource not found")),
    }
}

fn read(crm: &Crm, ask: &Ask<'_>, from: Kind, to: Kind) -> Result<Reply, Refusal> {
    let mut outcome = Outcome::default();
    for item in inputs::<Id>(ask, INPUTS_MAX)? {
        let id = item.id.text();
        let end = crm.end(from, &id).ok();
        let found: Vec<_> = end.into_iter().flat_map(|end| crm.neighbours(end, to)).collect();
        if found.is_empty() {
            outcome.fail(&crm.nothing_associated(from, &id, to));
            continue;
        }
        let named =
            found.iter().map(|(id, types)| json!({"id": id.to_string(), "type": crm.type_name(types)}));
        outcome.results.push(json!({"from": {"id": id}, "to": named.collect::<Vec<_>>()}));
    }
    Ok(outcome.reply(ask, StatusCode::OK))
}

fn create(crm: &mut Crm, ask: &Ask<'_>, from: Kind, to: Kind) -> Result<Reply, Refusal> {
    let mut outcome = Outcome::default();
    for item in inputs::<NamedPair>(ask, INPUTS_MAX)? {
        let key = crm.named_type(from, to, &item.name)?;
        let (from_id, to_id) = (item.from.id.text(), item.to.id.text());
        match crm.end(from, &from_id).and_then(|from| Ok((from, crm.end(to, &to_id)?))) {
            Ok((from, to)) => {
                crm.commit_link(ask, from, to, &[key], Existing::Keep);
                outcome
                    .results
                    .push(json!({"from": {"id": from_id}, "to": {"id": to_id}, "type": item.name}));
            }
            Err(refusal) => outcome.fail(&refusal),
        }
    }
    Ok(outcome.reply(ask, StatusCode::CREATED))
}

fn archive(crm: &mut Crm, ask: &Ask<'_>, from: Kind, to: Kind) -> Result<Reply, Refusal> {
    for item in inputs::<NamedPair>(ask, INPUTS_MAX)? {
        let ends =
            crm.end(from, &item.from.id.text()).and_then(|from| Ok((from, crm.end(to, &item.to.id.text())?)));
        if let Ok((from, to)) = ends {
            crm.commit_unlink(ask, from, to);
        }
    }
    Ok(Reply::no_content())
}

impl Crm {
    fn named_type(&self, from: Kind, to: Kind, name: &str) -> Result<TypeKey, Refusal> {
        let mut types = self.link_types.between(from, to);
        let found = types.find(|link_type| link_type.name == name || link_type.key.id.to_string() == name);
        found.map(|link_type| link_type.key).ok_or_else(|| {
            let (from, to) = (self.kinds.info(from).shout(), self.kinds.info(to).shout());
            Refusal::invalid(format!("{name} is not an association type from {from} to {to}"))
        })
    }
}
