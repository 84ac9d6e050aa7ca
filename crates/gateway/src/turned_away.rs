//! Requests that we answered ourselves before they became calls: they are in no other count.

use std::sync::atomic::{AtomicU64, Ordering};

/// Each reason as our error body names it, and as monitoring does.
const REASONS: [(&str, &str); 15] = [
    ("HUBKEEPER_UNKNOWN_CALLER", "unknown_caller"),
    ("HUBKEEPER_BAD_REQUEST", "bad_request"),
    ("HUBKEEPER_AMBIGUOUS_REQUEST", "ambiguous_request"),
    ("HUBKEEPER_HEAD_TIMEOUT", "head_timeout"),
    ("HUBKEEPER_HEAD_TOO_LARGE", "head_too_large"),
    ("HUBKEEPER_BODY_TOO_LARGE", "body_too_large"),
    ("HUBKEEPER_BODY_UNREADABLE", "body_unreadable"),
    ("HUBKEEPER_UNKNOWN_HOST", "unknown_host"),
    ("HUBKEEPER_CROSS_SITE", "cross_site"),
    ("HUBKEEPER_KEY_USED_OTHERWISE", "key_used_otherwise"),
    ("HUBKEEPER_KEY_IN_PROGRESS", "key_in_progress"),
    ("HUBKEEPER_OUTCOME_UNKNOWN", "outcome_unknown"),
    ("HUBKEEPER_NOT_KEPT", "not_kept"),
    ("HUBKEEPER_MISSING_RIGHTS", "missing_rights"),
    ("MISSING_SCOPES", "missing_scopes"),
];

/// Whatever has no name of its own.
const OTHER: &str = "other";

/// How many, by reason.
#[derive(Debug, Default)]
pub struct TurnedAway([AtomicU64; REASONS.len() + 1]);

impl TurnedAway {
    pub(crate) fn count(&self, category: &str) {
        let place = REASONS.iter().position(|(known, _)| *known == category).unwrap_or(REASONS.len());
        self.0[place].fetch_add(1, Ordering::Relaxed);
    }

    /// Every reason, and how many were turned away for it.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let names = REASONS.iter().map(|(_, name)| *name).chain([OTHER]);
        names.zip(&self.0).map(|(name, count)| (name, count.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use store::failure::{Refusing, StoreError};

    use super::*;
    use crate::connection::{Refused, Violation};
    use crate::refusal::Refusal;

    #[test]
    fn each_reason_has_a_name() {
        let refused = |refused: Refused| Refusal::from(refused);
        let all = [
            Refusal::unknown_caller(),
            Refusal::missing_right(
                "billing",
                &crate::rights::Missing { right: "a".into(), hint: "b".into() },
            ),
            Refusal::missing_scopes(
                "crm",
                &crate::scopes::Lacking { any_of: &["tickets"], age: std::time::Duration::ZERO },
            ),
            Refusal::bad_header("A", "b"),
            Refusal::bad_target(),
            Refusal::unknown_host(),
            Refusal::cross_site(),
            Refusal::body_too_large(1),
            Refusal::body_unreadable(),
            Refusal::key_used_otherwise(),
            Refusal::key_in_progress(),
            Refusal::key_in_doubt(),
            Refusal::not_kept(&StoreError::NotAccepted(Refusing::DiskFull)),
            refused(Refused::HeadTimeout),
            refused(Refused::Framing(Violation::HeadTooLarge)),
            refused(Refused::Framing(Violation::BareLineFeed)),
        ];
        let turned_away = TurnedAway::default();
        for refusal in all {
            assert_ne!(refusal.status(), StatusCode::OK);
            turned_away.count(refusal.category());
        }
        let counts: Vec<_> = turned_away.counts().collect();
        assert_eq!(counts.last(), Some(&(OTHER, 0)));
        assert!(counts[..counts.len() - 1].iter().all(|(_, count)| *count > 0), "{counts:?}");
    }
}
