//! Each point of the checklist: a pure function of the facts.

use http::Method;
use hubspot::scope::required_scopes;
use hubspot::sunset::sunset_of;
use jiff::tz::TimeZone;

use super::facts::{Credential, Delivered, Facts};
use super::{Finding, Standing};
use crate::scopes::{ConnectionScopes, GrantedScope, ScopeStanding};

/// A credential should be changed by then.
const CREDENTIAL_DAYS_MAX: i64 = 90;

/// What was counted for fewer days says less than the routes of today.
const DAYS_TELLING: i64 = 7;

/// An end that is nearer needs work now.
const SUNSET_DAYS_MIN: i32 = 60;

/// HubSpot's edge gives up by then (hubspot-facts §1.7).
const EDGE_GIVES_UP_MS: u64 = 100_000;

/// Signatures are good for five minutes (hubspot-facts §6.6); a clock this far off is a warning.
const CLOCK_OFF_S: f64 = 30.0;
const CLOCK_WRONG_S: f64 = 240.0;

/// Below it, an outage's backlog may not fit.
const DISK_FREE_MIN: u64 = 2 * 1024 * 1024 * 1024;
const DISK_FREE_SHARE_MIN: f64 = 0.1;

/// Callers' own retries above this share multiply with ours.
const CALLERS_RETRIES_SHARE_MAX: f64 = 0.02;

/// Before there are so many calls, their kind says nothing.
const CALLS_TELLING: u64 = 200;

/// Single-record reads above this share of all calls are worth a batch.
const SINGLES_SHARE_MAX: f64 = 0.3;

pub(super) fn credentials_kept(facts: &Facts) -> Finding {
    let open: Vec<_> = facts.credentials.iter().filter(|each| each.readable_by_others).collect();
    let missing: Vec<_> = facts.credentials.iter().filter(|each| each.missing).collect();
    let named = |those: &[&Credential]| {
        those.iter().map(|each| format!("{} ({})", each.key, each.reference)).collect::<Vec<_>>().join(", ")
    };
    if facts.credentials.is_empty() {
        return unknown("no credential is configured: each caller brings its own");
    }
    if !missing.is_empty() {
        return fails(format!("cannot be had: {}", named(&missing)));
    }
    if !open.is_empty() {
        return fails(format!("others may read {}", named(&open)));
    }
    passes(format!("{} references, none of them readable by others", facts.credentials.len()))
}

pub(super) fn credentials_work(facts: &Facts) -> Finding {
    let Some(token) = &facts.token else { return unknown("no token to try") };
    match (token.well_formed, token.status) {
        (_, Some(200..300)) => passes("HubSpot answered a read with it"),
        (_, Some(status)) => fails(format!("HubSpot answered {status}")),
        (false, None) => warns("it does not look like a HubSpot token, and HubSpot did not answer"),
        (true, None) => unknown("HubSpot did not answer"),
    }
}

pub(super) fn credentials_fresh(facts: &Facts) -> Finding {
    let age = |each: &Credential| each.changed_at.map(|at| facts.now.duration_since(at).as_hours() / 24);
    let known: Vec<_> = facts.credentials.iter().filter_map(|each| Some((each, age(each)?))).collect();
    let Some((oldest, days)) = known.iter().max_by_key(|(_, days)| *days) else {
        return unknown("when they were last changed cannot be seen (only that of files can)");
    };
    let evidence = format!("the oldest is {}, {days} days", oldest.key);
    if *days > CREDENTIAL_DAYS_MAX { warns(evidence) } else { passes(evidence) }
}

pub(super) fn connections_authorised(facts: &Facts) -> Finding {
    let Some(running) = &facts.running else { return unknown("no gateway answers at the admin address") };
    let is_well = |standing: &str| matches!(standing, "ok" | "expiring");
    let ill: Vec<_> = running.connections.iter().filter(|(_, standing)| !is_well(standing)).collect();
    if running.connections.is_empty() {
        return unknown("no connection is configured: each caller brings its own token");
    }
    if ill.is_empty() {
        return passes(format!("{} connections, all of them well", running.connections.len()));
    }
    let named = ill.iter().map(|(name, standing)| format!("{name} ({standing})")).collect::<Vec<_>>();
    fails(named.join(", "))
}

