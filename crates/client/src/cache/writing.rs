//! A write under way: while it lasts, what it may change is not served from memory; when it ends, what was read before is
//! over.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::Method;
use hubspot::endpoint::ApiFamily;

use super::kind::Kind;
use super::{Cache, Touch};
use crate::accounts::Account;
use crate::body::Body;
use crate::call::Call;

/// A write whose answer never came may take effect until HubSpot's edge gives up on it (facts §1.7: 100 s).
const LATE_MAX: Duration = Duration::from_secs(100);

/// Writes of unknown outcome looked at once more, at a time.
const LATE_WRITES_MAX: usize = 4096;

/// How a write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It changed nothing: it was never sent.
    Nothing,
    Answered,
    Unknown,
}

/// A write under way. Dropped, its outcome is unknown.
pub(crate) struct Writing {
    cache: Arc<Cache>,
    /// Those who see the same portal, or may.
    accounts: Vec<Arc<Account>>,
    touch: Touch,
    /// The record that was written, where it turned out to have another id than those in `touch`.
    also: Option<(Kind, u64)>,
    outcome: Outcome,
}

impl Writing {
    pub(crate) fn begin(cache: &Arc<Cache>, accounts: Vec<Arc<Account>>, touch: Touch) -> Self {
        cache.counters.write();
        for account in &accounts {
            account.marks.open(&touch);
        }
        Self { cache: cache.clone(), accounts, touch, also: None, outcome: Outcome::Unknown }
    }

    /// HubSpot has answered with the record that was written, if it was one.
    pub(crate) fn answered(&mut self, call: &Call, answer: &Body) {
        let Body::Whole(answer) = answer else { return };
        let updates = call.method == Method::PATCH;
        let merges = call.method == Method::POST && call.target.path().ends_with("/merge");
        if call.endpoint.family == ApiFamily::Objects && (updates || merges) {
            self.also = self.cache.learn_own_id(&self.touch.records, answer);
        }
    }

    /// `others` are the accounts that see the portal now; one may have come while the write was under way.
    pub(crate) fn end(mut self, outcome: Outcome, others: impl FnOnce() -> Vec<Arc<Account>>) {
        self.outcome = outcome;
        if outcome == Outcome::Nothing {
            return;
        }
        let at = self.cache.next_moment();
        for other in others() {
            if !self.accounts.iter().any(|account| Arc::ptr_eq(account, &other)) {
                other.marks.note(&self.touch, at);
            }
        }
    }

    /// Notes once more, when it can no longer take effect, that it may have.
    fn look_again(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let cache = self.cache.clone();
        if cache.late_writes.fetch_add(1, Ordering::Relaxed) >= LATE_WRITES_MAX {
            cache.late_writes.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let (accounts, touch) = (self.accounts.clone(), std::mem::take(&mut self.touch));
        runtime.spawn(async move {
            tokio::time::sleep(LATE_MAX).await;
            let at = cache.next_moment();
            for account in &accounts {
                account.marks.note(&touch, at);
                if touch.purge {
                    cache.sweep(account);
                }
            }
            cache.late_writes.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let at = (self.outcome != Outcome::Nothing).then(|| self.cache.next_moment());
        let also = self.also.map(|record| Touch { records: vec![record], ..Touch::default() });
        for account in &self.accounts {
            account.marks.close(&self.touch, at);
            if let Some((also, at)) = also.as_ref().zip(at) {
                account.marks.note(also, at);
            }
            if self.touch.purge && at.is_some() || account.marks.is_full() {
                self.cache.sweep(account);
            }
        }
        if self.outcome == Outcome::Unknown {
            self.look_again();
        }
    }
}
