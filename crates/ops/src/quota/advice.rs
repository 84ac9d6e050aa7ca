//! What would make a portal's day last longer: arithmetic on its ledger. Pure.

use hubspot::limits::{AppKind, DAILY_PACK_BONUS, PACKS_MAX, Plan};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use client::governor::Errand;

use super::{PortalQuota, Spender};

/// What saves less than this share of today's calls is not worth a sentence.
const WORTH_A_SENTENCE: f64 = 0.01;

/// Sentences of one kind, for those who would save most.
const EACH_KIND_MAX: usize = 3;

/// More searches an hour than this look like somebody asking again and again whether something has changed.
const POLLING_PER_HOUR: f64 = 60.0;

/// Other apps that spend this share of the day deserve to be known.
const OTHERS_SHARE: f64 = 0.2;

/// One sentence of advice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Advice {
    pub kind: Kind,
    /// Whom it concerns, where it is one caller.
    pub caller: Option<String>,
    /// Calls of today that it would have saved, or added to the pool; an estimate.
    pub calls: u64,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Single calls that batches could have carried.
    Batch,
    /// Definitions read again and again.
    Definitions,
    /// Searches that ask whether something has changed.
    Polling,
    /// Others spend much.
    Others,
    /// A larger plan, or a pack.
    Plan,
}

/// Everything worth saying, what saves most first; money last.
pub fn advice(portal: &PortalQuota, plan: Option<Plan>, now: Timestamp) -> Vec<Advice> {
    let ours: u64 = portal.spenders.iter().map(|spender| spender.calls).sum();
    let worth = (ours as f64 * WORTH_A_SENTENCE).max(1.0);
    let mut all = Vec::new();
    for say in [batch, definitions, polling] {
        let mut said: Vec<Advice> =
            portal.spenders.iter().filter_map(|spender| say(spender, portal, now)).collect();
        said.retain(|advice| advice.calls as f64 >= worth);
        said.sort_by_key(|advice| std::cmp::Reverse(advice.calls));
        said.truncate(EACH_KIND_MAX);
        all.extend(said);
    }
    all.sort_by_key(|advice| std::cmp::Reverse(advice.calls));
    all.extend(others(portal));
    all.extend(larger(portal, plan, &all));
    all
}

fn batch(spender: &Spender, _: &PortalQuota, _: Timestamp) -> Option<Advice> {
    let batch = match spender.errand {
        Errand::ReadOne => "batch/read",
        Errand::ChangeOne => "batch/update",
        Errand::Definition | Errand::Search | Errand::Other => return None,
    };
    let text = format!(
        "{} of {}'s {} single calls {} {} came within 10 s of another: `{batch}` carries up to 100 in one call. The \
         gateway packs them where packing is on.",
        spender.spared, spender.caller, spender.calls, spender.method, spender.route
    );
    Some(Advice { kind: Kind::Batch, caller: Some(spender.caller.to_string()), calls: spender.spared, text })
}

fn definitions(spender: &Spender, _: &PortalQuota, _: Timestamp) -> Option<Advice> {
    if spender.errand != Errand::Definition {
        return None;
    }
    let text = format!(
        "{} asked for {} {} times; {} of them within 5 minutes of another. Definitions change rarely: keep them, or let \
         the gateway's cache.",
        spender.caller, spender.route, spender.calls, spender.spared
    );
    Some(Advice {
        kind: Kind::Definitions,
        caller: Some(spender.caller.to_string()),
        calls: spender.spared,
        text,
    })
}

fn polling(spender: &Spender, portal: &PortalQuota, now: Timestamp) -> Option<Advice> {
    let per_hour = spender.calls as f64 / portal.hours_passed(now)?;
    if spender.errand != Errand::Search || per_hour < POLLING_PER_HOUR {
        return None;
    }
    let text = format!(
        "{} searches {} {per_hour:.0} times an hour. If it asks what has changed, webhooks tell it without a call, and \
         leave the 5 searches a second to others.",
        spender.caller, spender.route
    );
    Some(Advice { kind: Kind::Polling, caller: Some(spender.caller.to_string()), calls: spender.calls, text })
}

