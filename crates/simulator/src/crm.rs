//! The customer data half of the simulated HubSpot: records, associations, properties, pipelines, owners.
//!
//! A [`Crm`] is one portal's state and answers calls one at a time; it has no clock and no randomness but what
//! it is handed. Paths lead to the family that answers them in [`Crm::handle`]; each family's file holds its
//! routes first and its rules below.

mod ask;
mod associations;
mod batch_answer;
pub mod change;
mod definition;
mod kind;
mod lists;
mod names;
mod objects;
mod owners;
mod paging;
mod pipelines;
mod properties;
mod record;
mod refusal;
mod schemas;
mod search;
mod seeding;
mod stock;
mod store;
#[cfg(test)]
mod tests;
mod value;

use std::collections::{BTreeMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::call::{Applied, Call, Reply};

use ask::{Ask, Shelf, Version};
use associations::{LinkTypes, Links, TypeKey};
use definition::{Definitions, Uniqueness};
use kind::{Kind, Kinds};
use lists::List;
use owners::Owner;
use pipelines::Pipelines;
use record::{Name, RecordId};
use refusal::Refusal;
use schemas::Schema;
use store::{Changes, RecordStore};

/// Ids begin past 32 bits, as HubSpot's do: clients that cut them short shall notice.
const FIRST_RECORD_ID: u64 = 20_000_000_001;

/// What search trails behind writes by, unless told otherwise: facts §3.4, "a few moments".
const SEARCH_LAG: SignedDuration = SignedDuration::from_secs(2);

/// When and where a call is answered: the only clock and identity this half sees.
#[derive(Debug, Clone)]
pub struct Moment {
    pub now: Timestamp,
    pub portal_id: u64,
    pub correlation_id: String,
}

/// How much of facts §3.3's table of required properties a create enforces; the exact line is unconfirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Requirements {
    /// What no portal accepts a record without; pipelines and stages fall back to their first.
    #[default]
    Observed,
    /// Every property of the documented table.
    Documented,
}

/// What a requested property without a value reads as, facts §3.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Vacant {
    /// As documented.
    #[default]
    LeftOut,
    /// As observed.
    Null,
}

/// One portal's CRM.
#[derive(Debug)]
pub struct Crm {
    portal_id: u64,
    seed: u64,
    kinds: Kinds,
    /// By kind, as `definitions`.
    stores: Vec<RecordStore>,
    definitions: Vec<Definitions>,
    pipelines: Pipelines,
    owners: Vec<Owner>,
    schemas: Vec<Schema>,
    lists: Vec<List>,
    link_types: LinkTypes,
    links: Links,
    /// Most records of the other type, per association type, as the portal set it.
    link_limits: BTreeMap<TypeKey, u64>,
    /// Addresses a privacy deletion keeps out, lowercase.
    blocked_emails: HashSet<String>,
    next_id: u64,
    search_lag: SignedDuration,
    requirements: Requirements,
    vacant: Vacant,
    log: Vec<Applied>,
    /// `None` while nobody watches.
    changes: Option<Vec<change::Change>>,
}

impl Crm {
    /// An empty portal with HubSpot's stock definitions.
    pub fn new(seed: u64, portal_id: u64) -> Self {
        let kinds = Kinds::stock();
        let mut crm = Self {
            portal_id,
            seed,
            stores: Vec::new(),
            definitions: Vec::new(),
            pipelines: Pipelines::stock(&kinds),
            owners: owners::stock(&mut ChaCha8Rng::seed_from_u64(seed)),
            schemas: Vec::new(),
            lists: Vec::new(),
            link_types: LinkTypes::stock(&kinds),
            kinds,
            links: Links::default(),
            link_limits: BTreeMap::new(),
            blocked_emails: HashSet::new(),
            next_id: FIRST_RECORD_ID,
            search_lag: SEARCH_LAG,
            requirements: Requirements::default(),
            vacant: Vacant::default(),
            log: Vec::new(),
            changes: None,
        };
        let definitions = crm.kinds.iter().map(|(_, info)| stock::definitions(info)).collect::<Vec<_>>();
        for definitions in definitions {
            crm.open_store(definitions);
        }
        crm
    }

    /// Adds believable records, the same ones for the same seed and the same order of calls; unknown types are
    /// left out. Contacts are put with companies where both are asked for.
    pub fn seed(&mut self, counts: &[(&str, u32)], now: Timestamp) {
        let mut random = ChaCha8Rng::seed_from_u64(self.seed ^ self.next_id);
        for (word, count) in counts {
            if let Some(kind) = self.kinds.find(word) {
                self.sow(&mut random, kind, *count, now);
            }
        }
        self.introduce();
    }

    /// Answers a call; `None` when the path is not one of the CRM's.
    pub fn handle(&mut self, call: &Call, moment: &Moment) -> Option<Reply> {
        let segments = call.segments();
        let (family, version, rest) = family(&segments)?;
        let ask = Ask { call, moment, version };
        let answer = match family {
            Family::Associations => associations::answer(self, &ask, rest),
            Family::Lists => lists::answer(self, &ask, rest),
            Family::Objects => objects::answer(self, &ask, rest),
            Family::Owners => owners::answer(self, &ask, rest),
            Family::Pipelines => pipelines::api::answer(self, &ask, rest),
            Family::Properties => properties::answer(self, &ask, rest),
            Family::Schemas => schemas::answer(self, &ask, rest),
        };
        Some(answer.unwrap_or_else(|refusal| refusal.reply(moment)))
    }

