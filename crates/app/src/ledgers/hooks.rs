//! Deliveries as they come, and events as they go on.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::time::Duration;

use ::inbox::dispatch::verdict::Verdict;
use ::inbox::dispatch::witness::{Handed, Witness};
use ::inbox::receive;
use ::inbox::seen::Seen;
use ::inbox::workflow::Sender;
use incident::facts::inbox::ledger::{Delivery, EventSeen, Outcome};
use jiff::Timestamp;

use super::{Ledgers, millis, problem};

/// HubSpot gives up on an answer after 5 s (hubspot-facts §6.5).
const ANSWER_MAX: Duration = Duration::from_secs(5);

impl Ledgers {
    /// A delivery has been answered, after `took`.
    pub(crate) fn delivery(
        &self,
        outcome: &receive::Outcome,
        seen: &Seen,
        peer: Option<IpAddr>,
        took: Duration,
    ) {
        let Some(judged) = judged(outcome, seen) else { return };
        let at = self.clock.now();
        let events: Vec<EventSeen> = seen
            .events
            .iter()
            .map(|event| EventSeen {
                subject: event.subject,
                occurred_at: event.occurred_at,
                attempt: event.attempt,
                repeated: event.repeated,
            })
            .collect();
        self.inbox.lock().note(&Delivery {
            at,
            connection: seen.connection.as_deref(),
            portal_id: seen.portal_id,
            outcome: judged,
            ack_ms: millis(took),
            events: &events,
        });
        if let (None, Some(peer)) = (&seen.connection, peer) {
            self.inbox.lock().stranger_from(hash(peer), at);
        }
        if let receive::Outcome::NotKept(error) = outcome {
            self.commit(took, Err(problem(error)));
        }
        self.vitals.lock().delivered();
        self.count(judged, seen, took, at);
    }

    /// A delivery was given up because it did not come in whole; whoever waited so long was HubSpot.
    pub(crate) fn unread(&self, connection: Option<&str>, took: Duration) {
        if took >= ANSWER_MAX {
            self.fresh.lock().deliveries.slow += 1;
            self.inbox.lock().answered_late(connection, millis(took), self.clock.now());
        }
    }

    fn count(&self, judged: Outcome, seen: &Seen, took: Duration, at: Timestamp) {
        let mut fresh = self.fresh.lock();
        let late = jiff::SignedDuration::try_from(self.late).unwrap_or_default();
        let counts = &mut fresh.deliveries;
        counts.slow += u64::from(took >= ANSWER_MAX);
        match (judged, &seen.connection) {
            (_, None) => counts.strangers += 1,
            (Outcome::Refused, Some(_)) => counts.refused += 1,
            (Outcome::Untimely, Some(_)) => counts.untimely += 1,
            (Outcome::NotKept, Some(_)) => counts.not_kept += 1,
            (Outcome::Taken, Some(_)) => {
                for event in &seen.events {
                    counts.events += 1;
                    counts.repeated += u64::from(event.repeated && event.attempt == 0);
                }
                for event in &seen.events {
                    let age = at.duration_since(event.occurred_at);
                    fresh.events += 1;
                    fresh.late += u64::from(age > late);
                    let age_ms = u64::try_from(age.as_millis()).unwrap_or_default();
                    fresh.slowest_ms = fresh.slowest_ms.max(age_ms);
                }
            }
        }
    }
}

/// `None` where it was no delivery of an app's webhooks at all.
fn judged(outcome: &receive::Outcome, seen: &Seen) -> Option<Outcome> {
    Some(match outcome {
        receive::Outcome::NoDelivery(_) => return None,
        // It tells nothing of whether an app's webhooks come.
        receive::Outcome::Kept { .. } if seen.sender == Sender::Workflow => return None,
        receive::Outcome::Kept { .. } => Outcome::Taken,
        receive::Outcome::NotKept(_) => Outcome::NotKept,
        receive::Outcome::Forged(_) if seen.untimely => Outcome::Untimely,
        receive::Outcome::Forged(_)
        | receive::Outcome::Doubtful { .. }
        | receive::Outcome::UnknownConnection => Outcome::Refused,
    })
}

/// Addresses are counted, and not kept.
fn hash(peer: IpAddr) -> u64 {
    let mut hasher = DefaultHasher::new();
    peer.hash(&mut hasher);
    hasher.finish()
}

impl Witness for Ledgers {
    fn ended(&self, subscriber: &str, handed: &[Handed], verdict: &Verdict) {
        let now = self.clock.now();
        let mut ledger = self.forwarding.lock();
        match verdict {
            Verdict::Delivered => {
                for event in handed {
                    ledger.delivered(subscriber, event.subject, event.occurred_at, now);
                }
            }
            Verdict::Failed(_) | Verdict::Gone => ledger.failed(subscriber, now),
        }
    }
}
