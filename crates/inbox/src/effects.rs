//! What new events change in our own house, told through a seam: this crate knows no cache.

use futures_util::future::BoxFuture;

use crate::event::Event;

pub trait Effects: Send + Sync + 'static {
    /// These have just come, some of them perhaps before. Records are not any more what they were.
    fn changed(&self, events: &[Event<'_>]);

    /// A person is to be forgotten. Done once this ends well; asked again after a failure or a crash.
    fn forget(&self, person: Person) -> BoxFuture<'static, Result<(), String>>;
}

/// A contact, as HubSpot numbers them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub connection: String,
    pub portal_id: String,
    pub contact_id: String,
}

/// Nothing changes.
pub struct NoEffects;

impl Effects for NoEffects {
    fn changed(&self, _events: &[Event<'_>]) {}

    fn forget(&self, _person: Person) -> BoxFuture<'static, Result<(), String>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
