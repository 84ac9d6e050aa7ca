//! Believable records out of a seed: the same seed makes the same portal, byte for byte.

use jiff::{SignedDuration, Timestamp};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::Crm;
use super::ask::Shelf;
use super::associations::{Nature, TypeKey};
use super::kind::Kind;
use super::names;
use super::record::{Name, Record, RecordId, Source, instant_text};

/// Seeded records were made in this span before the moment of seeding, …
const HISTORY: SignedDuration = SignedDuration::from_hours(365 * 24);
/// … and none so lately that search would not know it yet.
const SETTLED: SignedDuration = SignedDuration::from_hours(1);

/// Makes the property values of one record; `place` counts the records of a type, from 0.
type Recipe = fn(&mut Draw<'_>, place: u64) -> Vec<(&'static str, String)>;

/// What a recipe may draw on.
struct Draw<'a> {
    random: &'a mut ChaCha8Rng,
    owners: &'a [u64],
    created: Timestamp,
}

impl Crm {
    /// `count` more records of a type, oldest first, spread over the year before `now`.
    pub(super) fn sow(&mut self, random: &mut ChaCha8Rng, kind: Kind, count: u32, now: Timestamp) {
        let recipe = recipe(&self.kinds.info(kind).plural);
        let owners: Vec<u64> =
            self.owners.iter().filter(|owner| owner.is_active()).map(|owner| owner.id).collect();
        let mut names: Vec<Name> = Vec::new();
        let before = u64::try_from(self.store(kind).live_count()).expect("a store fits in memory");
        let step = HISTORY / i32::try_from(count.max(1)).unwrap_or(i32::MAX);
        let oldest = now.checked_sub(HISTORY + SETTLED).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut created = oldest;
        for place in 0..u64::from(count) {
            created = created.checked_add(step).unwrap_or(now);
            let id = RecordId(self.next_id);
            self.next_id += 1;
            let mut record = Record::new(id, created);
            let mut draw = Draw { random, owners: &owners, created };
            for (name, value) in recipe(&mut draw, before + place) {
                record.set(&shared(&mut names, name), value, created, Source::Import);
            }
            self.store_mut(kind).insert(record);
        }
    }

    /// Every contact without a company gets one, as its primary; every deal a contact.
    pub(super) fn introduce(&mut self) {
        for (holder, target) in [("contacts", "companies"), ("deals", "contacts")] {
            let (Some(holder), Some(target)) = (self.kinds.find(holder), self.kinds.find(target)) else {
                continue;
            };
            let targets: Vec<RecordId> = self.live_ids(target);
            let types = self.link_types.between(holder, target);
            let keys: Vec<TypeKey> =
                types.filter(|known| known.nature != Nature::Labelled).map(|known| known.key).collect();
            if targets.is_empty() {
                continue;
            }
            for (place, id) in self.live_ids(holder).into_iter().enumerate() {
                if self.links.of((holder, id), target).next().is_none() {
                    let neighbour = targets[place % targets.len()];
                    self.links.add(&self.link_types, (holder, id), (target, neighbour), &keys);
                }
            }
        }
    }

    fn live_ids(&self, kind: Kind) -> Vec<RecordId> {
        self.store(kind).page(RecordId(0), Shelf::Live).map(|record| record.id).collect()
    }
}

/// One allocation per name, not per record.
fn shared(names: &mut Vec<Name>, name: &str) -> Name {
    if let Some(known) = names.iter().find(|known| &***known == name) {
        return Name::clone(known);
    }
    let made = Name::from(name);
    names.push(Name::clone(&made));
    made
}

