//! Retries add at most a tenth of load, over all callers together.

/// What every first try earns of a retry: a little less than a tenth, so that with what is saved up it is a tenth over
/// any thousand calls.
const EARNED_PER_CALL: f64 = 0.09;

/// What may be saved up, so that a quiet hour does not pay for a storm, and what there is to begin with.
const SAVED_MAX: f64 = 10.0;

/// Tokens for retries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetryBudget {
    tokens: f64,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self { tokens: SAVED_MAX }
    }
}

impl RetryBudget {
    pub(crate) fn first_try(&mut self) {
        self.tokens = (self.tokens + EARNED_PER_CALL).min(SAVED_MAX);
    }

    /// Retries that could be paid for now.
    pub(crate) fn left(&self) -> f64 {
        self.tokens
    }

    /// Pays for one retry, if there is enough.
    pub(crate) fn take(&mut self) -> bool {
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_stay_within_a_tenth() {
        let mut budget = RetryBudget::default();
        let mut retries = 0;
        for _ in 0..10_000 {
            budget.first_try();
            retries += u32::from(budget.take());
        }
        assert!((900..=1_000).contains(&retries), "{retries} retries for 10,000 calls");
    }
}
