//! What we do ourselves: as far as it is allowed, on the place concerned, and taken back at the end.

use jiff::Timestamp;

use super::{Effect, Engine};
use crate::code::Code;
use crate::incident::Stage;
use crate::mitigation::{Measure, Mitigation, Permission, Turn};
use crate::timeline::{By, Entry, What};

impl Engine {
    /// Does what may be done against a cause, and offers the rest.
    pub(super) fn offer_measures(&mut self, index: usize, code: Code, now: Timestamp) {
        for mitigation in Mitigation::against(code) {
            let known = self.incidents[index].measures.iter().any(|known| known.mitigation == mitigation);
            let turn = match self.permission(mitigation) {
                Permission::On => Turn::On,
                Permission::Ask => Turn::Offered,
                Permission::Off => continue,
            };
            if !known {
                let place = self.incidents[index].blast.place();
                let why = format!("helps against {}", code.id());
                self.turn(index, Measure { mitigation, place, turn, at: now }, &By::Hubkeeper, why);
            }
        }
    }

    /// Turns one on, off, or offers it.
    pub(super) fn turn(&mut self, index: usize, measure: Measure, by: &By, why: String) {
        let incident = &mut self.incidents[index];
        let id = incident.id.clone();
        incident.measures.retain(|known| known.mitigation != measure.mitigation);
        incident.measures.push(measure.clone());
        if measure.turn == Turn::On && incident.mitigated_at.is_none() {
            incident.mitigated_at = Some(measure.at);
        }
        if measure.turn == Turn::On && matches!(incident.stage, Stage::Open | Stage::Acknowledged) {
            incident.stage = Stage::Mitigated;
        }
        let what = What::Measure {
            mitigation: measure.mitigation,
            turn: measure.turn,
            place: measure.place.clone(),
            why,
        };
        let entry = Entry { at: measure.at, by: by.clone(), what };
        self.effects.push(Effect::Write { incident: id.clone(), entry });
        if measure.turn != Turn::Offered {
            self.effects.push(Effect::Act { incident: id, by: by.clone(), measure });
        }
    }

    /// At the end nothing of ours stays on.
    pub(super) fn take_back_measures(&mut self, index: usize, now: Timestamp) {
        let on = |measure: &&Measure| measure.turn == Turn::On && !measure.mitigation.stays();
        let standing: Vec<Measure> = self.incidents[index].measures.iter().filter(on).cloned().collect();
        for measure in standing {
            let off = Measure { turn: Turn::Off, at: now, ..measure };
            self.turn(index, off, &By::Hubkeeper, "the incident is over".into());
        }
    }

    fn permission(&self, mitigation: Mitigation) -> Permission {
        let set = self.settings.permissions.iter().find(|(known, _)| *known == mitigation);
        set.map_or(Permission::Off, |(_, permission)| *permission)
    }
}
