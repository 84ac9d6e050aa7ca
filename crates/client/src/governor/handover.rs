//! A gate as it is handed to the next process: its day, its ledger, its slots.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Governor;
use super::daily::DayHandover;
use super::desk::Desk;
use super::ledger::LedgerHandover;
use super::slots::SlotsHandover;
use super::state::{ASSOCIATIONS, SEARCH, State};
use crate::handover::{Leaving, passed};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct GateHandover {
    day: DayHandover,
    spent: LedgerHandover,
    /// Of search and associations, whose answers carry no headers. Only from a process that had stopped sending.
    slots: Option<[SlotsHandover; 2]>,
}

impl GateHandover {
    pub(crate) fn is_sound(&self) -> bool {
        self.day.is_sound() && self.spent.is_sound()
    }

    /// For the process after the next.
    pub(crate) fn passed_on(self) -> Self {
        Self { slots: None, ..self }
    }
}

impl Governor {
    /// HubSpot has told this gate something that is worth keeping.
    pub(crate) fn has_been_told(&self) -> bool {
        self.state.lock().daily.was_told()
    }

    pub(crate) fn hand_over(&self, leaving: Leaving) -> GateHandover {
        let now = Instant::now();
        let mut state = self.state.lock();
        let slots = match leaving {
            Leaving::Not => None,
            Leaving::Now => Some(SHARED_DESKS.map(|number| state.desks[number].slots.hand_over(now))),
        };
        let wall = state.wall.time(now);
        let day = state.daily.hand_over(wall);
        let spent = self.ledger.lock().hand_over(state.daily.day_starts());
        GateHandover { day, spent, slots }
    }

    /// Goes on where another process stopped at `written_at`; for a gate that nobody has gone through yet.
    pub(crate) fn take_over(&self, handed: GateHandover, written_at: Timestamp) {
        let now = Instant::now();
        let GateHandover { day, spent, slots } = handed;
        let mut state = self.state.lock();
        let wall = state.wall.time(now);
        state.daily.take_over(day, written_at, wall);
        self.ledger.lock().take_over(spent, state.daily.day_starts());
        if let Some(slots) = slots {
            state.resume(&slots, passed(written_at, wall), now);
        }
    }
}

/// The desks whose slots are handed over.
const SHARED_DESKS: [usize; 2] = [SEARCH, ASSOCIATIONS];

impl State {
    fn resume(&mut self, handed: &[SlotsHandover; 2], passed: Duration, now: Instant) {
        for (number, slots) in SHARED_DESKS.into_iter().zip(handed) {
            let Desk { slots: place, .. } = &mut self.desks[number];
            place.resume(slots, passed, now);
        }
    }
}
