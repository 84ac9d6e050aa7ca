//! Merging two records into one, facts §3.1 and §3.3: the survivor is new, the old ids lead to it.

use http::StatusCode;
use serde::Deserialize;

use super::super::Crm;
use super::super::ask::{Ask, Shelf};
use super::super::associations::AnyId;
use super::super::change::What;
use super::super::kind::Kind;
use super::super::record::{Name, Record, RecordId, Source};
use super::super::refusal::Refusal;
use super::locate::missing;
use super::shown::Selection;
use crate::call::Reply;

/// Facts §3.3 and §11: `MERGE_IDENTITIES_MAX`.
const IDENTITIES_MAX: usize = 250;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MergeBody {
    primary_object_id: AnyId,
    object_id_to_merge: AnyId,
}

pub(super) fn merge(crm: &mut Crm, ask: &Ask<'_>, kind: Kind) -> Result<Reply, Refusal> {
    let info = crm.kinds.info(kind);
    let mergeable = matches!(info.plural.as_str(), "contacts" | "companies" | "deals" | "tickets");
    if !mergeable && !info.is_custom() {
        return Err(missing());
    }
    let body: MergeBody = ask.body()?;
    let primary = living(crm, kind, &body.primary_object_id)?;
    let other = living(crm, kind, &body.object_id_to_merge)?;
    if primary.id == other.id {
        return Err(Refusal::invalid("A record cannot be merged with itself"));
    }
    let merged_ids = merged_ids(primary, other);
    if merged_ids.len() > IDENTITIES_MAX {
        return Err(Refusal::too_many_identities(IDENTITIES_MAX));
    }
    let survivor = crm.survivor(primary, other, &merged_ids, ask);
    let merged = (primary.id, other.id);
    let id = crm.commit_merge(ask, kind, survivor, merged);
    let shown = crm.shown(kind, crm.live(kind, id), &Selection::of(Vec::new()));
    Ok(Reply::json(StatusCode::OK, &shown))
}

fn living<'a>(crm: &'a Crm, kind: Kind, id: &AnyId) -> Result<&'a Record, Refusal> {
    id.record().and_then(|id| crm.store(kind).resolve(id, Shelf::Live)).ok_or_else(missing)
}

/// Every id that has gone into the two, and the two.
fn merged_ids(primary: &Record, other: &Record) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for record in [primary, other] {
        let before = record.get("hs_merged_object_ids").unwrap_or_default();
        ids.extend(before.split(';').filter(|id| !id.is_empty()).map(str::to_owned));
        ids.push(record.id.to_string());
    }
    ids
}

impl Crm {
    /// The primary's values win; the other's fill the gaps. Its e-mail stays as an additional one.
    fn survivor(&self, primary: &Record, other: &Record, merged_ids: &[String], ask: &Ask<'_>) -> Record {
        let created = primary.created.min(other.created);
        let mut survivor = Record::new(RecordId(self.next_id), created);
        survivor.born = ask.moment.now;
        for (name, value) in other.current().chain(primary.current()) {
            survivor.set(name, value.to_owned(), ask.moment.now, Source::Merge);
        }
        let mut addresses: Vec<&str> = Vec::new();
        let sources =
            [primary.get("hs_additional_emails"), other.get("email"), other.get("hs_additional_emails")];
        for address in sources.into_iter().flatten().flat_map(|addresses| addresses.split(';')) {
            let is_main = primary.get("email").or(other.get("email")) == Some(address);
            if !address.is_empty() && !is_main && !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        if !addresses.is_empty() {
            let name = Name::from("hs_additional_emails");
            survivor.set(&name, addresses.join(";"), ask.moment.now, Source::Merge);
        }
        let name = Name::from("hs_merged_object_ids");
        survivor.set(&name, merged_ids.join(";"), ask.moment.now, Source::Merge);
        survivor.touch(ask.moment.now);
        survivor
    }

    fn commit_merge(
        &mut self,
        ask: &Ask<'_>,
        kind: Kind,
        survivor: Record,
        (primary, other): (RecordId, RecordId),
    ) -> RecordId {
        let id = self.fresh_id();
        // The other's first, so that the primary's own primary company is the one that stays.
        for old in [other, primary] {
            for (neighbour, keys) in self.links.all_of((kind, old)) {
                if neighbour != (kind, primary) && neighbour != (kind, other) {
                    self.links.add(&self.link_types, (kind, id), neighbour, &keys);
                }
            }
            self.links.forget((kind, old));
            self.store_mut(kind).erase(old);
            self.store_mut(kind).redirect(old, id);
        }
        let properties_moved = survivor.current().count();
        self.store_mut(kind).insert(survivor);
        let what = What::Merge { primary: primary.0, merged: vec![primary.0, other.0], properties_moved };
        self.tell(ask, kind, id, what);
        self.note(ask, "merge", &self.kinds.info(kind).log_name(), id, None);
        id
    }
}
