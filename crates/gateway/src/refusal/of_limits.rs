//! What the gate says no to: a limit leaves no room, or nobody waits any more.

use client::governor::{Refusal as GateRefusal, RefusalReason};
use http::StatusCode;
use hubspot::endpoint::Budget;

use super::Refusal;

pub(super) fn refused(refusal: &GateRefusal) -> Refusal {
    let (category, policy_name, message) = match (refusal.reason, refusal.budget) {
        (RefusalReason::DailyPoolEmpty, _) => (
            "HUBKEEPER_DAILY_LIMIT",
            "DAILY",
            "You have reached your daily limit. The account's pool is new at midnight in its time zone.",
        ),
        (RefusalReason::DailyReserve, _) => (
            "HUBKEEPER_DAILY_RESERVE",
            "DAILY",
            "What is left of your daily limit is kept for more urgent calls. `hubkeeper quota` shows who spends it.",
        ),
        (RefusalReason::Late, _) => (
            "HUBKEEPER_DEADLINE_PASSED",
            "HUBKEEPER_DEADLINE",
            "The caller's deadline had passed before the request could be sent: no limit held it. Give it more time.",
        ),
        // `Moved` is the client's own business and never comes this far; to a caller it would mean the same.
        (RefusalReason::ShuttingDown | RefusalReason::Moved, _) => return Refusal::draining(),
        (RefusalReason::QueueFull, _) => (
            "HUBKEEPER_QUEUE_FULL",
            "HUBKEEPER_QUEUE",
            "Too many requests are waiting for this account's limit.",
        ),
        (RefusalReason::Deadline, Budget::Search) => (
            "HUBKEEPER_SEARCH_LIMIT",
            "SECONDLY",
            "The account's search limit leaves no room before the deadline.",
        ),
        (RefusalReason::Deadline, Budget::Journal) => (
            "HUBKEEPER_JOURNAL_LIMIT",
            "SECONDLY",
            "The webhooks journal's limit leaves no room before the deadline.",
        ),
        (RefusalReason::Deadline, Budget::Burst | Budget::Associations | Budget::Daily) => (
            "HUBKEEPER_BURST_LIMIT",
            "TEN_SECONDLY_ROLLING",
            "The account's rolling limit leaves no room before the deadline.",
        ),
    };
    let refused = Refusal::new(
        StatusCode::TOO_MANY_REQUESTS,
        category,
        format!("{message} It was not sent to HubSpot."),
    );
    Refusal { policy_name: Some(policy_name), ..refused.after(refusal.retry_after) }
}
