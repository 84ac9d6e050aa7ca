//! Calls on one record do not overtake each other.
//!
//! Alone, calls go in the order they came. In lines they might not: a pack takes its members late, and a write that no
//! pack can carry has a way of its own. So a call that has to wait takes a ticket for its record, and goes no further
//! before earlier ones that it must not overtake have ended: of two writes the later, and of a read and a write by one
//! caller.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

use hubspot::object_type::ObjectType;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::single::Single;

/// The tickets of one account.
#[derive(Default)]
pub(super) struct Order {
    state: Mutex<State>,
    hasher: RandomState,
}

#[derive(Default)]
struct State {
    given: u64,
    /// By the record's hash. Should two records have the same, their calls wait for each other in vain.
    records: HashMap<u64, Vec<Entry>>,
}

struct Entry {
    number: u64,
    caller: Arc<str>,
    writes: bool,
    ended: Arc<Notify>,
}

/// A place in the order of one record's calls, until it is dropped.
pub(crate) struct Ticket {
    order: Arc<Order>,
    record: u64,
    number: u64,
}

impl Order {
    pub(super) fn is_empty(&self) -> bool {
        self.state.lock().records.is_empty()
    }

    pub(super) fn enter(self: &Arc<Self>, single: &Single<'_>, caller: &Arc<str>) -> Ticket {
        let record = self.hash(single);
        let mut state = self.state.lock();
        state.given += 1;
        let number = state.given;
        let ended = Arc::new(Notify::new());
        let entry = Entry { number, caller: caller.clone(), writes: single.writes(), ended };
        state.records.entry(record).or_default().push(entry);
        Ticket { order: self.clone(), record, number }
    }

    /// A type has an id and names, and an e-mail address any letter case.
    fn hash(&self, single: &Single<'_>) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        match ObjectType::parse(single.kind) {
            Some(kind) => kind.hash(&mut hasher),
            None => single.kind.to_ascii_lowercase().hash(&mut hasher),
        }
        single.record.to_ascii_lowercase().hash(&mut hasher);
        std::hash::Hasher::finish(&hasher)
    }
}

impl Ticket {
    /// Whether an earlier call has to end first.
    pub(crate) fn is_blocked(&self) -> bool {
        let state = self.order.state.lock();
        state.blocker(self.record, self.number).is_some()
    }

    /// Waits until no earlier call has to end first.
    pub(crate) async fn turn(&self) {
        loop {
            let ended;
            let notified = {
                let state = self.order.state.lock();
                let Some(blocker) = state.blocker(self.record, self.number) else { return };
                ended = blocker.ended.clone();
                ended.notified()
            };
            notified.await;
        }
    }
}

impl State {
    /// The latest of the earlier calls that `number` must not overtake.
    fn blocker(&self, record: u64, number: u64) -> Option<&Entry> {
        let entries = self.records.get(&record)?;
        let place = entries.binary_search_by_key(&number, |entry| entry.number).ok()?;
        let (earlier, own) = (&entries[..place], &entries[place]);
        earlier.iter().rev().find(|entry| own.yields_to(entry))
    }
}

impl Entry {
    fn yields_to(&self, earlier: &Self) -> bool {
        match (self.writes, earlier.writes) {
            (true, true) => true,
            (false, false) => false,
            (true, false) | (false, true) => self.caller == earlier.caller,
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = self.order.state.lock();
        let Some(entries) = state.records.get_mut(&self.record) else { return };
        if let Ok(place) = entries.binary_search_by_key(&self.number, |entry| entry.number) {
            entries.remove(place).ended.notify_waiters();
        }
        if entries.is_empty() {
            state.records.remove(&self.record);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;
    use rstest::rstest;

    fn enter(order: &Arc<Order>, method: &str, path: &str, caller: &str) -> Ticket {
        let method: Method = method.parse().unwrap();
        order.enter(&Single::read(&method, path).unwrap(), &Arc::from(caller))
    }

    const ONE: &str = "/crm/v3/objects/contacts/1";

    #[rstest]
    #[case::reads("GET", "a", "GET", "a", false)]
    #[case::own_read_after_write("PATCH", "a", "GET", "a", true)]
    #[case::own_write_after_read("GET", "a", "PATCH", "a", true)]
    #[case::own_archive_after_read("GET", "a", "DELETE", "a", true)]
    #[case::writes("PATCH", "a", "PATCH", "b", true)]
    #[case::anothers_read_after_write("PATCH", "a", "GET", "b", false)]
    #[case::anothers_write_after_read("GET", "a", "PATCH", "b", false)]
    fn who_waits_for_whom(
        #[case] first: &str,
        #[case] firsts: &str,
        #[case] second: &str,
        #[case] seconds: &str,
        #[case] waits: bool,
    ) {
        let order = Arc::new(Order::default());
        let first = enter(&order, first, ONE, firsts);
        let second = enter(&order, second, "/crm/objects/2026-03/0-1/1", seconds);
        let elsewhere = enter(&order, "PATCH", "/crm/v3/objects/deals/1", seconds);
        assert_eq!((second.is_blocked(), elsewhere.is_blocked()), (waits, false));
        drop(first);
        assert!(!second.is_blocked());
        drop((second, elsewhere));
        assert!(order.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn turns_come_in_the_order_of_arrival() {
        let order = Arc::new(Order::default());
        let told = Arc::new(Mutex::new(Vec::new()));
        let tickets: Vec<_> = (0..5).map(|_| enter(&order, "PATCH", ONE, "a")).collect();
        let tasks: Vec<_> = tickets
            .into_iter()
            .enumerate()
            .rev()
            .map(|(number, ticket)| {
                let told = told.clone();
                tokio::spawn(async move {
                    ticket.turn().await;
                    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                    told.lock().push(number);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*told.lock(), [0, 1, 2, 3, 4]);
    }
}
