//! What passes through, kept for a quarter of an hour: the first evidence of any diagnosis.
//!
//! Only counts, codes, routes with their ids masked, and correlation ids are kept. Everything is bounded.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use client::accounts::Account;
use client::call::Effort;
use client::clock::WallClock;
use client::telemetry::{AttemptResult, CallResult, Label, Observer, Span};
use http::{Method, StatusCode};
use hubspot::endpoint::ApiFamily;
use hubspot::error::ErrorKind;
use hubspot::version::ApiVersion;
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::time::Instant;

mod group;
mod histogram;
mod report;
mod seen;
mod window;

use group::Group;
pub use report::{ConnectionReport, ErrorReport, GroupReport, TrafficReport, TransportReport};
use seen::SeenRecords;
use window::Count;

/// Kinds of traffic told apart; past it, further kinds go uncounted.
const GROUPS_MAX: usize = 1024;

/// Changes remembered; the oldest goes first.
const CHANGES_MAX: usize = 256;

/// Listens to the layers and remembers.
pub struct Traffic {
    state: Mutex<State>,
    clock: WallClock,
    started: Instant,
}

struct State {
    names: Vec<Names>,
    groups: HashMap<GroupKey, Group>,
    seen: SeenRecords,
    /// Records that answered earlier and are now 404.
    gone: Count,
    /// What people and pipelines told us they changed, oldest first.
    changes: VecDeque<Change>,
}

/// Something changed on our side: a deploy, a configuration, a secret.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Change {
    pub at: Timestamp,
    /// `deploy`, `config` or `secret`.
    pub kind: String,
    pub what: String,
    pub caller: Option<String>,
}

/// What is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct GroupKey {
    names: NamesIndex,
    family: ApiFamily,
    method: MethodName,
    version: Option<ApiVersion>,
}

/// A connection and a caller that have been seen together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct NamesIndex(u32);

#[derive(Debug)]
struct Names {
    connection: Arc<str>,
    caller: Arc<str>,
}

/// A method as a closed list, so that keys are cheap and ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum MethodName {
    Get,
    Post,
    Put,
    Patch,
    Delete,
    Other,
}

impl Traffic {
    pub fn new(clock: WallClock) -> Self {
        let started = Instant::now();
        let state = State {
            names: Vec::new(),
            groups: HashMap::new(),
            seen: SeenRecords::default(),
            gone: Count::new(started),
            changes: VecDeque::new(),
        };
        Self { state: Mutex::new(state), clock, started }
    }

    /// Remembers a change, for whoever looks for what came before the trouble.
    pub fn note_change(&self, kind: &str, what: &str, caller: Option<&str>) -> Change {
        let change = Change {
            at: self.clock.now(),
            kind: kind.to_owned(),
            what: what.to_owned(),
            caller: caller.map(str::to_owned),
        };
        let mut state = self.state.lock();
        if state.changes.len() == CHANGES_MAX {
            state.changes.pop_front();
        }
        state.changes.push_back(change.clone());
        change
    }

    /// Everything of the last quarter of an hour.
    pub fn report(&self, accounts: &[Arc<Account>]) -> TrafficReport {
        let state = self.state.lock();
        report::make(&state, accounts, self.started, Instant::now(), self.clock.now())
    }
}

impl State {
    fn group(&mut self, label: &Label<'_>, now: Instant) -> Option<&mut Group> {
        let key = GroupKey {
            names: self.names(label)?,
            family: label.endpoint.family,
            method: MethodName::of(label.method),
            version: label.endpoint.version,
        };
        let room = self.groups.len() < GROUPS_MAX;
        match self.groups.entry(key) {
            Entry::Occupied(known) => Some(known.into_mut()),
            Entry::Vacant(new) => room.then(|| new.insert(Group::new(now))),
        }
    }

    fn named(&self, key: &GroupKey) -> &Names {
        &self.names[key.names.0 as usize]
    }

    /// There are few, and the first is the usual one: the same text at the same place is the same name.
    fn names(&mut self, label: &Label<'_>) -> Option<NamesIndex> {
        let same = |a: &Arc<str>, b: &Arc<str>| Arc::ptr_eq(a, b) || a == b;
        let known = self.names.iter().position(|names| {
            same(&names.connection, &label.account.name) && same(&names.caller, label.caller)
        });
        let place = known.unwrap_or(self.names.len());
        if known.is_none() {
            if place == GROUPS_MAX {
                return None;
            }
            self.names.push(Names { connection: label.account.name.clone(), caller: label.caller.clone() });
        }
        u32::try_from(place).ok().map(NamesIndex)
    }
}

impl Observer for Traffic {
    fn attempt(&self, label: &Label<'_>, result: AttemptResult<'_>, span: Span) {
        let now = span.ended;
        let mut state = self.state.lock();
        match result {
            AttemptResult::Good(status) if is_one_record(label) && status == StatusCode::OK => {
                state.seen.note(&label.account.name, label.path);
            }
            AttemptResult::Error(error) if error.kind == ErrorKind::NotFound && is_one_record(label) => {
                if state.seen.has(&label.account.name, label.path) {
                    state.gone.add(1, now);
                }
            }
            AttemptResult::Good(_)
            | AttemptResult::Error(_)
            | AttemptResult::Transport(_)
            | AttemptResult::TimedOut => {}
        }
        if let Some(group) = state.group(label, now) {
            group.attempt(label, result, span);
        }
    }

    fn call(&self, label: &Label<'_>, result: CallResult<'_>, effort: Effort, span: Span) {
        let mut state = self.state.lock();
        if let Some(group) = state.group(label, span.ended) {
            group.call(result, effort, span);
        }
    }
}

fn is_one_record(label: &Label<'_>) -> bool {
    label.endpoint.family == ApiFamily::Objects && *label.method == Method::GET
}

impl MethodName {
    fn of(method: &Method) -> Self {
        match *method {
            Method::GET => Self::Get,
            Method::POST => Self::Post,
            Method::PUT => Self::Put,
            Method::PATCH => Self::Patch,
            Method::DELETE => Self::Delete,
            _ => Self::Other,
        }
    }

    const fn name(self) -> &'static str {
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
