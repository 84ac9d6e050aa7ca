//! Who spends a portal's day: our calls by caller, route and hour.
//!
//! Counting must be cheap: a path is read once, letter by letter, to find its entry; its label is written when the entry
//! is made. The ledger is of fixed size, and what does not fit goes into one entry for the rest.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use http::Method;
use hubspot::endpoint::{ApiFamily, Cacheable, Endpoint};
use hubspot::limits::BATCH_INPUTS_MAX;
use jiff::Timestamp;

mod handover;

pub(crate) use handover::LedgerHandover;

/// Different callers and routes told apart in one day.
const ENTRIES_MAX: usize = 256;

/// Paths whose entry is found without writing their label again. Past it they are learned anew.
const KEYS_MAX: usize = 2048;

/// The longest day has 25 hours.
const HOURS: usize = 26;

/// Midnights closer to each other than this are not those of two days.
const SHORTEST_DAY_S: i64 = 23 * 3600;

/// Single calls so close to each other might have been one batch.
const BATCH_WITHIN_S: i64 = 10;

/// Definitions asked for again within this time were hardly different.
const DEFINITION_LASTS_S: i64 = 300;

/// The name of the entry for the rest.
const REST: &str = "other";

/// Who makes a call, and which.
#[derive(Debug, Clone, Copy)]
pub struct Spender<'a> {
    pub caller: &'a Arc<str>,
    pub method: &'a Method,
    /// Holds ids; only its route is kept.
    pub path: &'a str,
    pub endpoint: &'a Endpoint,
}

/// What kind of thing a route does, as far as advice goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Errand {
    /// One record by its id.
    ReadOne,
    /// One record changed by its id.
    ChangeOne,
    /// Properties, pipelines, owners: changes rarely.
    Definition,
    Search,
    Other,
}

/// What one caller spent on one route today.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub caller: Arc<str>,
    pub method: &'static str,
    /// Ids masked.
    pub route: Arc<str>,
    pub errand: Errand,
    pub calls: u64,
    /// Since midnight in the portal's time zone.
    pub hours: Vec<u32>,
    /// Calls that would not have been, had those close to each other been one.
    pub spared: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    day_starts_s: i64,
    entries: Vec<Kept>,
    by_key: HashMap<u64, EntryIndex, BuildHasherDefault<AsItIs>>,
    callers: Vec<Arc<str>>,
    last: Option<(u64, EntryIndex)>,
}

/// An entry's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntryIndex(u16);

#[derive(Debug)]
struct Kept {
    entry: Entry,
    hours: [u32; HOURS],
    /// When the first of those close to each other came, and how many there have been since.
    close_since_s: i64,
    close: u32,
}

impl Ledger {
    /// Counts one call at a time of the day that began at `day_starts`.
    pub(crate) fn count(
        &mut self,
        spender: &Spender<'_>,
        day_starts: Timestamp,
        now: Timestamp,
    ) -> EntryIndex {
        self.turn(day_starts.as_second());
        let index = self.find(spender);
        let now_s = now.as_second();
        let hour = usize::try_from((now_s - self.day_starts_s) / 3600).unwrap_or(0).min(HOURS - 1);
        self.entries[usize::from(index.0)].count(hour, now_s);
        index
    }

    /// It was not sent after all.
    pub(crate) fn take_back(&mut self, index: EntryIndex) {
        if let Some(kept) = self.entries.get_mut(usize::from(index.0)) {
            kept.entry.calls = kept.entry.calls.saturating_sub(1);
            if let Some(hour) = kept.hours.iter_mut().rev().find(|calls| **calls > 0) {
                *hour -= 1;
            }
        }
    }

    /// What was counted in the day that began at `day_starts`, those who spend most first.
    pub(crate) fn entries(&mut self, day_starts: Timestamp) -> Vec<Entry> {
        self.turn(day_starts.as_second());
        let mut entries: Vec<Entry> = self.entries.iter().map(Kept::told).collect();
        entries.sort_by(|a, b| {
            b.calls
                .cmp(&a.calls)
                .then_with(|| (&a.caller, &a.route, a.method).cmp(&(&b.caller, &b.route, b.method)))
        });
        entries
    }

