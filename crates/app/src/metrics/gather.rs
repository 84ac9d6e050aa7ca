//! Reads every metric off the running parts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use client::cache::CacheReport;
use client::call::Source;
use client::lane::Lane;
use client::stack::Stack;
use gateway::TurnedAway;
use gateway::outbox::Outbox;
use gateway::traffic::{Histogram, Outcome, SeriesKey, Tally, Traffic};
use tokio::time::Instant;

use super::{Metric, Reading, Value, process};
use crate::incidents::Board;
use crate::otel::Queue;
use crate::webhooks::Running;

mod account;
mod incidents;
mod outbox;
mod webhooks;

/// The running parts.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) stack: Arc<Stack>,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) turned_away: Arc<TurnedAway>,
    pub(crate) started: Instant,
    /// Where there is a store.
    pub(crate) outbox: Option<Arc<Outbox>>,
    /// Where telemetry is exported.
    pub(crate) exported: Option<Arc<Queue>>,
    pub(crate) webhooks: Option<Running>,
    /// Where there is a room.
    pub(crate) board: Option<Arc<Board>>,
}

/// What has been read so far.
#[derive(Default)]
struct Readings(Vec<Reading>);

pub(crate) fn gather(sources: &Sources) -> Vec<Reading> {
    let mut readings = Readings::default();
    let totals = sources.traffic.totals();
    readings.totals(&totals);
    readings.merged(&totals);
    let accounts = sources.stack.accounts();
    let mut shown = BTreeSet::new();
    for account in &accounts {
        if let Some(label) = sources.traffic.label(&account.name)
            && shown.insert(label.clone())
        {
            readings.account(&label, account);
        }
    }
    for (reason, count) in sources.turned_away.counts() {
        readings.count(Metric::TurnedAway, &[reason], count);
    }
    let cache = sources.stack.cache_report();
    readings.cache(&cache);
    let packed: u64 = accounts.iter().map(|account| account.packing().saved()).sum();
    for (by, calls) in [("packing", packed), ("cache", cache.hits), ("shared", cache.shared)] {
        readings.count(Metric::Saved, &[by], calls);
    }
    let repeated = sources.stack.repeated();
    readings.count(Metric::CallersRetries, &["seen"], repeated.seen);
    readings.count(Metric::CallersRetries, &["refused"], repeated.refused);
    let failing: usize = accounts.iter().map(|account| account.open_breakers().len()).sum();
    readings.level(Metric::Degraded, &["switch"], sources.stack.degraded().switches().len() as f64);
    readings.level(Metric::Degraded, &["breaker"], failing as f64);
    if let Some(outbox) = &sources.outbox {
        readings.outbox(outbox);
    }
    readings.level(Metric::RetryBudgetLeft, &[], sources.stack.retries_left());
    readings.level(Metric::Credentials, &[], accounts.len() as f64);
    if let Some(lost) = sources.exported.as_ref().map(|queue| queue.lost()) {
        readings.count(Metric::TelemetryLost, &["traces"], lost.spans);
        readings.count(Metric::TelemetryLost, &["metrics"], lost.metrics);
    }
    if let Some(webhooks) = &sources.webhooks {
        readings.webhooks(webhooks);
    }
    if let Some(board) = &sources.board {
        readings.incidents(&board.standing());
    }
    readings.process(sources.started);
    readings.0
}

impl Readings {
    fn count(&mut self, metric: Metric, labels: &[&str], count: u64) {
        self.push(metric, labels, Value::Count(count));
    }

    fn level(&mut self, metric: Metric, labels: &[&str], level: f64) {
        self.push(metric, labels, Value::Level(level));
    }

    fn push(&mut self, metric: Metric, labels: &[&str], value: Value) {
        debug_assert_eq!(labels.len(), metric.about().labels.len(), "{metric:?}");
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        self.0.push(Reading { metric, labels, value });
    }

    /// What is told for each connection, caller and family.
    fn totals(&mut self, totals: &[(SeriesKey, Tally)]) {
        for (key, tally) in totals {
            let (connection, caller, family) = (&*key.connection, &*key.caller, key.family.name());
            for (outcome, count) in tally.calls.iter() {
                let labels = [connection, caller, family, &status(outcome), outcome.category];
                self.count(Metric::Calls, &labels, count);
            }
            for (outcome, count) in tally.refused.iter() {
                self.count(Metric::Refused, &[connection, caller, family, outcome.category], count);
            }
            self.count(Metric::Retries, &[connection, caller, family], tally.retries);
        }
    }

    /// What is told with fewer labels: sums over the others.
    fn merged(&mut self, totals: &[(SeriesKey, Tally)]) {
        let mut answers = BTreeMap::new();
        let mut attempts = BTreeMap::new();
        let mut failed_items = BTreeMap::new();
        let mut waits: BTreeMap<_, Histogram> = BTreeMap::new();
        let mut took: BTreeMap<_, Histogram> = BTreeMap::new();
        for (key, tally) in totals {
            let (connection, caller, family) = (&*key.connection, &*key.caller, key.family.name());
            for (source, count) in Source::NAMES.iter().zip(tally.sources) {
                *answers.entry((connection, caller, *source)).or_insert(0) += count;
            }
            for (outcome, count) in tally.attempts.iter() {
                *attempts.entry((connection, family, outcome)).or_insert(0) += count;
            }
            *failed_items.entry((connection, family)).or_insert(0) += tally.failed_items;
            for (lane, waited) in Lane::ALL.iter().zip(&tally.waits) {
                if let Some(waited) = waited {
                    waits.entry((caller, lane.name())).or_default().absorb(waited);
                }
            }
            took.entry((connection, family)).or_default().absorb(&tally.took);
        }
        for ((connection, caller, source), count) in answers {
            self.count(Metric::Answers, &[connection, caller, source], count);
        }
        for ((connection, family, outcome), count) in attempts {
            self.count(Metric::Attempts, &[connection, family, &status(outcome), outcome.category], count);
        }
        for ((connection, family), count) in failed_items {
            self.count(Metric::FailedItems, &[connection, family], count);
        }
        for ((caller, lane), waited) in waits {
            self.push(Metric::WaitSeconds, &[caller, lane], Value::from(&waited));
        }
        for ((connection, family), took) in took {
            self.push(Metric::HubspotSeconds, &[connection, family], Value::from(&took));
        }
    }

    fn cache(&mut self, cache: &CacheReport) {
        let results =
            [("hit", cache.hits), ("miss", cache.misses), ("shared", cache.shared), ("stale", cache.stale)];
        for (result, count) in results {
            self.count(Metric::CacheLookups, &[result], count);
        }
        self.count(Metric::CacheDropped, &[], cache.dropped);
        self.count(Metric::CacheLost, &[], cache.lost);
        self.level(Metric::CacheBytes, &[], cache.bytes as f64);
        self.level(Metric::CacheEntries, &[], cache.entries as f64);
    }

    fn process(&mut self, started: Instant) {
        self.level(Metric::BuildInfo, &[env!("CARGO_PKG_VERSION")], 1.0);
        let figures = [
            (Metric::ProcessMemory, process::memory()),
            (Metric::ProcessDescriptors, process::descriptors()),
            (Metric::ProcessDescriptorsMax, process::descriptors_max()),
        ];
        for (metric, figure) in figures {
            if let Some(figure) = figure {
                self.level(metric, &[], figure as f64);
            }
        }
        self.level(Metric::ProcessUptime, &[], started.elapsed().as_secs_f64());
    }
}

fn status(outcome: Outcome) -> String {
    outcome.status.map_or_else(|| "none".to_owned(), |status| status.to_string())
}
