//! What is told apart, in a table of fixed size. Those that have been quiet for longest make room for newcomers, and
//! what they counted lives on in one group for all of them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use http::Method;
use hubspot::endpoint::ApiFamily;
use hubspot::version::ApiVersion;
use tokio::time::Instant;

use super::group::Group;
use super::ledger::{Ledger, Standing};

/// Kinds of traffic told apart.
pub(super) const GROUPS_MAX: usize = 1024;

/// A group that is quiet for as long has nothing to tell of the last quarter of an hour.
const QUIET: Duration = Duration::from_secs(15 * 60);

/// How many make room at once, so that a flood of newcomers does not sort the table for each of them.
const ROOM: usize = GROUPS_MAX / 8;

/// The groups, and the names in their keys.
pub(super) struct Groups {
    names: Vec<Option<Names>>,
    told_apart: HashMap<GroupKey, Group, RandomState>,
    /// All that made room for others.
    others: Option<Group>,
    started: Instant,
    /// What is counted for good.
    ledger: Ledger,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct GroupKey {
    names: NamesIndex,
    kind: Kind,
}

/// A kind of calls, whoever makes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Kind {
    pub(super) family: ApiFamily,
    pub(super) method: MethodName,
    pub(super) version: Option<ApiVersion>,
}

/// A connection and a caller that have been seen together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct NamesIndex(usize);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Names {
    pub(super) connection: Arc<str>,
    pub(super) caller: Arc<str>,
}

/// A method as a closed list, so that keys are cheap and ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum MethodName {
    Get,
    Post,
    Put,
    Patch,
    Delete,
    Other,
}

impl Groups {
    pub(super) fn new(started: Instant) -> Self {
        Self {
            names: Vec::new(),
            told_apart: HashMap::default(),
            others: None,
            started,
            ledger: Ledger::default(),
        }
    }

    pub(super) fn of(
        &mut self,
        connection: &Arc<str>,
        caller: &Arc<str>,
        kind: Kind,
        now: Instant,
    ) -> &mut Group {
        if self.told_apart.len() == GROUPS_MAX && !self.knows(connection, caller, kind) {
            self.make_room(now);
        }
        let names = self.position(connection, caller).unwrap_or_else(|| self.add(connection, caller));
        self.told_apart.entry(GroupKey { names, kind }).or_insert_with(|| Group::new(now))
    }

    pub(super) fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    /// What is counted for good, with all that groups still held of it.
    pub(super) fn settled(&mut self) -> &Ledger {
        for (key, group) in &mut self.told_apart {
            settle(&mut self.ledger, &self.names, key, group);
        }
        &self.ledger
    }

    /// Every group with its names, in a fixed order.
    pub(super) fn sorted(&self) -> Vec<(&Names, Kind, &Group)> {
        let with_names = self.told_apart.iter().filter_map(|(key, group)| {
            let names = self.names[key.names.0].as_ref()?;
            Some((names, key.kind, group))
        });
        let mut all: Vec<_> = with_names.collect();
        all.sort_by_key(|(names, kind, _)| (*names, *kind));
        all
    }

    /// What those counted that made room.
    pub(super) fn others(&self) -> Option<&Group> {
        self.others.as_ref()
    }

    fn knows(&self, connection: &Arc<str>, caller: &Arc<str>, kind: Kind) -> bool {
        let names = self.position(connection, caller);
        names.is_some_and(|names| self.told_apart.contains_key(&GroupKey { names, kind }))
    }

    /// There are few, and the first is the usual one: the same text at the same place is the same name.
    fn position(&self, connection: &Arc<str>, caller: &Arc<str>) -> Option<NamesIndex> {
        let same = |a: &Arc<str>, b: &Arc<str>| Arc::ptr_eq(a, b) || a == b;
        let known = |names: &Names| same(&names.connection, connection) && same(&names.caller, caller);
        self.names.iter().position(|names| names.as_ref().is_some_and(known)).map(NamesIndex)
    }

    /// Every name has a group, so that there are no more of them than of groups.
    fn add(&mut self, connection: &Arc<str>, caller: &Arc<str>) -> NamesIndex {
        let names = Some(Names { connection: connection.clone(), caller: caller.clone() });
        if let Some(free) = self.names.iter().position(Option::is_none) {
            self.names[free] = names;
            return NamesIndex(free);
        }
        self.names.push(names);
        NamesIndex(self.names.len() - 1)
    }

