//! What is personal goes, wherever it is kept.

use std::collections::BTreeMap;

use jiff::Timestamp;
use store::failure::StoreError;
use store::privacy::{Purge, PurgeCounts};

use super::kept::{Kept, Place};
use super::people::{Left, People};
use super::{Asked, Counts, Privacy, told, written};
use crate::effects::{Forgotten, Person};

impl Privacy {
    /// Looks through all that is kept, but for letters.
    pub(super) async fn everywhere(
        &self,
        gone: &mut People,
        asked: &BTreeMap<usize, Timestamp>,
        counts: &mut Counts,
    ) -> Result<(), String> {
        // At once; looking through all that is kept takes its time.
        asked.keys().for_each(|place| self.effects.forget_in_memory(&gone[*place]));
        self.learn(gone).await.map_err(told)?;
        for place in asked.keys() {
            self.effects.forget_in_memory(&gone[*place]);
            let Forgotten { operations, answers } = self.effects.forget(gone[*place].clone()).await?;
            // Before the events that tell their addresses lose them.
            let lines = written::take_out(&self.store, &gone[*place].emails).await.map_err(told)?;
            counts.insert(*place, PurgeCounts { operations, answers, lines, ..PurgeCounts::default() });
        }
        self.take_out(Place::Log, gone, counts).await.map_err(told)?;
        self.take_out(Place::Quarantine, gone, counts).await.map_err(told)
    }

    /// Letters last: workers write them. Then it is kept that it was done.
    pub(super) async fn afterwards(
        &self,
        gone: &People,
        by: Asked,
        asked: BTreeMap<usize, Timestamp>,
        counts: &mut Counts,
    ) -> Result<(), String> {
        // Workers hold events as they were. They keep nothing of that any more, and begin again with what is kept.
        self.store.end_leads().await.map_err(told)?;
        self.take_out(Place::Letters, gone, counts).await.map_err(told)?;
        for (place, asked_at) in asked {
            let counts = counts.get(&place).copied().unwrap_or_default();
            self.note(&gone[place], by, asked_at, counts).await?;
        }
        self.store.scrub().await.map_err(told)
    }

    /// The addresses that events gave to them: what they wrote is found by these.
    pub(super) async fn learn(&self, gone: &mut People) -> Result<(), StoreError> {
        let mut after = 0;
        while let Some(page) = Place::Log.page(&self.store, &mut after).await? {
            page.iter().for_each(|kept| gone.learn(kept.body()));
        }
        Ok(())
    }

    async fn take_out(&self, place: Place, gone: &People, counts: &mut Counts) -> Result<(), StoreError> {
        let mut after = 0;
        while let Some(page) = place.page(&self.store, &mut after).await? {
            self.take_out_of(page, gone, counts).await?;
        }
        Ok(())
    }

    pub(super) async fn take_out_of(
        &self,
        page: impl IntoIterator<Item = Kept>,
        gone: &People,
        counts: &mut Counts,
    ) -> Result<(), StoreError> {
        for kept in page {
            let Some(Left { body, of }) = gone.without(kept.body()) else { continue };
            for place in of {
                kept.count(counts.entry(place).or_default());
            }
            kept.rewrite(&self.store, body).await?;
        }
        Ok(())
    }

    /// It is kept that somebody was forgotten.
    async fn note(
        &self,
        person: &Person,
        by: Asked,
        asked_at: Timestamp,
        counts: PurgeCounts,
    ) -> Result<(), String> {
        let PurgeCounts { deliveries, letters, suspects, operations, answers, lines } = counts;
        let Person { connection, portal_id, contact_id, .. } = person.clone();
        tracing::info!(
            connection,
            portal_id,
            deliveries,
            letters,
            suspects,
            operations,
            answers,
            lines,
            "a contact was deleted for privacy: what was kept of them is gone"
        );
        // Of whom no number is known, no event can come late.
        let is_numbered = !contact_id.is_empty();
        let purge = Purge { portal_id, contact_id, connection, asked_at, purged_at: (self.clock)(), counts };
        match by {
            Asked::AtHubSpot => self.effects.purged(&purge).await,
            Asked::Here => {}
        }
        if is_numbered { self.store.note_purge(&purge).await.map_err(told) } else { Ok(()) }
    }
}
