//! Create, update and archive one record, facts §3.1.

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::super::Crm;
use super::super::ask::{Ask, Shelf};
use super::super::change::What;
use super::super::kind::Kind;
use super::super::record::{Name, Record, RecordId, Source};
use super::super::refusal::Refusal;
use super::super::store::Changes;
use super::locate::missing;
use super::plan::{AssociationInput, Claims, NewRecord, Written};
use crate::call::Reply;

/// `associations` may be absent whatever the spec says, facts §3.1.
#[derive(Debug, Deserialize)]
struct CreateBody {
    properties: Option<Written>,
    associations: Option<Vec<AssociationInput>>,
}

#[derive(Debug, Deserialize)]
struct UpdateBody {
    properties: Written,
}

pub(super) fn create(crm: &mut Crm, ask: &Ask<'_>, kind: Kind) -> Result<Reply, Refusal> {
    let body: CreateBody = ask.body()?;
    let written = body.properties.unwrap_or_default();
    let associations = body.associations.unwrap_or_default();
    let plan = crm.plan_create(kind, &written, &associations, &mut Claims::default())?;
    let id = crm.commit_create(ask, kind, plan, None);
    let record = crm.live(kind, id);
    let names: Vec<&str> = record.current().map(|(name, _)| &**name).collect();
    Ok(Reply::json(StatusCode::CREATED, &Value::Object(crm.echoed(kind, record, &names))))
}

pub(super) fn update(crm: &mut Crm, ask: &Ask<'_>, kind: Kind, id: &str) -> Result<Reply, Refusal> {
    let handle = crm.handle_of(kind, ask.call.query("idProperty"))?;
    let body: UpdateBody = ask.body()?;
    let record = crm.locate(kind, &handle, id, Shelf::Live).ok_or_else(missing)?;
    let changes = crm.plan_update(kind, record, &body.properties, &mut Claims::default())?;
    let id = record.id;
    crm.commit_update(ask, kind, id, &changes, "update", None);
    let names: Vec<&str> = changes.iter().map(|(name, _)| &**name).collect();
    Ok(Reply::json(StatusCode::OK, &Value::Object(crm.echoed(kind, crm.live(kind, id), &names))))
}

/// Archiving what is archived already is no error, so that a repeated call is safe; what was never there is. An id
/// that was merged away is refused: facts §3.3 lets it name the survivor in reads and single updates only.
pub(super) fn archive(crm: &mut Crm, ask: &Ask<'_>, kind: Kind, id: &str) -> Result<Reply, Refusal> {
    let id = RecordId::parse(id).ok_or_else(missing)?;
    if crm.store(kind).get(id, Shelf::Live).is_some() {
        crm.commit_archive(ask, kind, id);
    } else if crm.store(kind).get(id, Shelf::Archived).is_none() {
        return Err(missing());
    }
    Ok(Reply::no_content())
}

impl Crm {
    /// A record a write of this call has just touched.
    pub(in crate::crm) fn live(&self, kind: Kind, id: RecordId) -> &Record {
        self.store(kind).get(id, Shelf::Live).expect("the call just wrote this record")
    }

    pub(in crate::crm) fn commit_create(
        &mut self,
        ask: &Ask<'_>,
        kind: Kind,
        plan: NewRecord,
        trace_id: Option<&str>,
    ) -> RecordId {
        let id = self.fresh_id();
        let now = ask.moment.now;
        let mut record = Record::new(id, now);
        for (name, value) in &plan.changes {
            record.set(name, value.clone(), now, Source::Integration);
        }
        self.store_mut(kind).insert(record);
        self.note(ask, "create", &self.kinds.info(kind).log_name(), id, trace_id);
        self.note_values(&plan.changes);
        self.tell(ask, kind, id, What::Creation);
        self.tell_properties(ask, kind, id, &plan.changes);
        for (to, key) in plan.links {
            self.links.add(&self.link_types, (kind, id), to, &[key]);
        }
        id
    }

    pub(in crate::crm) fn commit_update(
        &mut self,
        ask: &Ask<'_>,
        kind: Kind,
        id: RecordId,
        changes: &Changes,
        action: &'static str,
        trace_id: Option<&str>,
    ) {
        let differs = |(name, value): &&(Name, String)| {
            self.live(kind, id).get(name).unwrap_or_default() != value.as_str()
        };
        let changed: Changes = changes.iter().filter(differs).cloned().collect();
        self.store_mut(kind).change(id, changes, ask.moment.now, Source::Integration);
        self.tell_properties(ask, kind, id, &changed);
        self.note(ask, action, &self.kinds.info(kind).log_name(), id, trace_id);
        self.note_values(changes);
    }

    /// To the recycle bin; deleted e-mails are gone for good, facts §3.3.
    pub(in crate::crm) fn commit_archive(&mut self, ask: &Ask<'_>, kind: Kind, id: RecordId) {
        if self.kinds.info(kind).plural == "emails" {
            self.links.forget((kind, id));
            self.store_mut(kind).erase(id);
        } else {
            self.store_mut(kind).shelve(id, Some(ask.moment.now));
        }
        self.note(ask, "archive", &self.kinds.info(kind).log_name(), id, None);
        self.tell(ask, kind, id, What::Deletion);
    }
}
