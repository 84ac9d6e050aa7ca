//! Mitigations, done. Each one leaves an audit line where it is done, and can be taken back.

use std::sync::Arc;

use client::degraded::{By, Scope, Turned};
use client::stack::Stack;
use hubspot::endpoint::ApiFamily;
use incident::mitigation::{Measure, Mitigation, Turn};

/// What can be turned.
pub(crate) struct Acts {
    pub(crate) stack: Arc<Stack>,
}

impl Acts {
    /// What this program is able to do.
    pub(crate) const CAN: &'static [Mitigation] = &[Mitigation::ServeStale];

    pub(super) fn turn(&self, incident: &str, measure: &Measure) {
        let turned = match measure.turn {
            Turn::On => Turned::On,
            Turn::Off => Turned::Off,
            Turn::Offered => return,
        };
        match measure.mitigation {
            Mitigation::ServeStale => self.serve_stale(incident, measure, turned),
            Mitigation::ParkLane
            | Mitigation::QueueWrites
            | Mitigation::CutRetries
            | Mitigation::ReloadSecret
            | Mitigation::SlowFamily
            | Mitigation::ShedBulk => {
                tracing::warn!(
                    incident,
                    mitigation = measure.mitigation.name(),
                    "this version cannot do it by itself"
                );
            }
        }
    }

    fn serve_stale(&self, incident: &str, measure: &Measure, turned: Turned) {
        let scope = Scope {
            connection: measure.place.connection.as_deref().map(Arc::from),
            family: measure.place.family.as_deref().and_then(ApiFamily::parse),
        };
        let reason = format!("incident {incident}");
        if let Err(error) = self.stack.degrade(By::Incident, scope, turned, &reason) {
            tracing::warn!(incident, %error, "degraded mode could not be turned");
        }
    }
}
