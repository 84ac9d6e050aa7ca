//! Degraded mode: HubSpot is not asked, and what can be is answered from what is kept.
//!
//! A breaker that opens degrades its family by itself, and ends it when the family answers again. A person degrades a
//! connection, a family or everything by switch, and ends it by switch. Either way each change leaves a line.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hubspot::endpoint::ApiFamily;
use jiff::Timestamp;
use parking_lot::Mutex;

use crate::accounts::Account;
use crate::call::Failure;
use crate::clock::WallClock;

/// Switches at one time: every family of a few connections.
const SWITCHES_MAX: usize = 256;

/// Lines kept, of each kind: a breaker that opens and closes all day leaves what people did alone.
const LINES_MAX: usize = 256;

/// What refused callers are told to wait: a person switches back when HubSpot is well.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// What a switch holds for; `None` is all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    pub connection: Option<Arc<str>>,
    pub family: Option<ApiFamily>,
}

/// One switch that is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    pub scope: Scope,
    pub reason: Arc<str>,
    pub since: Timestamp,
}

/// Who changed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Configuration,
    Person,
    Breaker,
    /// A mitigation in an incident.
    Incident,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    On,
    Off,
}

/// One change, for whoever asks later what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub at: Timestamp,
    pub by: By,
    pub scope: Scope,
    pub turned: Turned,
    pub reason: Arc<str>,
}

/// As many switches are on as there may be.
#[derive(Debug, thiserror::Error)]
#[error("{SWITCHES_MAX} switches are on already")]
pub struct TooManySwitches;

/// What is degraded by switch, and every change, by breakers too.
pub struct Degraded {
    any: AtomicBool,
    state: Mutex<State>,
    clock: WallClock,
}

#[derive(Default)]
struct State {
    switches: Vec<Switch>,
    by_people: VecDeque<Change>,
    by_breakers: VecDeque<Change>,
}

impl By {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Person => "person",
            Self::Breaker => "breaker",
            Self::Incident => "incident",
        }
    }
}

