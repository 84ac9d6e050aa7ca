//! Lists, facts §3.7. Members of MANUAL and SNAPSHOT lists are kept; the filters of DYNAMIC ones are stored and
//! shown but not evaluated, so those stay empty.

mod members;

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Crm;
use super::ask::Ask;
use super::associations::AnyId;
use super::kind::Kind;
use super::record::{RecordId, instant_text};
use super::refusal::Refusal;
use crate::call::Reply;

/// Page size of the search when none is asked for, and the most; the simulator's own.
const SEARCH_COUNT_DEFAULT: usize = 20;
const SEARCH_COUNT_MAX: usize = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Processing {
    Manual,
    Dynamic,
    Snapshot,
}

#[derive(Debug)]
pub(super) struct List {
    id: u64,
    name: String,
    kind: Kind,
    processing: Processing,
    filter_branch: Option<Value>,
    /// Member → since when.
    members: BTreeMap<RecordId, Timestamp>,
    version: u64,
    created: Timestamp,
    updated: Timestamp,
    deleted: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewList {
    name: String,
    object_type_id: String,
    processing_type: Processing,
    filter_branch: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SearchBody {
    query: Option<String>,
    list_ids: Option<Vec<AnyId>>,
    processing_types: Option<Vec<Processing>>,
    offset: Option<usize>,
    count: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filters {
    filter_branch: Value,
}

/// `/crm/v3/lists…`
pub(super) fn answer(crm: &mut Crm, ask: &Ask<'_>, rest: &[&str]) -> Result<Reply, Refusal> {
    match (ask.method(), rest) {
        (&Method::POST, []) => create(crm, ask),
        (&Method::GET, []) => {
            let ids = ask.names("listIds");
            let lists =
                crm.lists.iter().filter(|list| list.deleted.is_none() && ids.contains(&list.id.to_string()));
            let lists: Vec<Value> = lists.map(|list| crm.list_json(list)).collect();
            Ok(Reply::json(StatusCode::OK, &json!({"lists": lists})))
        }
        (&Method::POST, ["search"]) => search(crm, ask),
        (&Method::GET, ["object-type-id", type_id, "name", name]) => {
            let kind = crm.kind(type_id)?;
            let mut lists = crm.lists.iter().filter(|list| list.deleted.is_none());
            let list = lists.find(|list| list.kind == kind && list.name == *name).ok_or_else(missing)?;
            Ok(Reply::json(StatusCode::OK, &json!({"list": crm.list_json(list)})))
        }
        (&Method::GET, ["records", type_id, record_id, "memberships"]) => {
            members::of_record(crm, type_id, record_id)
        }
        (&Method::PUT, [id, "restore"]) => {
            let place = position(crm, id)?;
            crm.lists[place].deleted = None;
            crm.note(ask, "restore_list", "lists", id, None);
            Ok(Reply::no_content())
        }
        (_, [id, "memberships", rest @ ..]) => {
            let place = live(crm, id)?;
            members::answer(crm, ask, place, rest)
        }
        (_, [id, rest @ ..]) => one(crm, ask, id, rest),
        (_, []) => Err(Refusal::wrong_method()),
    }
}

fn one(crm: &mut Crm, ask: &Ask<'_>, id: &str, rest: &[&str]) -> Result<Reply, Refusal> {
    let place = live(crm, id)?;
    let now = ask.moment.now;
    match (ask.method(), rest) {
        (&Method::GET, []) => {
            Ok(Reply::json(StatusCode::OK, &json!({"list": crm.list_json(&crm.lists[place])})))
        }
        (&Method::DELETE, []) => {
            crm.lists[place].deleted = Some(now);
            crm.note(ask, "archive_list", "lists", id, None);
            Ok(Reply::no_content())
        }
        (&Method::PUT, ["update-list-name"]) => {
            if let Some(name) = ask.call.query("listName") {
                crm.lists[place].change(now, |list| list.name = name.to_owned());
                crm.note(ask, "update_list", "lists", id, None);
            }
            Ok(updated(crm, place))
        }
        (&Method::PUT, ["update-list-filters"]) => {
            let filters: Filters = ask.body()?;
            crm.lists[place].change(now, |list| list.filter_branch = Some(filters.filter_branch));
            crm.note(ask, "update_list", "lists", id, None);
            Ok(updated(crm, place))
        }
        (_, [] | ["update-list-name" | "update-list-filters"]) => Err(Refusal::wrong_method()),
        _ => Err(missing()),
    }
}

fn create(crm: &mut Crm, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let new: NewList = ask.body()?;
    let kind = crm.kind(&new.object_type_id)?;
    let mut live = crm.lists.iter().filter(|list| list.deleted.is_none());
    if live.any(|list| list.kind == kind && list.name == new.name) {
        return Err(Refusal::invalid(format!("A list named '{}' already exists", new.name)));
    }
    let now = ask.moment.now;
    let list = List {
        id: u64::try_from(crm.lists.len()).expect("lists fit in memory") + 1,
        name: new.name,
        kind,
        processing: new.processing_type,
        filter_branch: new.filter_branch,
        members: BTreeMap::new(),
        version: 1,
        created: now,
        updated: now,
        deleted: None,
    };
    let answer = json!({"list": crm.list_json(&list)});
    crm.note(ask, "create_list", "lists", list.id, None);
    crm.lists.push(list);
    Ok(Reply::json(StatusCode::OK, &answer))
}

fn search(crm: &Crm, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let body: SearchBody = ask.body()?;
    let query = body.query.unwrap_or_default().to_lowercase();
    let ids: Vec<String> = body.list_ids.unwrap_or_default().iter().map(AnyId::text).collect();
    let kinds = body.processing_types.unwrap_or_default();
    let found: Vec<&List> = crm
        .lists
        .iter()
        .filter(|list| list.deleted.is_none() && list.name.to_lowercase().contains(&query))
        .filter(|list| ids.is_empty() || ids.contains(&list.id.to_string()))
        .filter(|list| kinds.is_empty() || kinds.contains(&list.processing))
        .collect();
    let offset = body.offset.unwrap_or(0);
    let count = body.count.unwrap_or(SEARCH_COUNT_DEFAULT).min(SEARCH_COUNT_MAX);
    let page: Vec<Value> = found
        .iter()
        .skip(offset)
        .take(count)
        .map(|list| {
            let mut body = crm.list_json(list);
            body["additionalProperties"] = json!({"hs_list_size": list.members.len().to_string()});
            body
        })
        .collect();
    let end = offset + page.len();
    let answer = json!({"total": found.len(), "offset": end, "lists": page, "hasMore": end < found.len()});
    Ok(Reply::json(StatusCode::OK, &answer))
}

fn updated(crm: &Crm, place: usize) -> Reply {
    Reply::json(StatusCode::OK, &json!({"updatedList": crm.list_json(&crm.lists[place])}))
}

fn position(crm: &Crm, id: &str) -> Result<usize, Refusal> {
    crm.lists.iter().position(|list| list.id.to_string() == id).ok_or_else(missing)
}

fn live(crm: &Crm, id: &str) -> Result<usize, Refusal> {
    position(crm, id).and_then(
        |place| {
            if crm.lists[place].deleted.is_none() { Ok(place) } else { Err(missing()) }
        },
    )
}

fn missing() -> Refusal {
    Refusal::not_found("List does not exist")
}

impl Processing {
    fn wire(self) -> &'static str {
        match self {
            Self::Manual => "MANUAL",
            Self::Dynamic => "DYNAMIC",
            Self::Snapshot => "SNAPSHOT",
        }
    }
}

impl List {
    fn change(&mut self, now: Timestamp, change: impl FnOnce(&mut Self)) {
        change(self);
        self.version += 1;
        self.updated = now;
    }
}

impl Crm {
    /// `PublicObjectList`
    fn list_json(&self, list: &List) -> Value {
        let mut body = Map::new();
        body.insert("listId".into(), json!(list.id.to_string()));
        body.insert("listVersion".into(), json!(list.version));
        body.insert("name".into(), json!(list.name));
        body.insert("objectTypeId".into(), json!(self.kinds.info(list.kind).type_id));
        body.insert("processingType".into(), json!(list.processing.wire()));
        body.insert("processingStatus".into(), json!("COMPLETE"));
        body.insert("size".into(), json!(list.members.len()));
        body.insert("createdAt".into(), json!(instant_text(list.created)));
        body.insert("updatedAt".into(), json!(instant_text(list.updated)));
        body.insert("filtersUpdatedAt".into(), json!(instant_text(list.updated)));
        if let Some(filter_branch) = &list.filter_branch {
            body.insert("filterBranch".into(), filter_branch.clone());
        }
        Value::Object(body)
    }
}
