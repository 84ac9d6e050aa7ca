//! Whoever keeps count of what goes on to subscribers is told as each request ends.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::door::{Door, Occasion, Parcel};
use super::verdict::Verdict;

/// Keeps count.
pub trait Witness: Send + Sync + 'static {
    fn ended(&self, subscriber: &str, handed: &[Handed], verdict: &Verdict);
}

/// An event of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handed {
    /// A hash of portal, record and property.
    pub subject: u64,
    pub occurred_at: Timestamp,
}

/// Counts nothing.
pub struct Nobody;

impl Witness for Nobody {
    fn ended(&self, _subscriber: &str, _handed: &[Handed], _verdict: &Verdict) {}
}

/// A door at which somebody counts.
pub(super) struct Watched {
    pub(super) door: Arc<dyn Door>,
    pub(super) subscriber: Arc<str>,
    pub(super) witness: Arc<dyn Witness>,
}

impl Door for Watched {
    fn post(&self, parcel: Parcel) -> BoxFuture<'static, Verdict> {
        // What a person wants sent once more says nothing about order.
        if parcel.occasion == Occasion::Replay {
            return self.door.post(parcel);
        }
        let handed = |item: &super::item::Item| Handed {
            subject: number(item.subject),
            occurred_at: item.occurred_at,
        };
        let handed: Vec<Handed> = parcel.items.iter().map(handed).collect();
        let (subscriber, witness) = (self.subscriber.clone(), self.witness.clone());
        let posted = self.door.post(parcel);
        Box::pin(async move {
            let verdict = posted.await;
            witness.ended(&subscriber, &handed, &verdict);
            verdict
        })
    }
}

/// For counting: two subjects may share one.
fn number(subject: [u8; 16]) -> u64 {
    let [first, ..] = subject.as_chunks::<8>().0 else { return 0 };
    u64::from_le_bytes(*first)
}
