//! Ids that lead to another record: HubSpot takes the ids of merged records for their survivor's (facts §3.3).
//!
//! A write names a record by any of its ids, and changes what is shown under all of them. Which id leads where is learned
//! from answers: of a read or an update that is about another id than the one it was asked by, and of a merge. Portals
//! are not told apart: where two have records of one id, a little more is asked for again than has to be.

use std::collections::HashMap;

use super::Touch;
use super::kind::{Kind, Kinds};

/// Ids that are remembered. Past it, a write of one record counts for all of its kind.
const IDS_MAX: usize = 16_384;

#[derive(Default)]
pub(super) struct Aliases {
    leads_to: HashMap<(Kind, u64), u64>,
    /// More had to be remembered than there is room for.
    full: bool,
}

impl Aliases {
    /// A record named by `id` calls itself `own`.
    pub(super) fn note(&mut self, kind: Kind, id: u64, own: u64) {
        if id == own {
            return;
        }
        if self.leads_to.len() < IDS_MAX || self.leads_to.contains_key(&(kind, id)) {
            self.leads_to.insert((kind, id), own);
        } else {
            self.full = true;
        }
    }

    /// The id that a record has now.
    pub(super) fn own(&self, kind: Kind, id: u64) -> u64 {
        let mut touch = Touch { records: vec![(kind, id)], ..Touch::default() };
        self.follow(&mut touch);
        touch.records.last().map_or(id, |(_, own)| *own)
    }

    /// Adds the ids that a write's records have become. A merged record may have been merged again.
    pub(super) fn follow(&self, touch: &mut Touch) {
        if self.full {
            let kinds = touch.records.iter().fold(Kinds::NONE, |kinds, (kind, _)| kinds.with(*kind));
            touch.whole = touch.whole.or(kinds);
        }
        for place in 0..touch.records.len() {
            let (kind, mut id) = touch.records[place];
            while let Some(own) = self.leads_to.get(&(kind, id)).copied()
                && !touch.records.contains(&(kind, own))
            {
                touch.records.push((kind, own));
                id = own;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEAL: fn() -> Kind = || Kind::parse("deals");

    fn followed(aliases: &Aliases, records: &[(Kind, u64)]) -> Touch {
        let mut touch = Touch { records: records.to_vec(), ..Touch::default() };
        aliases.follow(&mut touch);
        touch
    }

    #[test]
    fn a_record_merged_again_and_again_is_followed() {
        let mut aliases = Aliases::default();
        aliases.note(DEAL(), 1, 3);
        aliases.note(DEAL(), 3, 5);
        aliases.note(DEAL(), 5, 5);
        assert_eq!(followed(&aliases, &[(DEAL(), 1)]).records, [(DEAL(), 1), (DEAL(), 3), (DEAL(), 5)]);
        assert_eq!(followed(&aliases, &[(DEAL(), 5)]).records, [(DEAL(), 5)]);
        assert_eq!(followed(&aliases, &[(Kind::CONTACT, 1)]).records, [(Kind::CONTACT, 1)]);
        assert_eq!((aliases.own(DEAL(), 1), aliases.own(DEAL(), 7)), (5, 7));
    }

    /// Two portals may disagree.
    #[test]
    fn a_circle_has_an_end() {
        let mut aliases = Aliases::default();
        aliases.note(DEAL(), 1, 2);
        aliases.note(DEAL(), 2, 1);
        assert_eq!(followed(&aliases, &[(DEAL(), 1)]).records, [(DEAL(), 1), (DEAL(), 2)]);
    }

    #[test]
    fn what_is_not_remembered_counts_for_its_kind() {
        let mut aliases = Aliases::default();
        for id in 0..=IDS_MAX as u64 {
            aliases.note(DEAL(), id, 1_000_000);
        }
        assert_eq!(aliases.leads_to.len(), IDS_MAX);
        assert_eq!(followed(&aliases, &[(DEAL(), 7)]).whole, Kinds::NONE.with(DEAL()));
    }
}