pub(super) fn scopes_minimal(facts: &Facts) -> Finding {
    let counted = facts.running.as_ref().map(|running| running.scopes.as_slice()).unwrap_or_default();
    if counted.iter().any(|one| one.is_known && one.observed_days >= DAYS_TELLING) {
        return scopes_of_a_month(counted);
    }
    let Some(granted) = facts.token.as_ref().and_then(|token| token.scopes.as_ref()) else {
        return unknown("HubSpot did not tell the token's scopes");
    };
    let Some(running) = facts.running.as_ref().filter(|running| running.calls > 0) else {
        return unknown(format!("{} scopes granted; no traffic yet to hold them against", granted.len()));
    };
    let needs = running.routes.iter().filter_map(|(method, route, _)| {
        let method = Method::from_bytes(method.as_bytes()).ok()?;
        Some((route, required_scopes(&method, route)))
    });
    let needs: Vec<_> = needs.filter(|(_, any_of)| !any_of.is_empty()).collect();
    let lacks =
        needs.iter().find(|(_, any_of)| !any_of.iter().any(|scope| granted.iter().any(|own| own == scope)));
    if let Some((route, any_of)) = lacks {
        return fails(format!("{route} needs {}, which is not granted", any_of.join(" or ")));
    }
    let unused: Vec<&str> = granted
        .iter()
        .map(String::as_str)
        .filter(|scope| *scope != "oauth" && !needs.iter().any(|(_, any_of)| any_of.contains(scope)))
        .collect();
    if unused.is_empty() {
        passes(format!("all {} granted scopes are used", granted.len()))
    } else {
        warns(format!("not used today: {}", unused.join(", ")))
    }
}

/// By what the gateway has counted, of all connections.
fn scopes_of_a_month(counted: &[ConnectionScopes]) -> Finding {
    let known = || counted.iter().filter(|one| one.is_known);
    let missing = known().find_map(|one| Some((&one.connection, one.missing.first()?)));
    if let Some((connection, missing)) = missing {
        let any_of = missing.any_of.join(" or ");
        return fails(format!("{connection}: {} calls need {any_of}, which is not granted", missing.calls));
    }
    let is_unused = |scope: &&GrantedScope| scope.standing == ScopeStanding::NeverUsed;
    let unused: Vec<String> = known()
        .flat_map(|one| {
            one.granted
                .iter()
                .filter(is_unused)
                .map(move |scope| format!("{}: {}", one.connection, scope.scope))
        })
        .collect();
    let days = known().map(|one| one.observed_days).max().unwrap_or_default();
    if unused.is_empty() {
        passes(format!("calls of {days} days needed all that is granted"))
    } else {
        warns(format!("no call of {days} days needed {}", unused.join(", ")))
    }
}

pub(super) fn webhooks_encrypted(facts: &Facts) -> Finding {
    match &facts.webhooks {
        None => no_webhooks(),
        Some(webhooks) if webhooks.public_url.starts_with("https://") => passes(&webhooks.public_url),
        Some(webhooks) => fails(format!("{} is not https", webhooks.public_url)),
    }
}

pub(super) fn webhooks_verified(facts: &Facts) -> Finding {
    let Some(webhooks) = &facts.webhooks else { return no_webhooks() };
    match &webhooks.delivery {
        None => unknown("not tried"),
        Some(Delivered::Answered(200..300)) => passes("an empty signed delivery was taken"),
        Some(Delivered::Answered(status)) => fails(format!("answered {status}")),
        Some(Delivered::NotReached(why)) => fails(format!("not reached: {why}")),
    }
}

