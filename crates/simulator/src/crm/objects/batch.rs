//! Batch read, create, update, upsert and archive, facts §2.3 and §3.1.

mod items;

use http::StatusCode;
use serde_json::{Value, json};

use super::super::Crm;
use super::super::ask::{Ask, Shelf, Version};
use super::super::batch_answer::{Outcome, check_size};
use super::super::kind::Kind;
use super::super::record::RecordId;
use super::super::refusal::Refusal;
use super::super::store::Changes;
use super::locate::{Handle, missing};
use super::plan::{Claims, NewRecord};
use super::shown::Selection;
use crate::call::Reply;
use items::{CreateItem, Inputs, Judged, ReadBody, UpdateItem, judge};

/// Facts §11: `OBJECT_BATCH_MAX`.
const INPUTS_MAX: usize = 100;

/// What an upsert item turns out to be.
enum Upsert {
    New(NewRecord),
    Known(RecordId, Changes),
}

pub(super) fn answer(crm: &mut Crm, ask: &Ask<'_>, kind: Kind, verb: &str) -> Result<Reply, Refusal> {
    match verb {
        "read" => read(crm, ask, kind),
        "create" => create(crm, ask, kind),
        "update" => update(crm, ask, kind),
        "upsert" => upsert(crm, ask, kind),
        "archive" => archive(crm, ask, kind),
        _ => Err(missing()),
    }
}

fn read(crm: &Crm, ask: &Ask<'_>, kind: Kind) -> Result<Reply, Refusal> {
    let body: ReadBody = ask.body()?;
    check_size(body.inputs.len(), INPUTS_MAX)?;
    let handle = crm.handle_of(kind, body.id_property.as_deref())?;
    let mut selection = Selection::of(body.properties.unwrap_or_default());
    selection.with_history = body.properties_with_history.unwrap_or_default();
    let mut outcome = Outcome::default();
    let (mut seen, mut gone) = (Vec::new(), Vec::new());
    for id in body.inputs.iter().map(|input| input.id.text()) {
        match crm.locate(kind, &handle, &id, ask.shelf()) {
            Some(record) if seen.contains(&record.id) => {}
            Some(record) => {
                seen.push(record.id);
                outcome.results.push(crm.shown(kind, record, &selection));
            }
            None if gone.contains(&id) => {}
            None => gone.push(id),
        }
    }
    if !gone.is_empty() {
        outcome.fail(&gone_refusal(crm, kind, gone));
    }
    Ok(outcome.reply(ask, StatusCode::OK))
}

fn create(crm: &mut Crm, ask: &Ask<'_>, kind: Kind) -> Result<Reply, Refusal> {
    let body: Inputs<CreateItem> = ask.body()?;
    check_size(body.inputs.len(), INPUTS_MAX)?;
    let mut claims = Claims::default();
    let (plans, errors) =
        judge(&body.inputs, |item| crm.plan_create(kind, &item.written, &item.associations, &mut claims))?;
    let mut outcome = Outcome { errors, ..Outcome::default() };
    for Judged { trace_id, plan } in plans {
        let id = crm.commit_create(ask, kind, plan, trace_id);
        outcome.results.push(crm.created_answer(kind, id, trace_id));
    }
    Ok(outcome.reply(ask, created_status(ask.version)))
}

fn update(crm: &mut Crm, ask: &Ask<'_>, kind: Kind) -> Result<Reply, Refusal> {
    let body: Inputs<UpdateItem> = ask.body()?;
    check_size(body.inputs.len(), INPUTS_MAX)?;
    refuse_duplicates(&body.inputs)?;
    let mut claims = Claims::default();
    let (plans, errors) = judge(&body.inputs, |item| {
        let handle = crm.handle_of(kind, item.id_property.as_deref())?;
        let id = item.id.text();
        let record = match &handle {
            // A merged-away id is refused here, though the single update takes it, facts §3.3.
            Handle::Id => RecordId::parse(&id).and_then(|id| crm.store(kind).get(id, Shelf::Live)),
            Handle::Unique(_) => crm.locate(kind, &handle, &id, Shelf::Live),
        };
        let record = record.ok_or_else(|| gone_refusal(crm, kind, vec![id]))?;
        Ok((record.id, crm.plan_update(kind, record, &item.properties, &mut claims)?))
    })?;
    let mut outcome = Outcome { errors, ..Outcome::default() };
    for Judged { trace_id, plan: (id, changes) } in plans {
        crm.commit_update(ask, kind, id, &changes, "update", trace_id);
        outcome.results.push(crm.changed_answer(kind, id, &changes, trace_id));
    }
    Ok(outcome.reply(ask, StatusCode::OK))
}