    /// The next midnight begins a new page. A nearer one means that the zone has become known: the hours move along, and
    /// those before it were yesterday's.
    fn turn(&mut self, day_starts_s: i64) {
        let later_s = day_starts_s - self.day_starts_s;
        if later_s == 0 {
            return;
        }
        let hours = usize::try_from(later_s.abs() / 3600).unwrap_or(HOURS).min(HOURS);
        if later_s >= SHORTEST_DAY_S {
            *self = Self::default();
        } else if later_s > 0 {
            self.entries.iter_mut().for_each(|kept| kept.forget(hours));
        } else {
            self.entries.iter_mut().for_each(|kept| kept.hours.rotate_right(hours));
        }
        self.day_starts_s = day_starts_s;
    }

    fn find(&mut self, spender: &Spender<'_>) -> EntryIndex {
        let key = self.key(spender);
        if let Some((_, index)) = self.last.filter(|(last, _)| *last == key) {
            return index;
        }
        let index = match self.by_key.get(&key) {
            Some(index) => *index,
            None => self.learn(spender, key),
        };
        self.last = Some((key, index));
        index
    }

    /// What tells callers and routes apart: every word of the path that is surely no id.
    fn key(&mut self, spender: &Spender<'_>) -> u64 {
        let position = self.callers.iter().position(|known| Arc::ptr_eq(known, spender.caller));
        let caller = position.or_else(|| self.callers.iter().position(|known| known == spender.caller));
        let caller = caller.unwrap_or_else(|| {
            if self.callers.len() < ENTRIES_MAX {
                self.callers.push(spender.caller.clone());
            }
            self.callers.len()
        });
        let mut key = Mixed::new(caller as u64);
        key.add(method_name(spender.method).as_bytes());
        // By bytes: words are short, and looking for a character costs more than looking at each.
        for word in spender.path.as_bytes().split(|byte| *byte == b'/') {
            key.add(if is_id(word) { b"#" } else { word });
        }
        key.0
    }

    fn learn(&mut self, spender: &Spender<'_>, key: u64) -> EntryIndex {
        let route = hubspot::endpoint::route(spender.method, spender.path);
        let method = method_name(spender.method);
        let errand = Errand::of(spender);
        let index = self.place(spender.caller, method, &route, errand);
        if self.by_key.len() >= KEYS_MAX {
            self.by_key.clear();
        }
        self.by_key.insert(key, index);
        index
    }

    /// Where it is counted; the last place is for the rest.
    fn place(&mut self, caller: &Arc<str>, method: &'static str, route: &str, errand: Errand) -> EntryIndex {
        let same = |kept: &Kept| {
            kept.entry.method == method && *kept.entry.route == *route && kept.entry.caller == *caller
        };
        let known = self.entries.iter().position(same);
        let position = known.unwrap_or_else(|| {
            if self.entries.len() < ENTRIES_MAX - 1 {
                self.entries.push(Kept::new(caller.clone(), method, Arc::from(route), errand));
            } else if self.entries.len() == ENTRIES_MAX - 1 {
                self.entries.push(Kept::new(Arc::from(REST), "", Arc::from(REST), Errand::Other));
            }
            self.entries.len() - 1
        });
        EntryIndex(u16::try_from(position).expect("there are few entries"))
    }
}

impl Kept {
    fn new(caller: Arc<str>, method: &'static str, route: Arc<str>, errand: Errand) -> Self {
        let entry = Entry { caller, method, route, errand, calls: 0, hours: Vec::new(), spared: 0 };
        Self { entry, hours: [0; HOURS], close_since_s: i64::MIN, close: 0 }
    }

    fn count(&mut self, hour: usize, now_s: i64) {
        self.entry.calls += 1;
        self.hours[hour] += 1;
        let (within_s, at_once) = match self.entry.errand {
            Errand::ReadOne | Errand::ChangeOne => (BATCH_WITHIN_S, BATCH_INPUTS_MAX as u32),
            Errand::Definition => (DEFINITION_LASTS_S, u32::MAX),
            Errand::Search | Errand::Other => return,
        };
        if now_s.saturating_sub(self.close_since_s) >= within_s || self.close == at_once {
            self.close_since_s = now_s;
            self.close = 1;
        } else {
            self.close += 1;
            self.entry.spared += 1;
        }
    }

