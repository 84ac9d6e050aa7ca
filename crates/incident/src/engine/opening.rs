//! How an incident begins, and takes in symptoms and causes.

use jiff::{SignedDuration, Timestamp};

use super::correlation::{self, Home};
use super::suspicion::{Answer, Changes, Key};
use super::{Effect, Engine, minutes};
use crate::blast::Blast;
use crate::code::{Code, Severity};
use crate::detector::{RuleId, Symptom};
use crate::diagnose::{causes, diagnose};
use crate::facts::Facts;
use crate::incident::{Impact, Incident, Stage, StatusSaid};
use crate::message::Moment;
use crate::timeline::What;
use crate::triage::{Diagnosis, Suspicion};

/// Diagnoses that find nothing while a grave rule goes on holding; then it is an incident without a name.
const CLEARED_MAX: u32 = 4;

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

    pub(super) fn diagnosed(&mut self, facts: &Facts, now: Timestamp) {
        let triage = diagnose(facts, &self.runbooks);
        let all = causes(facts, &self.runbooks);
        let standing: Vec<Code> = all.iter().map(|cause| cause.code).collect();
        let late = facts.of_late();
        let goes_on: Vec<Code> = causes(&late, &self.runbooks).iter().map(|cause| cause.code).collect();
        if self.incidents.iter().any(Incident::awaits_proof) {
            let verdict = diagnose(&late, &self.runbooks).diagnosis.code;
            self.weigh_recovery(&goes_on, verdict, facts, now);
        }
        self.correlation_ids.clone_from(&triage.correlation_ids);
        let answer = match triage.diagnosis.code {
            Code::Healthy => self.nothing_found(now),
            Code::Unknown => self.nameless(Some((triage.diagnosis, triage.also)), facts, now),
            _ => {
                let own: Vec<Diagnosis> = all
                    .iter()
                    .filter(|cause| {
                        let is_news = goes_on.contains(&cause.code) && !correlation::is_aftermath(cause.code);
                        is_news || !self.has_left(cause.code)
                    })
                    .filter(|cause| {
                        !all.iter().any(|other| {
                            other.code != cause.code && correlation::explains(other.code, cause.code)
                        })
                    })
                    .cloned()
                    .collect();
                self.named(&own, &triage.also, &standing, facts, now)
            }
        };
        self.pause_after(answer, now);
    }

    /// Traffic remembers for a quarter of an hour what an incident has brought about; it is no cause of its own once that is mended.
    fn has_left(&self, code: Code) -> bool {
        let open = self.incidents.iter().filter(|incident| !incident.stage.is_over());
        let brought = |known: Code| known != code && correlation::explains(known, code);
        open.filter_map(Incident::code).any(brought)
    }

    /// Nobody could tell us anything.
    pub(super) fn no_diagnosis_came(&mut self, now: Timestamp) {
        self.nameless(None, &Facts::default(), now);
        self.pause_after(Answer::Same, now);
    }

    /// The same answer again and again need not be asked for as often.
    fn pause_after(&mut self, answer: Answer, now: Timestamp) {
        let response = self.settings.response;
        let goes_on = self.incidents.iter().any(|incident| !incident.stage.is_over());
        let max = if goes_on { response.diagnosis_seconds_max } else { response.diagnosis_seconds_idle };
        self.suspicions.answered(answer, now, response.diagnosis_seconds, max);
    }

    fn nothing_found(&mut self, now: Timestamp) -> Answer {
        for ((rule, _), held) in &mut self.suspicions.held {
            if rule.wants_a_cause() {
                held.cleared += 1;
            }
        }
        let stubborn: Vec<Key> = self
            .unattached()
            .into_iter()
            .filter(|key| self.severity(key.0) <= Severity::P2)
            .filter(|key| !self.is_what_just_ended_has_cost(key.0, now))
            .filter(|key| self.suspicions.held.get(key).is_some_and(|held| held.cleared >= CLEARED_MAX))
            .collect();
        if stubborn.is_empty() {
            return self.speak_for_themselves(now);
        }
        self.nameless(None, &Facts::default(), now)
    }

    /// Something is off that has no name; only a grave rule makes an incident of it.
    fn nameless(
        &mut self,
        said: Option<(Diagnosis, Vec<Suspicion>)>,
        facts: &Facts,
        now: Timestamp,
    ) -> Answer {
        let keys = self.unattached();
        if keys.is_empty() {
            return Answer::Same;
        }
        let open =
            self.incidents.iter().rposition(|incident| !incident.stage.is_over() && incident.was_diagnosed());
        if let Some(index) = open {
            keys.iter().for_each(|key| self.attach(index, key, now));
            self.keep(index);
            return Answer::New;
        }
        let severity = keys.iter().map(|key| self.severity(key.0)).min().unwrap_or(Severity::P2);
        if severity > Severity::P2 {
            return self.speak_for_themselves(now);
        }
        let title = keys.first().map_or("something is off", |key| key.0.title());
        let index = self.open(title, severity, &keys, Blast::of(facts), now);
        keys.iter().for_each(|key| self.attach(index, key, now));
        if let Some((diagnosis, also)) = said {
            self.incidents[index].also = also;
            self.incidents[index].remember_ids(&self.correlation_ids);
            self.name(index, diagnosis, now);
        }
        self.tell(index, Moment::Opened, now);
        self.record(index);
        self.keep(index);
        Answer::New
    }

    /// Each cause to its incident, what shows to the first of them.
    fn named(
        &mut self,
        own: &[Diagnosis],
        also: &[Suspicion],
        standing: &[Code],
        facts: &Facts,
        now: Timestamp,
    ) -> Answer {
        let mut answer = Answer::Same;
        let shows = self.suspicions.held.keys().any(|(rule, _)| rule.wants_a_cause());
        let blast = Blast::of(facts);
        for cause in own {
            let reopen = minutes(self.settings.response.reopen_minutes);
            let home = correlation::home(&self.incidents, cause.code, &blast, standing, now, reopen);
            let index = match home {
                Home::Known(index) => index,
                Home::Renamed(index) => index,
                Home::Back(index) if shows => {
                    self.relapse(index, now);
                    index
                }
                Home::New if shows => {
                    let keys = self.unattached();
                    self.open(&cause.title, cause.severity, &keys, blast.clone(), now)
                }
                Home::Closed | Home::Back(_) | Home::New => continue,
            };
            self.unattached().iter().for_each(|key| self.attach(index, key, now));
            self.incidents[index].also =
                also.iter().filter(|it| !standing.contains(&it.code)).cloned().collect();
            self.incidents[index].remember_ids(&self.correlation_ids);
            self.status_page(index, cause, facts, now);
            if home != Home::Known(index) || self.incidents[index].blast.width != blast.width {
                self.incidents[index].blast = blast.clone();
            }
            if home == Home::Known(index) {
                self.incidents[index].diagnosis = Some(cause.clone());
            } else {
                answer = Answer::New;
                self.name(index, cause.clone(), now);
                self.offer_measures(index, cause.code, now);
                let moment = if home == Home::New { Moment::Opened } else { Moment::Named };
                self.tell(index, moment, now);
                self.record(index);
            }
            self.keep(index);
        }
        answer
    }

    /// Begins an incident; whoever opens it attaches, names and tells.
    pub(super) fn open(
        &mut self,
        title: &str,
        severity: Severity,
        keys: &[Key],
        blast: Blast,
        now: Timestamp,
    ) -> usize {
        let began_at = self.suspicions.first_since(keys).unwrap_or(now);
        let impact: Impact = self.books.since(began_at - SignedDuration::from_mins(1));
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
    fn name(&mut self, index: usize, diagnosis: Diagnosis, now: Timestamp) {
        let rules = self.incidents[index].symptoms.iter().map(|symptom| self.severity(symptom.rule)).min();
        let severity = match diagnosis.code {
            Code::Unknown => rules.unwrap_or(diagnosis.severity).min(diagnosis.severity),
            _ => diagnosis.severity,
        };
        let incident = &mut self.incidents[index];
        let (id, before, from) = (incident.id.clone(), incident.code(), incident.severity);
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
    fn status_page(&mut self, index: usize, cause: &Diagnosis, facts: &Facts, now: Timestamp) {
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

    fn record(&mut self, index: usize) {
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
