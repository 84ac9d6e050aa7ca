//! One root cause, one incident: which of the open ones a cause belongs to.

use jiff::{SignedDuration, Timestamp};

use crate::blast::Blast;
use crate::code::{Code, Impact};
use crate::detector::RuleId;
use crate::incident::Incident;

/// What a cause brings about by itself, so that it is no cause of its own beside it. `true` for itself.
pub(super) fn explains(cause: Code, other: Code) -> bool {
    cause == other
        || brings(cause).contains(&other)
        || (is_below_everything(cause) && is_about_answers(other))
}

/// No call arrives whole: whatever else calls seem to say is said by it.
fn is_below_everything(cause: Code) -> bool {
    const LADDER: &[Code] = &[
        Code::Dns,
        Code::TcpBlocked,
        Code::TlsIntercept,
        Code::CaOutdated,
        Code::HubspotTls,
        Code::Proxy,
        Code::BaseUrl,
        Code::EdgeBlock,
        Code::OutageKnown,
        Code::OutageUnlisted,
        Code::Region,
    ];
    LADDER.contains(&cause)
}

/// What is read off HubSpot's answers, or off their absence.
fn is_about_answers(other: Code) -> bool {
    const ANSWERS: &[Code] = &[
        Code::OutageKnown,
        Code::OutageUnlisted,
        Code::Region,
        Code::Partial,
        Code::Slow,
        Code::Processing,
        Code::AuthOutage,
        Code::RetryStorm,
        Code::StalePool,
        Code::Ipv6,
        Code::HookBacklog,
        Code::Regression,
    ];
    ANSWERS.contains(&other)
}

fn brings(cause: Code) -> &'static [Code] {
    let known = BRINGS.iter().find(|(known, _)| *known == cause);
    known.map_or(&[], |(_, brings)| brings)
}

/// What begins, or shows alone, when its cause has ended: it is told of the incident that left it, not of one of its own. Records
/// that another account does not have look gone for as long as traffic tells of this minute and the last.
pub(super) fn is_aftermath(code: Code) -> bool {
    matches!(code, Code::HookBacklog | Code::HookOrder | Code::HookDuplicates | Code::Gone)
}

/// A rule that speaks for itself, and says no more than what follows from a cause that has a name.
pub(super) fn brings_about(cause: Code, rule: RuleId) -> bool {
    let stops_calls = cause.impact() == Impact::Down || is_about_answers(cause);
    match rule {
        RuleId::JobLate | RuleId::JobFailed | RuleId::BurnSlow => stops_calls,
        RuleId::BacklogOld | RuleId::DeadLetters => stops_calls || cause == Code::ConsumerDown,
        RuleId::WebhookDelay | RuleId::HookSilence => LATE_WEBHOOKS.contains(&cause),
        RuleId::DailyUse | RuleId::DailyForecast => {
            matches!(cause, Code::DailySelf | Code::DailyNeighbour | Code::Tier)
        }
        RuleId::NothingWorks
        | RuleId::ErrorRate
        | RuleId::Denied
        | RuleId::ServerErrors
        | RuleId::HealthCheck
        | RuleId::Rejected
        | RuleId::Limited
        | RuleId::Slow
        | RuleId::Likeness
        | RuleId::Silence
        | RuleId::BurnFast
        | RuleId::BurnMiddle
        | RuleId::Dependency
        | RuleId::HookRefused
        | RuleId::HookStrangers
        | RuleId::HookSlow
        | RuleId::HookRepeated
        | RuleId::HookUnreachable
        | RuleId::SubscriberDown
        | RuleId::BreakerOpen
        | RuleId::StoreFails
        | RuleId::DiskLow
        | RuleId::Exhausted
        | RuleId::ClockOff
        | RuleId::SecretSource
        | RuleId::GrantRefused
        | RuleId::CredentialOld
        | RuleId::CredentialEnds
        | RuleId::Sunset => false,
    }
}

/// Calls fail of it, by its name or by what shows.
pub(super) fn costs_calls(incident: &Incident) -> bool {
    let fails = |rule| {
        matches!(
            rule,
            RuleId::NothingWorks
                | RuleId::ErrorRate
                | RuleId::Denied
                | RuleId::ServerErrors
                | RuleId::Limited
                | RuleId::BurnFast
                | RuleId::BurnMiddle
        )
    };
    incident.code().is_some_and(|cause| brings_about(cause, RuleId::BurnSlow))
        || incident.symptoms.iter().any(|symptom| fails(symptom.rule))
}

