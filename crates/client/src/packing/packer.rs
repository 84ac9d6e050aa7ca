//! Packing for one account: its lines, the order of its records' calls, and whether it is under pressure.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::counts::{Counters, PackingCounts};
use super::line::Line;
use super::order::{Order, Ticket};
use super::pressure::Pressure;
use super::shape::Shape;
use super::single::Single;

/// Lines kept at once; a call of one more shape goes by itself.
const LINES_MAX: usize = 64;

/// Until the limit is known: that of the smallest plan, facts §1.1.
const PACE: Duration = Duration::from_millis(100);

pub(crate) struct Packer {
    state: Mutex<State>,
    order: Arc<Order>,
    /// Members in all lines.
    waiting: Arc<AtomicUsize>,
    counters: Counters,
}

struct State {
    pressure: Pressure,
    /// What the window sustains: one call in this time.
    pace: Duration,
    lines: HashMap<Shape, Arc<Line>>,
}

impl Default for Packer {
    fn default() -> Self {
        let state = State { pressure: Pressure::new(Instant::now()), pace: PACE, lines: HashMap::new() };
        Self {
            state: Mutex::new(state),
            order: Arc::default(),
            waiting: Arc::default(),
            counters: Counters::default(),
        }
    }
}

impl Packer {
    /// Counts the arrival of a call on one record. `true` under pressure: more arrive than one in each `pace`, which is
    /// asked for only where it matters.
    pub(crate) fn arrives(&self, now: Instant, pace: impl FnOnce() -> Duration) -> bool {
        let mut state = self.state.lock();
        let known = state.pace;
        if !state.pressure.arrives(known, now) {
            return false;
        }
        state.pace = pace();
        if state.pace < known {
            state.pressure.forget();
        }
        state.pace >= known
    }

    /// Nobody waits whom a call could overtake.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting() == 0 && self.order.is_empty()
    }

    /// Members in all lines.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// A place in the order of one record's calls.
    pub(crate) fn ticket(&self, single: &Single<'_>, caller: &Arc<str>) -> Ticket {
        self.order.enter(single, caller)
    }

    /// The line of a shape. `None` when there are too many.
    pub(crate) fn line(&self, shape: Shape, now: Instant) -> Option<Arc<Line>> {
        let lines = &mut self.state.lock().lines;
        if let Some(line) = lines.get(&shape) {
            return Some(line.clone());
        }
        lines.retain(|_, line| !line.is_idle(now));
        if lines.len() >= LINES_MAX {
            return None;
        }
        let line = Arc::new(Line::new(shape.clone(), self.waiting.clone(), now));
        lines.insert(shape, line.clone());
        Some(line)
    }

    pub(crate) fn packed(&self, items: usize) {
        self.counters.packed(items);
    }

    pub(crate) fn alone_after_all(&self) {
        self.counters.alone_after_all();
    }

    pub(crate) fn counts(&self) -> PackingCounts {
        self.counters.read()
    }
}
