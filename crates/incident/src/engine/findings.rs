//! What a diagnosis means: each cause to its incident, what shows to the first of them; and what becomes of what shows when nothing
//! is found.

use jiff::Timestamp;

use super::correlation::{self, Home};
use super::suspicion::{Answer, Key};
use super::{Engine, minutes};
use crate::blast::Blast;
use crate::code::{Code, Severity};
use crate::diagnose::{causes, diagnose};
use crate::facts::Facts;
use crate::incident::Incident;
use crate::message::Moment;
use crate::triage::{Diagnosis, Suspicion};

/// Diagnoses that find nothing while a grave rule goes on holding; then it is an incident without a name.
const CLEARED_MAX: u32 = 4;

/// The causes that a diagnosis found.
#[derive(Clone, Copy)]
struct Found<'a> {
    standing: &'a [Code],
    /// In what still happens.
    goes_on: &'a [Code],
}

impl Engine {
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
                self.named(&own, &triage.also, Found { standing: &standing, goes_on: &goes_on }, facts, now)
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
        let index = self.open(title, severity, &keys, None, Blast::of(facts), now);
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
        found: Found<'_>,
        facts: &Facts,
        now: Timestamp,
    ) -> Answer {
        let mut answer = Answer::Same;
        let shows = self.suspicions.held.keys().any(|(rule, _)| rule.wants_a_cause());
        let blast = Blast::of(facts);
        let Found { standing, goes_on } = found;
        for cause in own {
            // Traffic remembers what has ended: while another cause goes on, that is what shows.
            let other_goes_on = own.iter().any(|it| it.code != cause.code && goes_on.contains(&it.code));
            let is_memory = !goes_on.contains(&cause.code) && other_goes_on;
            let reopen = minutes(self.settings.response.reopen_minutes);
            let home = correlation::home(&self.incidents, cause.code, &blast, standing, now, reopen);
            if let Home::Renamed(index) = home
                && was_told_by_the_page(&self.incidents[index], cause.code)
            {
                self.unattached().iter().for_each(|key| self.attach(index, key, now));
                self.keep(index);
                continue;
            }
            let index = match home {
                Home::Known(index) => index,
                Home::Renamed(index) => index,
                Home::Back(index) if shows && !is_memory => {
                    self.relapse(index, now);
                    index
                }
                Home::New if shows => {
                    let keys = self.unattached();
                    self.open(&cause.title, cause.severity, &keys, Some(cause.code), blast.clone(), now)
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
}

/// An outage that HubSpot has told of keeps that name although the page says no more: it is often green before all is well.
fn was_told_by_the_page(incident: &Incident, code: Code) -> bool {
    incident.code() == Some(Code::OutageKnown) && code == Code::OutageUnlisted
}
