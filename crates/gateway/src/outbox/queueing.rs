//! Keeping all writes for a while: they are accepted to be applied later, instead of being sent at once.
//!
//! Once it is turned off, writes go at once again, but none overtakes one on the same record that was kept meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};

use client::degraded::{Scope, Turned};
use parking_lot::Mutex;

use super::wish::Queue;

/// What is kept, and what was kept not long ago.
#[derive(Default)]
pub struct Queueing {
    any: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    on: Vec<Scope>,
    /// Turned off, and not everything has been applied since.
    draining: Vec<Scope>,
}

impl Queueing {
    /// Turns it on or off. `false` where it was so already.
    pub fn turn(&self, scope: Scope, turned: Turned) -> bool {
        let mut state = self.state.lock();
        let place = state.on.iter().position(|known| *known == scope);
        let changed = match (turned, place) {
            (Turned::On, None) => {
                state.draining.retain(|known| *known != scope);
                state.on.push(scope);
                true
            }
            (Turned::Off, Some(place)) => {
                let scope = state.on.remove(place);
                state.draining.push(scope);
                true
            }
            (Turned::On, Some(_)) | (Turned::Off, None) => false,
        };
        self.note(&state);
        changed
    }

    /// Something was turned off, and not everything has been applied since.
    pub(super) fn is_draining(&self) -> bool {
        self.any.load(Ordering::Relaxed) && !self.state.lock().draining.is_empty()
    }

    /// Nothing waits any more, at a look that began while it was draining.
    pub(super) fn drained(&self) {
        let mut state = self.state.lock();
        state.draining.clear();
        self.note(&state);
    }

    /// What is to be done with a write that `asked` for this, and that a scope may hold for.
    pub(super) fn turn_to(&self, asked: Queue, holds_for: impl Fn(&Scope) -> bool) -> Queue {
        if !self.any.load(Ordering::Relaxed) {
            return asked;
        }
        let state = self.state.lock();
        let holds = |scopes: &[Scope]| scopes.iter().any(&holds_for);
        if holds(&state.on) {
            Queue::Always
        } else if asked == Queue::Never && holds(&state.draining) {
            Queue::Behind
        } else {
            asked
        }
    }

    fn note(&self, state: &State) {
        self.any.store(!(state.on.is_empty() && state.draining.is_empty()), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hubspot::endpoint::ApiFamily;

    use super::*;

    #[test]
    fn writes_are_kept_while_it_is_on_and_do_not_overtake_afterwards() {
        let queueing = Queueing::default();
        let scope = || Scope { connection: Some(Arc::from("a")), family: None };
        let of = |asked, name: &'static str| {
            queueing.turn_to(asked, |scope| scope.holds_for(name, ApiFamily::Objects))
        };
        let now = |asked| of(asked, "a");
        assert_eq!(now(Queue::Never), Queue::Never);
        assert!(queueing.turn(scope(), Turned::On) && !queueing.turn(scope(), Turned::On));
        assert_eq!((now(Queue::Never), now(Queue::OnOutage)), (Queue::Always, Queue::Always));
        assert_eq!(of(Queue::Never, "b"), Queue::Never);
        queueing.drained();
        assert_eq!(now(Queue::Never), Queue::Always, "an empty outbox does not turn it off");
        assert!(queueing.turn(scope(), Turned::Off));
        assert_eq!((now(Queue::Never), now(Queue::OnOutage)), (Queue::Behind, Queue::OnOutage));
        assert!(queueing.is_draining());
        queueing.drained();
        assert_eq!(now(Queue::Never), Queue::Never);
    }
}
