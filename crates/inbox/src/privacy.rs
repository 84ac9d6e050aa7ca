//! A person who is to be forgotten: what we keep of them loses what is personal. The events themselves stay, so that
//! subscribers hear of the deletion, and of what else happened, without the values.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use store::Store;
use store::deliveries::Delivery;
use store::failure::StoreError;
use store::journal::Bookmark;
use store::privacy::{Purge, PurgeCounts};
use tokio::sync::{Mutex, watch};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::clock::Clock;
use crate::effects::{Effects, Person};

pub mod asked;
mod kept;
mod people;
mod purge;
mod written;

use kept::{Kept, PAGE};
use people::{People, people};

/// Pages after which our place is written down, where nothing was found in them.
const PAGES_BETWEEN_MARKS: usize = 50;

/// From one look to the next, at least: each costs a commit or two, and nobody minds a second.
const REST: Duration = Duration::from_millis(500);

/// Without news we look all the same: another hubkeeper may have taken something, or ended.
const REST_MAX: Duration = Duration::from_secs(30);

/// For so long after a deletion, events of before may still come: HubSpot tries for a day, its journal reaches back three.
const LATE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// People who were forgotten lately and are looked for in what comes.
const GONE_MAX: usize = 10_000;

/// One of all that share a store rewrites. One that died is replaced once this is over.
const LEASE: SignedDuration = SignedDuration::from_secs(120);

/// Our own place in the log is kept under this name; no subscriber can have it.
pub const READER: &str = "@privacy";

/// Reads the log for people to forget.
pub struct Privacy {
    pub store: Store,
    pub effects: Arc<dyn Effects>,
    pub clock: Clock,
    /// Tells us apart from other hubkeepers on the same store.
    pub owner: Uuid,
    /// What is read is written back: one at a time.
    turns: Mutex<()>,
}

impl Privacy {
    pub fn new(store: Store, effects: Arc<dyn Effects>, clock: Clock, owner: Uuid) -> Self {
        Self { store, effects, clock, owner, turns: Mutex::default() }
    }

    /// Works until `stop` turns true. After a failure or a crash it goes on where it was.
    pub async fn run(self: Arc<Self>, mut arrivals: watch::Receiver<u64>, mut stop: watch::Receiver<bool>) {
        let mut seen = self.store.last_delivery().await.unwrap_or(0);
        loop {
            arrivals.borrow_and_update();
            if let Err(error) = self.turn(&mut seen).await {
                tracing::error!(
                    error,
                    "people who are to be forgotten are not forgotten yet; it is tried again"
                );
            }
            let until_news = async {
                sleep(REST).await;
                let _none_for_long = timeout(REST_MAX, arrivals.changed()).await;
            };
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                () = until_news => {}
            }
        }
        let _it_runs_out_by_itself = self.store.give_back(READER, self.owner).await;
    }

    async fn turn(&self, seen: &mut i64) -> Result<(), String> {
        let _nobody_else_rewrites = self.turns.lock().await;
        let now = (self.clock)();
        if self.store.lease(READER, self.owner, now, now + LEASE).await.map_err(told)? {
            let read = self.read(seen).await;
            if read.is_ok() {
                return read;
            }
            // What is in memory can go all the same.
            self.forget_in_memory(seen, i64::MAX).await.map_err(told)?;
            return read;
        }
        self.forget_in_memory(seen, i64::MAX).await.map_err(told)
    }

    /// Answers in memory are each process's own, whoever rewrites what is on the disk. As far as `until` in the log.
    async fn forget_in_memory(&self, seen: &mut i64, until: i64) -> Result<(), StoreError> {
        while *seen < until {
            let page = self.store.deliveries(*seen, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            *seen = last.seq;
            page.iter().flat_map(people).for_each(|person| self.effects.forget_in_memory(&person));
        }
        Ok(())
    }

    /// Reads on from where the last who did it has come to. All that was `seen` was forgotten in memory as well.
    async fn read(&self, seen: &mut i64) -> Result<(), String> {
        let begin = self.store.bookmark(READER).await.map_err(told)?;
        let mut after = begin.and_then(|mark| mark.place?.parse().ok()).unwrap_or(0);
        self.forget_in_memory(seen, after).await.map_err(told)?;
        let since = (self.clock)() - LATE;
        let mut gone = People::default();
        for purge in self.store.purges(since, GONE_MAX).await.map_err(told)? {
            gone.add(known(purge));
        }
        let mut unmarked = 0;
        loop {
            let page = self.store.deliveries(after, PAGE).await.map_err(told)?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            unmarked += 1;
            if self.obey(page, &mut gone).await? == Obeyed::Something || unmarked == PAGES_BETWEEN_MARKS {
                self.mark(after).await?;
                unmarked = 0;
            }
            *seen = after.max(*seen);
        }
        if unmarked > 0 { self.mark(after).await } else { Ok(()) }
    }

    async fn mark(&self, place: i64) -> Result<(), String> {
        let mark = Bookmark { place: Some(place.to_string()), read_until: (self.clock)() };
        self.store.set_bookmark(READER, &mark).await.map_err(told)
    }

    /// Forgets whom a page of the log asks to forget, and what it tells late of those who are gone. What names them goes
    /// last: after a failure it is all done again.
    async fn obey(&self, page: Vec<Delivery>, gone: &mut People) -> Result<Obeyed, String> {
        let mut asked = BTreeMap::new();
        for delivery in &page {
            for person in people(delivery) {
                asked.insert(gone.add(person), delivery.received_at);
            }
        }
        let mut counts = Counts::new();
        if asked.is_empty() {
            // What happened before may come after: HubSpot promises no order, and its journal reaches back for days.
            let page = page.into_iter().map(Kept::Delivery);
            self.take_out_of(page, gone, &mut counts).await.map_err(told)?;
            if counts.is_empty() {
                return Ok(Obeyed::Nothing);
            }
        } else {
            self.everywhere(gone, &asked, &mut counts).await?;
        }
        self.afterwards(gone, Asked::AtHubSpot, asked, &mut counts).await?;
        Ok(Obeyed::Something)
    }
}

/// Who wants somebody forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Told by an event.
    AtHubSpot,
    /// A person here, who tells the audit log.
    Here,
}

/// What a page of the log had for us to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Obeyed {
    Nothing,
    Something,
}

/// What went, by the place of whose it was.
type Counts = BTreeMap<usize, PurgeCounts>;

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn told(error: StoreError) -> String {
    error.to_string()
}

fn known(purge: Purge) -> Person {
    let Purge { portal_id, contact_id, connection, .. } = purge;
    Person { connection, portal_id, contact_id, emails: Vec::new() }
}

#[cfg(test)]
mod tests;
