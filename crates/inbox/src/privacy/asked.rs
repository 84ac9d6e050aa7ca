//! A person whom somebody here asks about: what is kept of them is counted, or goes as it does when HubSpot deletes them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use store::failure::StoreError;
use store::privacy::PurgeCounts;

use super::kept::Place;
use super::people::{Left, People, named};
use super::{Asked, Counts, GONE_MAX, LEASE, Privacy, READER, told, written};
use crate::effects::{Forgotten, Person};

/// Whom somebody means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// HubSpot's number of a contact.
    Contact(String),
    /// In lower case.
    Email(String),
}

/// A person of one portal, and how many records of ours hold something of theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Without a number where only the address is known.
    pub person: Person,
    pub counts: PurgeCounts,
    /// They were forgotten before.
    pub forgotten_at: Option<Timestamp>,
}

/// Nothing was forgotten, or not all.
#[derive(Debug, thiserror::Error)]
pub enum NotForgotten {
    #[error("another hubkeeper on this store forgets people: ask that one; here, what was in memory is gone")]
    Elsewhere,
    #[error("{0}")]
    NotYet(String),
}

impl Who {
    /// `None`: neither a number nor an address.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_number =
            !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_email = || {
            let parts = text.split_once('@').filter(|(name, host)| !name.is_empty() && !host.is_empty());
            parts.is_some() && !text.contains(char::is_whitespace)
        };
        if is_number {
            Some(Self::Contact(text.to_owned()))
        } else {
            is_email().then(|| Self::Email(text.to_lowercase()))
        }
    }
}

impl Privacy {
    /// Whom it may be, portal by portal, and what is kept of each. `portals` are those that are looked in although no event
    /// tells of them; with `only`, no other is.
    ///
    /// # Errors
    /// The store's.
    pub async fn find(
        &self,
        who: &Who,
        portals: &[String],
        only: Option<&str>,
    ) -> Result<Vec<Found>, String> {
        let mut all = People::default();
        for (portal_id, contact_id) in self.who(who, portals, only).await? {
            let emails = match who {
                Who::Email(email) => vec![email.clone()],
                Who::Contact(_) => Vec::new(),
            };
            all.add(Person { connection: String::new(), portal_id, contact_id, emails });
        }
        self.learn(&mut all).await.map_err(told)?;
        let mut counts = Counts::new();
        self.count(&all, &mut counts).await.map_err(told)?;
        let forgotten = self.store.purges(Timestamp::UNIX_EPOCH, GONE_MAX).await.map_err(told)?;
        let mut found = Vec::new();
        for (place, person) in all.iter().enumerate() {
            let Forgotten { operations, answers } = self.effects.find(person.clone()).await?;
            let lines = written::count(&self.store, &person.emails).await.map_err(told)?;
            let counts =
                PurgeCounts { operations, answers, lines, ..counts.remove(&place).unwrap_or_default() };
            let before = forgotten
                .iter()
                .find(|purge| purge.portal_id == person.portal_id && purge.contact_id == person.contact_id);
            let forgotten_at = before.map(|purge| purge.purged_at);
            let person = person.clone();
            found.push(Found { person, counts, forgotten_at });
        }
        // A number that is nowhere is nobody's. What people here wrote is of no portal, and makes nobody of another one's.
        let is_somebody = |found: &Found| {
            let only_written = PurgeCounts { lines: found.counts.lines, ..PurgeCounts::default() };
            found.counts != only_written || found.forgotten_at.is_some()
        };
        let (mut found, written): (Vec<Found>, Vec<Found>) = found.into_iter().partition(is_somebody);
        if found.is_empty() {
            found.extend(written.into_iter().find(|found| found.counts.lines > 0));
        }
        Ok(found)
    }

    /// What is theirs goes, now.
    ///
    /// # Errors
    /// [`NotForgotten`]; what is gone is gone, and it may be asked again.
    pub async fn forget(&self, person: Person) -> Result<PurgeCounts, NotForgotten> {
        self.effects.forget_in_memory(&person);
        let _nobody_else_rewrites = self.turns.lock().await;
        let now = (self.clock)();
        let lease = self.store.lease(READER, self.owner, now, now + LEASE).await;
        if !lease.map_err(|error| NotForgotten::NotYet(told(error)))? {
            return Err(NotForgotten::Elsewhere);
        }
        let mut gone = People::default();
        let asked = BTreeMap::from([(gone.add(person), now)]);
        let mut counts = Counts::new();
        self.everywhere(&mut gone, &asked, &mut counts).await.map_err(NotForgotten::NotYet)?;
        self.afterwards(&gone, Asked::Here, asked, &mut counts).await.map_err(NotForgotten::NotYet)?;
        Ok(counts.into_values().next().unwrap_or_default())
    }

    /// Portal and number of each who is meant. A number may be several people's, one in each portal.
    async fn who(
        &self,
        who: &Who,
        portals: &[String],
        only: Option<&str>,
    ) -> Result<BTreeSet<(String, String)>, String> {
        let mut all = BTreeSet::new();
        for place in [Place::Log, Place::Quarantine] {
            let mut after = 0;
            while let Some(page) = place.page(&self.store, &mut after).await.map_err(told)? {
                all.extend(page.iter().flat_map(|kept| named(who, kept.body())));
            }
        }
        let mut wanted: BTreeSet<String> = portals.iter().cloned().collect();
        wanted.extend(only.map(str::to_owned));
        wanted.extend(all.iter().map(|(portal, _)| portal.clone()));
        for portal in wanted {
            match who {
                Who::Contact(number) => drop(all.insert((portal, number.clone()))),
                Who::Email(email) => {
                    let numbers = self.effects.numbers_of(portal.clone(), email.clone()).await?;
                    all.extend(numbers.into_iter().map(|number| (portal.clone(), number)));
                    // What was written to the address alone is found by the address alone.
                    if !all.iter().any(|(of, _)| *of == portal) {
                        all.insert((portal, String::new()));
                    }
                }
            }
        }
        all.retain(|(portal, _)| only.is_none_or(|only| only == portal));
        Ok(all)
    }

    async fn count(&self, people: &People, counts: &mut Counts) -> Result<(), StoreError> {
        for place in Place::ALL {
            let mut after = 0;
            while let Some(page) = place.page(&self.store, &mut after).await? {
                for kept in page {
                    let of = people.without(kept.body()).map(|Left { of, .. }| of).unwrap_or_default();
                    of.into_iter().for_each(|one| kept.count(counts.entry(one).or_default()));
                }
            }
        }
        Ok(())
    }
}
