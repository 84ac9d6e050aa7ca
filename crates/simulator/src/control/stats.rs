//! What a judge reads after a run: every budget as the server counted it.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::ok;
use crate::call::Reply;
use crate::limits::Budget;
use crate::limits::allowance::{Allowance, AppKind, allowance};
use crate::limits::meter::{Meter, Record};
use crate::registry::fingerprint;
use crate::simulator::Simulator;

/// One budget of one app or portal.
struct Line {
    budget: Budget,
    app_id: Option<u64>,
    portal_id: u64,
    limit: u64,
    window_ms: i64,
    used: u64,
    record: Record,
}

pub(super) fn stats(simulator: &mut Simulator, now: Timestamp) -> Reply {
    let lines = lines(simulator, now);
    let mut budgets = Map::new();
    for budget in [Budget::Burst, Budget::Search, Budget::Associations] {
        let own: Vec<&Line> = lines.iter().filter(|line| line.budget == budget).collect();
        budgets.insert(budget.name().to_owned(), together(simulator, budget, &own));
    }
    let (daily, per_portal) = daily(simulator, now);
    budgets.insert(Budget::Daily.name().to_owned(), daily);
    let each: Vec<Value> = lines.iter().map(describe).chain(per_portal).collect();
    let tokens: Vec<Value> = simulator
        .registry
        .grants()
        .map(|grant| {
            let name = fingerprint(&grant.token);
            let tally = simulator.tally.tokens.get(&name).copied().unwrap_or_default();
            json!({
                "fingerprint": name, "app_id": grant.app_id, "portal_id": grant.portal_id, "kind": grant.kind,
                "calls": tally.calls, "rejected": tally.rejected,
            })
        })
        .collect();
    ok(&json!({
        "now": now.to_string(), "calls": simulator.tally.calls, "lost": simulator.tally.lost,
        "budgets": budgets, "by_key": each, "statuses": simulator.tally.statuses, "tokens": tokens,
        "callers": simulator.tally.tokens,
    }))
}

fn lines(simulator: &mut Simulator, now: Timestamp) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut push = |budget, app_id, portal_id, limit, meter: &mut Meter| {
        let window_ms = i64::try_from(meter.span().as_millis()).unwrap_or(i64::MAX);
        lines.push(Line {
            budget,
            app_id,
            portal_id,
            limit,
            window_ms,
            used: meter.used(now),
            record: meter.record,
        });
    };
    let allowances: Vec<(u64, u64, Allowance)> = simulator
        .registry
        .grants()
        .map(|grant| (grant.app_id, grant.portal_id, own_allowance(simulator, grant.portal_id, grant.kind)))
        .collect();
    let of = |app_id: Option<u64>, portal_id: u64| {
        let fits = |(app, portal, _): &&(u64, u64, Allowance)| {
            *portal == portal_id && app_id.is_none_or(|app_id| app_id == *app)
        };
        allowances.iter().find(fits).map(|(_, _, allowance)| *allowance)
    };
    let fallback = own_allowance(simulator, simulator.config.portal_id, AppKind::PrivateApp);
    for ((app_id, portal_id), meter) in simulator.ledger.burst_meters() {
        let limit = of(Some(*app_id), *portal_id).unwrap_or(fallback).burst;
        push(Budget::Burst, Some(*app_id), *portal_id, limit, meter);
    }
    for (portal_id, meter) in simulator.ledger.search_meters() {
        push(Budget::Search, None, *portal_id, of(None, *portal_id).unwrap_or(fallback).search, meter);
    }
    for (portal_id, meter) in simulator.ledger.associations_meters() {
        push(
            Budget::Associations,
            None,
            *portal_id,
            of(None, *portal_id).unwrap_or(fallback).associations,
            meter,
        );
    }
    lines
}

fn own_allowance(simulator: &Simulator, portal_id: u64, kind: AppKind) -> Allowance {
    let plan = simulator.portals.get(&portal_id).map_or(simulator.config.plan, |portal| portal.plan);
    allowance(plan, kind, simulator.config.limits)
}

/// One budget over all apps and portals; without any line, the default private app's limit and zeros.
fn together(simulator: &Simulator, budget: Budget, lines: &[&Line]) -> Value {
    let default = own_allowance(simulator, simulator.config.portal_id, AppKind::PrivateApp);
    let limit = match budget {
        Budget::Burst => default.burst,
        Budget::Search => default.search,
        Budget::Associations => default.associations,
        Budget::Daily => default.daily.unwrap_or_default(),
    };
    let limit = lines.iter().map(|line| line.limit).max().unwrap_or(limit);
    let record = lines.iter().fold(Record::default(), |sum, line| sum.merged(line.record));
    let used: u64 = lines.iter().map(|line| line.used).sum();
    json!({
        "limit": limit, "used": used, "allowed": record.allowed, "rejected": record.rejected,
        "worst_window": record.worst_window, "worst_window_attempted": record.worst_window_attempted,
    })
}

fn describe(line: &Line) -> Value {
    json!({
        "budget": line.budget.name(), "app_id": line.app_id, "portal_id": line.portal_id, "limit": line.limit,
        "window_ms": line.window_ms, "used": line.used, "allowed": line.record.allowed,
        "rejected": line.record.rejected, "worst_window": line.record.worst_window,
        "worst_window_attempted": line.record.worst_window_attempted,
    })
}

/// The daily pools, together and one by one.
fn daily(simulator: &mut Simulator, now: Timestamp) -> (Value, Vec<Value>) {
    let config = &simulator.config;
    let limits: Vec<(u64, u64)> = simulator
        .portals
        .values()
        .map(|portal| {
            let allowance = allowance(portal.plan, AppKind::PrivateApp, config.limits);
            (portal.id, allowance.daily.unwrap_or_default())
        })
        .collect();
    let limit_of = |id: u64| limits.iter().find(|(portal, _)| *portal == id).map_or(0, |(_, limit)| *limit);
    let (mut used_sum, mut allowed_sum, mut rejected_sum) = (0, 0, 0);
    let mut each = Vec::new();
    for (portal_id, pool) in simulator.ledger.daily_pools() {
        let (_, resets_at) = pool.day(now);
        let used = pool.used(now);
        used_sum += used;
        allowed_sum += pool.allowed;
        rejected_sum += pool.rejected;
        each.push(json!({
            "budget": "daily", "portal_id": portal_id, "limit": limit_of(*portal_id), "used": used,
            "allowed": pool.allowed, "rejected": pool.rejected, "resets_at": resets_at.to_string(),
        }));
    }
    let together = json!({
        "limit": limit_of(config.portal_id), "used": used_sum, "allowed": allowed_sum, "rejected": rejected_sum,
    });
    (together, each)
}