    /// The first hours were another day's.
    fn forget(&mut self, hours: usize) {
        let before: u32 = self.hours[..hours].iter().sum();
        self.entry.calls = self.entry.calls.saturating_sub(before.into());
        self.hours[..hours].fill(0);
        self.hours.rotate_left(hours);
    }

    fn told(&self) -> Entry {
        let last = self.hours.iter().rposition(|calls| *calls > 0).map_or(0, |last| last + 1);
        Entry { hours: self.hours[..last].to_vec(), ..self.entry.clone() }
    }
}

impl Errand {
    fn of(spender: &Spender<'_>) -> Self {
        let Spender { method, path, endpoint, .. } = spender;
        let one = || path.rsplit('/').next().is_some_and(|word| is_id(word.as_bytes()));
        match (endpoint.family, *method) {
            _ if endpoint.cacheable == Cacheable::Definition => Self::Definition,
            (ApiFamily::Search, _) => Self::Search,
            (ApiFamily::Objects, &Method::GET) if one() => Self::ReadOne,
            (ApiFamily::Objects, &Method::PATCH) if one() => Self::ChangeOne,
            _ => Self::Other,
        }
    }
}

/// HubSpot's ids are numbers; addresses hold an `@`, written as it is or not.
fn is_id(word: &[u8]) -> bool {
    let mut is_number = !word.is_empty();
    for byte in word {
        match byte {
            b'0'..=b'9' => {}
            b'@' | b'%' => return true,
            _ => is_number = false,
        }
    }
    is_number
}

fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "OTHER",
    }
}

/// A method as it was written down.
fn method_of(name: &str) -> &'static str {
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE", ""];
    known.into_iter().find(|known| *known == name).unwrap_or("OTHER")
}

/// FNV-1a over eight bytes at a time, turned so that all of them count in all places: short, and good enough for a few
/// thousand words of our own choosing.
struct Mixed(u64);

impl Mixed {
    fn new(seed: u64) -> Self {
        Self((0xcbf2_9ce4_8422_2325 ^ seed).wrapping_mul(Self::PRIME))
    }

    /// One word: its length, which ends it, and its letters.
    fn add(&mut self, word: &[u8]) {
        self.mix(word.len() as u64);
        let (eights, rest) = word.as_chunks::<8>();
        for eight in eights {
            self.mix(u64::from_le_bytes(*eight));
        }
        self.mix(rest.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)));
    }

    fn mix(&mut self, more: u64) {
        self.0 = (self.0 ^ more).wrapping_mul(Self::PRIME).rotate_left(29);
    }

    /// That of 64-bit FNV has few bits; this one reaches all places at once (the golden ratio).
    const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;
}

