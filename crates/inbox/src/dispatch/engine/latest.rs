//! The latest event of each subject, as far as we know: what is older than it is not sent any more.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use crate::dispatch::item::{Item, Subject};

/// Subjects remembered; more is known to the store.
const SUBJECTS_MAX: usize = 20_000;

#[derive(Debug, Default)]
pub(super) struct Latest(HashMap<Subject, Timestamp>);

impl Latest {
    pub(super) fn knows(&self, subject: &Subject) -> bool {
        self.0.contains_key(subject)
    }

    pub(super) fn note(&mut self, subject: Subject, occurred_at: Timestamp) {
        let latest = self.0.entry(subject).or_insert(occurred_at);
        *latest = occurred_at.max(*latest);
    }

    pub(super) fn is_newest(&self, item: &Item) -> bool {
        self.0.get(&item.subject).is_none_or(|latest| item.occurred_at >= *latest)
    }

    /// The store knows what was delivered; what is still to be delivered only we know.
    pub(super) fn kept<'a>(&mut self, open: impl Iterator<Item = &'a Item>) {
        if self.0.len() > SUBJECTS_MAX {
            let open: HashSet<Subject> = open.map(|item| item.subject).collect();
            self.0.retain(|subject, _| open.contains(subject));
        }
    }
}
