//! One breaker per API family of an account.

use std::collections::BTreeMap;
use std::time::Duration;

use hubspot::endpoint::ApiFamily;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::breaker::{Admission, Breaker};

/// Families that have failed lately; one that is not here is closed and well.
#[derive(Default)]
pub(crate) struct Breakers(Mutex<BTreeMap<ApiFamily, Breaker>>);

/// A request on its way through a breaker. Dropped without a word, it was withdrawn.
pub(crate) struct Passage<'a> {
    breakers: &'a Breakers,
    family: ApiFamily,
    /// This request is the one that asks whether the family is well again.
    asks: bool,
    told: bool,
}

impl Breakers {
    pub(crate) fn admit(&self, family: ApiFamily, now: Instant) -> (Admission, Passage<'_>) {
        let mut families = self.0.lock();
        let admission = families.get_mut(&family).map_or(Admission::Go, |breaker| breaker.admit(now));
        let asks = admission == Admission::Go && families.get(&family).is_some_and(Breaker::is_open);
        let told = admission != Admission::Go;
        (admission, Passage { breakers: self, family, asks, told })
    }

    pub(crate) fn open(&self) -> Vec<ApiFamily> {
        self.0.lock().iter().filter(|(_, breaker)| breaker.is_open()).map(|(family, _)| *family).collect()
    }
}

impl Passage<'_> {
    pub(crate) fn asks(&self) -> bool {
        self.asks
    }

    /// While this request waited, the breaker may have opened; then it stays here, unless it is the one that asks.
    pub(crate) fn still_open_to_us(&self, now: Instant) -> Result<(), Duration> {
        let families = self.breakers.0.lock();
        let closed = families
            .get(&self.family)
            .filter(|_| !self.asks)
            .and_then(|breaker| breaker.closed_to_others(now));
        closed.map_or(Ok(()), Err)
    }

    pub(crate) fn succeeded(mut self) {
        self.told = true;
        self.breakers.0.lock().remove(&self.family);
    }

    pub(crate) fn failed(mut self, now: Instant) {
        self.told = true;
        self.breakers.0.lock().entry(self.family).or_default().failed(now);
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        if !self.told
            && self.asks
            && let Some(breaker) = self.breakers.0.lock().get_mut(&self.family)
        {
            breaker.withdrawn(Instant::now());
        }
    }
}
