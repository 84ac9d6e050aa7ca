//! What came to the simulator's door and what programs were told, and the laws over both.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::town::{Got, Kind, Told};
use crate::virtual_hubspot::Exchange;

/// After the end of a fault, service is back by then.
pub(crate) const BACK_WITHIN: Duration = Duration::from_secs(30);

pub(crate) struct Books {
    pub(crate) seed: u64,
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) told: Vec<Told>,
    /// When a breaker opened.
    pub(crate) opened: Vec<Instant>,
    pub(crate) stats: Value,
}

impl Told {
    pub(crate) fn is_good(&self) -> bool {
        matches!(self.got, Got::Live(200))
    }
}

impl Books {
    /// Requests at the door for each first try: a target that comes again is a retry.
    pub(crate) fn attempts_per_first_try(&self) -> f64 {
        let ours = || self.exchanges.iter().filter(|exchange| exchange.target.contains("&n="));
        let first_tries: HashSet<&str> = ours().map(|exchange| exchange.target.as_str()).collect();
        ours().count() as f64 / first_tries.len() as f64
    }

    /// Not only in the end: at no moment have there been more than five and eight for each hundred first tries.
    pub(crate) fn retries_are_within_a_tenth(&self) {
        let (mut seen, mut retries) = (HashSet::new(), 0);
        for exchange in self.exchanges.iter().filter(|exchange| exchange.target.contains("&n=")) {
            retries += usize::from(!seen.insert(&*exchange.target));
            let (seed, first_tries) = (self.seed, seen.len());
            assert!(
                retries * 100 <= 500 + 8 * first_tries,
                "seed {seed}: {retries} retries after {first_tries} first tries"
            );
        }
        let attempts = self.attempts_per_first_try();
        assert!(attempts <= 1.10, "seed {}: {attempts:.3} attempts for each first try", self.seed);
    }

    /// The share of calls of a kind that had a good live answer, of those asked in this time.
    pub(crate) fn good_share(&self, kind: Kind, from: Instant, until: Instant) -> f64 {
        let asked = self
            .told
            .iter()
            .filter(|told| told.kind == kind && told.asked_at >= from && told.asked_at < until);
        let (good, all) = asked.fold((0, 0), |(good, all), told| (good + u32::from(told.is_good()), all + 1));
        assert!(all > 0, "seed {}: nobody asked", self.seed);
        f64::from(good) / f64::from(all)
    }

    pub(crate) fn unaffected(&self, kind: Kind, from: Instant, until: Instant) {
        let good = self.good_share(kind, from, until);
        assert!(good >= 0.999, "seed {}: {good:.4} of {kind:?} good, which nothing had befallen", self.seed);
    }

    /// Of what is asked from half a minute after the end on, as much is good as before the fault.
    pub(crate) fn is_back(&self, kind: Kind, before: (Instant, Instant), ended: Instant, until: Instant) {
        let normal = self.good_share(kind, before.0, before.1);
        assert!(normal >= 0.99, "seed {}: {normal:.3} of {kind:?} good on a normal day", self.seed);
        let now = self.good_share(kind, ended + BACK_WITHIN, until);
        assert!(
            now >= 0.95 * normal,
            "seed {}: {now:.3} of {kind:?} good half a minute after the end, {normal:.3} before",
            self.seed
        );
    }

    /// L1 holds in any weather.
    pub(crate) fn no_limit_was_hit(&self) {
        assert_eq!(self.stats["statuses"]["429"], Value::Null, "seed {}: {:#}", self.seed, self.stats);
    }

    /// Requests of a kind at the door, in order of their answers.
    pub(crate) fn answers(&self, kind: Kind) -> Vec<(Instant, Option<u16>)> {
        let of_kind = self.exchanges.iter().filter(|exchange| exchange.target.starts_with(kind.path()));
        let mut answers: Vec<_> =
            of_kind.filter_map(|exchange| exchange.answered.map(|(at, status)| (at, Some(status)))).collect();
        answers.sort_by_key(|(at, _)| *at);
        answers
    }

    /// Requests of a kind that reached the door in this time.
    pub(crate) fn reached(&self, kind: Kind, from: Instant, until: Instant) -> usize {
        let in_time = |exchange: &&Exchange| exchange.at >= from && exchange.at < until;
        let of_kind = |exchange: &&Exchange| exchange.target.starts_with(kind.path());
        self.exchanges.iter().filter(of_kind).filter(in_time).count()
    }
}
