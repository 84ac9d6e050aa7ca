//! What a portal's limits are spent on, how long they last, and what would make them last longer.
//!
//! [`report`] gathers it from the gates of a running gateway; [`advice`] is a pure function of the result. The report is
//! what the admin API serves at `/api/v1/quota`.

use std::sync::Arc;

use client::accounts::{Account, Gate};
use client::governor::{DailyStanding, Entry, Errand, Forecast, Level};
use client::lane::Lane;
use hubspot::limits::Plan;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub mod advice;

pub use advice::Advice;

/// The version of the report's shape.
const SCHEMA: u32 = 1;

/// Those who spend little are summed up.
const SPENDERS_SHOWN: usize = 100;

/// Everything that is known, portal by portal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QuotaReport {
    pub schema: u32,
    pub now: Timestamp,
    /// Without the governor nothing is counted.
    pub governed: bool,
    pub portals: Vec<PortalQuota>,
    /// `None` where nothing counts it.
    pub saved: Option<Saved>,
    /// Calls that programs sent again by themselves, since the gateway started: their own retry layer, beside ours.
    #[serde(default)]
    pub callers_retries: u64,
}

/// One portal, and the connections that go through its gate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PortalQuota {
    pub portal_id: Option<u64>,
    pub connections: Vec<ConnectionQuota>,
    pub search: Option<Rolling>,
    pub associations: Option<Rolling>,
    pub daily: Daily,
    pub forecast: Option<Outlook>,
    pub hours: Vec<Hour>,
    /// By calls today, the most first.
    pub spenders: Vec<Spender>,
    pub advice: Vec<Advice>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConnectionQuota {
    pub name: Arc<str>,
    pub burst: Option<Rolling>,
}