/// Why webhooks come late, or not at all.
const LATE_WEBHOOKS: &[Code] = &[
    Code::HookSlow,
    Code::HookBacklog,
    Code::HookSecret,
    Code::HookUri,
    Code::HookUnreachable,
    Code::HookSubscription,
    Code::Uninstalled,
    Code::Store,
    Code::Disk,
    Code::Resources,
    Code::Clock,
];

/// Two rules that say the same of one thing.
pub(super) fn is_one_matter(known: RuleId, rule: RuleId) -> bool {
    let of_the_day = |rule| matches!(rule, RuleId::DailyUse | RuleId::DailyForecast);
    known == rule || (of_the_day(known) && of_the_day(rule))
}

const BRINGS: &[(Code, &[Code])] = &[
    (Code::Clock, &[Code::TokenExpired, Code::HubspotTls, Code::HookSecret, Code::Blind]),
    (Code::ClientSecret, &[Code::TokenExpired, Code::RefreshRevoked, Code::HookSecret]),
    (Code::ClientMismatch, &[Code::TokenExpired, Code::ClientSecret]),
    (Code::Uninstalled, &[Code::RefreshRevoked, Code::HookSubscription, Code::TokenRevoked]),
    (Code::RefreshRevoked, &[Code::TokenExpired]),
    // Another account has other records, and other properties.
    (Code::WrongAccount, &[Code::Gone, Code::BadPayload, Code::Schema]),
    // On a path that is gone no record is found.
    (Code::Sunset, &[Code::Gone]),
    (Code::BaseUrl, &[Code::Gone, Code::Sunset]),
    (Code::Secrets, &[Code::TokenStale, Code::TokenExpired]),
    (Code::Tier, &[Code::MissingScope, Code::BurstSelf, Code::DailySelf]),
    (Code::Partial, &[Code::Slow, Code::RetryStorm]),
    (Code::Slow, &[Code::RetryStorm]),
    (Code::Processing, &[Code::Slow, Code::Partial]),
    (Code::Cache, &[Code::BurstSelf, Code::RetryStorm]),
    (Code::Store, &[Code::HookSlow, Code::HookDuplicates, Code::HookBacklog, Code::HookOrder]),
    (Code::Disk, &[Code::Store, Code::HookSlow, Code::HookBacklog, Code::HookOrder]),
    // What HubSpot could not deliver comes late, among what is new.
    (Code::HookUnreachable, &[Code::HookSubscription, Code::HookBacklog, Code::HookOrder]),
    (Code::HookSecret, &[Code::HookBacklog, Code::HookOrder]),
    (Code::HookUri, &[Code::HookBacklog, Code::HookOrder]),
    (Code::HookSlow, &[Code::HookDuplicates, Code::HookBacklog, Code::HookOrder]),
    (Code::HookBacklog, &[Code::HookOrder]),
    (Code::Resources, &[Code::Slow, Code::HookSlow]),
    (Code::ValidationChange, &[Code::BadPayload]),
    (Code::DailySelf, &[Code::BurstSelf]),
];

/// Where a cause goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    /// This one has it already.
    Known(usize),
    /// This one was thought to be something else.
    Renamed(usize),
    /// This one was over, and is back.
    Back(usize),
    /// A person has said that this is over, not long ago.
    Closed,
    New,
}

