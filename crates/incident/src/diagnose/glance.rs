//! What passes anyway, looked at without a probe: is it like a fault that no rate of calls tells of?
//!
//! The trees are the same as a diagnosis walks. Nothing is decided here: a likeness is a reason to ask, and then the
//! probes are asked as well.

mod strangers;

use crate::code::Code;
use crate::facts::Facts;
use crate::runbook::Runbooks;
use crate::triage::Diagnosis;

/// What shows by its kind, in whatever number: a rule that counts failures comes late for these, or never. What single
/// calls are refused for is left to the rates, or each of them would be asked about.
const IN_PASSING: &[Code] = &[
    Code::TokenStale,
    Code::WrongAccount,
    Code::RefreshRevoked,
    Code::Uninstalled,
    Code::ClientSecret,
    Code::ClientMismatch,
    Code::DailySelf,
    Code::DailyNeighbour,
    Code::BurstSelf,
    Code::BurstSplit,
    Code::SearchLimit,
    Code::Sunset,
    Code::ValidationChange,
    Code::Ipv6,
    Code::StalePool,
    Code::Conflict,
    Code::HookOrder,
    Code::HookSubscription,
    Code::Store,
    Code::Disk,
    Code::Resources,
    Code::Secrets,
    Code::Cache,
    Code::Regression,
    Code::RetryStorm,
    Code::Blind,
];

/// A fault that what passes is like, and what makes it so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Likeness {
    pub code: Code,
    pub observed: String,
}

/// Everything that these facts are like. Without probes the trees that need them find nothing.
pub fn glance(facts: &Facts, runbooks: &Runbooks) -> Vec<Likeness> {
    let mut causes = super::causes(facts, runbooks);
    // A peak is told for minutes after; that it goes on, only the latest tells.
    if causes.iter().any(|cause| cause.code == Code::BurstSplit) {
        let late = super::causes(&facts.of_late(), runbooks);
        causes.retain(|cause| {
            cause.code != Code::BurstSplit || late.iter().any(|goes_on| goes_on.code == cause.code)
        });
    }
    let told =
        causes.iter().filter(|cause| IN_PASSING.contains(&cause.code) || is_marked(cause)).map(|cause| {
            let held = cause.evidence.iter().find(|evidence| evidence.supports);
            Likeness { code: cause.code, observed: held.map(|it| it.observed.clone()).unwrap_or_default() }
        });
    let mut likenesses: Vec<Likeness> = told.collect();
    if !likenesses.iter().any(|it| it.code == Code::WrongAccount) {
        likenesses.extend(strangers::look(facts));
    }
    likenesses
}

/// Refused features alone are single calls; limits that fell are not.
fn is_marked(cause: &Diagnosis) -> bool {
    cause.code == Code::Tier && cause.evidence.iter().any(|it| it.supports && it.probe == "limits")
}

#[cfg(test)]
mod tests {
    use hubspot::error::ErrorKind as Kind;

    use super::*;
    use crate::fixture::{CREATE, busy, error, failing_group, group, traffic};

    /// As the room has them between two diagnoses.
    fn passing(how: fn(&mut Facts)) -> Vec<Code> {
        let mut facts = Facts { probes: Default::default(), ..busy() };
        how(&mut facts);
        glance(&facts, &Runbooks::embedded()).into_iter().map(|it| it.code).collect()
    }

    #[test]
    fn what_no_rate_tells_is_seen_in_passing() {
        assert_eq!(passing(|_| {}), []);
        assert_eq!(passing(|f| traffic(f).connections[0].burst_outside_peak = 90), [Code::BurstSplit]);
        let over = |f: &mut Facts| {
            let connection = &mut traffic(f).connections[0];
            (connection.burst_outside_peak, connection.burst_outside_recent) = (90, Some(2));
        };
        assert_eq!(passing(over), []);
        let few = |f: &mut Facts| {
            let gone = error(404, Kind::NotFound, 3);
            failing_group(f, group("owners", "GET", 3), "/crm/v3/owners", gone);
        };
        assert_eq!(passing(few), [Code::Sunset]);
        let same = |f: &mut Facts| {
            let there = crate::facts::traffic::ErrorCount { subjects: 1, ..error(409, Kind::Conflict, 60) };
            failing_group(f, group("objects", "POST", 400), CREATE, there);
        };
        assert_eq!(passing(same), [Code::Conflict]);
    }

    #[test]
    fn limits_that_fell_are_asked_about_though_nothing_fails() {
        let fell = |f: &mut Facts| {
            (traffic(f).connections[0].burst_max_before, traffic(f).connections[0].burst_max) =
                (Some(190), Some(100));
        };
        assert_eq!(passing(fell), [Code::Tier]);
        let refused = |f: &mut Facts| {
            failing_group(f, group("objects", "GET", 9), CREATE, error(403, Kind::Forbidden, 3));
        };
        assert_eq!(passing(refused), []);
    }

    #[test]
    fn what_single_calls_are_refused_for_is_left_to_the_rates() {
        let denied = |f: &mut Facts| {
            failing_group(f, group("objects", "GET", 9), CREATE, error(403, Kind::MissingScopes, 3));
        };
        assert_eq!(passing(denied), []);
    }
}
