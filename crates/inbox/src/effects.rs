//! What new events change in our own house, told through a seam: this crate knows no cache.

use futures_util::future::BoxFuture;
use store::privacy::Purge;

use crate::event::Event;

pub trait Effects: Send + Sync + 'static {
    /// These have just come, some of them perhaps before. Records are not any more what they were.
    fn changed(&self, events: &[Event<'_>]);

    /// A person is to be forgotten in what this house keeps on a disk. Done once this ends well; asked again after a
    /// failure or a crash.
    fn forget(&self, person: Person) -> BoxFuture<'static, Result<Forgotten, String>>;

    /// How much of ours holds something of a person; nothing goes.
    fn find(&self, _person: Person) -> BoxFuture<'static, Result<Forgotten, String>> {
        Box::pin(std::future::ready(Ok(Forgotten::default())))
    }

    /// The numbers that writes through this house tell of a portal's contacts with an address.
    fn numbers_of(
        &self,
        _portal_id: String,
        _email: String,
    ) -> BoxFuture<'static, Result<Vec<String>, String>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// It was done, and will be kept as done: at least once for each, again after a crash in between.
    fn purged(&self, _purge: &Purge) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    /// The same in memory. Where several hubkeepers share a store, each of them is told.
    fn forget_in_memory(&self, person: &Person);
}

/// What lost something of theirs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    pub operations: u64,
    pub answers: u64,
}

/// A contact, as HubSpot numbers them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub connection: String,
    pub portal_id: String,
    pub contact_id: String,
    /// Addresses that events gave to them.
    pub emails: Vec<String>,
}

/// Nothing changes.
pub struct NoEffects;

impl Effects for NoEffects {
    fn changed(&self, _events: &[Event<'_>]) {}

    fn forget(&self, _person: Person) -> BoxFuture<'static, Result<Forgotten, String>> {
        Box::pin(std::future::ready(Ok(Forgotten::default())))
    }

    fn forget_in_memory(&self, _person: &Person) {}
}