    /// Everything that took effect, oldest first.
    pub fn applied(&self) -> &[Applied] {
        &self.log
    }

    /// Makes a property vanish from definitions, reads and writes, as a deletion by an admin does.
    pub fn hide_property(&mut self, object_type: &str, property: &str) {
        if let Some(kind) = self.kinds.find(object_type) {
            self.definitions[kind.0].hide(property);
        }
    }

    /// Undoes `hide_property`; the values are still there.
    pub fn show_property(&mut self, object_type: &str, property: &str) {
        if let Some(kind) = self.kinds.find(object_type) {
            self.definitions[kind.0].show(property);
        }
    }

    /// Takes away a share (0 to 1) of the live records and tells which, spread over all of them.
    pub fn remove_records(&mut self, object_type: &str, share: f64) -> Vec<String> {
        let Some(kind) = self.kinds.find(object_type) else { return Vec::new() };
        let share = share.clamp(0.0, 1.0);
        let mut seen = 0.0;
        let mut due = 0.0;
        let mut taken = Vec::new();
        for record in self.store(kind).page(RecordId(0), Shelf::Live) {
            seen += 1.0;
            // Rounded, so that a tenth of ten is one in spite of binary fractions.
            if (seen * share).round() > due {
                due += 1.0;
                taken.push((record.id, record.updated()));
            }
        }
        for (id, last_seen) in &taken {
            self.store_mut(kind).shelve(*id, Some(*last_seen));
        }
        taken.iter().map(|(id, _)| id.to_string()).collect()
    }

    /// Undoes `remove_records`.
    pub fn restore_records(&mut self, object_type: &str, ids: &[String]) {
        let Some(kind) = self.kinds.find(object_type) else { return };
        for id in ids.iter().filter_map(|id| RecordId::parse(id)) {
            self.store_mut(kind).shelve(id, None);
        }
    }

    /// How long search trails behind writes.
    pub fn set_search_lag(&mut self, lag: SignedDuration) {
        self.search_lag = lag;
    }

    /// How strict a create is about missing properties.
    pub fn set_requirements(&mut self, requirements: Requirements) {
        self.requirements = requirements;
    }

    /// How a requested property without a value reads.
    pub fn set_vacant(&mut self, vacant: Vacant) {
        self.vacant = vacant;
    }

    fn open_store(&mut self, definitions: Definitions) {
        let mut store = RecordStore::default();
        let unique = definitions.iter().filter(|definition| definition.uniqueness == Uniqueness::Unique);
        let stored =
            unique.map(|definition| Name::clone(&definition.name)).filter(|name| &**name != "hs_object_id");
        stored.for_each(|name| store.index(&name));
        self.stores.push(store);
        self.definitions.push(definitions);
    }

    fn store(&self, kind: Kind) -> &RecordStore {
        &self.stores[kind.0]
    }

    fn store_mut(&mut self, kind: Kind) -> &mut RecordStore {
        &mut self.stores[kind.0]
    }

    fn definitions(&self, kind: Kind) -> &Definitions {
        &self.definitions[kind.0]
    }

    /// The object type a path names.
    fn kind(&self, word: &str) -> Result<Kind, Refusal> {
        self.kinds
            .find(word)
            .ok_or_else(|| Refusal::invalid(format!("Unable to infer object type from: {word}")))
    }

    fn fresh_id(&mut self) -> RecordId {
        let id = RecordId(self.next_id);
        self.next_id += 1;
        id
    }

    fn note(
        &mut self,
        ask: &Ask<'_>,
        action: &'static str,
        object_type: &str,
        id: impl std::fmt::Display,
        trace_id: Option<&str>,
    ) {
        self.log.push(Applied {
            at: ask.moment.now,
            action,
            object_type: object_type.to_owned(),
            id: id.to_string(),
            properties: None,
            trace_id: trace_id.map(str::to_owned),
            correlation_id: ask.moment.correlation_id.clone(),
        });
    }

    /// What was set on a record is personal data, and goes with it.
    fn forget_values(&mut self, id: RecordId) {
        let id = id.to_string();
        for noted in self.log.iter_mut().filter(|noted| noted.id == id) {
            noted.properties = None;
        }
    }

    /// The write just noted set these.
    fn note_values(&mut self, changes: &Changes) {
        if let Some(noted) = self.log.last_mut() {
            noted.properties =
                Some(changes.iter().map(|(name, value)| (name.to_string(), value.clone())).collect());
        }
    }
}

/// The parts of the CRM that answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Associations,
    Lists,
    Objects,
    Owners,
    Pipelines,
    Properties,
    Schemas,
}

/// Facts §3.1: v3 and v4 put the version before the family, dated paths after it.
fn family<'a, 'b>(segments: &'b [&'a str]) -> Option<(Family, Version, &'b [&'a str])> {
    let (word, version, rest) = match segments {
        ["crm-object-schemas", version, "schemas", rest @ ..] => ("schemas", *version, rest),
        ["crm", version @ ("v3" | "v4"), word, rest @ ..] => (*word, *version, rest),
        ["crm", word, version, rest @ ..] => (*word, *version, rest),
        _ => return None,
    };
    let family = match word {
        "associations" => Family::Associations,
        "lists" => Family::Lists,
        "objects" => Family::Objects,
        "owners" => Family::Owners,
        "pipelines" => Family::Pipelines,
        "properties" => Family::Properties,
        "schemas" => Family::Schemas,
        _ => return None,
    };
    Some((family, Version::parse(version)?, rest))
}
