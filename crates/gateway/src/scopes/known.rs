//! What is known of a token's scopes, and what follows for a call.

use std::sync::Arc;
use std::time::Duration;

use hubspot::scope::surely_lacks;
use tokio::time::Instant;

/// A refusal rests on no older word of HubSpot's.
const FRESH: Duration = Duration::from_secs(15);

/// After a question without an answer, and between two that nobody waits for.
pub(super) const PAUSE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    granted: Option<Granted>,
    /// The last question, answered or not.
    asked_at: Option<Instant>,
    failed_at: Option<Instant>,
    /// HubSpot has contradicted what is known.
    is_doubted: bool,
}

#[derive(Debug, Clone)]
struct Granted {
    scopes: Arc<[String]>,
    /// Of which of the connection's tokens.
    generation: u64,
    at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    Go,
    /// By what was heard long ago.
    Ask,
    Lacks {
        age: Duration,
    },
}

impl Judgement {
    pub(super) const fn is_doubtful(self) -> bool {
        match self {
            Self::Go => false,
            Self::Ask | Self::Lacks { .. } => true,
        }
    }
}

impl Known {
    /// Nothing known is no reason to refuse, and no reason to ask: a call that goes is judged by HubSpot.
    pub(super) fn judge(&self, generation: u64, any_of: &[&str], now: Instant) -> Judgement {
        let Some(granted) = self.granted.as_ref().filter(|granted| surely_lacks(&granted.scopes, any_of))
        else {
            return Judgement::Go;
        };
        let age = now - granted.at;
        if granted.generation == generation && age <= FRESH && !self.is_doubted {
            return Judgement::Lacks { age };
        }
        let has_just_failed = self.failed_at.is_some_and(|at| now - at < PAUSE);
        if has_just_failed { Judgement::Go } else { Judgement::Ask }
    }

    pub(super) fn heard(&mut self, scopes: Vec<String>, generation: u64, now: Instant) {
        self.granted = Some(Granted { scopes: scopes.into(), generation, at: now });
        (self.asked_at, self.failed_at, self.is_doubted) = (Some(now), None, false);
    }

    pub(super) fn heard_nothing(&mut self, now: Instant) {
        (self.asked_at, self.failed_at) = (Some(now), Some(now));
    }

    /// Doubts of the last moment were cleared by the question that was asked then: HubSpot keeps to its word.
    pub(super) fn doubt(&mut self, now: Instant) {
        self.is_doubted |= self.asked_at.is_none_or(|at| now - at >= PAUSE);
    }

    /// Whether it is time to ask although nobody waits for it.
    pub(super) fn is_due(&self, generation: u64, age_max: Duration, now: Instant) -> bool {
        if self.failed_at.is_some_and(|at| now - at < PAUSE) {
            return false;
        }
        let is_old = |granted: &Granted| granted.generation != generation || now - granted.at >= age_max;
        self.is_doubted || self.granted.as_ref().is_none_or(is_old)
    }

    pub(super) fn was_asked_since(&self, began: Instant) -> bool {
        self.asked_at.is_some_and(|at| at > began)
    }

    /// The scopes, and how long ago HubSpot told them. Those of an older token are not told.
    pub(super) fn told(&self, generation: u64, now: Instant) -> Option<(Arc<[String]>, Duration)> {
        let granted = self.granted.as_ref().filter(|granted| granted.generation == generation)?;
        Some((granted.scopes.clone(), now - granted.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: &[&str] = &["crm.objects.contacts.read"];
    const DEALS: &[&str] = &["crm.objects.deals.read"];

    fn known(now: Instant) -> Known {
        let mut known = Known::default();
        known.heard(vec!["oauth".into(), READ[0].into()], 1, now);
        known
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_rests_on_what_was_heard_a_moment_ago_of_this_token() {
        let now = Instant::now();
        let mut known = known(now);
        assert_eq!(known.judge(1, READ, now), Judgement::Go);
        assert_eq!(known.judge(1, DEALS, now), Judgement::Lacks { age: Duration::ZERO });
        assert_eq!(known.judge(1, &[], now), Judgement::Go, "what is not known to be needed is not missing");
        assert_eq!(known.judge(2, DEALS, now), Judgement::Ask, "another token may have more");
        assert_eq!(known.judge(2, READ, now), Judgement::Go);
        let later = now + FRESH + Duration::from_millis(1);
        assert_eq!(known.judge(1, DEALS, later), Judgement::Ask);
        known.heard_nothing(later);
        assert_eq!(
            known.judge(1, DEALS, later),
            Judgement::Go,
            "what cannot be found out is HubSpot's to say"
        );
        assert_eq!(known.judge(1, DEALS, later + PAUSE), Judgement::Ask);
        assert_eq!(Known::default().judge(1, DEALS, now), Judgement::Go);
    }

    #[tokio::test(start_paused = true)]
    async fn a_contradiction_is_asked_about_once_in_a_while() {
        let now = Instant::now();
        let mut known = known(now);
        known.doubt(now + Duration::from_secs(1));
        assert!(!known.is_due(1, Duration::from_secs(3600), now), "it was asked just then");
        known.doubt(now + PAUSE);
        assert!(known.is_due(1, Duration::from_secs(3600), now + PAUSE));
        assert_eq!(known.judge(1, DEALS, now), Judgement::Ask, "what is doubted refuses nobody");
        known.heard_nothing(now + PAUSE);
        assert!(!known.is_due(1, Duration::from_secs(3600), now + PAUSE));
        known.heard(vec![DEALS[0].into()], 1, now + PAUSE);
        assert_eq!(known.judge(1, DEALS, now + PAUSE), Judgement::Go);
        assert!(known.is_due(2, Duration::from_secs(3600), now + PAUSE), "there is another token");
    }
}
