//! Which API families fail and which serve, over probes and traffic together.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use crate::facts::Facts;
use crate::facts::exchange::Failure;
use crate::facts::traffic::Group;
use crate::signals::SERVER_KINDS;

/// In traffic, a family fails from so many failures …
const FAILURES_MIN: u64 = 5;
/// … that are at least one call in twenty.
const FAILURES_PART: u64 = 20;

/// A family that has served for so long since its last failure is well again, whatever the last minute's counts hold.
const WELL_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// Families by what their servers do.
#[derive(Debug, Default)]
pub(super) struct Families<'a> {
    pub(super) failing_probes: BTreeSet<&'a str>,
    pub(super) serving_probes: BTreeSet<&'a str>,
    /// Served a probe, whatever became of others.
    pub(super) served_at_times: BTreeSet<&'a str>,
    pub(super) failing_traffic: BTreeSet<&'a str>,
    pub(super) serving_traffic: BTreeSet<&'a str>,
    /// Calls of each family in this minute and the last, and those of them that its servers failed.
    called: BTreeMap<&'a str, (u64, u64)>,
}

impl<'a> Families<'a> {
    pub(super) fn of(facts: &'a Facts) -> Self {
        let mut families = Self::default();
        let slow = super::slow::is_slow_not_down(facts);
        for (family, exchange) in facts.authenticated() {
            let too_slow = slow && exchange.failure == Some(Failure::Timeout);
            if exchange.is_server_failure() && !too_slow {
                families.failing_probes.insert(family);
            } else if exchange.status.is_some() {
                families.serving_probes.insert(family);
            }
        }
        families.served_at_times.clone_from(&families.serving_probes);
        for group in facts.traffic.iter().flat_map(|traffic| &traffic.groups) {
            if is_failing(group) && !(slow && is_only_late(group)) {
                families.failing_traffic.insert(&group.family);
            } else if group.ok_recent > 0 {
                families.serving_traffic.insert(&group.family);
            }
            if group.calls_recent > 0 {
                let (calls, failures) = families.called.entry(&group.family).or_default();
                *calls += group.calls_recent;
                *failures += recent_failures(group);
            }
        }
        // A lone failed probe of a family that serves traffic well at the same time is one bad answer, no fault.
        let failed =
            facts.authenticated().into_iter().filter(|(_, exchange)| exchange.is_server_failure()).count();
        if failed == 1 {
            let serving = families.serving_traffic.clone();
            let failing = families.failing_traffic.clone();
            families.failing_probes.retain(|family| !serving.contains(family) || failing.contains(family));
        }
        families
    }

    pub(super) fn failing(&self) -> BTreeSet<&'a str> {
        self.failing_probes.union(&self.failing_traffic).copied().collect()
    }

    pub(super) fn serving(&self) -> BTreeSet<&'a str> {
        let all: BTreeSet<&str> = self.serving_probes.union(&self.serving_traffic).copied().collect();
        all.difference(&self.failing()).copied().collect()
    }

    /// A failure here and a failure there: each family too few to call it failing, together most of those that are
    /// called. A lone error among many answers strikes nobody.
    pub(super) fn is_spread(&self) -> bool {
        let is_struck = |(calls, failures): &&(u64, u64)| *failures > 0 && failures * FAILURES_PART >= *calls;
        let struck = self.called.values().filter(is_struck).count();
        struck > 2 || (struck == 2 && self.called.len() <= 3)
    }

    pub(super) fn describe(&self) -> String {
        let list = |names: BTreeSet<&str>| {
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.into_iter().collect::<Vec<_>>().join(", ")
            }
        };
        format!("failing: {}; serving: {}", list(self.failing()), list(self.serving()))
    }
}

/// Server errors and broken answers that still go on, enough of them to be more than noise.
pub(super) fn is_failing(group: &Group) -> bool {
    let count = server_failures(group);
    let well_for = match (last_failure(group), group.last_ok_at) {
        (Some(failure), Some(ok)) => ok.duration_since(failure),
        _ => SignedDuration::MIN,
    };
    let over = well_for > SignedDuration::ZERO;
    let recent = recent_failures(group);
    let going_on = if over { recent > 0 && well_for < WELL_AGAIN } else { true };
    count >= FAILURES_MIN && count * FAILURES_PART >= group.calls && going_on
}

/// Where all answers are slow, what runs out of time is slow as well, and no part of its own that fails.
fn is_only_late(group: &Group) -> bool {
    let late = group.transport.iter().filter(|count| count.kind == Failure::Timeout).map(|count| count.count);
    server_failures(group) < late.sum::<u64>() + FAILURES_MIN
}

pub(super) fn server_failures(group: &Group) -> u64 {
    group.errors.iter().filter(|error| is_server(error.kind)).map(|error| error.count).sum::<u64>()
        + group.transport.iter().filter(|count| is_broken(count.kind)).map(|count| count.count).sum::<u64>()
}

/// In this minute and the last.
fn recent_failures(group: &Group) -> u64 {
    let errors = group.errors.iter().filter(|error| is_server(error.kind)).map(|error| error.recent);
    let broken = group.transport.iter().filter(|count| is_broken(count.kind)).map(|count| count.recent);
    errors.sum::<u64>() + broken.sum::<u64>()
}

fn last_failure(group: &Group) -> Option<jiff::Timestamp> {
    let errors = group.errors.iter().filter(|error| is_server(error.kind)).filter_map(|error| error.last_at);
    let broken =
        group.transport.iter().filter(|count| is_broken(count.kind)).filter_map(|count| count.last_at);
    errors.chain(broken).max()
}

fn is_server(kind: Option<hubspot::error::ErrorKind>) -> bool {
    kind.is_some_and(|kind| SERVER_KINDS.contains(&kind))
}

fn is_broken(kind: Failure) -> bool {
    match kind {
        Failure::Timeout | Failure::Reset | Failure::Truncated | Failure::Malformed => true,
        Failure::Dns | Failure::Connect | Failure::Tls | Failure::ResetAfterIdle | Failure::Unknown => false,
    }
}
