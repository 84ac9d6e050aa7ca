//! What may have taken effect without a word.

use store::outbox::Operation;

use super::Outbox;
use super::send::{self, Tried};
use super::verdict::{Again, Blame, Twice, Verdict};

impl Outbox {
    /// It was being sent when its sender vanished. Whether HubSpot took it in nobody knows; it goes again only where
    /// that can do no harm.
    pub(super) fn interrupted(&self, operation: &Operation) -> Tried {
        let verdict = match self.twice(operation) {
            Twice::Safe => Verdict::Again(Again { after: None, blame: Blame::Operation }),
            Twice::Unsafe => Verdict::InDoubt,
        };
        let attempt = send::attempt(self.clock.now(), 0, None, "interrupted", true);
        let reason = "it was being sent when hubkeeper ended".to_owned();
        Tried { attempt: Some(attempt), verdict, answer: None, reason }
    }

    fn twice(&self, operation: &Operation) -> Twice {
        match self.call_of(operation) {
            Ok(call) if call.endpoint.idempotent => Twice::Safe,
            Ok(_) | Err(_) => Twice::Unsafe,
        }
    }
}
