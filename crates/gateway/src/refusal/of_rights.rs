//! A call outside of its caller's rights.

use http::StatusCode;

use super::Refusal;
use crate::rights::Missing;

impl Refusal {
    /// HubSpot would say MISSING_SCOPES.
    pub(crate) fn missing_right(caller: &str, missing: &Missing) -> Self {
        let message = format!(
            "The caller `{caller}` lacks the right `{}`. {} Nothing was sent to HubSpot. Rights are set in [[callers]].",
            missing.right, missing.hint
        );
        let refusal = Self::new(StatusCode::FORBIDDEN, "HUBKEEPER_MISSING_RIGHTS", message);
        Self { required_right: Some(missing.right.clone()), ..refusal }
    }
}