fn others(portal: &PortalQuota) -> Option<Advice> {
    let daily = &portal.daily;
    let spent = daily.ours + daily.others;
    if spent == 0 || (daily.others as f64) < OTHERS_SHARE * spent as f64 {
        return None;
    }
    let text = format!(
        "{} of {spent} calls seen today are not ours: other apps of the account share its daily pool. Calling through the \
         gateway they would be seen, and wait their turn.",
        daily.others
    );
    Some(Advice { kind: Kind::Others, caller: None, calls: daily.others, text })
}

/// Only where the pool does not last.
fn larger(portal: &PortalQuota, plan: Option<Plan>, cheaper: &[Advice]) -> Option<Advice> {
    let limit = portal.daily.limit?;
    let outlook = portal.forecast.as_ref()?;
    let [_, expected, _] = outlook.to_come;
    let needed = portal.daily.used + expected;
    if !portal.daily.parked && needed <= limit {
        return None;
    }
    let saves: u64 =
        cheaper.iter().filter(|advice| advice.kind != Kind::Others).map(|advice| advice.calls).sum();
    let next = plan.and_then(|plan| larger_plan(plan, needed));
    let pack = || {
        let packs = needed.saturating_sub(limit).div_ceil(DAILY_PACK_BONUS).clamp(1, u64::from(PACKS_MAX));
        let (noun, adds) = (if packs == 1 { "pack" } else { "packs" }, packs * DAILY_PACK_BONUS);
        (adds, format!("{packs} API limit increase {noun} would make it {}", limit + adds))
    };
    let (adds, way) = match next {
        Some((plan, larger)) => (larger.saturating_sub(limit), format!("{plan} has {larger}; {}", pack().1)),
        None => pack(),
    };
    let first = if saves > 0 {
        format!(" The advice above saves about {saves} of today's calls first.")
    } else {
        String::new()
    };
    let text = format!("Today needs about {needed} calls and the pool holds {limit}: {way}.{first}");
    Some(Advice { kind: Kind::Plan, caller: None, calls: adds, text })
}

/// The smallest plan above this one whose day is long enough.
fn larger_plan(plan: Plan, needed: u64) -> Option<(&'static str, u64)> {
    let plans = [
        (Plan::Free, "Free"),
        (Plan::Starter, "Starter"),
        (Plan::Professional, "Professional"),
        (Plan::Enterprise, "Enterprise"),
    ];
    let above = plans.into_iter().skip_while(|(known, _)| *known != plan).skip(1);
    let with_pool = above.filter_map(|(plan, name)| {
        Some((name, hubspot::limits::limits(plan, AppKind::PrivateApp, 0).daily?))
    });
    with_pool.into_iter().find(|(_, daily)| *daily >= needed)
}

#[cfg(test)]
mod tests {
    use super::super::{Daily, Hour, KeptFrom, Outlook};
    use super::*;

    fn spender(errand: Errand, route: &str, calls: u64, spared: u64) -> Spender {
        Spender {
            caller: "billing".into(),
            method: "GET".into(),
            route: route.into(),
            errand,
            calls,
            share: 0.0,
            this_hour: 0,
            spared,
        }
    }

    fn portal(spenders: Vec<Spender>) -> PortalQuota {
        let starts = "2026-01-01T00:00:00Z".parse().expect("a timestamp");
        PortalQuota {
            portal_id: Some(7),
            connections: Vec::new(),
            search: None,
            associations: None,
            daily: Daily {
                limit: Some(250_000),
                told: true,
                used: 125_000,
                left: Some(125_000),
                resets_at: None,
                reset_confirmed: false,
                time_zone: None,
                parked: false,
                stopped: Vec::new(),
                kept_from: KeptFrom { bulk: 0, sync: 0, interactive: 0 },
                ours: spenders.iter().map(|spender| spender.calls).sum(),
                others: 0,
                before_us: 0,
                questions: 0,
            },
            forecast: None,
            hours: vec![Hour { starts, interactive: 0, sync: 0, bulk: 0, others: 0 }],
            spenders,
            advice: Vec::new(),
        }
    }