fn upsert(crm: &mut Crm, ask: &Ask<'_>, kind: Kind) -> Result<Reply, Refusal> {
    let mut body: Inputs<UpdateItem> = ask.body()?;
    check_size(body.inputs.len(), INPUTS_MAX)?;
    refuse_duplicates(&body.inputs)?;
    if body.inputs.iter().any(|item| item.id_property.as_deref() == Some("email")) {
        // Facts §3.3: by e-mail an upsert is all or nothing, so trace ids buy no tolerance.
        body.inputs.iter_mut().for_each(|item| item.object_write_trace_id = None);
    }
    let mut claims = Claims::default();
    let (plans, errors) = judge(&body.inputs, |item| plan_upsert(crm, kind, item, &mut claims))?;
    let mut outcome = Outcome { errors, ..Outcome::default() };
    for Judged { trace_id, plan } in plans {
        let (mut answer, new) = match plan {
            Upsert::New(plan) => {
                let id = crm.commit_create(ask, kind, plan, trace_id);
                (crm.created_answer(kind, id, trace_id), true)
            }
            Upsert::Known(id, changes) => {
                crm.commit_update(ask, kind, id, &changes, "upsert", trace_id);
                (crm.changed_answer(kind, id, &changes, trace_id), false)
            }
        };
        answer["new"] = json!(new);
        outcome.results.push(answer);
    }
    Ok(outcome.reply(ask, StatusCode::OK))
}

fn plan_upsert(crm: &Crm, kind: Kind, item: &UpdateItem, claims: &mut Claims) -> Result<Upsert, Refusal> {
    let handle = crm.handle_of(kind, item.id_property.as_deref())?;
    let Handle::Unique(property) = &handle else {
        return Err(Refusal::invalid("An upsert needs an idProperty whose values are unique"));
    };
    let id = item.id.text();
    if let Some(record) = crm.locate(kind, &handle, &id, Shelf::Live) {
        return Ok(Upsert::Known(record.id, crm.plan_update(kind, record, &item.properties, claims)?));
    }
    let mut written = item.properties.clone();
    written.entry(property.clone()).or_insert_with(|| json!(id));
    Ok(Upsert::New(crm.plan_create(kind, &written, &[], claims)?))
}

fn archive(crm: &mut Crm, ask: &Ask<'_>, kind: Kind) -> Result<Reply, Refusal> {
    let body: ReadBody = ask.body()?;
    check_size(body.inputs.len(), INPUTS_MAX)?;
    for id in body.inputs.iter().filter_map(|input| input.id.record()) {
        if crm.store(kind).get(id, Shelf::Live).is_some() {
            crm.commit_archive(ask, kind, id);
        }
    }
    Ok(Reply::no_content())
}

/// Facts §2.3: observed, every missing id in one entry.
fn gone_refusal(crm: &Crm, kind: Kind, ids: Vec<String>) -> Refusal {
    let noun = crm.kinds.info(kind).shout();
    let message = format!(
        "Could not get some {noun} objects, they may be deleted or not exist. Check that ids are valid."
    );
    Refusal::not_found(message).with("ids", ids)
}

fn refuse_duplicates(items: &[UpdateItem]) -> Result<(), Refusal> {
    let mut seen = std::collections::HashSet::new();
    match items.iter().map(|item| item.id.text().to_lowercase()).find(|id| !seen.insert(id.clone())) {
        Some(id) => {
            let message = format!("Duplicate IDs found in batch input: [{id}]. IDs must be unique");
            Err(Refusal::invalid(message).with("ids", vec![id]))
        }
        None => Ok(()),
    }
}

/// Facts §2.3: the versions do not agree.
fn created_status(version: Version) -> StatusCode {
    match version {
        Version::Dated2025September => StatusCode::OK,
        Version::V3 | Version::V4 | Version::Dated2026March | Version::Dated2026September => {
            StatusCode::CREATED
        }
    }
}

impl Crm {
    fn created_answer(&self, kind: Kind, id: RecordId, trace_id: Option<&str>) -> Value {
        let record = self.live(kind, id);
        let names: Vec<&str> = record.current().map(|(name, _)| &**name).collect();
        traced(self.echoed(kind, record, &names), trace_id)
    }

    fn changed_answer(&self, kind: Kind, id: RecordId, changes: &Changes, trace_id: Option<&str>) -> Value {
        let names: Vec<&str> = changes.iter().map(|(name, _)| &**name).collect();
        traced(self.echoed(kind, self.live(kind, id), &names), trace_id)
    }
}

fn traced(mut answer: serde_json::Map<String, Value>, trace_id: Option<&str>) -> Value {
    if let Some(trace_id) = trace_id {
        answer.insert("objectWriteTraceId".into(), json!(trace_id));
    }
    Value::Object(answer)
}
