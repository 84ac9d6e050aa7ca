//! Rules that speak for themselves: what they observe is an incident without any tree, or after the trees found nothing.

use jiff::{SignedDuration, Timestamp};

use super::suspicion::{Answer, Key};
use super::{Engine, correlation, minutes};
use crate::blast::Blast;
use crate::code::Code;
use crate::detector::{Asks, RuleId};
use crate::incident::Incident;
use crate::message::Moment;
use crate::triage::Diagnosis;

/// Diagnoses that find nothing before a rule speaks that asks first.
const CLEARED_MIN: u32 = 2;

/// A leak drips by chance: within the shorter of its windows it is the same.
const A_LEAK_IS_BACK: SignedDuration = SignedDuration::from_hours(6);

impl Engine {
    /// One incident for each rule that speaks for itself, unless the cause of an open one explains it.
    pub(super) fn condition(&mut self, key: &Key, now: Timestamp) {
        let code = key.0.code();
        let open = |incident: &Incident| !incident.stage.is_over();
        let home = self.incidents.iter().rposition(|incident| {
            let explained = incident.code().is_some_and(|cause| {
                code.is_some_and(|other| correlation::explains(cause, other))
                    || correlation::brings_about(cause, key.0)
            });
            let same =
                incident.symptoms.iter().any(|symptom| correlation::is_one_matter(symptom.rule, key.0));
            let leak = key.0 == RuleId::BurnSlow && correlation::costs_calls(incident);
            open(incident) && (explained || same || leak)
        });
        if home.is_none() && self.is_what_just_ended_has_cost(key.0, now) {
            // At the next look it is new again, until enough time has passed.
            self.suspicions.held.remove(key);
            return;
        }
        if home.is_none()
            && let Some(index) = self.was_here_lately(key.0, now)
        {
            self.relapse(index, now);
            self.attach(index, key, now);
            return self.keep(index);
        }
        let index = home.unwrap_or_else(|| {
            let severity = self.settings.detectors.severity(key.0).unwrap_or(key.0.severity());
            self.open(key.0.title(), severity, std::slice::from_ref(key), code, Blast::default(), now)
        });
        self.attach(index, key, now);
        if home.is_none() {
            if let Some(code) = code {
                self.incidents[index].diagnosis = Some(self.by_itself(code, key));
            }
            self.incidents[index].diagnosed_at = Some(now);
            self.tell(index, Moment::Opened, now);
        }
        self.keep(index);
    }

    /// The incident that this rule opened by itself, which ended not long ago and by itself: it is back.
    fn was_here_lately(&self, rule: RuleId, now: Timestamp) -> Option<usize> {
        let reopen = if rule == RuleId::BurnSlow {
            A_LEAK_IS_BACK
        } else {
            minutes(self.settings.response.reopen_minutes)
        };
        self.incidents.iter().rposition(|incident| {
            let by_itself = incident.resolved_by.is_none()
                && incident.code().is_none_or(|code| Some(code) == rule.code());
            let lately = incident.resolved_at.is_some_and(|at| now.duration_since(at) < reopen);
            let same = incident.symptoms.iter().any(|symptom| correlation::is_one_matter(symptom.rule, rule));
            by_itself && lately && same
        })
    }

    /// An objective's hours and days hold what an incident cost that is just over, and a single failure more is no new trouble; if
    /// it is the same again, it comes back by its own symptoms.
    pub(super) fn is_what_just_ended_has_cost(&self, rule: RuleId, now: Timestamp) -> bool {
        let reopen = minutes(self.settings.response.reopen_minutes);
        let explains = |incident: &Incident| {
            correlation::costs_calls(incident)
                && incident.resolved_at.is_some_and(|at| now.duration_since(at) < reopen)
        };
        let burns = matches!(rule, RuleId::BurnSlow | RuleId::BurnMiddle | RuleId::BurnFast);
        burns && self.incidents.iter().any(explains)
    }

    /// A rule that names its cause needs no tree.
    fn by_itself(&self, code: Code, key: &Key) -> Diagnosis {
        let front = &self.runbooks.page(code).front;
        let observed = self.suspicions.held.get(key).map(|held| held.observed.clone()).unwrap_or_default();
        Diagnosis {
            code,
            title: key.0.title().to_owned(),
            confidence: 0.9,
            severity: key.0.severity(),
            blame: front.blame,
            evidence: vec![crate::triage::Evidence { probe: key.0.name().into(), observed, supports: true }],
            remedy: front.remedy.clone(),
            escalation: front.escalation.clone(),
            runbook: code.id().to_owned(),
        }
    }

    /// Those that asked first, and were told nothing.
    pub(super) fn speak_for_themselves(&mut self, now: Timestamp) -> Answer {
        let asked = |key: &Key| {
            key.0.asks() == Asks::DiagnosisFirst
                && self.suspicions.held.get(key).is_some_and(|held| held.cleared >= CLEARED_MIN)
        };
        let keys: Vec<Key> = self.unattached().into_iter().filter(asked).collect();
        keys.iter().for_each(|key| self.condition(key, now));
        if keys.is_empty() { Answer::Same } else { Answer::New }
    }
}