    fn said(portal: &PortalQuota, plan: Option<Plan>) -> String {
        let noon = "2026-01-01T12:00:00Z".parse().expect("a timestamp");
        let line = |advice: &Advice| format!("{:?} {}: {}\n", advice.kind, advice.calls, advice.text);
        advice(portal, plan, noon).iter().map(line).collect()
    }

    #[test]
    fn what_saves_most_comes_first() {
        let portal = portal(vec![
            spender(Errand::ReadOne, "/crm/v3/objects/contacts/{id}", 60_000, 59_000),
            spender(Errand::Definition, "/crm/v3/properties/contacts", 20_000, 19_900),
            spender(Errand::Search, "/crm/v3/objects/deals/search", 40_000, 0),
            spender(Errand::Other, "/crm/v3/objects/contacts", 5_000, 0),
            spender(Errand::ReadOne, "/crm/v3/objects/deals/{id}", 400, 399),
        ]);
        insta::assert_snapshot!(said(&portal, None), @"
        Batch 59000: 59000 of billing's 60000 single calls GET /crm/v3/objects/contacts/{id} came within 10 s of another: `batch/read` carries up to 100 in one call. The gateway packs them where packing is on.
        Polling 40000: billing searches /crm/v3/objects/deals/search 3333 times an hour. If it asks what has changed, webhooks tell it without a call, and leave the 5 searches a second to others.
        Definitions 19900: billing asked for /crm/v3/properties/contacts 20000 times; 19900 of them within 5 minutes of another. Definitions change rarely: keep them, or let the gateway's cache.
        ");
    }

    #[test]
    fn a_larger_plan_is_named_only_where_the_pool_does_not_last() {
        let mut portal = portal(vec![spender(Errand::Other, "/crm/v3/objects/contacts", 125_000, 0)]);
        assert_eq!(said(&portal, Some(Plan::Starter)), "");
        let outlook = |expected| Outlook {
            exhausted_at: None,
            earliest: None,
            latest: None,
            to_come: [expected, expected, expected],
            to_come_from_others: 0,
            days_before: 3,
        };
        portal.forecast = Some(outlook(125_000));
        assert_eq!(said(&portal, Some(Plan::Starter)), "", "it just lasts");
        portal.forecast = Some(outlook(200_000));
        insta::assert_snapshot!(said(&portal, Some(Plan::Starter)), @"
        Plan 375000: Today needs about 325000 calls and the pool holds 250000: Professional has 625000; 1 API limit increase pack would make it 1250000.
        ");
        insta::assert_snapshot!(said(&portal, None), @"
        Plan 1000000: Today needs about 325000 calls and the pool holds 250000: 1 API limit increase pack would make it 1250000.
        ");
    }

    #[test]
    fn neighbours_are_pointed_at() {
        let mut portal = portal(vec![spender(Errand::Other, "/crm/v3/objects/contacts", 100, 0)]);
        portal.daily.others = 24;
        assert_eq!(said(&portal, None), "");
        portal.daily.others = 300;
        insta::assert_snapshot!(said(&portal, None), @"
        Others 300: 300 of 400 calls seen today are not ours: other apps of the account share its daily pool. Calling through the gateway they would be seen, and wait their turn.
        ");
    }

    #[test]
    fn the_larger_plans_pool_is_the_smallest_that_is_large_enough() {
        assert_eq!(larger_plan(Plan::Free, 600_000), Some(("Professional", 625_000)));
        assert_eq!(larger_plan(Plan::Free, 700_000), Some(("Enterprise", 1_000_000)));
        assert_eq!(larger_plan(Plan::Enterprise, 700_000), None);
        assert_eq!(larger_plan(Plan::Professional, 2_000_000), None);
    }
}
