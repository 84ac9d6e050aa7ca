//! How bad it is at this moment: the worst the cause can do, softened by the calls that are seen to work.

use hubspot::error::ErrorKind;
use jiff::{SignedDuration, Timestamp};

use crate::code::{Code, Impact};
use crate::facts::Facts;
use crate::facts::traffic::{Group, Traffic};
use crate::triage::{Suspicion, Verdict};

/// Second thoughts below this do not make it worse.
const SURE_FROM: f64 = 0.6;

/// One call that slips through is no service.
const PROBES_MIN: usize = 2;

/// A success older than this says nothing about now: a call that hangs fails in traffic only when its time is up.
const FRESH: SignedDuration = SignedDuration::from_secs(10);

/// Refusals of what one call asks for: HubSpot serves, and the next call may well work.
const ABOUT_ONE_CALL: &[ErrorKind] = &[
    ErrorKind::Validation,
    ErrorKind::MissingScopes,
    ErrorKind::UserPermissions,
    ErrorKind::Forbidden,
    ErrorKind::NotFound,
    ErrorKind::MethodNotAllowed,
    ErrorKind::Conflict,
    ErrorKind::TooLong,
    ErrorKind::Locked,
    ErrorKind::Partial,
];

/// Down where the cause, or something found beside it, can stop everything and nothing is seen to work.
pub(super) fn verdict(code: Code, also: &[Suspicion], facts: &Facts) -> Verdict {
    let sure = also.iter().filter(|suspicion| suspicion.confidence >= SURE_FROM).map(|it| it.code);
    let can_stop_all = sure.chain([code]).any(|code| code.impact() == Impact::Down);
    match code.impact() {
        Impact::Healthy => Verdict::Healthy,
        Impact::Unknown => Verdict::Unknown,
        Impact::Degraded | Impact::Down if can_stop_all && !some_calls_work(code, facts) => Verdict::Down,
        Impact::Degraded | Impact::Down => Verdict::Degraded,
    }
}

fn some_calls_work(code: Code, facts: &Facts) -> bool {
    // Probes read the secret afresh: they say nothing about a gateway that holds an old copy.
    let probes_count = code != Code::TokenStale;
    let probed = facts.authenticated().into_iter().filter(|(_, exchange)| exchange.is_ok()).count();
    (probes_count && probed >= PROBES_MIN)
        || facts.traffic.as_ref().is_some_and(|it| programs_work(it, facts))
}

/// On one connection at least, calls worked just now and none has failed since. Counts of the last minutes would still
/// hold the successes from before it broke.
fn programs_work(traffic: &Traffic, facts: &Facts) -> bool {
    let now = traffic.now.unwrap_or(facts.configured.now);
    traffic.groups.iter().any(|group| {
        let same = || traffic.groups.iter().filter(|other| other.connection == group.connection);
        let last_ok = same().filter_map(|group| group.last_ok_at).max();
        let fresh = last_ok.is_some_and(|at| now.duration_since(at) <= FRESH);
        fresh && last_ok > same().filter_map(last_failure).max()
    })
}

fn last_failure(group: &Group) -> Option<Timestamp> {
    let counts = |kind: Option<ErrorKind>| kind.is_none_or(|kind| !ABOUT_ONE_CALL.contains(&kind));
    let answers = group.errors.iter().filter(|error| counts(error.kind)).filter_map(|error| error.last_at);
    answers.chain(group.transport.iter().filter_map(|count| count.last_at)).max()
}

#[cfg(test)]
mod tests {
    use hubspot::error::ErrorKind as Kind;
    use rstest::rstest;

    use super::*;
    use crate::facts::traffic::ErrorCount;
    use crate::fixture::{ago, api, authenticated_calls, busy, error, failing_group, group, healthy};

    type Spoil = fn(&mut Facts);

    fn refused(facts: &mut Facts) {
        authenticated_calls(facts, &api(401, Some(Kind::InvalidAuthentication)));
    }

    /// The programs' last call that worked, on every group of the fixture.
    fn worked(facts: &mut Facts, seconds_ago: i64) {
        for group in facts.traffic.iter_mut().flat_map(|traffic| &mut traffic.groups) {
            group.last_ok_at = Some(ago(seconds_ago));
        }
    }

    #[rstest]
    #[case::before_it_broke(Verdict::Down, |f: &mut Facts| {
        refused(f);
        worked(f, 25);
        failing_group(f, group("objects", "GET", 9), "/crm/v3/owners", error(401, Kind::InvalidAuthentication, 9));
    })]
    #[case::and_nothing_is_there_any_more(Verdict::Down, |f: &mut Facts| {
        refused(f);
        let page = ErrorCount { last_at: Some(ago(0)), ..error(404, Kind::NoSuchEndpoint, 9) };
        failing_group(f, group("objects", "GET", 9), "/crm/v3/owners", page);
    })]
    #[case::too_long_ago_to_count(Verdict::Down, |f: &mut Facts| {
        refused(f);
        worked(f, 15);
    })]
    #[case::on_another_connection(Verdict::Degraded, |f: &mut Facts| {
        refused(f);
        let owners = group("objects", "GET", 9);
        let other = Group { connection: "other".into(), ..owners };
        let later = ErrorCount { last_at: Some(ago(0)), ..error(401, Kind::InvalidAuthentication, 9) };
        failing_group(f, other, "/crm/v3/owners", later);
    })]
    #[case::and_single_calls_are_refused_for_what_they_ask(Verdict::Degraded, |f: &mut Facts| {
        refused(f);
        let not_there = ErrorCount { last_at: Some(ago(0)), ..error(404, Kind::NotFound, 9) };
        failing_group(f, group("objects", "GET", 9), "/crm/v3/owners", not_there);
    })]
    #[case::by_probes(Verdict::Degraded, |f: &mut Facts| f.traffic = None)]
    fn a_revoked_token_stops_everything_unless_calls_worked(#[case] expected: Verdict, #[case] how: Spoil) {
        let mut facts = busy();
        how(&mut facts);
        assert_eq!(verdict(Code::TokenRevoked, &[], &facts), expected);
    }

    #[test]
    fn an_old_copy_in_the_gateway_stops_the_programs_though_probes_work() {
        let mut facts = busy();
        worked(&mut facts, 60);
        assert_eq!(verdict(Code::TokenStale, &[], &facts), Verdict::Down);
        assert_eq!(verdict(Code::TokenRevoked, &[], &facts), Verdict::Degraded);
    }

    #[test]
    fn a_sure_second_finding_counts_and_a_guess_does_not() {
        let mut facts = healthy();
        refused(&mut facts);
        let also = |confidence| vec![Suspicion { code: Code::TokenRevoked, confidence }];
        assert_eq!(verdict(Code::Clock, &also(0.9), &facts), Verdict::Down);
        assert_eq!(verdict(Code::Clock, &also(0.3), &facts), Verdict::Degraded);
    }
}
