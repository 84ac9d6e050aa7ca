//! `gdpr-delete`, facts §3.3: what is known is erased for good, an unknown address is kept out.

use serde::Deserialize;

use super::super::Crm;
use super::super::ask::{Ask, Shelf};
use super::super::associations::AnyId;
use super::super::change::What;
use super::super::kind::Kind;
use super::super::record::RecordId;
use super::super::refusal::Refusal;
use super::locate::{Handle, missing};
use crate::call::Reply;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeleteBody {
    object_id: AnyId,
    id_property: Option<String>,
}

/// 204 whether or not there was anybody.
pub(super) fn delete(crm: &mut Crm, ask: &Ask<'_>, kind: Kind) -> Result<Reply, Refusal> {
    if crm.kinds.info(kind).plural != "contacts" {
        return Err(missing());
    }
    let body: DeleteBody = ask.body()?;
    let handle = crm.handle_of(kind, body.id_property.as_deref())?;
    let id = body.object_id.text();
    let found = [Shelf::Live, Shelf::Archived]
        .into_iter()
        .find_map(|shelf| crm.locate(kind, &handle, &id, shelf).map(|record| record.id));
    match (found, handle) {
        (Some(id), _) => crm.commit_erasure(ask, kind, id),
        (None, Handle::Unique(property)) if property == "email" => crm.block_email(ask, &id),
        (None, Handle::Id | Handle::Unique(_)) => {}
    }
    Ok(Reply::no_content())
}

impl Crm {
    fn commit_erasure(&mut self, ask: &Ask<'_>, kind: Kind, id: RecordId) {
        self.links.forget((kind, id));
        self.store_mut(kind).erase(id);
        self.forget_values(id);
        self.note(ask, "gdpr_delete", "contacts", id, None);
        // The one brings the other: facts §6.4.
        self.tell(ask, kind, id, What::PrivacyDeletion);
        self.tell(ask, kind, id, What::Deletion);
    }

    /// The address itself is personal data and stays out of the log.
    fn block_email(&mut self, ask: &Ask<'_>, address: &str) {
        self.blocked_emails.insert(address.trim().to_lowercase());
        self.note(ask, "gdpr_delete", "contacts", "blocklist", None);
    }
}
