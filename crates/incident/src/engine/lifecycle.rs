//! Recovery, relapse and the end; `recovery` says what an end has to be proven with.

use jiff::{SignedDuration, Timestamp};

use super::{Engine, minutes};
use crate::code::Severity;
use crate::incident::Stage;
use crate::message::Moment;
use crate::mitigation::Turn;
use crate::timeline::What;

/// What an open incident has cost is kept as often, so that a restart loses little of it.
const KEEP: SignedDuration = SignedDuration::from_secs(60);

impl Engine {
    pub(super) fn care(&mut self, now: Timestamp) {
        for index in 0..self.incidents.len() {
            if self.incidents[index].stage.is_over() {
                continue;
            }
            let shows = self.incidents[index].goes_on();
            match (self.incidents[index].stage == Stage::Recovering, shows) {
                (false, false) => self.seems_over(index, now),
                (true, true) => self.relapse(index, now),
                (true, false) => self.end_if_proven(index, now),
                (false, true) => {}
            }
            self.tell_again(index, now);
            if now.duration_since(self.incidents[index].kept_at) >= KEEP {
                self.incidents[index].kept_at = now;
                self.keep(index);
            }
        }
    }

    /// How often people are told, by severity; `None` is not again.
    pub(super) fn cadence(&self, severity: Severity) -> Option<SignedDuration> {
        match severity {
            Severity::P1 => Some(minutes(self.settings.response.update_minutes_p1)),
            Severity::P2 => Some(minutes(self.settings.response.update_minutes_p2)),
            Severity::P3 | Severity::P4 | Severity::None => None,
        }
    }

    fn tell_again(&mut self, index: usize, now: Timestamp) {
        let incident = &self.incidents[index];
        let due = self.cadence(incident.severity).zip(incident.told_at);
        if !incident.stage.is_over() && due.is_some_and(|(cadence, told)| now.duration_since(told) >= cadence)
        {
            self.tell(index, Moment::Update, now);
            self.keep(index);
        }
    }

    fn seems_over(&mut self, index: usize, now: Timestamp) {
        let incident = &mut self.incidents[index];
        incident.stage = Stage::Recovering;
        let last = incident.symptoms.iter().filter_map(|symptom| symptom.until).max();
        incident.recovered_at = Some(last.unwrap_or(now));
        incident.proven_at = None;
        let id = incident.id.clone();
        self.write(&id, now, What::Recovering);
        self.keep(index);
        // However long it went on and however rarely a cause was asked for in the end.
        self.suspicions.hurry();
    }

    pub(super) fn relapse(&mut self, index: usize, now: Timestamp) {
        let incident = &mut self.incidents[index];
        // What was turned off because it seemed over may be turned on again; what a person turned off before may not.
        if let Some(recovered_at) = incident.recovered_at {
            incident.measures.retain(|measure| measure.turn != Turn::Off || measure.at < recovered_at);
        }
        incident.stage = incident.stage_before_recovery();
        incident.recovered_at = None;
        incident.resolved_at = None;
        incident.proven_at = None;
        incident.waits_for = None;
        incident.relapses += 1;
        let id = incident.id.clone();
        self.write(&id, now, What::Relapsed);
        if let Some(code) = self.incidents[index].code() {
            self.offer_measures(index, code, now);
        }
        self.keep(index);
    }

    pub(super) fn resolve(&mut self, index: usize, by: Option<&str>, now: Timestamp) {
        self.take_back_measures(index, now);
        let incident = &mut self.incidents[index];
        incident.stage = Stage::Resolved;
        incident.resolved_at = Some(now);
        incident.waits_for = None;
        incident.recovered_at = incident.recovered_at.or(Some(now));
        incident.resolved_by = by.map(Into::into);
        for symptom in incident.symptoms.iter_mut().filter(|symptom| symptom.until.is_none()) {
            symptom.until = Some(now);
        }
        let id = incident.id.clone();
        if by.is_none() {
            self.write(&id, now, What::Resolved { by_hand: false });
        }
        self.tell(index, Moment::Resolved, now);
        self.keep(index);
    }
}
