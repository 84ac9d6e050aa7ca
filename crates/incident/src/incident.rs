//! An incident: one root cause, from its first symptom to its end.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::blast::Blast;
use crate::code::{Code, Severity};
use crate::detector::Symptom;
use crate::mitigation::Measure;
use crate::signal::{Calls, Seen};
use crate::triage::{Diagnosis, Suspicion};

/// Correlation ids kept for HubSpot's support.
pub const CORRELATION_IDS_MAX: usize = 12;

/// Callers and families told apart in the impact; further ones count as `other`.
const PARTS_MAX: usize = 64;

/// Everything that is known of one incident. Its history is the timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// `20261129-7f3a9c`; also the one key under which every channel knows it.
    pub id: String,
    pub stage: Stage,
    pub severity: Severity,
    pub title: String,
    /// When the first symptom showed.
    pub began_at: Timestamp,
    /// When it was noticed.
    pub detected_at: Timestamp,
    /// When it got a name.
    pub diagnosed_at: Option<Timestamp>,
    pub acknowledged_at: Option<Timestamp>,
    pub mitigated_at: Option<Timestamp>,
    /// When the last symptom was gone.
    pub recovered_at: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
    pub acknowledged_by: Option<String>,
    pub diagnosis: Option<Diagnosis>,
    /// Candidates beside the diagnosis, likeliest first.
    pub also: Vec<Suspicion>,
    pub correlation_ids: Vec<String>,
    pub blast: Blast,
    /// What shows, and has shown.
    pub symptoms: Vec<Symptom>,
    pub impact: Impact,
    /// What we do, or offer to do, about it.
    pub measures: Vec<Measure>,
    /// What HubSpot's status page said that explains it, and when it first did.
    pub status_page: Option<StatusSaid>,
    /// How often it came back after it had seemed over.
    pub relapses: u32,
    /// When people were last told.
    pub told_at: Option<Timestamp>,
    /// When a diagnosis no longer found it, after the last symptom.
    pub proven_at: Option<Timestamp>,
    /// What it still waits for, though nothing shows and its cause is gone.
    #[serde(default)]
    pub waits_for: Option<String>,
    /// Who says that it is over, though symptoms may go on.
    pub resolved_by: Option<String>,
    /// When all this was last kept.
    pub kept_at: Timestamp,
}

/// Where an incident stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nobody has taken it yet.
    Open,
    /// Somebody has.
    Acknowledged,
    /// Callers feel less of it, or nothing; the cause is still there.
    Mitigated,
    /// No symptom shows; proof is awaited.
    Recovering,
    Resolved,
}

/// Sums from the first symptom on. A call that failed while several incidents went on counts for the one it belongs to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Impact {
    pub total: Calls,
    /// The part of what failed that is counted for another incident as well, because nothing tells to which it belongs.
    pub shared: Calls,
    pub by_caller: BTreeMap<String, Calls>,
    pub by_family: BTreeMap<String, Calls>,
    pub webhooks: Late,
    /// What waited to be done, by whose work it is.
    pub waited: BTreeMap<String, Waited>,
}

/// Webhook events that came meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Late {
    pub events: u64,
    /// That came later than they should.
    pub late: u64,
    pub slowest_ms: u64,
}

/// Work that was accepted, at its worst; and at last, by the store's own count, how much of it is done, given up or waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Waited {
    pub most: u64,
    pub oldest_seconds: u64,
    /// All that are kept or came since the process began; 0 where nobody counts.
    pub accepted: u64,
    pub accounted: u64,
}

/// What the status page said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusSaid {
    pub at: Timestamp,
    pub name: String,
    pub link: Option<String>,
    /// Seconds from our detection until it said so; negative when it was first.
    pub behind_us_seconds: i64,
}

impl Stage {
    /// Its name in every output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Mitigated => "mitigated",
            Self::Recovering => "recovering",
            Self::Resolved => "resolved",
        }
    }

    pub const fn is_over(self) -> bool {
        match self {
            Self::Open | Self::Acknowledged | Self::Mitigated | Self::Recovering => false,
            Self::Resolved => true,
        }
    }
}

impl Incident {
    pub fn code(&self) -> Option<Code> {
        self.diagnosis.as_ref().map(|diagnosis| diagnosis.code)
    }

    /// Symptoms that show at present.
    pub fn showing(&self) -> impl Iterator<Item = &Symptom> {
        self.symptoms.iter().filter(|symptom| symptom.until.is_none())
    }

    /// Something shows that goes on. What has happened once is news for a while, and keeps open only an incident of its own.
    pub(crate) fn goes_on(&self) -> bool {
        let only_news = self.symptoms.iter().all(|symptom| symptom.rule.has_happened());
        self.showing().any(|symptom| only_news || !symptom.rule.has_happened())
    }

    /// Where it stands when nobody has taken it further.
    pub(crate) fn stage_before_recovery(&self) -> Stage {
        if self.mitigated_at.is_some() {
            Stage::Mitigated
        } else if self.acknowledged_at.is_some() {
            Stage::Acknowledged
        } else {
            Stage::Open
        }
    }

    /// Nothing shows, and a diagnosis is to confirm it.
    pub(crate) fn awaits_proof(&self) -> bool {
        self.stage == Stage::Recovering && self.proven_at.is_none() && self.was_diagnosed()
    }

    /// One of its symptoms made somebody look for a cause.
    pub(crate) fn was_diagnosed(&self) -> bool {
        self.symptoms.iter().any(|symptom| symptom.rule.wants_a_cause())
    }

    pub(crate) fn remember_ids(&mut self, ids: &[String]) {
        for id in ids {
            if self.correlation_ids.len() < CORRELATION_IDS_MAX && !self.correlation_ids.contains(id) {
                self.correlation_ids.push(id.clone());
            }
        }
    }
}

impl Impact {
    pub(crate) fn add(&mut self, caller: Option<&str>, family: Option<&str>, calls: Calls) {
        self.total += calls;
        part(&mut self.by_caller, caller, calls);
        part(&mut self.by_family, family, calls);
    }
}

impl Impact {
    /// Beside calls: events that came late, and work that waited.
    pub(crate) fn note(&mut self, seen: &Seen) {
        match seen {
            Seen::Webhooks { events, late, slowest_ms } => {
                self.webhooks.events += events;
                self.webhooks.late += late;
                self.webhooks.slowest_ms = self.webhooks.slowest_ms.max(*slowest_ms);
            }
            Seen::Backlog { name, waiting, oldest_seconds } if *waiting > 0 => {
                if let Some(waited) = self.work(name) {
                    waited.most = waited.most.max(*waiting);
                    waited.oldest_seconds = waited.oldest_seconds.max(*oldest_seconds);
                }
            }
            Seen::Ledger { name, accepted, ended, waiting } if *accepted > 0 => {
                if let Some(waited) = self.work(name) {
                    (waited.accepted, waited.accounted) = (*accepted, ended + waiting);
                }
            }
            _ => {}
        }
    }

    fn work(&mut self, name: &str) -> Option<&mut Waited> {
        let room = self.waited.len() < PARTS_MAX || self.waited.contains_key(name);
        room.then(|| self.waited.entry(name.to_owned()).or_default())
    }
}

fn part(parts: &mut BTreeMap<String, Calls>, name: Option<&str>, calls: Calls) {
    let name = name.unwrap_or("-");
    let room = parts.len() < PARTS_MAX || parts.contains_key(name);
    *parts.entry(if room { name } else { "other" }.to_owned()).or_default() += calls;
}
