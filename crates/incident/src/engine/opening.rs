//! How an incident begins, takes in symptoms, and gets its name.

use jiff::{SignedDuration, Timestamp};

use super::suspicion::{Changes, Key};
use super::{Effect, Engine};
use crate::blast::Blast;
use crate::code::{Code, Severity};
use crate::detector::{RuleId, Symptom};
use crate::facts::Facts;
use crate::incident::{Incident, Stage, StatusSaid};
use crate::timeline::What;
use crate::triage::Diagnosis;

/// A slow leak is told once it has shown for as long; other rules say sooner what has broken.
const A_LEAK_SETTLES: SignedDuration = SignedDuration::from_mins(5);

/// Symptoms kept of an incident; what comes later shows in the timeline alone.
const SYMPTOMS_MAX: usize = 64;

impl Engine {
    /// Symptoms that speak for themselves go to their incident at once; the others wait for a cause.
    pub(super) fn symptoms_changed(&mut self, changes: Changes, now: Timestamp) {
        for (key, seen_at) in changes.gone {
            self.symptom_gone(&key, seen_at, now);
        }
        for key in changes.new {
            if !key.0.wants_a_cause() && key.0 != RuleId::BurnSlow {
                self.condition(&key, now);
            }
        }
        for key in self.settled_leaks(now) {
            self.condition(&key, now);
        }
        self.observe_again();
    }

    /// A slow leak that goes on showing and is nobody's yet: what breaks at once looks like one in its first moments.
    fn settled_leaks(&self, now: Timestamp) -> Vec<Key> {
        let belongs = |key: &Key| {
            let open = self.incidents.iter().filter(|incident| !incident.stage.is_over());
            open.flat_map(Incident::showing).any(|symptom| (symptom.rule, &symptom.place) == (key.0, &key.1))
        };
        let held = self.suspicions.held.iter().filter(|(key, held)| {
            key.0 == RuleId::BurnSlow && now.duration_since(held.since) >= A_LEAK_SETTLES && !belongs(key)
        });
        held.map(|(key, _)| key.clone()).collect()
    }

    /// The newest words for what goes on showing.
    fn observe_again(&mut self) {
        for incident in self.incidents.iter_mut().filter(|incident| !incident.stage.is_over()) {
            for symptom in incident.symptoms.iter_mut().filter(|symptom| symptom.until.is_none()) {
                let held = self.suspicions.held.get(&(symptom.rule, symptom.place.clone()));
                if let Some(held) = held {
                    symptom.observed.clone_from(&held.observed);
                }
            }
        }
    }

    /// It has been quiet for a while since it was last seen.
    fn symptom_gone(&mut self, key: &Key, seen_at: Timestamp, now: Timestamp) {
        for index in 0..self.incidents.len() {
            let shown = |symptom: &&mut Symptom| {
                symptom.until.is_none() && symptom.rule == key.0 && symptom.place == key.1
            };
            if let Some(symptom) = self.incidents[index].symptoms.iter_mut().find(shown) {
                symptom.until = Some(seen_at.max(symptom.since));
                let id = self.incidents[index].id.clone();
                self.write(&id, now, What::SymptomGone { rule: key.0, place: key.1.clone() });
                self.keep(index);
            }
        }
    }

    /// Begins an incident; whoever opens it attaches, names and tells.
    pub(super) fn open(
        &mut self,
        title: &str,
        severity: Severity,
        keys: &[Key],
        code: Option<Code>,
        blast: Blast,
        now: Timestamp,
    ) -> usize {
        let began_at = self.suspicions.first_since(keys).unwrap_or(now);
        let impact = self.cost_since(began_at - SignedDuration::from_mins(1), code, &blast);
        let id = self.next_id(now);
        self.incidents.push(Incident {
            id: id.clone(),
            stage: Stage::Open,
            severity,
            title: title.to_owned(),
            began_at,
            detected_at: began_at,
            diagnosed_at: None,
            acknowledged_at: None,
            mitigated_at: None,
            recovered_at: None,
            resolved_at: None,
            acknowledged_by: None,
            diagnosis: None,
            also: Vec::new(),
            correlation_ids: Vec::new(),
            blast,
            symptoms: Vec::new(),
            impact,
            measures: Vec::new(),
            status_page: None,
            relapses: 0,
            told_at: None,
            proven_at: None,
            waits_for: None,
            resolved_by: None,
            kept_at: now,
        });
        self.write(&id, now, What::Opened { title: title.to_owned(), severity });
        self.incidents.len() - 1
    }

