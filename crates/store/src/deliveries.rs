//! Webhook deliveries: the bodies as they came, and which of their events are new.

use std::ops::Range;

use jiff::Timestamp;

/// Events of one delivery at most; HubSpot sends up to 100.
/// hubspot-facts §6.4 (webhooks guide, payload).
pub const EVENTS_MAX: usize = 128;

/// What tells an event from every other: the moment it occurred, then a digest of all that identifies it. Keys of one time
/// lie together, so that looking one up stays cheap however many there are, and old ones go in one stroke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey([u8; 16]);

impl EventKey {
    /// `digest` is of everything that identifies the event.
    pub fn new(occurred_at: Timestamp, digest: [u8; 10]) -> Self {
        let mut key = [0; 16];
        key[..6].copy_from_slice(&Self::moment(occurred_at));
        key[6..].copy_from_slice(&digest);
        Self(key)
    }

    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// When its event occurred.
    pub fn occurred_at(&self) -> Timestamp {
        let mut milliseconds = [0; 8];
        milliseconds[2..].copy_from_slice(&self.0[..6]);
        Timestamp::from_millisecond(i64::from_be_bytes(milliseconds)).unwrap_or_default()
    }

    pub fn of_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The lowest key of a moment.
    pub(crate) fn earliest(occurred_at: Timestamp) -> Self {
        Self::new(occurred_at, [0; 10])
    }

    /// Milliseconds in six bytes, which reach for 8,900 years; what lies before 1970 is all the same.
    fn moment(at: Timestamp) -> [u8; 6] {
        let milliseconds = u64::try_from(at.as_millisecond()).unwrap_or(0).to_be_bytes();
        milliseconds[2..].try_into().expect("six of eight")
    }
}

/// A verified delivery, to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    pub received_at: Timestamp,
    pub connection: String,
    /// Byte for byte.
    pub body: Vec<u8>,
    /// One for each event, in their order.
    pub keys: Vec<EventKey>,
}

/// What an event is called by all who may bring it, and not by one of them alone: HubSpot's webhooks and its journal number
/// events differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Twin {
    /// Whoever brings the event first makes it known under this.
    pub shared: EventKey,
    /// Known under that name already, the event is new all the same, unless this is known too: two webhooks may tell of two
    /// events that differ in their numbers alone. `None`: then it is not new.
    pub unless: Option<EventKey>,
}

/// A delivery as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its place in the order of arrival.
    pub seq: i64,
    pub received_at: Timestamp,
    pub connection: String,
    pub body: Vec<u8>,
    /// The events that had not come before.
    pub new: Places,
}

/// A set of places in a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Places(u128);

impl Places {
    pub fn add(&mut self, place: usize) {
        debug_assert!(place < EVENTS_MAX);
        self.0 |= 1 << place;
    }

    pub fn contains(self, place: usize) -> bool {
        place < EVENTS_MAX && self.0 >> place & 1 == 1
    }

    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    pub(crate) fn of_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

/// Deliveries by their order of arrival.
pub type Seqs = Range<i64>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_time() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let early = EventKey::new(at("2026-03-01T00:00:00Z"), [255; 10]);
        let late = EventKey::new(at("2026-03-01T00:00:00.001Z"), [0; 10]);
        assert!(early < late);
        assert!(EventKey::earliest(at("2026-03-01T00:00:00.001Z")) <= late);
        assert_eq!(late.occurred_at(), at("2026-03-01T00:00:00.001Z"));
    }

    #[test]
    fn places_are_a_set() {
        let mut places = Places::default();
        places.add(0);
        places.add(127);
        places.add(127);
        assert_eq!(places.len(), 2);
        assert!(places.contains(127) && !places.contains(126) && !places.contains(500));
        assert_eq!(Places::of_bytes(places.bytes()), places);
    }
}
