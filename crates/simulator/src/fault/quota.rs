//! Limits spent by others, records locked, too much at once.

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};

use super::aim::DefaultAim;
use super::catalogue::{Kind, Param, Scene};
use super::params::{BadParam, Params};
use super::{Effect, Strike};
use crate::arrival::Arrival;
use crate::call::Reply;
use crate::config::Plan;
use crate::limits::allowance::Allowance;
use crate::limits::others::{HungryApp, OtherProcess, Pressure};
use crate::locks::Locks;
use crate::refusal::{Refusal, page};
use crate::route::Draws;
use crate::seed::Purpose;

#[derive(Debug, Clone, PartialEq)]
pub enum Trouble {
    /// The account has this plan now.
    Plan(Plan),
    /// Today's pool is so small that what the account has spent itself is this share of it; tomorrow's is not.
    PoolSpent {
        share: f64,
        /// Calls of today when the fault began.
        spent: Option<u64>,
    },
    PoolEaten(HungryApp),
    /// The burst window holds so few calls that those of the app itself fill it.
    WindowSmall {
        calls: u64,
    },
    WindowShared(OtherProcess),
    SearchFull,
    /// 502 and 504 to batch calls, and to every call once this share of the burst window is full.
    Overload {
        threshold: f64,
    },
    /// Writes lock what they touch for a while.
    Locks,
}

/// Of the calls that find the pool all but eaten, the share that still gets through.
const LUCKY_SHARE: f64 = 0.1;

pub const KINDS: &[Kind] = &[
    Kind {
        code: "quota.daily_self",
        id: Some("F13"),
        seen: "429 DAILY until midnight in the portal's zone: the pool is only as large as what was spent of it until now, so every call in it is the caller's own",
        aims_at: DefaultAim::DefaultPortal,
        family: None,
        params: &[Param {
            name: "share",
            meaning: "how much of the pool the calls until now are, 0 to 1",
            default: "1",
        }],
        build: |params, _| {
            let share = params.share("share")?.unwrap_or(1.0);
            Ok(vec![Effect::Quota(Trouble::PoolSpent { share, spent: None })])
        },
    },
    Kind {
        code: "quota.daily_neighbour",
        id: Some("F14"),
        seen: "Daily-Remaining falls far faster than the caller spends, then 429 DAILY",
        aims_at: DefaultAim::DefaultPortal,
        family: None,
        params: &[
            Param { name: "start", meaning: "share of the pool gone at once", default: "0.9" },
            Param { name: "per_second", meaning: "share of the pool eaten per second", default: "0.005" },
        ],
        build: |params, _| {
            let start = params.share("start")?.unwrap_or(0.9);
            let per_second = params.share("per_second")?.unwrap_or(0.005);
            Ok(vec![Effect::Quota(Trouble::PoolEaten(HungryApp { start, per_second }))])
        },
    },
    Kind {
        code: "quota.burst_self",
        id: Some("F15"),
        seen: "429 TEN_SECONDLY_ROLLING for nearly all calls, Remaining 0: the window is so small that the caller's own calls fill it",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[Param { name: "limit", meaning: "calls that the window holds", default: "1" }],
        build: |params, _| {
            let calls = params.whole("limit")?.unwrap_or(1);
            Ok(vec![Effect::Quota(Trouble::WindowSmall { calls })])
        },
    },
    Kind {
        code: "quota.burst_split",
        id: Some("F16"),
        seen: "Remaining is far lower than the caller's sends explain; some 429 TEN_SECONDLY_ROLLING",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[
            Param {
                name: "from",
                meaning: "least share of a window the other process spends",
                default: "0.6",
            },
            Param { name: "to", meaning: "largest share", default: "0.95" },
        ],
        build: |params, _| {
            let (from, to) = (params.share("from")?.unwrap_or(0.6), params.share("to")?.unwrap_or(0.95));
            Ok(vec![Effect::Quota(Trouble::WindowShared(OtherProcess { from, to: to.max(from) }))])
        },
    },
    Kind {
        code: "quota.search",
        id: Some("F17"),
        seen: "429 on search only, the secondly text, no limit headers",
        aims_at: DefaultAim::Everyone,
        family: Some("search"),
        params: &[],
        build: |_, _| Ok(vec![Effect::Quota(Trouble::SearchFull)]),
    },
    Kind {
        code: "quota.processing",
        id: Some("F18"),
        seen: "502 and 504, JSON or HTML, to batch calls and above a rate; slow single calls are fine",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[Param {
            name: "threshold",
            meaning: "share of the burst window above which calls fail",
            default: "0.3",
        }],
        build: overload,
    },
    Kind {
        code: "quota.locked",
        id: Some("F19"),
        seen: "423 to writes that touch a record written less than 2 s ago",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[],
        build: |_, _| Ok(vec![Effect::Quota(Trouble::Locks)]),
    },
];

fn overload(params: Params<'_>, _: &Scene<'_>) -> Result<Vec<Effect>, BadParam> {
    let threshold = params.share("threshold")?.unwrap_or(0.3);
    Ok(vec![Effect::Quota(Trouble::Overload { threshold })])
}

