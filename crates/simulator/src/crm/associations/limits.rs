//! `definitions/configurations` and the usage report, facts §4.1: limits a portal sets on its associations. They
//! are kept and shown, not enforced.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Crm;
use super::super::ask::{Ask, Version};
use super::super::batch_answer::Outcome;
use super::super::kind::Kind;
use super::super::record::instant_text;
use super::super::refusal::Refusal;
use super::batch::inputs;
use super::{Category, TypeKey};
use crate::call::Reply;

/// The simulator's own bound on one batch.
const INPUTS_MAX: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Limit {
    category: Category,
    type_id: u32,
    max_to_object_ids: Option<u64>,
}

/// `definitions/configurations/…`
pub(super) fn answer(crm: &mut Crm, ask: &Ask<'_>, rest: &[&str]) -> Result<Reply, Refusal> {
    match (ask.method(), rest) {
        (&Method::GET, ["all"]) => Ok(shown(crm, |_, _| true)),
        (&Method::GET, [from, to]) => {
            let pair = (crm.kind(from)?, crm.kind(to)?);
            Ok(shown(crm, |from, to| (from, to) == pair))
        }
        (&Method::POST, [from, to, "batch", verb @ ("create" | "update" | "purge")]) => {
            let (from, to) = (crm.kind(from)?, crm.kind(to)?);
            batch(crm, ask, (from, to), verb)
        }
        (_, ["all"] | [_, _] | [_, _, "batch", _]) => Err(Refusal::wrong_method()),
        _ => Err(Refusal::not_found("resource not found")),
    }
}

/// The file is e-mailed, so there is little to answer.
pub(super) fn usage_report(ask: &Ask<'_>, user_id: &str) -> Reply {
    let body = json!({
        "userId": user_id.parse::<u64>().unwrap_or_default(),
        "userEmail": "owner@hubkeeper.example",
        "enqueueTime": instant_text(ask.moment.now),
    });
    Reply::json(StatusCode::OK, &body)
}

fn batch(crm: &mut Crm, ask: &Ask<'_>, (from, to): (Kind, Kind), verb: &str) -> Result<Reply, Refusal> {
    let mut outcome = Outcome::default();
    for limit in inputs::<Limit>(ask, INPUTS_MAX)? {
        let key = TypeKey { category: limit.category, id: limit.type_id };
        let key = crm.directed(from, to, key)?.key;
        match limit.max_to_object_ids.filter(|_| verb != "purge") {
            Some(max) => {
                crm.link_limits.insert(key, max);
                outcome.results.push(limit_json(crm, key, max));
            }
            None => {
                crm.link_limits.remove(&key);
            }
        }
    }
    match (verb, ask.version) {
        ("purge", Version::V3 | Version::V4) => Ok(Reply::no_content()),
        ("create", Version::V3 | Version::V4 | Version::Dated2026March) => {
            Ok(outcome.reply(ask, StatusCode::CREATED))
        }
        _ => Ok(outcome.reply(ask, StatusCode::OK)),
    }
}

fn shown(crm: &Crm, wanted: impl Fn(Kind, Kind) -> bool) -> Reply {
    let limits = crm.link_limits.iter().filter(|(key, _)| {
        crm.link_types.get(**key).is_some_and(|link_type| wanted(link_type.from, link_type.to))
    });
    let results: Vec<Value> = limits.map(|(key, max)| limit_json(crm, *key, *max)).collect();
    Reply::json(StatusCode::OK, &json!({"results": results}))
}

fn limit_json(crm: &Crm, key: TypeKey, max: u64) -> Value {
    let link_type = crm.link_types.get(key);
    json!({
        "category": key.category.wire(),
        "typeId": key.id,
        "fromObjectTypeId": link_type.map(|known| crm.kinds.info(known.from).type_id.as_str()),
        "toObjectTypeId": link_type.map(|known| crm.kinds.info(known.to).type_id.as_str()),
        "label": link_type.and_then(|known| known.label.as_deref()),
        "maxToObjectIds": max,
        "userEnforcedMaxToObjectIds": max,
    })
}