    /// Gives an incident its cause, or another one.
    pub(super) fn name(&mut self, index: usize, diagnosis: Diagnosis, now: Timestamp) {
        let rules = self.incidents[index].symptoms.iter().map(|symptom| self.severity(symptom.rule)).min();
        let severity = match diagnosis.code {
            Code::Unknown => rules.unwrap_or(diagnosis.severity).min(diagnosis.severity),
            _ => diagnosis.severity,
        };
        let incident = &mut self.incidents[index];
        let before = incident.code().filter(|before| *before != diagnosis.code);
        let (id, from) = (incident.id.clone(), incident.severity);
        incident.title.clone_from(&diagnosis.title);
        incident.severity = severity;
        if diagnosis.code != Code::Unknown && incident.diagnosed_at.is_none() {
            incident.diagnosed_at = Some(now);
        }
        let what = What::Cause {
            code: diagnosis.code,
            title: diagnosis.title.clone(),
            before,
            confidence: diagnosis.confidence,
            evidence: diagnosis.evidence.clone(),
            correlation_ids: incident.correlation_ids.clone(),
            blast: incident.blast.clone(),
        };
        incident.diagnosis = Some(diagnosis);
        self.write(&id, now, what);
        if from != severity {
            self.write(&id, now, What::Severity { from, to: severity });
        }
    }

    pub(super) fn attach(&mut self, index: usize, key: &Key, now: Timestamp) {
        let Some(held) = self.suspicions.held.get(key) else { return };
        let symptom = Symptom {
            rule: key.0,
            place: key.1.clone(),
            observed: held.observed.clone(),
            since: held.since,
            until: None,
        };
        let what = What::Symptom { rule: key.0, place: key.1.clone(), observed: held.observed.clone() };
        let incident = &mut self.incidents[index];
        incident.began_at = incident.began_at.min(held.since);
        let known = incident.symptoms.iter().position(|known| known.rule == key.0 && known.place == key.1);
        match known {
            Some(place) => {
                incident.symptoms[place] = Symptom { since: incident.symptoms[place].since, ..symptom }
            }
            None if incident.symptoms.len() < SYMPTOMS_MAX => incident.symptoms.push(symptom),
            None => {}
        }
        let id = incident.id.clone();
        self.write(&id, now, what);
    }

    /// Suspicions that ask for a cause and belong to no open incident.
    pub(super) fn unattached(&self) -> Vec<Key> {
        let belongs = |key: &Key| {
            self.incidents.iter().filter(|incident| !incident.stage.is_over()).any(|incident| {
                incident.showing().any(|symptom| symptom.rule == key.0 && symptom.place == key.1)
            })
        };
        let held = self.suspicions.held.keys().filter(|key| key.0.wants_a_cause());
        held.filter(|key| !belongs(key)).cloned().collect()
    }

    /// The status page counts where the diagnosis itself rests on it.
    pub(super) fn status_page(&mut self, index: usize, cause: &Diagnosis, facts: &Facts, now: Timestamp) {
        let explains = cause.evidence.iter().any(|it| it.probe == "status_page" && it.supports);
        let page = facts.probes.status_page.as_ref().filter(|_| explains);
        let said = page.and_then(|page| page.incidents.iter().find(|said| said.concerns_api));
        let Some(said) = said.filter(|_| self.incidents[index].status_page.is_none()) else { return };
        let detected_at = self.incidents[index].detected_at;
        let first = self.incidents[index].diagnosed_at.is_none();
        // At the first look it may have stood there for long; later it is as new as our look.
        let at = said.updated_at.filter(|updated| first && *updated < now).unwrap_or(now);
        let behind_us_seconds = at.duration_since(detected_at).as_secs();
        self.incidents[index].status_page =
            Some(StatusSaid { at, name: said.name.clone(), link: said.link.clone(), behind_us_seconds });
        let id = self.incidents[index].id.clone();
        let what = What::StatusPage { name: said.name.clone(), link: said.link.clone(), behind_us_seconds };
        self.write(&id, now, what);
    }

    pub(super) fn record(&mut self, index: usize) {
        self.effects.push(Effect::Record { incident: self.incidents[index].id.clone() });
    }

    pub(super) fn severity(&self, rule: RuleId) -> Severity {
        self.settings.detectors.severity(rule).unwrap_or(Severity::P4)
    }

    /// The day, and six digits that no other incident of it has.
    fn next_id(&mut self, now: Timestamp) -> String {
        self.seed = self.seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.seed ^ (self.seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let day = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        format!(
            "{:04}{:02}{:02}-{:06x}",
            day.year(),
            day.month(),
            day.day(),
            (mixed ^ (mixed >> 31)) & 0xFF_FFFF
        )
    }
}
