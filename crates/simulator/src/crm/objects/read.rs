//! List and get, facts §3.1 and §3.3.

use http::StatusCode;

use super::super::Crm;
use super::super::ask::Ask;
use super::super::kind::Kind;
use super::super::paging;
use super::super::record::RecordId;
use super::super::refusal::Refusal;
use super::locate::missing;
use super::shown::Selection;
use crate::call::Reply;

/// Page sizes, facts §3.3 and §11: `OBJECT_LIST_LIMIT`.
const LIMIT_DEFAULT: usize = 10;
const LIMIT_MAX: usize = 100;
const LIMIT_MAX_WITH_HISTORY: usize = 50;

pub(super) fn list(crm: &Crm, ask: &Ask<'_>, kind: Kind) -> Result<Reply, Refusal> {
    let selection = selection(crm, ask)?;
    let limit_max = if selection.with_history.is_empty() { LIMIT_MAX } else { LIMIT_MAX_WITH_HISTORY };
    let limit = ask.limit(LIMIT_DEFAULT, limit_max)?;
    let records = crm.store(kind).page(RecordId(ask.after()?), ask.shelf());
    let page = paging::cut(records, limit, |record| record.id.0);
    let results = page.items.iter().map(|record| crm.shown(kind, record, &selection)).collect();
    Ok(Reply::json(StatusCode::OK, &page.answer(ask, results)))
}

pub(super) fn get(crm: &Crm, ask: &Ask<'_>, kind: Kind, id: &str) -> Result<Reply, Refusal> {
    let selection = selection(crm, ask)?;
    let handle = crm.handle_of(kind, ask.call.query("idProperty"))?;
    let record = crm.locate(kind, &handle, id, ask.shelf()).ok_or_else(missing)?;
    Ok(Reply::json(StatusCode::OK, &crm.shown(kind, record, &selection)))
}

fn selection(crm: &Crm, ask: &Ask<'_>) -> Result<Selection, Refusal> {
    let mut selection = Selection::of(ask.names("properties"));
    selection.with_history = ask.names("propertiesWithHistory");
    for word in ask.names("associations") {
        selection.associations.push(crm.kind(&word)?);
    }
    Ok(selection)
}
