//! What HubSpot's API said.

use client::probe::report::api as found;
use client::probe::report::{
    Authenticated, Failure as Failed, FailureKind, Finding, Introspected, Stage, Usage as Used,
};
use hubspot::endpoint::Budget;
use incident::facts::exchange::{Exchange, Failure};
use incident::facts::probes::{Auth, Capacity, FamilyProbe, Introspection, LimitReading, Limits, Usage};

/// An answer, or why there was none; `None` where nobody asked.
pub(super) fn exchange(finding: &Finding<found::Answer>) -> Option<Exchange> {
    match finding {
        Finding::Answered(answer) => Some(answered(answer)),
        Finding::Failed(failed) => Some(unanswered(failed)),
        Finding::NotAsked(_) => None,
    }
}

fn answered(answer: &found::Answer) -> Exchange {
    let error = answer.error.as_ref();
    Exchange {
        status: Some(answer.status),
        failure: None,
        kind: error.map(|error| error.kind),
        category: error.and_then(|error| error.category.clone()),
        codes: error.map(|error| error.codes.clone()).unwrap_or_default(),
        required_scopes: error.map(|error| error.required_scopes.clone()).unwrap_or_default(),
        html: answer.html,
        hubspot_shaped: answer.hubspot_shaped,
        correlation_id: answer.correlation_id.clone(),
        retry_after_s: error.and_then(|error| error.retry_after_s),
        unverified: answer.unverified,
        via: answer.via.clone(),
        cf_ray: answer.cf_ray.clone(),
        server: answer.server.clone(),
        connect_ms: Some(answer.connect_ms),
        first_byte_ms: Some(answer.first_byte_ms),
    }
}

fn unanswered(failed: &Failed) -> Exchange {
    let failure = match (failed.stage, failed.kind) {
        (Stage::Dns, _) => Failure::Dns,
        (Stage::Connect | Stage::Proxy, _) => Failure::Connect,
        (Stage::Tls, _) => Failure::Tls,
        (Stage::Http, FailureKind::TimedOut) => Failure::Timeout,
        (Stage::Http, FailureKind::Truncated) => Failure::Truncated,
        (Stage::Http, FailureKind::NotUnderstood) => Failure::Malformed,
        (
            Stage::Http,
            FailureKind::Reset
            | FailureKind::NameNotFound
            | FailureKind::ResolverFailed
            | FailureKind::Refused
            | FailureKind::Unreachable
            | FailureKind::Untrusted
            | FailureKind::Handshake
            | FailureKind::ProxyRefused
            | FailureKind::Other,
        ) => Failure::Reset,
    };
    Exchange { failure: Some(failure), ..Exchange::default() }
}

/// Takes a finding apart: the exchange, and what was found in it.
fn parts<T>(finding: &Finding<T>, answer: impl Fn(&T) -> &found::Answer) -> Option<(Exchange, Option<&T>)> {
    match finding {
        Finding::Answered(found) => Some((answered(answer(found)), Some(found))),
        Finding::Failed(failed) => Some((unanswered(failed), None)),
        Finding::NotAsked(_) => None,
    }
}

pub(super) fn auth(finding: &Finding<Authenticated>) -> Option<Auth> {
    let (exchange, found) = parts(finding, |auth| &auth.answer)?;
    let account = found.and_then(|auth| auth.account.as_ref());
    Some(Auth {
        exchange,
        portal_id: account.map(|account| account.portal_id),
        time_zone: account.and_then(|account| account.time_zone.clone()),
        hosting: account.and_then(|account| account.hosting.clone()),
    })
}

pub(super) fn usage(finding: &Finding<Used>) -> Option<Usage> {
    let (exchange, found) = parts(finding, |usage| &usage.answer)?;
    let daily = found.and_then(|usage| usage.daily.as_ref());
    Some(Usage {
        exchange,
        limit: daily.map(|daily| daily.limit),
        used: daily.map(|daily| daily.used),
        resets_at: daily.and_then(|daily| daily.resets_at),
    })
}

pub(super) fn introspection(finding: &Finding<Introspected>) -> Option<Introspection> {
    let (exchange, found) = parts(finding, |look| &look.answer)?;
    let token = found.and_then(|look| look.token.as_ref());
    Some(Introspection {
        exchange,
        active: token.map(|token| token.active),
        portal_id: token.and_then(|token| token.portal_id),
        scopes: token.map(|token| token.scopes.clone()).unwrap_or_default(),
    })
}

pub(super) fn family(row: &found::FamilyAnswer) -> Option<FamilyProbe> {
    let capacity = |it: &found::Capacity| Capacity { what: it.what.clone(), used: it.used, limit: it.limit };
    Some(FamilyProbe {
        family: row.family.clone(),
        version: row.version.clone(),
        route: format!("{} {}", row.method, row.path),
        exchange: exchange(&row.answer)?,
        capacities: row.capacities.iter().map(capacity).collect(),
    })
}

/// Of the ten-second window only: associations have a window, and a day, of their own.
pub(super) fn limits(limits: &found::Limits) -> Limits {
    let burst =
        limits.readings.iter().filter(|reading| reading.budget.as_deref() == Some(Budget::Burst.name()));
    let reading = |reading: &found::LimitReading| LimitReading {
        max: reading.max,
        remaining: reading.remaining,
        daily: reading.daily,
        daily_remaining: reading.daily_remaining,
        sent: reading.sent,
        at_ms: reading.at_ms,
    };
    Limits {
        readings: burst.map(reading).collect(),
        burst_outside: limits.burst_outside,
        daily_outside: limits.daily_outside,
    }
}
