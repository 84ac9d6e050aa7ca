//! Who is on a list, facts §3.7: only MANUAL and SNAPSHOT lists take members by hand.

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Crm;
use super::super::ask::{Ask, Shelf};
use super::super::associations::AnyId;
use super::super::paging;
use super::super::record::{RecordId, instant_text};
use super::super::refusal::Refusal;
use super::{List, Processing, live, missing};
use crate::call::Reply;

/// Facts §11: `LIST_MEMBERSHIPS_DEFAULT`; the most is observed.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 250;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exchange {
    record_ids_to_add: Option<Vec<AnyId>>,
    record_ids_to_remove: Option<Vec<AnyId>>,
}

/// `{listId}/memberships/…`
pub(super) fn answer(crm: &mut Crm, ask: &Ask<'_>, place: usize, rest: &[&str]) -> Result<Reply, Refusal> {
    match (ask.method(), rest) {
        (&Method::GET, [] | ["join-order"]) => list(&crm.lists[place], ask),
        (&Method::PUT, ["add"]) => exchange(crm, ask, place, &ask.body::<Vec<AnyId>>()?, &[]),
        (&Method::PUT, ["remove"]) => exchange(crm, ask, place, &[], &ask.body::<Vec<AnyId>>()?),
        (&Method::PUT, ["add-and-remove"]) => {
            let body: Exchange = ask.body()?;
            let (add, remove) = (body.record_ids_to_add, body.record_ids_to_remove);
            exchange(crm, ask, place, &add.unwrap_or_default(), &remove.unwrap_or_default())
        }
        (&Method::PUT, ["add-from", source]) => {
            let source = live(crm, source)?;
            let ids: Vec<AnyId> = crm.lists[source].members.keys().map(|id| AnyId::Number(id.0)).collect();
            exchange(crm, ask, place, &ids, &[])?;
            Ok(Reply::no_content())
        }
        (&Method::DELETE, []) => {
            let all = crm.lists[place].members.keys().map(|id| AnyId::Number(id.0)).collect::<Vec<_>>();
            exchange(crm, ask, place, &[], &all)?;
            Ok(Reply::no_content())
        }
        (_, [] | ["add" | "remove" | "add-and-remove" | "join-order"] | ["add-from", _]) => {
            Err(Refusal::wrong_method())
        }
        _ => Err(missing()),
    }
}

/// The lists one record is on.
pub(super) fn of_record(crm: &Crm, type_id: &str, record_id: &str) -> Result<Reply, Refusal> {
    let kind = crm.kind(type_id)?;
    let id = RecordId::parse(record_id).ok_or_else(missing)?;
    let lists = crm.lists.iter().filter(|list| list.kind == kind && list.deleted.is_none());
    let results: Vec<Value> = lists
        .filter_map(|list| {
            let since = instant_text(*list.members.get(&id)?);
            Some(json!({
                "listId": list.id.to_string(),
                "listVersion": list.version,
                "firstAddedTimestamp": since,
                "lastAddedTimestamp": since,
            }))
        })
        .collect();
    Ok(Reply::json(StatusCode::OK, &json!({"total": results.len(), "results": results})))
}

fn list(list: &List, ask: &Ask<'_>) -> Result<Reply, Refusal> {
    let limit = ask.limit(LIMIT_DEFAULT, LIMIT_MAX)?;
    let from = RecordId(ask.after()?);
    let page = paging::cut(list.members.range(from..), limit, |(id, _)| id.0);
    let results = page
        .items
        .iter()
        .map(|(id, since)| json!({"recordId": id.to_string(), "membershipTimestamp": instant_text(**since)}));
    Ok(Reply::json(StatusCode::OK, &page.answer(ask, results.collect())))
}

/// Ids nobody has and ids already there or gone are no errors.
fn exchange(
    crm: &mut Crm,
    ask: &Ask<'_>,
    place: usize,
    add: &[AnyId],
    remove: &[AnyId],
) -> Result<Reply, Refusal> {
    by_hand(&crm.lists[place])?;
    let kind = crm.lists[place].kind;
    let (mut added, mut removed, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    for id in add {
        let record = id.record().and_then(|id| crm.store(kind).get(id, Shelf::Live)).map(|record| record.id);
        match record {
            Some(record) if crm.lists[place].members.insert(record, ask.moment.now).is_none() => {
                added.push(record.to_string());
            }
            Some(_) => {}
            None => missing.push(id.text()),
        }
    }
    for id in remove {
        if id.record().and_then(|id| crm.lists[place].members.remove(&id)).is_some() {
            removed.push(id.text());
        }
    }
    let list_id = crm.lists[place].id;
    for (action, ids) in [("add_member", &added), ("remove_member", &removed)] {
        for id in ids {
            crm.note(ask, action, "lists", format!("{list_id}/{id}"), None);
        }
    }
    let body = json!({"recordsIdsAdded": added, "recordIdsRemoved": removed, "recordIdsMissing": missing});
    Ok(Reply::json(StatusCode::OK, &body))
}

fn by_hand(list: &List) -> Result<(), Refusal> {
    match list.processing {
        Processing::Manual | Processing::Snapshot => Ok(()),
        Processing::Dynamic => {
            Err(Refusal::invalid("The memberships of a DYNAMIC list cannot be changed by hand"))
        }
    }
}
