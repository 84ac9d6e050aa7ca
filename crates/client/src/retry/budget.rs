//! Retries add at most a tenth of load, over all callers together, theirs included.

use std::sync::atomic::{AtomicU32, Ordering};

/// What one retry costs, in thousandths.
const COST: u32 = 1_000;

/// What every first try that is sent earns. At any moment there have been at most 5 retries and 0.08 for each first try:
/// a tenth from the 250th on, and over any 250 in a row. The five are there from the start, so that the first calls after
/// one may be tried again too.
const EARNED: u32 = 80;

/// What may be saved up, so that a quiet hour does not pay for a storm, and what there is to begin with.
const SAVED_MAX: u32 = 5 * COST;

/// Tokens for retries, in thousandths.
#[derive(Debug)]
pub(crate) struct RetryBudget(AtomicU32);

impl Default for RetryBudget {
    fn default() -> Self {
        Self(AtomicU32::new(SAVED_MAX))
    }
}

impl RetryBudget {
    /// A call is sent for the first time. While all is well the budget is full, and this is one look.
    pub(crate) fn first_try(&self) {
        self.earn(EARNED);
    }

    /// Retries that could be paid for now.
    pub(crate) fn left(&self) -> f64 {
        f64::from(self.0.load(Ordering::Relaxed)) / f64::from(COST)
    }

    /// Pays for one retry, if there is enough.
    pub(crate) fn take(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| tokens.checked_sub(COST)).is_ok()
    }

    /// The retry was not sent after all.
    pub(crate) fn give_back(&self) {
        self.earn(COST);
    }

    fn earn(&self, earned: u32) {
        let more = |tokens| (tokens < SAVED_MAX).then(|| SAVED_MAX.min(tokens + earned));
        let _full = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_stay_within_a_tenth_of_any_250_calls() {
        let budget = RetryBudget::default();
        let mut retries = 0;
        for call in 1..=10_000 {
            budget.first_try();
            while budget.take() {
                retries += 1;
            }
            assert!(retries * 100 <= 500 + 8 * call, "{retries} retries for {call} calls");
            assert!(call < 250 || retries * 10 <= call, "{retries} retries for {call} calls");
        }
        assert!(retries >= 800, "{retries} retries for 10,000 calls");
    }

    #[test]
    fn a_quiet_hour_does_not_pay_for_a_storm() {
        let budget = RetryBudget::default();
        (0..100_000).for_each(|_| budget.first_try());
        assert_eq!((0..100).filter(|_| budget.take()).count(), 5);
    }
}
