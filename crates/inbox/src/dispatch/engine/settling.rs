//! Which events have waited long enough for earlier ones of their object: those that came so long ago, and behind which so much
//! of the log has been read. Whoever lags behind the log has not seen what may go before, however long ago it came.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

#[derive(Debug)]
pub(super) struct Settling {
    time: SignedDuration,
    /// All that came before has been read.
    read: Timestamp,
    /// What came by then goes without having seen what follows.
    hurried: Timestamp,
    /// Objects whose first event waits until more has been read, by when it came.
    waiting: BTreeSet<(Timestamp, Arc<str>)>,
}

impl Settling {
    pub(super) fn new(time: Duration) -> Self {
        Self {
            time: SignedDuration::try_from(time).unwrap_or(SignedDuration::ZERO),
            read: Timestamp::MAX,
            hurried: Timestamp::MIN,
            waiting: BTreeSet::new(),
        }
    }

    pub(super) fn time(&self) -> SignedDuration {
        self.time
    }

    pub(super) fn has_read_what_came_before(&mut self, at: Timestamp) {
        self.read = at;
    }

    /// What came by then may go.
    pub(super) fn settled(&self, now: Timestamp) -> Timestamp {
        if self.time.is_zero() {
            return now;
        }
        (self.read.min(now) - self.time).max(self.hurried)
    }

    pub(super) fn wait(&mut self, came: Timestamp, object: Arc<str>) {
        self.waiting.insert((came, object));
    }

    /// Some wait until more has been read.
    pub(super) fn keeps_any(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// One that has waited long enough.
    pub(super) fn ripe(&mut self, now: Timestamp) -> Option<Arc<str>> {
        let settled = self.settled(now);
        self.waiting.first().filter(|(came, _)| *came <= settled)?;
        self.waiting.pop_first().map(|(_, object)| object)
    }

    /// Of what waits, the one that came first goes, with all that came with it.
    pub(super) fn hurry(&mut self) -> Option<Arc<str>> {
        let (came, object) = self.waiting.pop_first()?;
        self.hurried = self.hurried.max(came);
        Some(object)
    }
}
