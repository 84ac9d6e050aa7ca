//! Changes that did not come through us, as HubSpot's webhooks tell of them: what is kept of those records is over.

use std::sync::Arc;

use super::areas::Areas;
use super::kind::{Kind, Kinds};
use super::{Cache, Touch};
use crate::accounts::Account;

/// One change in a portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elsewhere<'a> {
    pub portal_id: u64,
    /// The kind of object, as a path names it.
    pub kind: &'a str,
    pub id: u64,
    pub extent: Extent,
}

/// How much of what is kept it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The record's own answers, and lists with it.
    Values,
    /// It came, went, or was linked.
    Existence,
    /// Other records of its kind too, as in a merge.
    Kind,
    /// A person is to be forgotten: what is kept goes now, and not when its room is needed.
    Forget,
}

impl Elsewhere<'_> {
    fn touch(&self) -> Touch {
        let kind = Kind::parse(self.kind);
        let kinds = Kinds::NONE.with(kind);
        let areas = Areas::showing(self.kind);
        let record = Touch { records: vec![(kind, self.id)], areas, ..Touch::default() };
        match self.extent {
            Extent::Values => record,
            Extent::Existence => Touch { members: kinds, ..record },
            Extent::Kind => Touch { whole: kinds, members: kinds, ..record },
            Extent::Forget => Touch { records: record.records, ..Touch::forget() },
        }
    }
}

impl Cache {
    /// For every account that sees the portal, or may.
    pub(crate) fn changed_elsewhere(&self, accounts: &[Arc<Account>], change: &Elsewhere<'_>) {
        let touch = change.touch();
        for account in accounts {
            if account.portal().is_some_and(|portal| portal.id != change.portal_id) {
                continue;
            }
            account.marks.note(&touch, self.next_moment());
            if touch.purge || account.marks.is_full() {
                self.sweep(account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::needs::Needs;
    use super::*;
    use crate::cache::CacheSettings;

    #[test]
    fn what_is_kept_of_a_record_ends_where_its_portal_is_seen() {
        let cache = Cache::new(CacheSettings::OFF, 1);
        let accounts = [Arc::new(Account::bare("a", None))];
        let needs = |id| Needs::Record { kind: Kind::parse("contacts"), id, also: id, links: Kinds::NONE };
        let before = cache.next_moment();
        let change = Elsewhere { portal_id: 1, kind: "contacts", id: 7, extent: Extent::Values };
        cache.changed_elsewhere(&accounts, &change);
        let marks = &accounts[0].marks;
        assert!(!marks.stands(needs(7), before) && marks.stands(needs(8), before));
        cache.changed_elsewhere(&accounts, &Elsewhere { extent: Extent::Kind, ..change });
        assert!(!marks.stands(needs(8), before));
        assert!(marks.stands(needs(8), cache.next_moment()));
    }
}
