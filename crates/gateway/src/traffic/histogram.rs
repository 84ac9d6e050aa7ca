//! Latencies by powers of the square root of two, from 1 ms up; good to about ±20 %, which is what a person needs.

use std::time::Duration;

const BUCKETS: usize = 40;

/// Half as many are shown: the powers of two.
pub const SHOWN: usize = BUCKETS / 2;

/// A bucket that begins a little below a threshold counts as above it.
const BUCKET_TOLERANCE: f64 = 0.95;

#[derive(Debug, Clone)]
pub struct Histogram {
    counts: [u64; BUCKETS],
    sum: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    pub(super) const fn new() -> Self {
        Self { counts: [0; BUCKETS], sum: Duration::ZERO }
    }

    pub fn note(&mut self, took: Duration) {
        self.sum = self.sum.saturating_add(took);
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
        let log = milliseconds.ilog2();
        // Above the middle between two powers of two, one half step more.
        let half = u32::from(milliseconds * milliseconds >= 1 << (2 * log + 1).min(63));
        let bucket = usize::try_from(2 * log + half).unwrap_or(BUCKETS).min(BUCKETS - 1);
        self.counts[bucket] += 1;
    }

    /// Adds what another counted.
    pub fn absorb(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine += theirs;
        }
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// Upper ends in seconds, the last one open, and how many lie between each and the one before.
    pub fn shown(&self) -> [(f64, u64); SHOWN] {
        std::array::from_fn(|place| {
            let end_ms = 1_u64 << (place + 1);
            let end = if place + 1 == SHOWN { f64::INFINITY } else { end_ms as f64 / 1_000.0 };
            (end, self.counts[2 * place] + self.counts[2 * place + 1])
        })
    }

    /// How many took longer than that, as well as buckets can tell.
    pub fn above_ms(&self, milliseconds: u64) -> u64 {
        let from = milliseconds as f64 * BUCKET_TOLERANCE;
        let slow =
            self.counts.iter().enumerate().filter(|(bucket, _)| 2f64.powf(*bucket as f64 / 2.0) >= from);
        slow.map(|(_, count)| count).sum()
    }

    pub fn sum(&self) -> Duration {
        self.sum
    }

    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The upper end of the bucket that holds the `share`-th value, in milliseconds.
    pub(super) fn quantile_ms(&self, share: f64) -> u64 {
        let total: u64 = self.counts.iter().sum();
        let mut left = total as f64 * share;
        for (bucket, count) in self.counts.iter().enumerate() {
            left -= *count as f64;
            if *count > 0 && left <= 0.0 {
                return 2f64.powf((bucket + 1) as f64 / 2.0).round() as u64;
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_a_bucket() {
        let mut histogram = Histogram::new();
        (1..=100).for_each(|n| histogram.note(Duration::from_millis(n * 10)));
        let (p50, p99) = (histogram.quantile_ms(0.5), histogram.quantile_ms(0.99));
        assert!((450..=750).contains(&p50), "{p50}");
        assert!((900..=1450).contains(&p99), "{p99}");
        assert_eq!(Histogram::new().quantile_ms(0.99), 0);
    }

    #[test]
    fn what_is_shown_ends_where_it_says() {
        let mut histogram = Histogram::new();
        for milliseconds in [0, 1, 2, 3, 4, 1_023, 1_024, 10_000_000] {
            histogram.note(Duration::from_millis(milliseconds));
        }
        let shown: Vec<_> = histogram.shown().into_iter().filter(|(_, count)| *count > 0).collect();
        let expected = [(0.002, 2), (0.004, 2), (0.008, 1), (1.024, 1), (2.048, 1), (f64::INFINITY, 1)];
        assert_eq!(shown, expected);
        assert_eq!((histogram.count(), histogram.sum()), (8, Duration::from_millis(10_002_057)));
    }
}