/// A limit in a rolling window, now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rolling {
    pub limit: u32,
    pub window_ms: u64,
    /// Ours, under way or counted in the window.
    pub used: u32,
    pub others: u32,
    pub left: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Daily {
    /// `None`: no daily pool (publicly distributed OAuth apps).
    pub limit: Option<u64>,
    /// HubSpot has told the limit; until then it is a guess from the configured plan.
    pub told: bool,
    pub used: u64,
    pub left: Option<u64>,
    pub resets_at: Option<Timestamp>,
    /// HubSpot named this reset; else it is midnight in the portal's zone as we know it.
    pub reset_confirmed: bool,
    pub time_zone: Option<String>,
    /// Empty: nothing is sent until the reset, but for a question now and then whether it is still so.
    pub parked: bool,
    /// Lanes that are refused, so that something is left for more urgent ones.
    pub stopped: Vec<String>,
    /// Calls that `bulk`, `sync` and `interactive` leave to those above them.
    pub kept_from: KeptFrom,
    pub ours: u64,
    pub others: u64,
    /// Spent today before this gateway looked for the first time; by whom is not known.
    pub before_us: u64,
    /// Our own questions to the usage endpoint; they are among ours.
    pub questions: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFrom {
    pub bulk: u64,
    pub sync: u64,
    pub interactive: u64,
}

/// What is expected of the rest of the day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outlook {
    /// `None`: the pool lasts until the reset.
    pub exhausted_at: Option<Timestamp>,
    /// About nine times in ten it happens between these.
    pub earliest: Option<Timestamp>,
    pub latest: Option<Timestamp>,
    /// Calls still to come today, if there were enough: low, expected, high.
    pub to_come: [u64; 3],
    pub to_come_from_others: u64,
    /// Days before today that it is drawn from; 0: from today alone.
    pub days_before: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Hour {
    pub starts: Timestamp,
    pub interactive: u64,
    pub sync: u64,
    pub bulk: u64,
    pub others: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spender {
    pub caller: Arc<str>,
    pub method: String,
    pub route: Arc<str>,
    pub errand: Errand,
    pub calls: u64,
    /// Of all our calls today, 0 to 1.
    pub share: f64,
    pub this_hour: u64,
    /// Calls that would not have been, had those close to each other been one.
    pub spared: u64,
}

/// What was not sent to HubSpot, since the gateway started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// Calls answered out of one batch with others.
    pub packed: u64,
    /// Calls answered from what was kept.
    pub cached: u64,
}

/// The report of every portal that has been called. `plan` is the configured one.
pub fn report(
    accounts: &[Arc<Account>],
    plan: Option<Plan>,
    saved: Option<Saved>,
    callers_retries: u64,
    now: Timestamp,
) -> QuotaReport {
    let mut gates: Vec<(Arc<Gate>, Vec<&Arc<Account>>)> = Vec::new();
    for account in accounts {
        let Some(gate) = account.gate() else { continue };
        match gates.iter_mut().find(|(known, _)| Arc::ptr_eq(&known.governor, &gate.governor)) {
            Some((_, accounts)) => accounts.push(account),
            None => gates.push((gate, vec![account])),
        }
    }
    let portals = gates.iter().map(|(gate, accounts)| portal(gate, accounts, plan, now)).collect();
    QuotaReport { schema: SCHEMA, now, governed: !gates.is_empty(), portals, saved, callers_retries }
}

fn portal(gate: &Gate, accounts: &[&Arc<Account>], plan: Option<Plan>, now: Timestamp) -> PortalQuota {
    let standing = gate.governor.daily();
    let [_, search, associations] = gate.governor.levels(gate.app);
    let connections = accounts.iter().map(|account| ConnectionQuota {
        name: account.name.clone(),
        burst: account.gate().map(|gate| Rolling::of(&gate.governor.levels(gate.app)[0])),
    });
    let mut portal = PortalQuota {
        portal_id: accounts.iter().find_map(|account| account.portal()).map(|portal| portal.id),
        connections: connections.collect(),
        search: Some(Rolling::of(&search)),
        associations: Some(Rolling::of(&associations)),
        daily: Daily::of(&standing),
        forecast: standing.forecast.as_ref().map(Outlook::of),
        hours: standing.hours.iter().map(Hour::of).collect(),
        spenders: spenders(gate.governor.spenders(), &standing, now),
        advice: Vec::new(),
    };
    portal.advice = advice::advice(&portal, plan, now);
    portal
}

fn spenders(entries: Vec<Entry>, standing: &DailyStanding, now: Timestamp) -> Vec<Spender> {
    let all: u64 = entries.iter().map(|entry| entry.calls).sum();
    let midnight = standing.hours.first().map_or(now, |(starts, _)| *starts);
    let hour = usize::try_from(now.duration_since(midnight).as_hours()).unwrap_or(0);
    let spender = |entry: Entry| Spender {
        share: if all > 0 { entry.calls as f64 / all as f64 } else { 0.0 },
        this_hour: entry.hours.get(hour).copied().unwrap_or(0).into(),
        caller: entry.caller,
        method: entry.method.to_owned(),
        route: entry.route,
        errand: entry.errand,
        calls: entry.calls,
        spared: entry.spared,
    };
    entries.into_iter().filter(|entry| entry.calls > 0).take(SPENDERS_SHOWN).map(spender).collect()
}

impl QuotaReport {
    /// A pool is empty, a lane had to stop, or the forecast says that the pool will not last.
    pub fn has_problem(&self) -> bool {
        let problem = |portal: &PortalQuota| {
            let runs_out = portal.forecast.as_ref().is_some_and(|outlook| outlook.exhausted_at.is_some());
            portal.daily.parked || !portal.daily.stopped.is_empty() || runs_out
        };
        self.portals.iter().any(problem)
    }

    /// Nothing has been counted yet.
    pub fn is_empty(&self) -> bool {
        self.portals.is_empty()
    }
}

impl Rolling {
    fn of(level: &Level) -> Self {
        Self {
            limit: level.limit,
            window_ms: u64::try_from(level.window.as_millis()).unwrap_or(u64::MAX),
            used: level.in_flight + level.cooling,
            others: level.outside,
            left: level.free,
        }
    }
}

impl Daily {
    fn of(standing: &DailyStanding) -> Self {
        let leaves = |lane: Lane| standing.leaves[lane as usize];
        Self {
            limit: standing.limit,
            told: standing.told,
            used: standing.used,
            left: standing.limit.map(|limit| limit.saturating_sub(standing.used)),
            resets_at: standing.resets_at,
            reset_confirmed: standing.reset_confirmed,
            time_zone: standing.time_zone.clone(),
            parked: standing.parked,
            stopped: standing.stopped.iter().map(|lane| lane.name().to_owned()).collect(),
            kept_from: KeptFrom {
                bulk: leaves(Lane::Bulk),
                sync: leaves(Lane::Sync),
                interactive: leaves(Lane::Interactive),
            },
            ours: standing.ours,
            others: standing.others,
            before_us: standing.before_us,
            questions: standing.questions,
        }
    }
}

impl Outlook {
    fn of(forecast: &Forecast) -> Self {
        let [.., others] = forecast.to_come_by_whose;
        let to_come = forecast.to_come;
        Self {
            exhausted_at: forecast.exhausted_at.map(to_the_second),
            earliest: forecast.earliest.map(to_the_second),
            latest: forecast.latest.map(to_the_second),
            to_come: [to_come.low, to_come.middle, to_come.high].map(|calls| calls.round() as u64),
            to_come_from_others: others.round() as u64,
            days_before: forecast.days_before,
        }
    }
}

/// Nothing finer is known.
fn to_the_second(at: Timestamp) -> Timestamp {
    at.round(jiff::Unit::Second).unwrap_or(at)
}

impl Hour {
    fn of((starts, calls): &(Timestamp, [u64; 4])) -> Self {
        let [interactive, sync, bulk, others] = *calls;
        Self { starts: *starts, interactive, sync, bulk, others }
    }
}

impl PortalQuota {
    /// How much of the day has passed, in hours; at least a moment.
    pub(crate) fn hours_passed(&self, now: Timestamp) -> Option<f64> {
        let starts = self.hours.first()?.starts;
        Some(now.duration_since(starts).max(SignedDuration::from_mins(1)).as_secs_f64() / 3600.0)
    }
}
