//! The outbox, as it stood at its last look, seconds ago.

use gateway::outbox::Outbox;
use store::outbox::State;

use super::Readings;
use crate::metrics::Metric;

impl Readings {
    pub(super) fn outbox(&mut self, outbox: &Outbox) {
        let (standing, totals) = (outbox.standing(), outbox.totals());
        for state in State::ALL {
            self.level(Metric::OutboxOperations, &[state.name()], standing.of(state) as f64);
        }
        let settled =
            [(State::Applied, totals.applied), (State::Dead, totals.dead), (State::Unknown, totals.unknown)];
        self.count(Metric::OutboxAccepted, &[], totals.accepted);
        for (state, count) in settled {
            self.count(Metric::OutboxSettled, &[state.name()], count);
        }
        self.count(Metric::OutboxAgain, &[], totals.again);
        let oldest = standing.oldest_accepted_at.map(|at| outbox.now().duration_since(at).as_secs_f64());
        self.level(Metric::OutboxOldest, &[], oldest.unwrap_or(0.0).max(0.0));
        if let Some(seconds) = outbox.outlook().catch_up.seconds() {
            self.level(Metric::OutboxCatchUp, &[], seconds);
        }
        self.level(Metric::StoreRefusing, &[], f64::from(u8::from(outbox.refusing().is_some())));
    }
}