pub(super) fn webhook_secrets_rotate(facts: &Facts) -> Finding {
    let Some(webhooks) = &facts.webhooks else { return no_webhooks() };
    if webhooks.secrets.is_empty() {
        return fails("no connection has a client secret: nothing can be verified");
    }
    let single = |(app, secrets): &&(String, usize)| *secrets < 2 && !webhooks.reread.contains(app);
    match webhooks.secrets.iter().find(single) {
        Some((app, _)) => {
            unknown(format!("{app} has one secret; whether it was ever changed cannot be seen"))
        }
        None => passes("each may be signed with two, or is read again while hubkeeper runs"),
    }
}

pub(super) fn retries_at_one_layer(facts: &Facts) -> Finding {
    let Some(running) = facts.running.as_ref().filter(|running| running.calls >= CALLS_TELLING) else {
        return unknown("too little traffic to tell");
    };
    let share = share(running.callers_retries, running.calls);
    let evidence =
        format!("{} of {} calls were callers' own retries", running.callers_retries, running.calls);
    if !facts.gateway.retries {
        return warns(format!("{evidence}; ours are switched off"));
    }
    if share > CALLERS_RETRIES_SHARE_MAX { warns(evidence) } else { passes(evidence) }
}

pub(super) fn batches(facts: &Facts) -> Finding {
    let Some(running) = facts.running.as_ref().filter(|running| running.calls >= CALLS_TELLING) else {
        return unknown("too little traffic to tell");
    };
    let singles = running.routes.iter().filter(|(method, route, _)| {
        route.contains("/objects/") && route.ends_with('}') && (method == "GET" || method == "PATCH")
    });
    let singles: u64 = singles.map(|(_, _, calls)| calls).sum();
    let evidence = format!(
        "{singles} of {} calls were for one record; {} of them shared a batch",
        running.calls, running.packed
    );
    if share(singles, running.calls) <= SINGLES_SHARE_MAX || facts.gateway.packing {
        passes(evidence)
    } else {
        warns(format!("{evidence}; packing is switched off"))
    }
}

pub(super) fn timeouts(facts: &Facts) -> Finding {
    let (attempt, deadline) = (facts.gateway.attempt_timeout_ms, facts.gateway.deadline_ms);
    let evidence = format!("an attempt {attempt} ms, a call {deadline} ms");
    if attempt > deadline {
        warns(format!("{evidence}: the call ends before its first attempt does"))
    } else if attempt > EDGE_GIVES_UP_MS {
        warns(format!("{evidence}: HubSpot's edge gives up after {EDGE_GIVES_UP_MS} ms"))
    } else {
        passes(evidence)
    }
}

pub(super) fn governed(facts: &Facts) -> Finding {
    match (facts.gateway.governor, facts.gateway.retries) {
        (true, true) => passes("governor and retries are on"),
        (false, _) => fails("the governor is off: programs meet 429 and lose calls"),
        (true, false) => warns("retries are off: a single reset loses a call"),
    }
}

pub(super) fn daily_pool_lasts(facts: &Facts) -> Finding {
    match &facts.running {
        None => unknown("no running gateway to ask"),
        Some(running) if running.exhausted > 0 => {
            warns(format!("{} portals will run out before their reset", running.exhausted))
        }
        Some(_) => passes("it is forecast to last"),
    }
}

pub(super) fn callers_limited(facts: &Facts) -> Finding {
    let gateway = &facts.gateway;
    if !gateway.managed {
        return warns("passthrough: every program holds the token itself");
    }
    if gateway.callers == 0 {
        return fails("managed, and no [[callers]]: whoever connects may do everything");
    }
    if gateway.callers_unlimited.is_empty() {
        return passes(format!("{} callers, each with a role or rules", gateway.callers));
    }
    warns(format!("without a role: {}", gateway.callers_unlimited.join(", ")))
}

pub(super) fn admin_protected(facts: &Facts) -> Finding {
    let gateway = &facts.gateway;
    match (gateway.admin_has_key, gateway.admin_is_loopback) {
        (true, true) => passes("it wants a key"),
        (true, false) if gateway.admin_has_tls => passes("it wants a key, and has TLS"),
        (true, false) => warns(format!("{} wants a key, which passes unencrypted", gateway.admin_listen)),
        (false, true) => passes(format!("{} is reached from this machine alone", gateway.admin_listen)),
        (false, false) => fails(format!("{} is open, and wants no key", gateway.admin_listen)),
    }
}

