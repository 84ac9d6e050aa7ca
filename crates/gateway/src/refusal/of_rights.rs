//! A call outside of its caller's rights, or of its token's scopes.

use http::StatusCode;

use super::{Lacks, Refusal};
use crate::rights::Missing;
use crate::scopes::Lacking;

/// HubSpot's category, so that programs that know it understand; ours beside it, as it was not HubSpot that answered.
const MISSING_SCOPES: &str = "MISSING_SCOPES";
pub(super) const FORESTALLED: &str = "HUBKEEPER_MISSING_SCOPES";

impl Refusal {
    /// As HubSpot would answer the call, which it need not be asked for.
    pub(crate) fn missing_scopes(connection: &str, lacking: &Lacking) -> Self {
        let message = format!(
            "The token of the connection `{connection}` hasn't been granted the scope that this call needs: {}. Nothing was sent \
             to HubSpot, which told the token's scopes {} s ago. Add the scope to the app in HubSpot; an OAuth app has to be \
             authorised again.",
            lacking.any_of.join(" or "),
            lacking.age.as_secs()
        );
        let refusal = Self::new(StatusCode::FORBIDDEN, MISSING_SCOPES, message);
        Self { lacks: Lacks::Scopes(lacking.any_of), ..refusal }
    }

    /// HubSpot would say MISSING_SCOPES.
    pub(crate) fn missing_right(caller: &str, missing: &Missing) -> Self {
        let message = format!(
            "The caller `{caller}` lacks the right `{}`. {} Nothing was sent to HubSpot. Rights are set in [[callers]].",
            missing.right, missing.hint
        );
        let refusal = Self::new(StatusCode::FORBIDDEN, "HUBKEEPER_MISSING_RIGHTS", message);
        Self { lacks: Lacks::Right(missing.right.clone()), ..refusal }
    }
}
