//! Our own parts, and those we work for: how each stands now.

use std::collections::BTreeSet;
use std::sync::Arc;

use client::stack::Stack;
use gateway::outbox::{Outbox, Totals};
use gateway::traffic::Traffic;
use hubspot::version::ApiVersion;
use incident::signal::{Place, Process, Seen, Signal, Standing, Wellness};
use jiff::{SignedDuration, Timestamp};
use store::Store;
use store::outbox::State;

use super::installs::Installs;
use crate::ledgers::Ledgers;
use crate::webhooks::Running;

/// What changes slowly is looked at as often.
const SLOWLY: SignedDuration = SignedDuration::from_secs(15);

/// The parts that run.
pub(crate) struct Parts {
    stack: Arc<Stack>,
    traffic: Arc<Traffic>,
    ledgers: Arc<Ledgers>,
    webhooks: Option<Running>,
    outbox: Option<Arc<Outbox>>,
    installs: Installs,
    before: Before,
}

/// What was found at the looks before.
#[derive(Default)]
struct Before {
    slowly_at: Option<Timestamp>,
    /// Families that were left alone.
    breakers: BTreeSet<String>,
    /// Operations that lay in the store at the first look, and what had been counted by then.
    ledger: Option<(u64, Totals)>,
}

impl Parts {
    pub(crate) fn new(
        stack: Arc<Stack>,
        traffic: Arc<Traffic>,
        ledgers: Arc<Ledgers>,
        webhooks: Option<Running>,
        outbox: Option<Arc<Outbox>>,
        installs: Installs,
    ) -> Self {
        Self { stack, traffic, ledgers, webhooks, outbox, installs, before: Before::default() }
    }

    /// Everything that can be told without asking a disk for long.
    pub(super) fn look(&mut self, now: Timestamp) -> Vec<Signal> {
        self.ledgers.cache(&self.stack.cache_report());
        let mut seen = self.fresh();
        seen.extend(self.ourselves());
        seen.extend(breakers(&self.stack, &mut self.before.breakers));
        seen.extend(self.webhooks(now));
        seen.extend(self.installs.standings());
        let mut signals: Vec<Signal> = seen.into_iter().map(|seen| everywhere(now, seen)).collect();
        if self.before.slowly_at.is_none_or(|at| now.duration_since(at) >= SLOWLY) {
            self.before.slowly_at = Some(now);
            signals.extend(forecasts(&self.stack, now));
            signals.extend(self.certificates().map(|seen| everywhere(now, seen)));
            signals
                .extend(ends(&self.stack, &self.traffic, now).into_iter().map(|seen| everywhere(now, seen)));
        }
        signals
    }

    fn certificates(&self) -> impl Iterator<Item = Seen> {
        self.ledgers.certificates().into_iter().map(|(listener, ends_at)| {
            let name = format!("the certificate of the {listener} listener");
            Seen::Credential { name, since: None, until: Some(ends_at) }
        })
    }

    fn fresh(&self) -> Vec<Seen> {
        let fresh = self.ledgers.take_fresh();
        let mut seen = Vec::new();
        if fresh.deliveries != Default::default() {
            seen.push(Seen::Deliveries(fresh.deliveries));
        }
        if fresh.commits != Default::default() {
            seen.push(Seen::Commits(fresh.commits));
        }
        if fresh.events > 0 {
            let (events, late, slowest_ms) = (fresh.events, fresh.late, fresh.slowest_ms);
            seen.push(Seen::Webhooks { events, late, slowest_ms });
        }
        seen
    }

    fn ourselves(&self) -> Vec<Seen> {
        let process = self.ledgers.process();
        let percent = |used: u64, max: Option<u64>| {
            max.filter(|max| *max > 0).map(|max| used.saturating_mul(100) / max)
        };
        let process = Seen::Process(Process {
            cpu_percent: process.cpu_percent,
            memory_percent: percent(process.memory_bytes, process.memory_bytes_max),
            descriptors_percent: percent(process.descriptors, process.descriptors_max),
            lag_ms: process.lag_ms_felt(),
        });
        let disk = self.ledgers.disk();
        let disk = disk.map(|disk| Seen::Disk { free_bytes: disk.free_bytes, total_bytes: disk.total_bytes });
        [process].into_iter().chain(disk).collect()
    }

    fn webhooks(&self, now: Timestamp) -> Vec<Seen> {
        let Some(webhooks) = &self.webhooks else { return Vec::new() };
        let mut seen: Vec<Seen> = webhooks
            .receiver
            .books
            .silence(now)
            .into_iter()
            .map(|(connection, verdict)| Seen::Standing {
                of: Standing::Flow,
                name: connection,
                well: if verdict.silent { Wellness::Ill } else { Wellness::Well },
                observed: format!(
                    "no event for {} s, {:.0} should have come",
                    verdict.quiet_for.as_secs(),
                    verdict.missing
                ),
            })
            .collect();
        for served in webhooks.dispatch.served() {
            let (subscriber, status) = (served.subscriber.name, served.status);
            let name = format!("subscriber {subscriber}");
            let backlog = status.backlog;
            let waiting = backlog.deliveries + backlog.waiting;
            self.ledgers.forwarding.lock().waits(&subscriber, waiting, backlog.since);
            let age = backlog.since.map_or(0, |since| now.duration_since(since).as_secs());
            let oldest_seconds = u64::try_from(age).unwrap_or(0);
            seen.push(Seen::Standing {
                of: Standing::Subscriber,
                name: subscriber,
                well: if status.left_alone { Wellness::Ill } else { Wellness::Well },
                observed: format!("{waiting} deliveries wait, the oldest for {oldest_seconds} s"),
            });
            seen.push(Seen::Backlog { name: name.clone(), waiting: backlog.deliveries, oldest_seconds });
            seen.push(Seen::Dead { name, count: backlog.dead });
        }
        seen
    }

