//! How the room stands, for those who cannot wait for a disk: counted as it decides, read by metrics; and what it has decided
//! that the store has not taken yet.

use std::collections::BTreeMap;

use incident::code::Severity;
use incident::incident::Incident;
use incident::mitigation::{Mitigation, Turn};
use parking_lot::Mutex;
use store::incidents::IncidentStep;

/// Kept by the room.
#[derive(Default)]
pub(crate) struct Board {
    standing: Mutex<Standing>,
    unkept: Mutex<IncidentStep>,
}

/// What was counted since the start, and what stands now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Incidents that go on.
    pub(crate) open: BTreeMap<&'static str, u64>,
    /// Measures that are on.
    pub(crate) measures: BTreeMap<&'static str, u64>,
    /// Incidents opened, by what they were thought to be then.
    pub(crate) opened: BTreeMap<&'static str, u64>,
    pub(crate) diagnoses: u64,
    /// Messages by channel, and how their last try ended.
    pub(crate) notices: BTreeMap<(String, &'static str), u64>,
}

/// An incident without a cause that has a name.
const NAMELESS: &str = "none";

impl Board {
    pub(crate) fn standing(&self) -> Standing {
        self.standing.lock().clone()
    }

    /// What the store has refused so far.
    pub(super) fn unkept(&self) -> IncidentStep {
        self.unkept.lock().clone()
    }

    pub(super) fn waits(&self, step: IncidentStep) {
        *self.unkept.lock() = step;
    }

    pub(super) fn stands(&self, incidents: &[Incident]) {
        let mut open: BTreeMap<&'static str, u64> =
            [Severity::P1, Severity::P2, Severity::P3, Severity::P4].map(|it| (it.name(), 0)).into();
        let mut measures: BTreeMap<&'static str, u64> = Mitigation::ALL.map(|it| (it.name(), 0)).into();
        for incident in incidents.iter().filter(|incident| !incident.stage.is_over()) {
            *open.entry(incident.severity.name()).or_default() += 1;
            for measure in incident.measures.iter().filter(|measure| measure.turn == Turn::On) {
                *measures.entry(measure.mitigation.name()).or_default() += 1;
            }
        }
        let mut standing = self.standing.lock();
        (standing.open, standing.measures) = (open, measures);
    }

    pub(super) fn opened(&self, code: Option<incident::code::Code>) {
        let name = code.map_or(NAMELESS, incident::code::Code::id);
        *self.standing.lock().opened.entry(name).or_default() += 1;
    }

    pub(super) fn diagnosed(&self) {
        self.standing.lock().diagnoses += 1;
    }

    pub(super) fn tried(&self, channel: &str, result: &'static str) {
        *self.standing.lock().notices.entry((channel.to_owned(), result)).or_default() += 1;
    }
}
