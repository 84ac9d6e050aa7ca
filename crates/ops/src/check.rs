//! Is this integration fit for production? Each point of the checklist is looked at by a machine, with the evidence beside the
//! verdict.
//!
//! [`facts`] is what was found out, by whoever asks; [`items`] is the checklist as data, `judge` each of its points as a pure
//! function of the facts; [`report`] puts them together with what people have waived and attested.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub mod facts;
pub mod items;
mod judge;

pub use facts::Facts;
use items::{CHECKLIST, Item, Kind};

/// The version of the report's shape.
const SCHEMA: u32 = 1;

/// How long a person's word on what no machine sees is good for.
const ATTESTED_FOR_DAYS: i32 = 180;

/// How a point stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Will hurt.
    Fails,
    /// May hurt.
    Warns,
    /// Nothing to tell from.
    Unknown,
    /// A person has said why it may be so, until a day.
    Waived,
    Passes,
    /// Does not concern this integration.
    NotApplicable,
}

/// What an item found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub standing: Standing,
    /// What was seen; without a secret and without personal data.
    pub evidence: String,
}

/// A person's word that a point may stand as it does, until a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The point's name.
    pub item: String,
    pub until: Date,
    pub reason: String,
}

/// A person's word that something no machine sees was done on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// The point's name.
    pub item: String,
    pub on: Date,
    pub evidence: String,
}

/// Everything, worst first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    pub schema: u32,
    pub today: Date,
    pub points: Vec<Point>,
}

/// One point of the checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Point {
    pub item: &'static str,
    pub title: &'static str,
    pub standing: Standing,
    pub evidence: String,
    /// What to do first; nothing where nothing is to be done.
    pub remedy: Option<&'static str>,
}

/// Holds every item against the facts.
pub fn report(facts: &Facts, waivers: &[Waiver], attestations: &[Attestation], today: Date) -> CheckReport {
    let mut points: Vec<Point> =
        CHECKLIST.iter().map(|item| point(item, facts, waivers, attestations, today)).collect();
    points.sort_by_key(|point| point.standing);
    CheckReport { schema: SCHEMA, today, points }
}

impl CheckReport {
    /// Something fails that nobody has waived.
    pub fn has_problem(&self) -> bool {
        self.points.iter().any(|point| point.standing == Standing::Fails)
    }

    pub fn count(&self, standing: Standing) -> usize {
        self.points.iter().filter(|point| point.standing == standing).count()
    }
}

impl Standing {
    pub const ALL: [Self; 6] =
        [Self::Fails, Self::Warns, Self::Unknown, Self::Waived, Self::Passes, Self::NotApplicable];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Fails => "fails",
            Self::Warns => "warns",
            Self::Unknown => "unknown",
            Self::Waived => "waived",
            Self::Passes => "passes",
            Self::NotApplicable => "does not apply",
        }
    }

    const fn is_open(self) -> bool {
        match self {
            Self::Fails | Self::Warns | Self::Unknown => true,
            Self::Waived | Self::Passes | Self::NotApplicable => false,
        }
    }
}

fn point(item: &Item, facts: &Facts, waivers: &[Waiver], attestations: &[Attestation], today: Date) -> Point {
    let attested =
        attestations.iter().filter(|attested| attested.item == item.name).max_by_key(|each| each.on);
    let found = match attested {
        Some(attested) if item.kind == Kind::Attested => of_attestation(attested, today),
        Some(_) | None => (item.judge)(facts),
    };
    let waiver = waivers.iter().filter(|waiver| waiver.item == item.name).max_by_key(|waiver| waiver.until);
    let found = waiver.map_or(found.clone(), |waiver| waived(found, waiver, today));
    let remedy = found.standing.is_open().then_some(item.remedy);
    Point { item: item.name, title: item.title, standing: found.standing, evidence: found.evidence, remedy }
}

fn of_attestation(attested: &Attestation, today: Date) -> Finding {
    let age = (today - attested.on).get_days();
    let said = format!("{}, on {}", attested.evidence, attested.on);
    match age {
        ..0 => Finding { standing: Standing::Unknown, evidence: format!("{said}, which is still to come") },
        0..=ATTESTED_FOR_DAYS => Finding { standing: Standing::Passes, evidence: said },
        _ => Finding { standing: Standing::Warns, evidence: format!("{said}: {age} days ago") },
    }
}

/// A waiver that has run out excuses nothing, and says so.
fn waived(found: Finding, waiver: &Waiver, today: Date) -> Finding {
    if !found.standing.is_open() {
        return found;
    }
    let Finding { standing, evidence } = found;
    if waiver.until < today {
        let evidence = format!("{evidence}; the waiver ran out on {}", waiver.until);
        return Finding { standing, evidence };
    }
    let evidence = format!("{evidence}; waived until {}: {}", waiver.until, waiver.reason);
    Finding { standing: Standing::Waived, evidence }
}

#[cfg(test)]
mod tests;