    /// What has become of accepted writes, by the store's own count.
    pub(super) async fn work(&mut self, store: &Store, now: Timestamp) -> Vec<Signal> {
        let Some(outbox) = &self.outbox else { return Vec::new() };
        let totals = outbox.totals();
        let (Ok(counts), Ok(oldest)) = (store.counts().await, store.oldest().await) else {
            return Vec::new();
        };
        let of = |state: State| counts.iter().find(|(own, _)| *own == state).map_or(0, |(_, count)| *count);
        let waiting = of(State::Pending) + of(State::Sending);
        let settled = of(State::Applied) + of(State::Dead) + of(State::Cancelled) + of(State::Unknown);
        let age = oldest.map_or(0, |oldest| now.duration_since(oldest).as_secs());
        let oldest_seconds = if waiting > 0 { u64::try_from(age).unwrap_or(0) } else { 0 };
        let name = || "outbox".to_owned();
        let mut seen = vec![
            Seen::Backlog { name: name(), waiting, oldest_seconds },
            Seen::Dead { name: name(), count: of(State::Dead) + of(State::Unknown) },
        ];
        // Of a database that others share, nobody can say what they have accepted or dropped meanwhile.
        if !store.is_shared() {
            let (there, then) = *self.before.ledger.get_or_insert((waiting + settled, totals));
            let ended = settled + (totals.dropped - then.dropped);
            // What was accepted since the totals were read is in the store already: only what is missing counts.
            let accepted = (there + (totals.accepted - then.accepted)).max(ended + waiting);
            seen.push(Seen::Ledger { name: name(), accepted, ended, waiting });
        }
        seen.into_iter().map(|seen| everywhere(now, seen)).collect()
    }
}

fn everywhere(at: Timestamp, seen: Seen) -> Signal {
    Signal { at, place: Place::default(), seen }
}

/// Families that are left alone; and, once, those that are no longer.
fn breakers(stack: &Stack, before: &mut BTreeSet<String>) -> Vec<Seen> {
    let switches = stack.degraded().switches();
    let mut open = BTreeSet::new();
    for account in stack.accounts() {
        for family in account.open_breakers() {
            // Nobody asks how it is: that is proven otherwise.
            if switches.iter().any(|switch| switch.scope.holds_for(&account.name, family)) {
                continue;
            }
            open.insert(format!("{}/{}", account.name, family.name()));
        }
    }
    let standing = |name: &String, well: Wellness, observed: &str| Seen::Standing {
        of: Standing::Breaker,
        name: name.clone(),
        well,
        observed: observed.to_owned(),
    };
    let ill = open.iter().map(|name| standing(name, Wellness::Ill, "it failed again and again"));
    let well = before.difference(&open).map(|name| standing(name, Wellness::Well, "it answers again"));
    let seen = ill.chain(well).collect();
    *before = open;
    seen
}

/// Pools that will not last until their day ends.
fn forecasts(stack: &Stack, now: Timestamp) -> Vec<Signal> {
    let forecast = |account: &Arc<client::accounts::Account>| {
        let daily = account.gate()?.governor.daily();
        let used_up_at = daily.forecast.filter(|_| daily.told).and_then(|forecast| forecast.exhausted_at);
        let used_up_at = used_up_at.filter(|at| daily.resets_at.is_none_or(|resets| *at < resets));
        let place = Place { connection: Some(account.name.to_string()), ..Place::default() };
        Some(Signal { at: now, place, seen: Seen::Forecast { used_up_at } })
    };
    stack.accounts().iter().filter_map(forecast).collect()
}

/// What is in use and has an announced end: calls by their path, versions by their name.
fn ends(stack: &Stack, traffic: &Traffic, now: Timestamp) -> Vec<Seen> {
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let called =
        traffic.ending().into_iter().filter(|(_, at)| at.elapsed() < std::time::Duration::from_secs(900));
    let calls = called.map(|(sunset, _)| (format!("{} ({})", sunset.what, sunset.path_prefix), sunset.date));
    let versions: BTreeSet<String> =
        traffic.report(&stack.accounts()).groups.into_iter().filter_map(|group| group.version).collect();
    let versions = versions.into_iter().filter_map(|version| {
        let end = ApiVersion::parse(&version)?.unsupported_from()?;
        Some((format!("version {version}"), end))
    });
    // What has ended already shows by how it answers.
    let to_come = calls.chain(versions).filter(|(_, on)| *on >= today);
    to_come.map(|(what, on)| Seen::Sunset { what, on }).collect()
}
