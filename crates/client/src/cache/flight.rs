//! One request for all who ask the same at the same time.
//!
//! Who comes first leads; who comes while the request is under way follows, each with a deadline of its own. When it lands,
//! all get the same. Where it ended for a reason of the leader's alone (his deadline was the shorter one), one follower
//! takes over, and the others go on waiting. A leader who hangs up leaves the request running for the others.

use std::sync::Arc;

use bytes::Bytes;
use hashbrown::HashTable;
use http::uri::PathAndQuery;
use http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::Cache;
use super::key::{Key, Rights};
use super::marks::Moment;
use super::needs::Needs;
use crate::accounts::Account;
use crate::call::{Failure, Source};
use crate::lane::Lane;

/// A request under way, and those who wait for it.
pub(crate) struct Flight {
    account: Arc<Account>,
    rights: Rights,
    variant: u64,
    target: PathAndQuery,
    body: Bytes,
    hash: u64,
    pub(crate) needs: Needs,
    pub(crate) since: Moment,
    lane: Lane,
    followers: Mutex<Vec<oneshot::Sender<Landing>>>,
}

/// What a follower gets.
pub(crate) enum Landing {
    Landed(Result<Shared, Failure>),
    /// It was not the leader's to bring home; now it is yours.
    YourTurn(Turn),
    /// The answer passed by too large to be held for anybody else.
    OnYourOwn,
}

/// An answer for several.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) source: Source,
}

/// The lead of a flight. Dropped unused, it goes to the next.
pub(crate) struct Turn {
    flight: Option<Arc<Flight>>,
    cache: Arc<Cache>,
}

/// Flights that can be joined.
#[derive(Default)]
pub(crate) struct Flights(HashTable<Arc<Flight>>);

impl Flight {
    fn is_for(&self, key: &Key<'_>) -> bool {
        self.target.as_str() == key.target
            && self.body == key.body
            && key.is_beside(&self.account, self.rights, self.variant)
    }

    /// Nothing it asks for was written since it began.
    pub(crate) fn stands(&self) -> bool {
        self.account.marks.stands(self.needs, self.since)
    }

    /// Somebody waits for it, besides its leader.
    pub(crate) fn is_followed(&self) -> bool {
        self.followers.lock().iter().any(|follower| !follower.is_closed())
    }

    /// Tells all who wait.
    pub(crate) fn tell(&self, landing: impl Fn() -> Landing) {
        for follower in std::mem::take(&mut *self.followers.lock()) {
            // Who hung up needs no answer.
            let _gone = follower.send(landing());
        }
    }
}

impl Flights {
    /// Joins a flight to the same end, if its answer may be shared: nothing it needs was written since it began, and it
    /// waits in no lane slower than the caller's.
    pub(crate) fn join(&self, key: &Key<'_>, lane: Lane) -> Option<oneshot::Receiver<Landing>> {
        let flight = self.0.find(key.hash, |flight| flight.is_for(key))?;
        if flight.lane > lane || !flight.stands() {
            return None;
        }
        let (follower, landing) = oneshot::channel();
        flight.followers.lock().push(follower);
        Some(landing)
    }

    pub(crate) fn is_under_way(&self, key: &Key<'_>) -> bool {
        self.0.find(key.hash, |flight| flight.is_for(key)).is_some()
    }

    /// Begins a flight. An older one to the same end goes on for those who follow it, and takes nobody else.
    pub(crate) fn begin(
        &mut self,
        key: &Key<'_>,
        target: PathAndQuery,
        body: Bytes,
        needs: Needs,
        since: Moment,
        lane: Lane,
    ) -> Arc<Flight> {
        let flight = Arc::new(Flight {
            account: key.account.clone(),
            rights: key.rights,
            variant: key.variant,
            target,
            body,
            hash: key.hash,
            needs,
            since,
            lane,
            followers: Mutex::default(),
        });
        match self.0.find_mut(key.hash, |flight| flight.is_for(key)) {
            Some(older) => *older = flight.clone(),
            None => {
                self.0.insert_unique(key.hash, flight.clone(), |flight| flight.hash);
            }
        }
        flight
    }

    /// From now on nobody joins it.
    pub(crate) fn end(&mut self, flight: &Arc<Flight>) {
        if let Ok(found) = self.0.find_entry(flight.hash, |other| Arc::ptr_eq(other, flight)) {
            found.remove();
        }
    }

    /// Ends it, unless somebody follows it. Is it followed?
    pub(crate) fn leave(&mut self, flight: &Arc<Flight>) -> bool {
        let followed = flight.is_followed();
        if !followed {
            self.end(flight);
        }
        followed
    }

    /// Gives the lead to the next who still waits.
    pub(crate) fn pass_on(&mut self, flight: &Arc<Flight>, cache: &Arc<Cache>) {
        loop {
            let next = {
                let mut followers = flight.followers.lock();
                if followers.is_empty() { None } else { Some(followers.remove(0)) }
            };
            let Some(next) = next else { return self.end(flight) };
            let turn = Turn { flight: Some(flight.clone()), cache: cache.clone() };
            match next.send(Landing::YourTurn(turn)) {
                Ok(()) => return,
                // He has hung up.
                Err(Landing::YourTurn(mut turn)) => turn.flight = None,
                Err(Landing::Landed(_) | Landing::OnYourOwn) => {
                    unreachable!("what comes back is what was sent")
                }
            }
        }
    }
}

impl Turn {
    pub(crate) fn take(mut self) -> Arc<Flight> {
        self.flight.take().expect("a turn is taken once")
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(flight) = self.flight.take() {
            self.cache.pass_on(&flight);
        }
    }
}