pub(super) fn durable(facts: &Facts) -> Finding {
    match facts.store {
        None => fails("nothing is kept: no --data and no [store] url"),
        Some(store) => passes(format!("kept in {store}")),
    }
}

pub(super) fn backups(_: &Facts) -> Finding {
    unknown("nobody has said so under [[check.attestations]]")
}

pub(super) fn sandbox_tested(facts: &Facts) -> Finding {
    backups(facts)
}

pub(super) fn alerts_reach_someone(facts: &Facts) -> Finding {
    let named = facts.channels.join(", ");
    match (facts.incidents, facts.channels.len()) {
        (false, _) => fails("the incident room is switched off"),
        (true, 0) => fails("no channel is configured under [notify]"),
        (true, 1) => warns(format!("{named} alone: when it fails, nobody hears")),
        (true, _) => passes(named),
    }
}

pub(super) fn health(facts: &Facts) -> Finding {
    match &facts.running {
        None => unknown("no gateway answers at the admin address"),
        Some(running) if running.health && running.ready => passes("healthy and ready"),
        Some(running) if running.health => warns("healthy, and not ready: it drains"),
        Some(_) => fails("the health endpoint does not answer 200"),
    }
}

pub(super) fn versions_current(facts: &Facts) -> Finding {
    let Some(running) = &facts.running else { return unknown("no traffic to look at") };
    if running.routes.is_empty() {
        return unknown("nothing was called today");
    }
    let today = facts.now.to_zoned(TimeZone::UTC).date();
    let ends = running.routes.iter().filter_map(|(_, route, _)| Some((route, sunset_of(route)?)));
    let Some((route, sunset)) = ends.min_by_key(|(_, sunset)| sunset.date) else {
        return passes(format!("{} routes, none with an announced end", running.routes.len()));
    };
    let days = sunset.days_left(today);
    let to = sunset.replaced_by.map_or_else(String::new, |to| format!("; use {to}"));
    let evidence = format!("{route} ends on {}{to}", sunset.date);
    if days < SUNSET_DAYS_MIN { fails(evidence) } else { warns(evidence) }
}

pub(super) fn disk_has_room(facts: &Facts) -> Finding {
    let Some(disk) = facts.disk else { return unknown("the store is not on a disk of this machine") };
    let share = share(disk.free_bytes, disk.size_bytes);
    let gib = disk.free_bytes / (1024 * 1024 * 1024);
    let evidence = format!("{gib} GiB free, {:.0} %", share * 100.0);
    let tight = disk.free_bytes < DISK_FREE_MIN || share < DISK_FREE_SHARE_MIN;
    if tight { warns(evidence) } else { passes(evidence) }
}

pub(super) fn clock_right(facts: &Facts) -> Finding {
    let Some(ahead) = facts.clock_ahead_s else { return unknown("HubSpot did not tell the time") };
    let evidence = format!("{ahead:+.1} s against HubSpot's");
    match ahead.abs() {
        off if off >= CLOCK_WRONG_S => fails(evidence),
        off if off >= CLOCK_OFF_S => warns(evidence),
        _ => passes(evidence),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn no_webhooks() -> Finding {
    Finding { standing: Standing::NotApplicable, evidence: "no webhooks are taken".into() }
}

fn passes(evidence: impl Into<String>) -> Finding {
    Finding { standing: Standing::Passes, evidence: evidence.into() }
}

fn warns(evidence: impl Into<String>) -> Finding {
    Finding { standing: Standing::Warns, evidence: evidence.into() }
}

fn fails(evidence: impl Into<String>) -> Finding {
    Finding { standing: Standing::Fails, evidence: evidence.into() }
}

fn unknown(evidence: impl Into<String>) -> Finding {
    Finding { standing: Standing::Unknown, evidence: evidence.into() }
}
