//! The way out to a subscriber, behind one seam: HTTP or lines in service, a made-up subscriber in tests.

use std::fmt::Write as _;

use aws_lc_rs::digest;
use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::item::Item;
use super::verdict::Verdict;

/// Hands a request to its subscriber, once. What becomes of it is the verdict; nothing is tried again here.
pub trait Door: Send + Sync + 'static {
    fn post(&self, parcel: Parcel) -> BoxFuture<'static, Verdict>;
}

/// Events on their way to a subscriber.
#[derive(Debug, Clone)]
pub struct Parcel {
    pub items: Vec<Item>,
    pub at: Timestamp,
    pub occasion: Occasion,
}

/// Why it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    Live,
    /// A person wants it sent once more.
    Replay,
}

impl Parcel {
    /// The same each time the same events are sent.
    pub fn id(&self) -> String {
        if let [item] = &self.items[..] {
            return item.id();
        }
        let mut hash = digest::Context::new(&digest::SHA256);
        for item in &self.items {
            hash.update(item.event.bytes());
        }
        let mut id = "msg_".to_owned();
        for byte in &hash.finish().as_ref()[..16] {
            write!(id, "{byte:02x}").expect("writing to a string cannot fail");
        }
        id
    }

    /// An array of events, each in HubSpot's own bytes: what handles HubSpot's deliveries handles this.
    pub fn body(&self) -> Vec<u8> {
        let length: usize = self.items.iter().map(|item| item.body.len() + 1).sum();
        let mut body = Vec::with_capacity(length + 1);
        for (place, item) in self.items.iter().enumerate() {
            body.push(if place == 0 { b'[' } else { b',' });
            body.extend_from_slice(&item.body);
        }
        body.push(b']');
        body
    }

    /// How often it has been tried, this time included.
    pub fn attempt(&self) -> u32 {
        self.items.iter().map(|item| item.attempts).max().unwrap_or_default().saturating_add(1)
    }
}
