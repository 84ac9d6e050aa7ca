//! Callers try again too, and that is load like our own retries. A request that equals one that has just failed, from the
//! same caller, is taken for a retry of it, once for each failure; so is one whose SDK says that it is. Many may ask the
//! same at the same time without any of them trying again.
//!
//! While nothing has failed lately this is one look at a flag.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::accounts::Account;
use crate::call::Call;

/// The same request after this long is a new try: programs that poll ask the same for ever.
const REPEATED_WITHIN: Duration = Duration::from_secs(5);

/// Nobody tries again sooner after a refusal of ours; what comes meanwhile is somebody else.
const REFUSED_REST: Duration = Duration::from_millis(100);

/// Failed requests kept in mind; the oldest goes first.
const FAILED_MAX: usize = 4_096;

/// How SDKs number their retries, from zero.
const RETRY_HEADERS: [&str; 2] = ["x-stainless-retry-count", "x-retry-count"];

/// What callers sent again by themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Repeated {
    /// Recognised as retries.
    pub seen: u64,
    /// Of those, refused: the budget for retries was spent.
    pub refused: u64,
}

/// Requests that have failed lately.
#[derive(Default)]
pub(crate) struct Repeats {
    any: AtomicBool,
    failed: Mutex<Failed>,
    seen: AtomicU64,
    refused: AtomicU64,
}

#[derive(Default)]
struct Failed {
    requests: HashMap<u64, Request>,
    order: VecDeque<(Instant, u64)>,
}

/// One request that failed.
struct Request {
    last_at: Instant,
    /// Retries to be expected: one for each failure.
    expected: u32,
    rests_until: Instant,
}

/// A retry of a caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repeat {
    key: u64,
    /// Until the same request is a new try.
    pub(crate) new_in: Duration,
}

impl Repeats {
    /// A request came to a bad end that a caller may not want to leave at that.
    pub(crate) fn failed(&self, call: &Call, account: &Account, body: &[u8], now: Instant) {
        let key = key(call, account, body);
        let mut failed = self.failed.lock();
        failed.forget(now);
        let request =
            failed.requests.entry(key).or_insert(Request { last_at: now, expected: 0, rests_until: now });
        request.last_at = now;
        request.expected += 1;
        failed.order.push_back((now, key));
        self.any.store(true, Ordering::Relaxed);
    }

    /// `None` for a first try.
    pub(crate) fn recognise(&self, call: &Call, account: &Account, body: &[u8]) -> Option<Repeat> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let now = Instant::now();
        let mut failed = self.failed.lock();
        failed.forget(now);
        self.any.store(!failed.order.is_empty(), Ordering::Relaxed);
        let key = key(call, account, body);
        let said = if says_so(call) { failed.order.back().map(|(at, _)| *at) } else { None };
        let last_at = said.or_else(|| failed.repeated(key, now))?;
        self.seen.fetch_add(1, Ordering::Relaxed);
        let new_in = REPEATED_WITHIN.saturating_sub(now.saturating_duration_since(last_at));
        Some(Repeat { key, new_in })
    }

    /// There was no budget for it: its caller may well come again.
    pub(crate) fn refused(&self, repeat: Repeat) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        if let Some(request) = self.failed.lock().requests.get_mut(&repeat.key) {
            request.expected += 1;
            request.rests_until = Instant::now() + REFUSED_REST;
        }
    }

    pub(crate) fn counts(&self) -> Repeated {
        Repeated { seen: self.seen.load(Ordering::Relaxed), refused: self.refused.load(Ordering::Relaxed) }
    }
}

impl Failed {
    /// When the request failed that this one tries again.
    fn repeated(&mut self, key: u64, now: Instant) -> Option<Instant> {
        let request = self.requests.get_mut(&key).filter(|request| now >= request.rests_until)?;
        request.expected = request.expected.checked_sub(1)?;
        Some(request.last_at)
    }

    fn forget(&mut self, now: Instant) {
        let is_over = |order: &VecDeque<(Instant, u64)>| {
            let oldest = order.front();
            oldest.is_some_and(|(at, _)| now.saturating_duration_since(*at) >= REPEATED_WITHIN)
                || order.len() >= FAILED_MAX
        };
        while is_over(&self.order) {
            let Some((at, key)) = self.order.pop_front() else { return };
            // The same request may have failed again since.
            if self.requests.get(&key).is_some_and(|request| request.last_at == at) {
                self.requests.remove(&key);
            }
        }
    }
}

fn says_so(call: &Call) -> bool {
    let counts =
        RETRY_HEADERS.into_iter().filter_map(|name| call.headers.get(name)?.to_str().ok()?.parse().ok());
    counts.into_iter().any(|count: u32| count > 0)
}

/// Two different requests with one key would be no more than one retry miscounted.
fn key(call: &Call, account: &Account, body: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&account.name, &call.caller, &call.method, call.target.as_str(), body).hash(&mut hasher);
    hasher.finish()
}