/// Looks for the incident of a cause. `standing` are all causes that were found together with it.
pub(super) fn home(
    incidents: &[Incident],
    code: Code,
    blast: &Blast,
    standing: &[Code],
    now: Timestamp,
    reopen: SignedDuration,
) -> Home {
    let places = |of: &dyn Fn(&Incident) -> bool| incidents.iter().rposition(of);
    let is_open = |incident: &Incident| !incident.stage.is_over();
    let reaches = |incident: &Incident| reaches_alike(&incident.blast, blast);
    let same =
        |incident: &Incident| incident.code().is_some_and(|known| is_one(known, code)) && reaches(incident);
    if let Some(index) = places(&|it| is_open(it) && it.code() == Some(code) && reaches(it)) {
        return Home::Known(index);
    }
    if let Some(index) = places(&|it| is_open(it) && same(it)) {
        return Home::Renamed(index);
    }
    // What was named otherwise and is not found any more was the wrong name; so was what explains itself by this.
    let outdated = |incident: &Incident| {
        is_open(incident)
            && !is_named_by_its_rule(incident)
            && reaches_alike(&incident.blast, blast)
            && incident.code().is_none_or(|known| {
                known == Code::Unknown || explains(code, known) || !standing.contains(&known)
            })
            && incident.showing().any(|symptom| waits_for_a_cause(symptom.rule))
    };
    if let Some(index) = places(&outdated) {
        return Home::Renamed(index);
    }
    let lately = |incident: &Incident| {
        same(incident) && incident.resolved_at.is_some_and(|at| now.duration_since(at) < reopen)
    };
    // What a person has closed stays closed, unless it turns out to be more than they closed.
    let closed = |incident: &Incident| {
        let known = incident.code().unwrap_or(code);
        incident.resolved_by.is_some()
            && (known == code || !is_sharper(known, code) || is_sharper(code, known))
    };
    match places(&lately) {
        Some(index) if closed(&incidents[index]) => Home::Closed,
        Some(index) if incidents[index].resolved_by.is_some() => Home::New,
        Some(index) => Home::Back(index),
        None => Home::New,
    }
}

/// The same trouble: only what the status page says tells them apart, and that changes while it goes on; or one is what the
/// other looks like at first, or at its end.
fn is_one(known: Code, code: Code) -> bool {
    known == code || is_sharper(known, code) || is_sharper(code, known)
}

/// Of the same part, and it explains the other: one outage is first seen in a single family, or as slowness. Tokens that are
/// refused are no early form of it.
pub(super) fn is_sharper(known: Code, code: Code) -> bool {
    let is_early = known != code && known != Code::AuthOutage;
    is_early && known.part() == code.part() && explains(code, known)
}

/// A rule that names its cause shows, whatever trees find and whatever else has joined it.
fn is_named_by_its_rule(incident: &Incident) -> bool {
    incident.showing().any(|symptom| symptom.rule.code().is_some() && symptom.rule.code() == incident.code())
}

/// An objective that is being missed is somebody's doing, however slowly.
fn waits_for_a_cause(rule: RuleId) -> bool {
    rule.wants_a_cause() || rule == RuleId::BurnSlow
}

/// Nothing shows that they are about different things.
fn reaches_alike(one: &Blast, other: &Blast) -> bool {
    one.connections.is_empty()
        || other.connections.is_empty()
        || one.connections.iter().any(|name| other.connections.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_explains_in_a_circle() {
        for cause in Code::ALL {
            for other in brings(*cause) {
                assert!(!brings(*other).contains(cause), "{cause:?} and {other:?}");
            }
        }
    }

    #[test]
    fn an_outage_is_one_whether_the_status_page_tells_it_or_not() {
        assert!(is_one(Code::OutageKnown, Code::OutageUnlisted) && is_one(Code::Slow, Code::Slow));
    }

    #[test]
    fn what_it_looks_like_at_first_is_the_same_trouble_and_other_parts_are_not() {
        for (first, then) in [
            (Code::Partial, Code::OutageKnown),
            (Code::Slow, Code::OutageUnlisted),
            (Code::Slow, Code::Partial),
            (Code::TokenExpired, Code::RefreshRevoked),
            (Code::BurstSelf, Code::DailySelf),
            (Code::HookBacklog, Code::HookUnreachable),
        ] {
            assert!(is_one(first, then) && is_one(then, first), "{first:?} and {then:?}");
            assert!(is_sharper(first, then) && !is_sharper(then, first), "{first:?} and {then:?}");
        }
        for (one, other) in [
            (Code::Slow, Code::Dns),
            (Code::Partial, Code::TokenRevoked),
            (Code::TokenRevoked, Code::TokenStale),
            (Code::HookSlow, Code::Store),
            (Code::Conflict, Code::Gone),
            (Code::AuthOutage, Code::OutageUnlisted),
        ] {
            assert!(!is_one(one, other), "{one:?} and {other:?}");
        }
    }

    #[test]
    fn an_outage_explains_the_storm_that_follows_and_not_a_revoked_token() {
        assert!(explains(Code::OutageUnlisted, Code::RetryStorm));
        assert!(!explains(Code::OutageUnlisted, Code::TokenRevoked));
        assert!(!explains(Code::RetryStorm, Code::OutageUnlisted));
    }
}