fn troubles(strikes: &[Strike]) -> impl Iterator<Item = (&Strike, &Trouble)> {
    strikes.iter().filter_map(|strike| {
        let Effect::Quota(trouble) = &strike.effect else { return None };
        Some((strike, trouble))
    })
}

/// The plan the account has for this call.
pub fn plan(strikes: &[Strike], own: Plan) -> Plan {
    let changed = troubles(strikes).filter_map(|(_, trouble)| {
        let Trouble::Plan(plan) = trouble else { return None };
        Some(*plan)
    });
    changed.last().unwrap_or(own)
}

/// The limits as they are for this call. `day_began` is the portal's last midnight.
pub fn narrowed(strikes: &[Strike], mut allowance: Allowance, day_began: Timestamp) -> Allowance {
    for (strike, trouble) in troubles(strikes) {
        match trouble {
            Trouble::WindowSmall { calls } => allowance.burst = allowance.burst.min(*calls),
            Trouble::PoolSpent { share, spent } if strike.since >= day_began => {
                allowance.daily =
                    allowance.daily.map(|limit| limit.min(pool_size(spent.unwrap_or_default(), *share)));
            }
            Trouble::PoolSpent { .. }
            | Trouble::Plan(_)
            | Trouble::PoolEaten(_)
            | Trouble::WindowShared(_)
            | Trouble::SearchFull
            | Trouble::Overload { .. }
            | Trouble::Locks => {}
        }
    }
    allowance
}

/// The pool of which `spent` calls are `share`; it holds one call at least.
fn pool_size(spent: u64, share: f64) -> u64 {
    if share > 0.0 { ((spent as f64 / share).ceil() as u64).max(1) } else { u64::MAX }
}

/// Notes what has been spent when a fault begins.
pub fn take_stock(effect: &mut Effect, spent_today: u64) {
    if let Effect::Quota(Trouble::PoolSpent { spent, .. }) = effect {
        *spent = Some(spent_today);
    }
}

/// What others have spent when this call arrives. `day_began` is the portal's last midnight.
pub fn pressure(
    strikes: &[Strike],
    arrival: &Arrival<'_>,
    allowance: &Allowance,
    day_began: Timestamp,
) -> Pressure {
    let mut pressure = Pressure::default();
    for (strike, trouble) in troubles(strikes) {
        let draw = || arrival.draw(Purpose::FaultShape, strike.fault_id);
        match trouble {
            // A pool nobody has touched yet holds one call, and that was an earlier one.
            Trouble::PoolSpent { share, spent: Some(0) } if strike.since >= day_began => {
                pressure.daily.by_others += share.ceil() as u64;
            }
            Trouble::PoolEaten(app) => {
                let limit = allowance.daily.unwrap_or_default();
                let eaten = app.eaten(limit, strike.since.max(day_began), arrival.now);
                pressure.daily.by_others += eaten;
                if HungryApp::has_exhausted(limit, eaten) && draw() >= LUCKY_SHARE {
                    pressure.daily.full = true;
                }
            }
            Trouble::WindowShared(process) => {
                pressure.burst.by_others +=
                    process.in_window(arrival.seed, allowance.burst, strike.since, arrival.now);
            }
            Trouble::SearchFull => pressure.search.full = true,
            Trouble::PoolSpent { .. }
            | Trouble::WindowSmall { .. }
            | Trouble::Plan(_)
            | Trouble::Overload { .. }
            | Trouble::Locks => {}
        }
    }
    pressure
}

/// Refusals of calls that were within their limits: too much at once, or the same record too soon.
/// `load` is the share of the burst window the app has filled.
pub fn strain(strikes: &[Strike], arrival: &Arrival<'_>, load: f64, locks: &mut Locks) -> Option<Reply> {
    troubles(strikes).find_map(|(strike, trouble)| match trouble {
        Trouble::Overload { threshold } => {
            let heavy = arrival.route.action.is_batch() || load > *threshold;
            let paid = arrival.route.draws != Draws::Nothing;
            (heavy && paid).then(|| overloaded(arrival.draw(Purpose::FaultShape, strike.fault_id), arrival))
        }
        Trouble::Locks => locks.touch(arrival).then(|| {
            let message = "The records are locked by another operation. Wait 2 seconds between requests.";
            Refusal::new(StatusCode::LOCKED, message).reply(&arrival.correlation_id)
        }),
        Trouble::Plan(_)
        | Trouble::PoolSpent { .. }
        | Trouble::PoolEaten(_)
        | Trouble::WindowSmall { .. }
        | Trouble::WindowShared(_)
        | Trouble::SearchFull => None,
    })
}

/// A processing limit shows as 502 or 504, as JSON or as the edge's page (facts §1.7).
fn overloaded(draw: f64, arrival: &Arrival<'_>) -> Reply {
    let status = if draw < 0.5 { StatusCode::BAD_GATEWAY } else { StatusCode::GATEWAY_TIMEOUT };
    let json_body = (draw * 4.0).fract() < 0.5;
    let title = status.canonical_reason().unwrap_or_default();
    if json_body {
        return Refusal::new(status, title).reply(&arrival.correlation_id);
    }
    page(status, &format!("{} {title}", status.as_u16()), "The server took too long to process the request.")
}

/// facts §1.7: a lock lasts 2 s.
pub const LOCK: SignedDuration = SignedDuration::from_secs(2);