    /// Lets go of the groups that are quiet, and of those used least lately.
    fn make_room(&mut self, now: Instant) {
        let mut used: Vec<Instant> = self.told_apart.values().map(|group| group.used_at).collect();
        let (_, latest_to_go, _) = used.select_nth_unstable(ROOM - 1);
        let latest_to_go = *latest_to_go;
        let others = self.others.get_or_insert_with(|| Group::new(self.started));
        let goes = |group: &Group| {
            group.used_at <= latest_to_go || now.saturating_duration_since(group.used_at) >= QUIET
        };
        for (key, mut gone) in self.told_apart.extract_if(|_, group| goes(group)) {
            settle(&mut self.ledger, &self.names, &key, &mut gone);
            others.absorb(gone, now);
        }
        let kept: HashSet<NamesIndex> = self.told_apart.keys().map(|key| key.names).collect();
        for (index, names) in self.names.iter_mut().enumerate() {
            if !kept.contains(&NamesIndex(index)) {
                *names = None;
            }
        }
    }
}

/// Hands over what a group counted.
fn settle(ledger: &mut Ledger, names: &[Option<Names>], key: &GroupKey, group: &mut Group) {
    let Some(names) = &names[key.names.0] else { return };
    let standing = if group.last_ok_at.is_some() { Standing::Good } else { Standing::Unproven };
    ledger.take(&names.connection, &names.caller, key.kind.family, standing, &mut group.tally);
}

impl Names {
    /// The names of what is no longer told apart.
    pub(super) fn others() -> Self {
        Self { connection: Arc::from("other"), caller: Arc::from("other") }
    }
}

impl Kind {
    pub(super) const OTHERS: Self =
        Self { family: ApiFamily::Other, method: MethodName::Other, version: None };
}

impl MethodName {
    pub(super) fn of(method: &Method) -> Self {
        match *method {
            Method::GET => Self::Get,
            Method::POST => Self::Post,
            Method::PUT => Self::Put,
            Method::PATCH => Self::Patch,
            Method::DELETE => Self::Delete,
            _ => Self::Other,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Other => "OTHER",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind { family: ApiFamily::Objects, method: MethodName::Get, version: None };

    fn count(groups: &mut Groups, connection: &str, now: Instant) {
        let group = groups.of(&Arc::from(connection), &Arc::from("-"), KIND, now);
        group.used_at = now;
        group.calls.add(1, now);
        group.tally.retries += 1;
    }

    fn calls(groups: &Groups, connection: &str, now: Instant) -> u64 {
        let all = groups.sorted();
        let of_it = all.iter().filter(|(names, ..)| &*names.connection == connection);
        of_it.map(|(.., group)| group.calls.lately(now)).sum()
    }

    /// Whoever tries one wrong token after another does not hide those who come later, or call all the time.
    #[test]
    fn newcomers_are_seen_after_a_flood() {
        let mut now = Instant::now();
        let mut groups = Groups::new(now);
        for number in 0..1_100 {
            now += Duration::from_millis(1);
            count(&mut groups, &format!("wrong-{number}"), now);
            count(&mut groups, "steady", now);
        }
        count(&mut groups, "real", now);
        assert_eq!(calls(&groups, "real", now), 1);
        assert_eq!(calls(&groups, "steady", now), 1_100);
        assert_eq!(calls(&groups, "wrong-0", now), 0);
        let apart: u64 = groups.sorted().iter().map(|(.., group)| group.calls.lately(now)).sum();
        let others = groups.others().map_or(0, |group| group.calls.lately(now));
        assert_eq!(apart + others, 2_201, "nothing is lost");
        assert!(groups.names.len() <= GROUPS_MAX);
    }

    #[test]
    fn a_full_table_lets_go_of_all_that_is_quiet() {
        let start = Instant::now();
        let mut groups = Groups::new(start);
        for number in 0..GROUPS_MAX {
            count(&mut groups, &format!("early-{number}"), start);
        }
        let later = start + QUIET;
        count(&mut groups, "late", later);
        assert_eq!(groups.sorted().len(), 1);
        assert!(groups.others().is_some());
        let counted: u64 = groups.settled().series().iter().map(|(_, tally)| tally.retries).sum();
        assert_eq!(counted, GROUPS_MAX as u64 + 1, "sums outlive those who made room");
    }
}
