//! A portal's own labels, facts §4.1: create, rename, delete, each in both directions.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Crm;
use super::super::ask::Ask;
use super::super::kind::Kind;
use super::super::refusal::Refusal;
use super::{Category, LinkType, Nature, TypeKey};
use crate::call::Reply;

/// Facts §11: `ASSOC_LABELS_PER_PAIR`.
const LABELS_MAX: usize = 10;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewLabel {
    name: String,
    label: String,
    inverse_label: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Renamed {
    association_type_id: u32,
    label: String,
    inverse_label: Option<String>,
}

/// `{from}/{to}/labels[/{typeId}]`
pub(super) fn answer(
    crm: &mut Crm,
    ask: &Ask<'_>,
    pair: (Kind, Kind),
    rest: &[&str],
) -> Result<Reply, Refusal> {
    match (ask.method(), rest) {
        (&Method::GET, []) => {
            Ok(results(crm.link_types.between(pair.0, pair.1).map(LinkType::json).collect()))
        }
        (&Method::POST, []) => create(crm, ask, pair),
        (&Method::PUT, []) => rename(crm, ask, pair),
        (&Method::DELETE, [id]) => delete(crm, ask, pair, id),
        (_, [] | [_]) => Err(Refusal::wrong_method()),
        _ => Err(Refusal::not_found("resource not found")),
    }
}

fn create(crm: &mut Crm, ask: &Ask<'_>, pair: (Kind, Kind)) -> Result<Reply, Refusal> {
    let new: NewLabel = ask.body()?;
    let taken = crm.link_types.own_labels(pair.0, pair.1).any(|known| known.name == new.name);
    if taken {
        return Err(Refusal::invalid(format!("An association label named {} already exists", new.name)));
    }
    if crm.link_types.own_labels(pair.0, pair.1).count() >= LABELS_MAX {
        return Err(Refusal::invalid(format!("An object pair has at most {LABELS_MAX} labels")));
    }
    let inverse = new.inverse_label.as_ref().unwrap_or(&new.label);
    let keys = crm.link_types.add_label(pair, &new.name, &new.label, inverse);
    crm.note_label(ask, "create_label", pair, keys[0]);
    let made = keys.iter().filter_map(|key| crm.link_types.get(*key)).map(LinkType::json);
    Ok(results(made.collect()))
}

fn rename(crm: &mut Crm, ask: &Ask<'_>, pair: (Kind, Kind)) -> Result<Reply, Refusal> {
    let renamed: Renamed = ask.body()?;
    let key = own_label(crm, pair, &renamed.association_type_id.to_string())?;
    crm.link_types.relabel(key, &renamed.label);
    let back = crm.link_types.get(key).and_then(|link_type| link_type.back);
    if let (Some(back), Some(inverse)) = (back, renamed.inverse_label) {
        crm.link_types.relabel(back, &inverse);
    }
    crm.note_label(ask, "update_label", pair, key);
    Ok(Reply::no_content())
}

fn delete(crm: &mut Crm, ask: &Ask<'_>, pair: (Kind, Kind), id: &str) -> Result<Reply, Refusal> {
    let key = own_label(crm, pair, id)?;
    let back = crm.link_types.get(key).and_then(|link_type| link_type.back);
    for key in [Some(key), back].into_iter().flatten() {
        crm.links.forget_type(key);
    }
    crm.link_types.remove(key);
    crm.note_label(ask, "archive_label", pair, key);
    Ok(Reply::no_content())
}

/// A label the portal may change: its own, in this direction.
fn own_label(crm: &Crm, (from, to): (Kind, Kind), id: &str) -> Result<TypeKey, Refusal> {
    let id: u32 = id.parse().map_err(|_| Refusal::invalid(format!("{id} is not an association type id")))?;
    let key = TypeKey { category: Category::UserDefined, id };
    let known = crm
        .link_types
        .get(key)
        .filter(|known| known.from == from && known.to == to && known.nature == Nature::Labelled);
    match known {
        Some(known) => Ok(known.key),
        None if crm.link_types.between(from, to).any(|stock| stock.key.id == id) => {
            Err(Refusal::invalid(format!("Association type {id} is HubSpot's own and cannot be changed")))
        }
        None => Err(Refusal::not_found(format!("No association label with id {id}"))),
    }
}

fn results(results: Vec<Value>) -> Reply {
    Reply::json(StatusCode::OK, &json!({"results": Value::Array(results)}))
}

impl Crm {
    fn note_label(&mut self, ask: &Ask<'_>, action: &'static str, (from, to): (Kind, Kind), key: TypeKey) {
        let names = format!("{}/{}", self.kinds.info(from).log_name(), self.kinds.info(to).log_name());
        self.note(ask, action, &names, key.id, None);
    }
}
