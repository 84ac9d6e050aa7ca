//! What passes through, kept for a quarter of an hour: the first evidence of any diagnosis.
//!
//! Only counts, codes, routes with their ids masked, and correlation ids are kept. Everything is bounded.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use client::accounts::Account;
use client::call::Effort;
use client::clock::WallClock;
use client::telemetry::{AttemptResult, CallResult, Label, Observer, Span};
use http::{Method, StatusCode};
use hubspot::endpoint::ApiFamily;
use hubspot::error::{ApiError, ErrorKind};
use hubspot::sunset::Sunset;
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::time::Instant;

mod group;
mod groups;
mod histogram;
mod ledger;
mod report;
mod seen;
mod subjects;
mod tally;
mod window;

use group::Group;
use groups::{Groups, Kind, MethodName};
pub use histogram::{Histogram, SHOWN};
pub use ledger::{CALLERS_MAX, CONNECTIONS_MAX, OTHER, SERIES_MAX, SeriesKey};
pub use report::{ConnectionReport, ErrorReport, GroupReport, RefusedReport, TrafficReport, TransportReport};
use seen::SeenRecords;
pub use tally::{Outcome, Outcomes, Tally};
use window::Count;

/// Changes remembered; the oldest goes first.
const CHANGES_MAX: usize = 256;

/// Listens to the layers and remembers.
pub struct Traffic {
    state: Mutex<State>,
    clock: WallClock,
    started: Instant,
    ended: AtomicU64,
}

struct State {
    groups: Groups,
    seen: SeenRecords,
    /// Records that answered earlier and are now 404.
    gone: Count,
    /// What people and pipelines told us they changed, oldest first.
    changes: VecDeque<Change>,
    /// By path prefix: as many as the calendar has lines.
    ending: BTreeMap<&'static str, (&'static Sunset, Instant)>,
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

impl Traffic {
    pub fn new(clock: WallClock) -> Self {
        let started = Instant::now();
        let state = State {
            groups: Groups::new(started),
            seen: SeenRecords::default(),
            gone: Count::new(started),
            changes: VecDeque::new(),
            ending: BTreeMap::new(),
        };
        Self { state: Mutex::new(state), clock, started, ended: AtomicU64::new(0) }
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

    /// Gives a configured connection its label in metrics, before it has had an answer.
    pub fn introduce(&self, connection: &str) {
        self.state.lock().groups.ledger().introduce(connection);
    }

    /// These had labels of their own in the process before us.
    pub fn remember(&self, connections: Vec<String>) {
        self.state.lock().groups.ledger().remember(connections);
    }

    /// A connection's label in metrics, where it has one of its own.
    pub fn label(&self, connection: &str) -> Option<Arc<str>> {
        self.state.lock().groups.ledger().label(connection)
    }

    /// What is called although HubSpot has announced its end, and when it was called last.
    pub fn ending(&self) -> Vec<(&'static Sunset, Instant)> {
        self.state.lock().ending.values().copied().collect()
    }

    /// What was counted since the start.
    pub fn totals(&self) -> Vec<(SeriesKey, Tally)> {
        self.state.lock().groups.settled().series()
    }

    /// Calls that have ended since the start, however they did.
    pub fn calls_ended(&self) -> u64 {
        self.ended.load(Ordering::Relaxed)
    }

    /// Everything of the last quarter of an hour.
    pub fn report(&self, accounts: &[Arc<Account>]) -> TrafficReport {
        let state = self.state.lock();
        report::make(&state, accounts, self.started, Instant::now(), self.clock.now())
    }
}

impl State {
    fn group(&mut self, label: &Label<'_>, now: Instant) -> &mut Group {
        let kind = Kind {
            family: label.endpoint.family,
            method: MethodName::of(label.method),
            version: label.endpoint.version,
        };
        self.groups.of(&label.account.name, label.caller, kind, now)
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
        state.group(label, now).attempt(label, result, span);
    }

    fn call(&self, label: &Label<'_>, result: CallResult<'_>, effort: Effort, span: Span) {
        self.ended.fetch_add(1, Ordering::Relaxed);
        let mut state = self.state.lock();
        // Most calls are about objects, none of whose paths is on the calendar.
        if label.endpoint.family != ApiFamily::Objects
            && let Some(sunset) = hubspot::sunset::sunset_of(label.path)
        {
            state.ending.insert(sunset.path_prefix, (sunset, span.ended));
        }
        state.group(label, span.ended).call(label.lane, result, effort, span);
    }

    fn forestalled(&self, label: &Label<'_>, error: &ApiError, span: Span) {
        self.state.lock().group(label, span.ended).forestalled(label, error, span.ended);
    }
}

fn is_one_record(label: &Label<'_>) -> bool {
    label.endpoint.family == ApiFamily::Objects && *label.method == Method::GET
}