fn recipe(plural: &str) -> Recipe {
    match plural {
        "contacts" => contact,
        "companies" => company,
        "deals" => deal,
        "tickets" => ticket,
        "notes" => |draw, _| vec![draw.when(), ("hs_note_body", "Called, left a message.".to_owned())],
        "tasks" => |draw, place| {
            vec![
                draw.when(),
                ("hs_task_subject", format!("Follow up {place}")),
                ("hs_task_status", draw.one(&["NOT_STARTED", "IN_PROGRESS", "COMPLETED"])),
            ]
        },
        "calls" => |draw, place| vec![draw.when(), ("hs_call_title", format!("Call {place}"))],
        "meetings" => |draw, place| vec![draw.when(), ("hs_meeting_title", format!("Meeting {place}"))],
        "emails" => |draw, place| {
            vec![
                draw.when(),
                ("hs_email_direction", "EMAIL".to_owned()),
                ("hs_email_subject", format!("Offer {place}")),
            ]
        },
        "products" | "line_items" => |draw, place| {
            vec![("name", format!("Plan {place}")), ("price", draw.random.random_range(5..500).to_string())]
        },
        "communications" | "postal_mail" => |draw, _| vec![draw.when()],
        _ => |_, _| Vec::new(),
    }
}

fn contact(draw: &mut Draw<'_>, place: u64) -> Vec<(&'static str, String)> {
    let (first, last) = (draw.one(names::FIRST), draw.one(names::LAST));
    let company = draw.company();
    let domain = domain(&company);
    vec![
        // The place makes the address unique, whatever was drawn.
        ("email", format!("{first}.{last}{place}@{domain}").to_lowercase()),
        ("firstname", first),
        ("lastname", last),
        ("company", company),
        ("jobtitle", draw.one(names::JOB)),
        ("city", draw.one(names::CITY)),
        ("phone", format!("+1555{:07}", draw.random.random_range(0..10_000_000))),
        ("lifecyclestage", draw.one(&["subscriber", "lead", "opportunity", "customer"])),
        draw.owner(),
    ]
}

fn company(draw: &mut Draw<'_>, place: u64) -> Vec<(&'static str, String)> {
    let name = draw.company();
    vec![
        ("domain", format!("c{place}.{}", domain(&name))),
        ("name", name),
        ("city", draw.one(names::CITY)),
        ("industry", draw.one(&["COMPUTER_SOFTWARE", "RETAIL", "BANKING", "CONSTRUCTION"])),
        ("numberofemployees", draw.random.random_range(1..5_000).to_string()),
        draw.owner(),
    ]
}

fn deal(draw: &mut Draw<'_>, place: u64) -> Vec<(&'static str, String)> {
    let closes = draw.created.checked_add(SignedDuration::from_hours(24 * 30)).unwrap_or(draw.created);
    vec![
        ("dealname", format!("{} {place}", draw.company())),
        ("amount", (draw.random.random_range(5..900) * 100).to_string()),
        ("pipeline", "default".to_owned()),
        (
            "dealstage",
            draw.one(&["appointmentscheduled", "qualifiedtobuy", "contractsent", "closedwon", "closedlost"]),
        ),
        ("closedate", instant_text(closes)),
        draw.owner(),
    ]
}

fn ticket(draw: &mut Draw<'_>, place: u64) -> Vec<(&'static str, String)> {
    vec![
        ("subject", format!("Question {place}")),
        ("content", "Cannot sign in since this morning.".to_owned()),
        ("hs_pipeline", "0".to_owned()),
        ("hs_pipeline_stage", draw.one(&["1", "2", "3", "4"])),
        ("hs_ticket_priority", draw.one(&["LOW", "MEDIUM", "HIGH"])),
        draw.owner(),
    ]
}

fn domain(company: &str) -> String {
    format!("{}.example.com", company.replace(' ', "-").to_lowercase())
}

impl Draw<'_> {
    fn one(&mut self, words: &[&str]) -> String {
        words[self.random.random_range(0..words.len())].to_owned()
    }

    fn company(&mut self) -> String {
        format!("{} {}", self.one(names::COMPANY), self.one(names::TRADE))
    }

    fn owner(&mut self) -> (&'static str, String) {
        let owner = self.owners[self.random.random_range(0..self.owners.len())];
        ("hubspot_owner_id", owner.to_string())
    }

    fn when(&mut self) -> (&'static str, String) {
        ("hs_timestamp", instant_text(self.created))
    }
}
