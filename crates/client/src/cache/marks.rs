//! What has been written through one account's portal, and when: whether an answer still stands.
//!
//! An answer is as old as the moment its request began. It stands if nothing it needs was written since, and nothing
//! it needs is being written now: a write under way may have taken effect already, so what was read before must not be
//! served any more, and not yet may what is read meanwhile.
//!
//! Moments are numbers that only grow ([`Moment`]), not times: a write and a read of the same millisecond keep their
//! order. A read that finds no write at all since its moment, as nearly all do, costs one comparison.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::areas::Areas;
use super::kind::{Kind, Kinds};
use super::needs::Needs;
use super::touch::Touch;

/// Written records remembered one by one: past it, the cache looks through its answers once and forgets which.
const RECORDS_MAX: usize = 16_384;

/// The order of reads and writes, over all accounts.
pub(crate) type Moment = u64;

/// More than any moment: something is being written.
const WRITING: Moment = Moment::MAX;

/// The writes that concern one account.
#[derive(Default)]
pub(crate) struct Marks {
    /// The last write's moment, or [`WRITING`].
    last: AtomicU64,
    /// Made by the first write: most accounts of a large gateway only read.
    written: Mutex<Option<Box<Written>>>,
}

/// Writes of one thing.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    /// When the last one ended.
    at: Moment,
    /// Those under way.
    open: u32,
}

#[derive(Default)]
struct Written {
    last: Moment,
    /// Writes under way, of anything.
    open: u32,
    everything: Mark,
    definitions: Mark,
    /// Records and definitions of whatever kind.
    crm: Mark,
    areas: [Mark; Areas::COUNT],
    /// What any record of the kind was written: the sum of the others for it.
    any: PerKind,
    whole: PerKind,
    members: PerKind,
    records: HashMap<(Kind, u64), Mark>,
    /// Single records written before this are no longer remembered.
    forgotten_until: Moment,
}

struct PerKind([Mark; Kind::COUNT]);

impl Default for PerKind {
    fn default() -> Self {
        Self([Mark::default(); Kind::COUNT])
    }
}

impl Mark {
    fn stands(self, since: Moment) -> bool {
        self.open == 0 && self.at <= since
    }
}

/// How one mark changes.
#[derive(Debug, Clone, Copy)]
enum Change {
    Open,
    /// Ended; `None` if nothing was written after all.
    Close(Option<Moment>),
    /// Written just now, with no beginning.
    Written(Moment),
}

impl Change {
    fn apply(self, mark: &mut Mark) {
        match self {
            Self::Open => mark.open += 1,
            Self::Close(at) => {
                mark.open = mark.open.saturating_sub(1);
                mark.at = mark.at.max(at.unwrap_or_default());
            }
            Self::Written(at) => mark.at = mark.at.max(at),
        }
    }
}

impl Marks {
    /// Nothing it needs was written since, or is being written.
    pub(crate) fn stands(&self, needs: Needs, since: Moment) -> bool {
        self.last.load(Ordering::Acquire) <= since
            || self.written.lock().as_ref().is_none_or(|written| written.stands(needs, since))
    }

    /// A write begins. It ends with [`Self::close`].
    pub(crate) fn open(&self, touch: &Touch) {
        self.change(touch, Change::Open);
    }

    /// A write has ended at `at`; `None` if it surely changed nothing.
    pub(crate) fn close(&self, touch: &Touch, at: Option<Moment>) {
        self.change(touch, Change::Close(at));
    }

    /// Something was written, and this is the first that we hear of it.
    pub(crate) fn note(&self, touch: &Touch, at: Moment) {
        self.change(touch, Change::Written(at));
    }

    /// More written records than are remembered: [`Self::forget_records`] is due.
    pub(crate) fn is_full(&self) -> bool {
        self.written.lock().as_ref().is_some_and(|written| written.records.len() > RECORDS_MAX)
    }

    /// Forgets which records were written up to `now`. Answers kept from before must have been looked through first.
    pub(crate) fn forget_records(&self, now: Moment) {
        let mut written = self.written.lock();
        let written = written.get_or_insert_default();
        written.records.retain(|_, mark| mark.open > 0);
        written.forgotten_until = now;
    }

    fn change(&self, touch: &Touch, change: Change) {
        let mut written = self.written.lock();
        let written = written.get_or_insert_default();
        written.change(touch, change);
        let last = if written.open > 0 { WRITING } else { written.last };
        self.last.store(last, Ordering::Release);
    }
}

impl Written {
    fn stands(&self, needs: Needs, since: Moment) -> bool {
        if !self.everything.stands(since) {
            return false;
        }
        let unlinked = |links: Kinds| links.indices().all(|kind| self.members.0[kind].stands(since));
        match needs {
            Needs::Record { kind, id, also, links } => {
                let unwritten = |id| self.records.get(&(kind, id)).is_none_or(|mark| mark.stands(since));
                since >= self.forgotten_until
                    && self.whole.0[kind.index()].stands(since)
                    && unwritten(id)
                    && (also == id || unwritten(also))
                    && unlinked(links)
            }
            Needs::Collection { kind, links } => self.any.0[kind.index()].stands(since) && unlinked(links),
            Needs::Definitions => self.definitions.stands(since),
            Needs::Area { family, links } => self.areas[family as usize].stands(since) && unlinked(links),
            Needs::Crm => self.crm.stands(since),
        }
    }

