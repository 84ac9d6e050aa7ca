//! The 429 bodies (facts §1.5): `errorType` and `policyName`, no `category`, no `Retry-After` (§1.6).

use http::StatusCode;
use serde_json::json;

use super::{Budget, Payer};
use crate::refusal::Refusal;

/// `request_id` accompanies the correlation id in throttle bodies.
pub fn refusal(budget: Budget, payer: &Payer<'_>, request_id: &str) -> Refusal {
    let (app, portal, group) = (payer.app_id, payer.portal_id, payer.kind.group());
    let (message, policy, group) = match budget {
        Budget::Daily => ("You have reached your daily limit.", "DAILY", None),
        Budget::Burst => (
            "You have reached your ten_secondly_rolling limit.",
            "TEN_SECONDLY_ROLLING",
            Some(format!("publicapi:{group}-api-calls-ten-secondly:{app}:{portal}")),
        ),
        // Its wording and policy are unconfirmed (§1.5); the window is the same, so the burst's are used.
        Budget::Associations => (
            "You have reached your ten_secondly_rolling limit.",
            "TEN_SECONDLY_ROLLING",
            Some(format!("publicapi:associations-api-calls-ten-secondly:{portal}")),
        ),
        // The text is what HubSpot's Node client matches; today's policy name is unconfirmed.
        Budget::Search => ("You have reached your secondly limit.", "SECONDLY", None),
    };
    let mut refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, message)
        .field("errorType", json!("RATE_LIMIT"))
        .field("policyName", json!(policy));
    if let Some(group) = group {
        refusal = refusal.field("groupName", json!(group));
    }
    refusal.field("requestId", json!(request_id))
}
