//! Chance without surprise: the same seed, purpose and index always draw the same number.
//!
//! Draws are stateless. A stream of random numbers would let one more fault shift every later correlation id;
//! here each question has its own number, so that same seed + same calls = same bytes.

use std::fmt::Write as _;

/// Where all chance of one simulator comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(u64);

/// What a number is drawn for; two purposes never share a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    CorrelationId,
    RequestId,
    CloudflareRay,
    AccessToken,
    RefreshToken,
    AuthorizationCode,
    ClientId,
    ClientSecret,
    Latency,
    LatencySplit,
    /// Does fault number `index >> 32` strike call number `index & 0xffff_ffff`?
    FaultRate,
    /// Which of several shapes a striking fault takes.
    FaultShape,
    /// How much another process spends in one second.
    OtherProcess,
    EventId,
    /// Is an event delivered twice?
    EventTwice,
    /// The order of events in a delivery.
    EventOrder,
    /// How long until a delivery is tried again.
    WebhookRetry,
    /// Does an event leave later than the others?
    EventLate,
    /// What a forged delivery lacks.
    Forgery,
    /// The offset of an entry in the journal.
    JournalOffset,
    /// The correlation id of what a form submission does.
    FormSubmission,
}

impl Seed {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The bare number, for the parts that take a seed of their own.
    pub const fn value(self) -> u64 {
        self.0
    }

    /// A number spread evenly over all of `u64`.
    pub fn number(self, purpose: Purpose, index: u64) -> u64 {
        scramble(scramble(scramble(self.0) ^ purpose as u64) ^ index)
    }

    /// A share in `0.0 .. 1.0`.
    pub fn share(self, purpose: Purpose, index: u64) -> f64 {
        // 53 bits are what an f64 can hold without rounding.
        (self.number(purpose, index) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number in `0 .. below`; `below` is more than zero.
    pub fn below(self, purpose: Purpose, index: u64, below: u64) -> u64 {
        self.number(purpose, index) % below
    }

    /// A version 4 UUID in its usual lowercase spelling.
    pub fn uuid(self, purpose: Purpose, index: u64) -> String {
        let high = self.number(purpose, index);
        let low = scramble(high ^ 0x5bd1_e995);
        let (high, low) = ((high & !0xf000) | 0x4000, (low & !(3 << 62)) | (2 << 62));
        let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0xffff);
        format!("{a:08x}-{b:04x}-{c:04x}-{:04x}-{:012x}", low >> 48, low & 0xffff_ffff_ffff)
    }

    /// `digits` lowercase hexadecimal digits.
    pub fn hex(self, purpose: Purpose, index: u64, digits: usize) -> String {
        let mut text = String::with_capacity(digits + 16);
        let mut word = self.number(purpose, index);
        while text.len() < digits {
            write!(text, "{word:016x}").expect("writing to a string cannot fail");
            word = scramble(word);
        }
        text.truncate(digits);
        text
    }
}

/// One step of splitmix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit.
const fn scramble(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_a_version_4_uuid() {
        let id = Seed::new(7).uuid(Purpose::CorrelationId, 3);
        assert_eq!(id.len(), 36);
        assert_eq!(id.as_bytes()[14], b'4');
        assert!(matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{id}");
    }

    #[test]
    fn purpose_index_and_seed_all_matter() {
        let seed = Seed::new(1);
        let base = seed.number(Purpose::Latency, 1);
        assert_eq!(base, Seed::new(1).number(Purpose::Latency, 1));
        assert_ne!(base, seed.number(Purpose::Latency, 2));
        assert_ne!(base, seed.number(Purpose::LatencySplit, 1));
        assert_ne!(base, Seed::new(2).number(Purpose::Latency, 1));
    }

    #[test]
    fn shares_are_spread_evenly() {
        let mean = (0..10_000).map(|n| Seed::new(5).share(Purpose::FaultRate, n)).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }
}
