//! What is kept of a person who is to be forgotten: writes, what came of them, and answers to callers' keys.

use std::collections::BTreeSet;

use store::failure::StoreError;
use store::outbox::{Filter, Operation};

use super::Outbox;
use super::person::{Person, found};

/// Looked at between two breaths.
const PAGE: usize = 200;

/// What lost something of theirs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    pub operations: u64,
    pub answers: u64,
    /// Operations that are being sent at this moment: they keep what they hold, and it is to be asked again.
    pub left: u64,
}

impl Outbox {
    /// Takes what is theirs out of all that is kept, however it ended.
    ///
    /// # Errors
    /// [`StoreError`]; what is gone is gone, and it may be asked again.
    pub async fn forget_person(&self, mut person: Person) -> Result<Forgotten, StoreError> {
        self.learn(&mut person).await?;
        let mut forgotten = Forgotten::default();
        let mut after = 0;
        while let Some(operations) = self.page(&mut after, &person.portal_id).await? {
            for operation in operations {
                let Some(purged) = person.purged(&operation) else { continue };
                if self.store.purge(operation.asked.id, purged, self.clock.now()).await? {
                    forgotten.operations += 1;
                } else {
                    forgotten.left += 1;
                }
            }
        }
        forgotten.answers = self.forget_answers(&person).await?;
        Ok(forgotten)
    }

    /// What is kept of them; nothing goes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find_person(&self, mut person: Person) -> Result<Forgotten, StoreError> {
        self.learn(&mut person).await?;
        let mut found = Forgotten::default();
        let mut after = 0;
        while let Some(operations) = self.page(&mut after, &person.portal_id).await? {
            let theirs = operations.iter().filter(|operation| person.is_in(operation)).count();
            found.operations += u64::try_from(theirs).unwrap_or(u64::MAX);
        }
        let mut key = None;
        loop {
            let page = self.store.answers(key, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(found) };
            key = Some(*last);
            let left = |body: &[u8]| person.purged_answer(body).is_some_and(|left| left != body);
            let theirs = page.iter().filter(|(_, answer)| left(&answer.body)).count();
            found.answers += u64::try_from(theirs).unwrap_or(u64::MAX);
        }
    }

    /// HubSpot's numbers of the contacts that writes and answers give an address to.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn numbers_of(&self, portal_id: &str, email: &str) -> Result<BTreeSet<String>, StoreError> {
        let (mut numbers, mut after) = (BTreeSet::new(), 0);
        while let Some(operations) = self.page(&mut after, portal_id).await? {
            numbers.extend(operations.iter().flat_map(|operation| found::numbers_of(email, operation)));
        }
        let mut key = None;
        loop {
            let page = self.store.answers(key, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(numbers) };
            key = Some(*last);
            numbers.extend(page.iter().flat_map(|(_, answer)| found::numbers_in(email, &answer.body)));
        }
    }

    /// An address that the last of them tells may be the first one's only name.
    async fn learn(&self, person: &mut Person) -> Result<(), StoreError> {
        let mut after = 0;
        while let Some(operations) = self.page(&mut after, &person.portal_id).await? {
            operations.iter().for_each(|operation| person.learn(operation));
        }
        Ok(())
    }

    /// The next operations that may be of a portal; `None` at the end.
    async fn page(&self, after: &mut i64, portal_id: &str) -> Result<Option<Vec<Operation>>, StoreError> {
        let page = self.store.operations(Filter::default(), *after, PAGE).await?;
        let Some(last) = page.operations.last() else { return Ok(None) };
        *after = last.seq;
        let of_it = |operation: &Operation| self.may_be_of(&operation.asked.connection, portal_id);
        Ok(Some(page.operations.into_iter().filter(of_it).collect()))
    }

    async fn forget_answers(&self, person: &Person) -> Result<u64, StoreError> {
        let (mut after, mut count) = (None, 0);
        loop {
            let page = self.store.answers(after, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(count) };
            after = Some(*last);
            for (key, answer) in page {
                if let Some(left) = person.purged_answer(&answer.body) {
                    count += u64::from(self.store.rewrite_answer(key, &left).await?);
                }
            }
        }
    }

    /// A connection that says which portal it is of is of no other.
    fn may_be_of(&self, connection: &str, portal_id: &str) -> bool {
        let known = self.connection(connection).and_then(|connection| connection.portal_id());
        known.is_none_or(|known| known.to_string() == portal_id)
    }
}