impl Turned {
    pub const fn name(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

impl Scope {
    pub fn holds_for(&self, connection: &str, family: ApiFamily) -> bool {
        self.connection.as_deref().is_none_or(|own| own == connection)
            && self.family.is_none_or(|own| own == family)
    }

    /// Everything the other holds for, this one does too.
    fn covers(&self, other: &Self) -> bool {
        self.connection.as_ref().is_none_or(|own| other.connection.as_ref() == Some(own))
            && self.family.is_none_or(|own| other.family == Some(own))
    }
}

impl Degraded {
    pub(crate) fn new(clock: WallClock) -> Self {
        Self { any: AtomicBool::new(false), state: Mutex::default(), clock }
    }

    /// # Errors
    /// Why HubSpot is not to be asked.
    pub(crate) fn check(&self, account: &Account, family: ApiFamily) -> Result<(), Failure> {
        self.check_named(&account.name, family)
    }

    /// The same for a connection that may have no account yet.
    ///
    /// # Errors
    /// Why HubSpot is not to be asked.
    pub(crate) fn check_named(&self, connection: &str, family: ApiFamily) -> Result<(), Failure> {
        if !self.any.load(Ordering::Relaxed) {
            return Ok(());
        }
        let state = self.state.lock();
        let held = state.switches.iter().find(|switch| switch.scope.holds_for(connection, family));
        held.map_or(Ok(()), |switch| {
            Err(Failure::Degraded { family, reason: switch.reason.clone(), retry_after: RETRY_AFTER })
        })
    }

    /// Turns a switch on, or its reason into a new one; or off, and every narrower one with it. Tells what changed, which
    /// is nothing where it was so already.
    pub(crate) fn switch(
        &self,
        by: By,
        scope: Scope,
        turned: Turned,
        reason: &str,
    ) -> Result<Option<Change>, TooManySwitches> {
        let change = Change { at: self.clock.now(), by, scope, turned, reason: Arc::from(reason) };
        let mut state = self.state.lock();
        let before = state.switches.len();
        match turned {
            Turned::On => {
                let narrow = |switch: &Switch| switch.scope == change.scope;
                if state.switches.iter().any(|switch| narrow(switch) && switch.reason == change.reason) {
                    return Ok(None);
                }
                state.switches.retain(|switch| !narrow(switch));
                if state.switches.len() == SWITCHES_MAX {
                    return Err(TooManySwitches);
                }
                let (scope, reason) = (change.scope.clone(), change.reason.clone());
                state.switches.push(Switch { scope, reason, since: change.at });
            }
            Turned::Off => {
                state.switches.retain(|switch| !change.scope.covers(&switch.scope));
                if state.switches.len() == before {
                    return Ok(None);
                }
            }
        }
        self.any.store(!state.switches.is_empty(), Ordering::Relaxed);
        keep(&mut state.by_people, change.clone());
        Ok(Some(change))
    }

    /// A breaker has opened or closed.
    pub(crate) fn note_breaker(&self, account: &Account, family: ApiFamily, turned: Turned) -> Change {
        let reason = match turned {
            Turned::On => "it failed, or answered far too slowly, again and again",
            Turned::Off => "it answers again",
        };
        let scope = Scope { connection: Some(account.name.clone()), family: Some(family) };
        let change =
            Change { at: self.clock.now(), by: By::Breaker, scope, turned, reason: Arc::from(reason) };
        keep(&mut self.state.lock().by_breakers, change.clone());
        change
    }

    /// Switches that are on.
    pub fn switches(&self) -> Vec<Switch> {
        self.state.lock().switches.clone()
    }

    /// The latest changes, oldest first.
    pub fn changes(&self) -> Vec<Change> {
        let state = self.state.lock();
        let mut changes: Vec<_> = state.by_people.iter().chain(&state.by_breakers).cloned().collect();
        changes.sort_by_key(|change| change.at);
        changes
    }
}

fn keep(lines: &mut VecDeque<Change>, change: Change) {
    if lines.len() == LINES_MAX {
        lines.pop_front();
    }
    lines.push_back(change);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn degraded() -> Degraded {
        Degraded::new(WallClock::from("2026-10-01T12:00:00Z".parse::<Timestamp>().unwrap()))
    }

    fn scope(connection: Option<&str>, family: Option<ApiFamily>) -> Scope {
        Scope { connection: connection.map(Arc::from), family }
    }

    fn turn(degraded: &Degraded, scope: Scope, turned: Turned) -> bool {
        degraded.switch(By::Person, scope, turned, "a drill").unwrap().is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn a_switch_holds_for_its_scope() {
        let wide = scope(None, Some(ApiFamily::Search));
        assert!(wide.holds_for("a", ApiFamily::Search) && !wide.holds_for("a", ApiFamily::Objects));
        let one = scope(Some("a"), None);
        assert!(one.holds_for("a", ApiFamily::Objects) && !one.holds_for("b", ApiFamily::Objects));
        assert!(Scope::default().holds_for("b", ApiFamily::Owners));
    }

    #[tokio::test(start_paused = true)]
    async fn off_ends_what_it_covers_and_each_change_leaves_one_line() {
        let degraded = degraded();
        assert!(!turn(&degraded, Scope::default(), Turned::Off), "nothing was on");
        assert!(turn(&degraded, scope(Some("a"), Some(ApiFamily::Search)), Turned::On));
        assert!(!turn(&degraded, scope(Some("a"), Some(ApiFamily::Search)), Turned::On), "it is on already");
        assert!(turn(&degraded, scope(Some("b"), None), Turned::On));
        assert!(!turn(&degraded, scope(None, Some(ApiFamily::Owners)), Turned::Off), "none of its own");
        assert!(turn(&degraded, scope(Some("a"), None), Turned::Off));
        assert_eq!(degraded.switches().len(), 1);
        assert!(turn(&degraded, Scope::default(), Turned::Off));
        assert!(!degraded.any.load(Ordering::Relaxed));
        let turned: Vec<_> = degraded.changes().iter().map(|change| change.turned).collect();
        assert_eq!(turned, [Turned::On, Turned::On, Turned::Off, Turned::Off]);
    }

    #[tokio::test(start_paused = true)]
    async fn switches_and_lines_are_bounded() {
        let degraded = degraded();
        for number in 0..SWITCHES_MAX {
            assert!(turn(&degraded, scope(Some(&number.to_string()), None), Turned::On));
        }
        assert!(degraded.switch(By::Person, scope(Some("one more"), None), Turned::On, "").is_err());
        for _ in 0..LINES_MAX {
            turn(&degraded, Scope::default(), Turned::Off);
            turn(&degraded, Scope::default(), Turned::On);
        }
        assert_eq!(degraded.changes().len(), LINES_MAX);
    }
}