/// The keys are mixed already.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a timestamp")
    }

    /// Counts calls of these methods and paths, one each second.
    fn counted(caller: &str, calls: &[(Method, String)]) -> Ledger {
        let mut ledger = Ledger::default();
        let caller = Arc::from(caller);
        for (second, (method, path)) in calls.iter().enumerate() {
            let endpoint = hubspot::endpoint::classify(method, path);
            let spender = Spender { caller: &caller, method, path, endpoint: &endpoint };
            let now = at("2026-01-01T01:30:00Z") + jiff::SignedDuration::from_secs(second as i64);
            ledger.count(&spender, at("2026-01-01T00:00:00Z"), now);
        }
        ledger
    }

    const TODAY: &str = "2026-01-01T00:00:00Z";

    fn lines(ledger: &mut Ledger) -> String {
        let line = |entry: &Entry| {
            let Entry { caller, method, route, errand, calls, hours, spared } = entry;
            format!("{caller} {method} {route} {errand:?} {calls} {hours:?} {spared}\n")
        };
        ledger.entries(at(TODAY)).iter().map(line).collect()
    }

    #[test]
    fn calls_are_told_apart_by_route_and_not_by_record() {
        let get = |path: String| (Method::GET, path);
        let mut calls: Vec<_> = (0..25).map(|id| get(format!("/crm/v3/objects/contacts/{id}"))).collect();
        calls.push(get("/crm/v3/objects/contacts/jane@example.com".into()));
        calls.push(get("/crm/v3/objects/0-2/7".into()));
        calls.push((Method::PATCH, "/crm/v3/objects/contacts/7".into()));
        calls.extend((0..3).map(|_| get("/crm/v3/properties/contacts".into())));
        calls.push((Method::POST, "/crm/v3/objects/contacts/search".into()));
        insta::assert_snapshot!(lines(&mut counted("shop", &calls)), @r"
        shop GET /crm/v3/objects/contacts/{id} ReadOne 26 [0, 26] 23
        shop GET /crm/v3/properties/contacts Definition 3 [0, 3] 2
        shop GET /crm/v3/objects/companies/{id} ReadOne 1 [0, 1] 0
        shop POST /crm/v3/objects/contacts/search Search 1 [0, 1] 0
        shop PATCH /crm/v3/objects/contacts/{id} ChangeOne 1 [0, 1] 0
        ");
    }

    #[test]
    fn nothing_a_person_wrote_is_kept_and_a_flood_of_paths_fits() {
        let calls: Vec<_> =
            (0..5_000).map(|id| (Method::GET, format!("/crm/v3/properties/contacts/secret_{id}"))).collect();
        let mut ledger = counted("shop", &calls);
        assert!(ledger.by_key.len() <= KEYS_MAX);
        insta::assert_snapshot!(lines(&mut ledger), @"shop GET /crm/v3/properties/contacts/{id} Definition 5000 [0, 1800, 3200] 4983");
    }

    #[test]
    fn too_many_callers_share_the_last_entry() {
        let mut ledger = Ledger::default();
        let (method, path) = (Method::GET, "/crm/v3/owners");
        let endpoint = hubspot::endpoint::classify(&method, path);
        for number in 0..1_000 {
            let caller = Arc::from(format!("caller-{number}"));
            let spender = Spender { caller: &caller, method: &method, path, endpoint: &endpoint };
            ledger.count(&spender, at("2026-01-01T00:00:00Z"), at("2026-01-01T00:00:01Z"));
        }
        let entries = ledger.entries(at(TODAY));
        assert_eq!(entries.len(), ENTRIES_MAX);
        assert_eq!((&*entries[0].caller, entries[0].calls), ("other", 1_000 - (ENTRIES_MAX as u64 - 1)));
        assert_eq!(entries.iter().map(|entry| entry.calls).sum::<u64>(), 1_000, "nothing is lost");
    }

    #[test]
    fn a_new_day_starts_with_an_empty_page_and_what_was_not_sent_is_taken_back() {
        let mut ledger = counted("shop", &[(Method::GET, "/crm/v3/owners".into())]);
        let (method, path, caller) = (Method::GET, "/crm/v3/owners", Arc::from("shop"));
        let endpoint = hubspot::endpoint::classify(&method, path);
        let spender = Spender { caller: &caller, method: &method, path, endpoint: &endpoint };
        let index = ledger.count(&spender, at("2026-01-02T00:00:00Z"), at("2026-01-02T00:00:01Z"));
        let tomorrow = at("2026-01-02T00:00:00Z");
        assert_eq!(ledger.entries(tomorrow)[0].calls, 1);
        ledger.take_back(index);
        let entry = &ledger.entries(tomorrow)[0];
        assert_eq!((entry.calls, entry.hours.len()), (0, 0));
        assert_eq!(ledger.entries(at("2026-01-03T00:00:00Z")), [], "nobody has called that day");
    }

    #[test]
    fn a_zone_that_becomes_known_keeps_what_was_spent_today() {
        let mut ledger = Ledger::default();
        let (method, path, caller) = (Method::GET, "/crm/v3/owners", Arc::from("shop"));
        let endpoint = hubspot::endpoint::classify(&method, path);
        let spender = Spender { caller: &caller, method: &method, path, endpoint: &endpoint };
        let (utc, new_york) = (at("2026-01-01T00:00:00Z"), at("2026-01-01T05:00:00Z"));
        ledger.count(&spender, utc, at("2026-01-01T01:30:00Z"));
        ledger.count(&spender, utc, at("2026-01-01T06:00:00Z"));
        let entry = &ledger.entries(new_york)[0];
        assert_eq!((entry.calls, &*entry.hours), (1, &[0, 1][..]), "one was yesterday's");
        ledger.count(&spender, new_york, at("2026-01-01T06:30:00Z"));
        let entry = &ledger.entries(new_york)[0];
        assert_eq!((entry.calls, &*entry.hours), (2, &[0, 2][..]));
    }
}
