//! Latencies by powers of the square root of two, from 1 ms up; good to about ±20 %, which is what a person needs.

use std::time::Duration;

const BUCKETS: usize = 40;

#[derive(Debug, Clone, Copy)]
pub(super) struct Histogram([u32; BUCKETS]);

impl Histogram {
    pub(super) const fn new() -> Self {
        Self([0; BUCKETS])
    }

    pub(super) fn note(&mut self, took: Duration) {
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).max(1);
        let log = milliseconds.ilog2();
        // Above the middle between two powers of two, one half step more.
        let half = u32::from(milliseconds * milliseconds >= 1 << (2 * log + 1).min(63));
        let bucket = usize::try_from(2 * log + half).unwrap_or(BUCKETS).min(BUCKETS - 1);
        self.0[bucket] = self.0[bucket].saturating_add(1);
    }

    pub(super) fn absorb(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine = mine.saturating_add(theirs);
        }
    }

    /// The upper end of the bucket that holds the `share`-th value, in milliseconds.
    pub(super) fn quantile_ms(&self, share: f64) -> u64 {
        let total: u64 = self.0.iter().map(|count| u64::from(*count)).sum();
        let mut left = total as f64 * share;
        for (bucket, count) in self.0.iter().enumerate() {
            left -= f64::from(*count);
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
}