    fn change(&mut self, touch: &Touch, change: Change) {
        match change {
            Change::Open => self.open += 1,
            Change::Close(at) => {
                self.open = self.open.saturating_sub(1);
                self.last = self.last.max(at.unwrap_or_default());
            }
            Change::Written(at) => self.last = self.last.max(at),
        }
        if touch.everything {
            change.apply(&mut self.everything);
        }
        if touch.definitions {
            change.apply(&mut self.definitions);
        }
        if touch.is_of_the_crm() {
            change.apply(&mut self.crm);
        }
        for area in touch.areas.indices() {
            change.apply(&mut self.areas[area]);
        }
        let mut kinds = Kinds::NONE;
        for kind in touch.whole.indices() {
            change.apply(&mut self.whole.0[kind]);
        }
        for kind in touch.members.indices() {
            change.apply(&mut self.members.0[kind]);
        }
        for (kind, id) in &touch.records {
            change.apply(self.records.entry((*kind, *id)).or_default());
            kinds = kinds.with(*kind);
        }
        for kind in kinds.or(touch.whole).or(touch.members).indices() {
            change.apply(&mut self.any.0[kind]);
        }
    }
}

#[cfg(test)]
mod tests {
    use hubspot::endpoint::ApiFamily;

    use super::*;

    const READ: Needs = Needs::Record { kind: Kind::CONTACT, id: 1, also: 1, links: Kinds::NONE };
    const OTHER: Needs = Needs::Record { kind: Kind::CONTACT, id: 2, also: 2, links: Kinds::NONE };
    const LIST: Needs = Needs::Collection { kind: Kind::CONTACT, links: Kinds::NONE };

    fn record() -> Touch {
        Touch { records: vec![(Kind::CONTACT, 1)], ..Touch::default() }
    }

    #[test]
    fn what_was_read_before_a_write_stands_until_it_begins() {
        let marks = Marks::default();
        assert!(marks.stands(READ, 5));
        marks.open(&record());
        assert!(!marks.stands(READ, 5) && !marks.stands(LIST, 5) && !marks.stands(Needs::Crm, 5));
        assert!(marks.stands(OTHER, 5) && marks.stands(Needs::Definitions, 5));
        marks.close(&record(), Some(7));
        assert!(!marks.stands(READ, 6) && !marks.stands(LIST, 6));
        assert!(marks.stands(READ, 7) && marks.stands(OTHER, 5));
    }

    #[test]
    fn a_write_that_was_never_sent_changed_nothing() {
        let marks = Marks::default();
        marks.open(&record());
        marks.close(&record(), None);
        assert!(marks.stands(READ, 5) && marks.stands(LIST, 5));
    }

    #[test]
    fn two_writes_are_over_when_both_are() {
        let marks = Marks::default();
        marks.open(&record());
        marks.open(&record());
        marks.close(&record(), Some(7));
        assert!(!marks.stands(READ, 8));
        marks.close(&record(), Some(9));
        assert!(!marks.stands(READ, 8) && marks.stands(READ, 9));
    }

    #[test]
    fn linked_records_come_and_go() {
        let marks = Marks::default();
        let deal = Kind::parse("deals");
        let linked = Needs::Record { kind: Kind::CONTACT, id: 1, also: 1, links: Kinds::NONE.with(deal) };
        marks.note(&Touch { members: Kinds::NONE.with(deal), ..Touch::default() }, 7);
        assert!(!marks.stands(linked, 6) && marks.stands(READ, 6));
    }

    #[test]
    fn a_part_of_the_api_ends_with_what_is_written_there_and_leaves_the_others_alone() {
        let marks = Marks::default();
        let area = |family| Needs::Area { family, links: Kinds::NONE };
        let pages = Touch { areas: Areas::of(ApiFamily::Cms), ..Touch::default() };
        marks.open(&pages);
        assert!(!marks.stands(area(ApiFamily::Cms), 5) && marks.stands(area(ApiFamily::Files), 5));
        assert!(marks.stands(READ, 5) && marks.stands(LIST, 5) && marks.stands(Needs::Crm, 5));
        marks.close(&pages, Some(7));
        assert!(!marks.stands(area(ApiFamily::Cms), 6) && marks.stands(area(ApiFamily::Cms), 7));
        marks.note(&record(), 9);
        assert!(marks.stands(area(ApiFamily::Cms), 7), "a contact is on no page");
        marks.note(&Touch { everything: true, ..Touch::default() }, 10);
        assert!(!marks.stands(area(ApiFamily::Cms), 9) && !marks.stands(area(ApiFamily::Files), 9));
    }

    #[test]
    fn records_forgotten_one_by_one_are_written_as_a_whole() {
        let marks = Marks::default();
        marks.note(&record(), 7);
        marks.forget_records(9);
        assert!(!marks.stands(READ, 6) && !marks.stands(OTHER, 6));
        assert!(marks.stands(READ, 9) && marks.stands(OTHER, 9));
    }
}
