//! Recovery, relapse and the end. An incident is over when nothing shows, a diagnosis no longer finds its cause, and what
//! had piled up is done.

use jiff::{SignedDuration, Timestamp};

use super::{Engine, minutes, seconds};
use crate::code::{Code, Severity};
use crate::incident::Stage;
use crate::message::Moment;
use crate::timeline::What;

/// What an open incident has cost is kept as often, so that a restart loses little of it.
const KEEP: SignedDuration = SignedDuration::from_secs(60);

impl Engine {
    pub(super) fn care(&mut self, now: Timestamp) {
        for index in 0..self.incidents.len() {
            if self.incidents[index].stage.is_over() {
                continue;
            }
            let shows = self.incidents[index].showing().next().is_some();
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
    }

    pub(super) fn relapse(&mut self, index: usize, now: Timestamp) {
        let incident = &mut self.incidents[index];
        incident.stage = incident.stage_before_recovery();
        incident.recovered_at = None;
        incident.resolved_at = None;
        incident.proven_at = None;
        incident.relapses += 1;
        let id = incident.id.clone();
        self.write(&id, now, What::Relapsed);
        self.keep(index);
    }

    /// What a diagnosis means for those that wait for proof.
    pub(super) fn weigh_recovery(&mut self, standing: &[Code], verdict: Code, now: Timestamp) {
        for index in 0..self.incidents.len() {
            let incident = &self.incidents[index];
            if !incident.awaits_proof() {
                continue;
            }
            let still = incident.code().is_some_and(|code| standing.contains(&code) || code == verdict);
            let observed = if still {
                "a diagnosis finds the cause still there".to_owned()
            } else {
                format!("nothing shows, and a diagnosis says {}", verdict.id())
            };
            let id = incident.id.clone();
            if !still {
                self.incidents[index].proven_at = Some(now);
            }
            self.write(&id, now, What::Proof { holds: !still, observed });
            self.keep(index);
        }
    }

    fn end_if_proven(&mut self, index: usize, now: Timestamp) {
        let calm = seconds(self.settings.response.calm_seconds);
        let incident = &self.incidents[index];
        let proven = incident.proven_at.is_some() || !incident.was_diagnosed();
        let long_enough = incident.recovered_at.is_some_and(|at| now.duration_since(at) >= calm);
        let behind = incident.was_diagnosed() && self.memory.is_behind();
        if proven && long_enough && !behind {
            self.resolve(index, None, now);
        }
    }

    pub(super) fn resolve(&mut self, index: usize, by: Option<&str>, now: Timestamp) {
        self.take_back_measures(index, now);
        let incident = &mut self.incidents[index];
        incident.stage = Stage::Resolved;
        incident.resolved_at = Some(now);
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
