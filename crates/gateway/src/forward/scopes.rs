//! A call that its token cannot make is answered here, as HubSpot would answer it.

use client::accounts::Credential;
use client::call::{Answer, Call, Source};
use hubspot::error::{ApiError, ErrorKind};

use super::Forwarder;
use crate::refusal::Refusal;

impl Forwarder {
    /// By the time this returns, HubSpot has said lately what the token may do, or says it to the call itself.
    pub(super) async fn check_scopes(
        &self,
        call: &Call,
        any_of: &'static [&'static str],
    ) -> Result<(), Refusal> {
        let (Some(scopes), Credential::Connection(connection)) = (&self.scopes, &call.credential) else {
            return Ok(());
        };
        let Some(lacking) = scopes.settle(&call.credential, any_of, call.deadline).await else {
            return Ok(());
        };
        let refusal = Refusal::missing_scopes(&connection.name, &lacking);
        if let Some(witness) = &self.witness {
            let route = hubspot::endpoint::route(&call.method, call.target.path());
            let right = format!("scope:{}", lacking.any_of.join("|"));
            witness.denied(&call.caller, &right, route, refusal.correlation_id());
        }
        // A diagnosis reads it as it reads HubSpot's own.
        if let Some(error) = refusal.as_error() {
            self.stack.forestalled(call, &error);
        }
        Err(refusal)
    }

    /// HubSpot says that a scope is missing: what we know of the token may be out of date.
    pub(super) fn hear(&self, call: &Call, answer: &Answer) {
        let is_missing = |error: &ApiError| {
            error.kind == ErrorKind::MissingScopes && matches!(answer.source, Source::Live)
        };
        if let Some(scopes) = &self.scopes
            && answer.error.as_deref().is_some_and(is_missing)
        {
            scopes.contradicted(&call.credential);
        }
    }
}
