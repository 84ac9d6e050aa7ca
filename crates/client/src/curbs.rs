//! Curbs: what is held back for a while because something is wrong, by an incident or by a person. Each holds for a connection
//! and an API family, or for all of them, and is lifted by the same hand. While none is on, a call pays one load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::Method;
use hubspot::endpoint::ApiFamily;
use parking_lot::Mutex;

use crate::accounts::Account;
use crate::call::{Call, Failure};
use crate::degraded::{Scope, Turned};
use crate::lane::Lane;

/// Every curb of a few dozen connections.
const HELD_MAX: usize = 256;

/// What refused callers are told to wait.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// Requests of a slowed family that may be under way at once: the least that the house ever allows by itself.
const UNDER_WAY_MAX: u32 = 4;

/// POSTs that change nothing.
const READS: [&str; 4] = ["search", "read", "idmapping", "introspect"];

/// One thing that is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curb {
    /// Writes of every lane, and all calls of `sync` and `bulk`: only what a person waits for is read.
    Parked,
    /// All calls of `bulk`.
    Shed,
    /// Only a few requests are under way at once.
    Slowed,
    /// Nothing is sent twice, neither by us nor by those who try again what has just failed.
    NoRetries,
}

/// As many are on as there may be.
#[derive(Debug, thiserror::Error)]
#[error("{HELD_MAX} curbs are on already")]
pub struct TooManyCurbs;

/// One that is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub curb: Curb,
    pub scope: Scope,
    pub reason: Arc<str>,
}

/// All that are on.
#[derive(Default)]
pub struct Curbs {
    any: AtomicBool,
    held: Mutex<Vec<Held>>,
}

impl Curb {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parked => "parked",
            Self::Shed => "shed",
            Self::Slowed => "slowed",
            Self::NoRetries => "no_retries",
        }
    }
}

impl Curbs {
    /// Turns one on or off; two who want the same each have to turn it off. `false` where it was so already.
    ///
    /// # Errors
    /// When too many are on.
    pub fn turn(&self, curb: Curb, scope: Scope, turned: Turned, reason: &str) -> Result<bool, TooManyCurbs> {
        let wanted = Held { curb, scope, reason: Arc::from(reason) };
        let mut held = self.held.lock();
        let place = held.iter().position(|known| *known == wanted);
        let changed = match (turned, place) {
            (Turned::On, None) if held.len() == HELD_MAX => return Err(TooManyCurbs),
            (Turned::On, None) => {
                held.push(wanted);
                true
            }
            (Turned::Off, Some(place)) => {
                held.remove(place);
                true
            }
            (Turned::On, Some(_)) | (Turned::Off, None) => false,
        };
        self.any.store(!held.is_empty(), Ordering::Relaxed);
        Ok(changed)
    }

    /// All that are on.
    pub fn held(&self) -> Vec<Held> {
        self.held.lock().clone()
    }

    /// # Errors
    /// Why a call may not be sent at present.
    pub(crate) fn check(&self, account: &Account, call: &Call) -> Result<(), Failure> {
        if !self.any.load(Ordering::Relaxed) {
            return Ok(());
        }
        let lane = call.handling.lane;
        let stops = |curb: Curb| match curb {
            Curb::Parked => match lane {
                // Our own questions tell when it is over.
                Lane::Probe => false,
                Lane::Interactive => is_write(&call.method, call.target.path()),
                Lane::Sync | Lane::Bulk => true,
            },
            Curb::Shed => lane == Lane::Bulk,
            Curb::Slowed | Curb::NoRetries => false,
        };
        let held = self.held.lock();
        let family = call.endpoint.family;
        let stopped =
            held.iter().find(|held| stops(held.curb) && held.scope.holds_for(&account.name, family));
        stopped.map_or(Ok(()), |held| {
            Err(Failure::Held { curb: held.curb, reason: held.reason.clone(), retry_after: RETRY_AFTER })
        })
    }

    /// Is one on for this family?
    pub(crate) fn holds(&self, curb: Curb, connection: &str, family: ApiFamily) -> bool {
        self.any.load(Ordering::Relaxed)
            && self
                .held
                .lock()
                .iter()
                .any(|held| held.curb == curb && held.scope.holds_for(connection, family))
    }

    /// Requests of a family that may be under way at once; `None` where it is not slowed.
    pub(crate) fn under_way_max(&self, connection: &str, family: ApiFamily) -> Option<u32> {
        self.holds(Curb::Slowed, connection, family).then_some(UNDER_WAY_MAX)
    }
}

fn is_write(method: &Method, path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    match *method {
        Method::POST => !READS.contains(&last),
        Method::PUT | Method::PATCH | Method::DELETE => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(connection: Option<&str>, family: Option<ApiFamily>) -> Scope {
        Scope { connection: connection.map(Arc::from), family }
    }

    #[test]
    fn each_holds_where_it_was_meant_and_until_every_hand_lets_go() {
        let curbs = Curbs::default();
        let objects = || scope(Some("a"), Some(ApiFamily::Objects));
        assert!(curbs.turn(Curb::Slowed, objects(), Turned::On, "one").unwrap());
        assert!(!curbs.turn(Curb::Slowed, objects(), Turned::On, "one").unwrap(), "it was so already");
        assert!(curbs.turn(Curb::Slowed, scope(None, None), Turned::On, "two").unwrap());
        assert_eq!(curbs.under_way_max("b", ApiFamily::Search), Some(UNDER_WAY_MAX));
        assert!(curbs.turn(Curb::Slowed, scope(None, None), Turned::Off, "two").unwrap());
        assert_eq!(curbs.under_way_max("b", ApiFamily::Search), None);
        assert_eq!(curbs.under_way_max("a", ApiFamily::Objects), Some(UNDER_WAY_MAX));
        assert!(!curbs.holds(Curb::NoRetries, "a", ApiFamily::Objects));
        curbs.turn(Curb::Slowed, objects(), Turned::Off, "one").unwrap();
        assert!(curbs.held().is_empty() && !curbs.any.load(Ordering::Relaxed));
    }

    #[test]
    fn there_are_not_more_than_fit() {
        let curbs = Curbs::default();
        for number in 0..HELD_MAX {
            curbs.turn(Curb::Shed, scope(None, None), Turned::On, &number.to_string()).unwrap();
        }
        assert!(curbs.turn(Curb::Shed, scope(None, None), Turned::On, "one more").is_err());
    }

    #[test]
    fn what_changes_something_is_a_write() {
        assert!(is_write(&Method::POST, "/crm/v3/objects/contacts"));
        assert!(is_write(&Method::PATCH, "/crm/v3/objects/contacts/1"));
        assert!(!is_write(&Method::POST, "/crm/v3/objects/contacts/search"));
        assert!(!is_write(&Method::POST, "/crm/v3/objects/contacts/batch/read"));
        assert!(!is_write(&Method::GET, "/crm/v3/objects/contacts"));
    }
}
