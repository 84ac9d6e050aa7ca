//! The traffic as JSON: what the admin API serves at `/api/v1/traffic` and `hubkeeper triage` reads.

use std::sync::Arc;

use client::accounts::Account;
use hubspot::error::ErrorKind;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio::time::Instant;

use super::group::{self, Group};
use super::groups::{Kind, Names};
use super::{Change, State};

/// Counts cover the last 15 minutes, `recent` ones this minute and the last.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrafficReport {
    pub schema: u32,
    pub since: Timestamp,
    pub now: Timestamp,
    pub governed: bool,
    pub connections: Vec<ConnectionReport>,
    pub groups: Vec<GroupReport>,
    /// Deploys and configuration changes that the gateway was told of.
    pub changes: Vec<Change>,
    /// 404 on records that answered earlier.
    pub known_ids_gone: u64,
}

/// One account and what it spends.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ConnectionReport {
    pub name: Arc<str>,
    pub portal_id: Option<u64>,
    /// The portal that answered until the token was exchanged, where it is another.
    pub portal_id_before: Option<u64>,
    pub configured_portal_id: Option<u64>,
    pub hosting: Option<String>,
    pub burst_max: Option<u32>,
    pub burst_max_before: Option<u32>,
    pub daily_max: Option<u64>,
    pub daily_max_before: Option<u64>,
    pub limits_changed_at: Option<Timestamp>,
    pub burst_sent_peak: u32,
    pub burst_outside_peak: u32,
    /// And in this minute or the last.
    pub burst_outside_recent: u32,
    pub daily_sent: u64,
    pub daily_used: Option<u64>,
    pub refused_by_us: u64,
    pub waiting: usize,
    pub breakers_open: Vec<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupReport {
    pub connection: Arc<str>,
    pub caller: Arc<str>,
    pub family: &'static str,
    pub method: &'static str,
    pub version: Option<String>,
    pub calls: u64,
    pub ok: u64,
    pub attempts: u64,
    pub retries: u64,
    pub cancelled: u64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    pub last_ok_at: Option<Timestamp>,
    pub calls_recent: u64,
    pub ok_recent: u64,
    pub retries_recent: u64,
    pub sent_recent_per_s: f64,
    pub p50_ms: u64,
    pub p99_ms: u64,
    pub errors: Vec<ErrorReport>,
    pub transport: Vec<TransportReport>,
    /// What we refused for lack of a slot in time.
    pub refused: Vec<RefusedReport>,
    pub failed_items: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ErrorReport {
    pub status: u16,
    pub kind: ErrorKind,
    pub category: Option<String>,
    pub sub_category: Option<String>,
    pub policy_name: Option<String>,
    pub code: Option<String>,
    pub html: bool,
    /// Ids masked.
    pub route: String,
    pub count: u64,
    pub recent: u64,
    pub first_at: Timestamp,
    pub last_at: Timestamp,
    pub correlation_ids: Vec<String>,
    /// Different paths it happened on; few mean a hot record.
    pub subjects: usize,
    /// How often it happened on the one that it happened on most.
    pub most_of_one: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TransportReport {
    pub kind: &'static str,
    pub count: u64,
    pub recent: u64,
    pub last_at: Timestamp,
}

/// Calls that a limit would not have allowed in time, and so were not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RefusedReport {
    /// `burst`, `search`, `associations`, `daily`.
    pub budget: &'static str,
    pub count: u64,
    pub recent: u64,
}

/// Turns instants into times of day.
#[derive(Clone, Copy)]
struct Clocks {
    now: Instant,
    wall: Timestamp,
}

impl Clocks {
    fn wall(self, at: Instant) -> Timestamp {
        let ago = self.now.saturating_duration_since(at);
        self.wall - SignedDuration::try_from(ago).unwrap_or_default()
    }
}

pub(super) fn make(
    state: &State,
    accounts: &[Arc<Account>],
    started: Instant,
    now: Instant,
    wall: Timestamp,
) -> TrafficReport {
    let clocks = Clocks { now, wall };
    let told_apart = state.groups.sorted().into_iter();
    let told_apart = told_apart.map(|(names, kind, kept)| group(names, kind, kept, clocks));
    let others = state.groups.others().map(|kept| group(&Names::others(), Kind::OTHERS, kept, clocks));
    TrafficReport {
        schema: 1,
        since: clocks.wall(started),
        now: wall,
        governed: accounts.iter().any(|account| account.gate().is_some()),
        connections: accounts.iter().map(|account| connection(account, clocks)).collect(),
        groups: told_apart.chain(others).collect(),
        changes: state.changes.iter().cloned().collect(),
        known_ids_gone: state.gone.lately(now),
    }
}

fn connection(account: &Account, clocks: Clocks) -> ConnectionReport {
    let spending = account.gate().map(|gate| gate.governor.spending(gate.app));
    let portal = account.portal();
    let changed_ago = spending.and_then(|spending| spending.burst_limit_changed_ago);
    ConnectionReport {
        name: account.name.clone(),
        portal_id: account.reached(),
        portal_id_before: portal.map(|portal| portal.id).filter(|id| account.reached() != Some(*id)),
        configured_portal_id: account.configured_portal,
        hosting: portal.and_then(|portal| portal.hosting.clone()),
        burst_max: spending.map(|spending| spending.burst_limit),
        burst_max_before: spending.and_then(|spending| spending.burst_limit_before),
        daily_max: spending.and_then(|spending| spending.daily_limit),
        daily_max_before: spending.and_then(|spending| spending.daily_limit_before),
        limits_changed_at: changed_ago
            .map(|ago| clocks.wall - SignedDuration::try_from(ago).unwrap_or_default()),
        burst_sent_peak: spending.map_or(0, |spending| spending.burst_sent_peak),
        burst_outside_peak: spending.map_or(0, |spending| spending.burst_outside_peak),
        burst_outside_recent: spending.map_or(0, |spending| spending.burst_outside_recent),
        daily_sent: spending.map_or(0, |spending| spending.daily_sent),
        daily_used: spending.and_then(|spending| spending.daily_used),
        refused_by_us: spending.map_or(0, |spending| spending.refused),
        waiting: spending.map_or(0, |spending| spending.waiting),
        breakers_open: account.open_breakers().into_iter().map(hubspot::endpoint::ApiFamily::name).collect(),
    }
}

fn group(names: &Names, kind: Kind, kept: &Group, clocks: Clocks) -> GroupReport {
    let now = clocks.now;
    GroupReport {
        connection: names.connection.clone(),
        caller: names.caller.clone(),
        family: kind.family.name(),
        method: kind.method.name(),
        version: kind.version.map(|version| version.to_string()),
        calls: kept.calls.lately(now),
        ok: kept.ok.lately(now),
        attempts: kept.attempts.lately(now),
        retries: kept.retries.lately(now),
        cancelled: kept.cancelled.lately(now),
        first_at: clocks.wall(kept.first_at),
        last_at: clocks.wall(kept.last_at),
        last_ok_at: kept.last_ok_at.map(|at| clocks.wall(at)),
        calls_recent: kept.calls.recent(now),
        ok_recent: kept.ok.recent(now),
        retries_recent: kept.retries.recent(now),
        sent_recent_per_s: kept.attempts.recent(now) as f64 / 60.0,
        p50_ms: kept.latency.quantile_ms(0.5),
        p99_ms: kept.latency.quantile_ms(0.99),
        errors: kept.errors.iter().map(|kept| error(kept, clocks)).filter(|error| error.count > 0).collect(),
        transport: kept
            .transport
            .iter()
            .map(|kept| transport(kept, clocks))
            .filter(|broken| broken.count > 0)
            .collect(),
        refused: refused(kept, now),
        failed_items: kept.failed_items.lately(now),
    }
}

fn refused(kept: &Group, now: Instant) -> Vec<RefusedReport> {
    let told = kept.refused_for.iter().map(|(budget, count)| RefusedReport {
        budget: budget.name(),
        count: count.lately(now),
        recent: count.recent(now),
    });
    told.filter(|refused| refused.count > 0).collect()
}

fn error(kept: &group::Error, clocks: Clocks) -> ErrorReport {
    let key = &kept.key;
    ErrorReport {
        status: key.status,
        kind: key.kind,
        category: key.category.clone(),
        sub_category: key.sub_category.clone(),
        policy_name: key.policy_name.clone(),
        code: key.code.clone(),
        html: key.html,
        route: key.route.clone(),
        count: kept.count.lately(clocks.now),
        recent: kept.count.recent(clocks.now),
        first_at: clocks.wall(kept.first_at),
        last_at: clocks.wall(kept.last_at),
        correlation_ids: kept.correlation_ids.clone(),
        subjects: kept.subjects.count(),
        most_of_one: kept.subjects.most_of_one(),
    }
}

fn transport(kept: &group::Transport, clocks: Clocks) -> TransportReport {
    TransportReport {
        kind: kept.kind,
        count: kept.count.lately(clocks.now),
        recent: kept.count.recent(clocks.now),
        last_at: clocks.wall(kept.last_at),
    }
}
