//! Whether somebody we know has signed a request, and what it means if nobody has.

use hubspot::signature::{self, Refusal, Rules, SignatureVersion, SignedRequest};
use jiff::Timestamp;
use tokio::time::Instant;

use super::{App, Receiver, Request};
use crate::proxy;
use crate::workflow::Sender;

impl Receiver {
    pub(crate) fn verify(&self, app: &App, request: &Request<'_>, now: Timestamp) -> Result<(), Refusal> {
        self.verify_by(&self.rules, app, request, now)
    }

    /// Workflows sign with v2 at least. hubspot-facts §6.1.
    pub(super) fn rules_for(&self, sender: Sender) -> Rules {
        match sender {
            Sender::App => self.rules,
            Sender::Workflow => Rules { oldest: self.rules.oldest.max(SignatureVersion::V2), ..self.rules },
        }
    }

    pub(super) fn verify_by(
        &self,
        rules: &Rules,
        app: &App,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let mut refused = Refusal::NoSecret;
        let secrets = app.secrets.ready(Instant::now());
        let is_trusted = |peer| self.trusted_proxies.iter().any(|network| network.contains(peer));
        let told = request.peer.filter(|peer| is_trusted(*peer));
        let told = told.and_then(|_| proxy::told(request.headers, request.target));
        for uri in self.public.called(request.target).into_iter().chain(told) {
            let signed = SignedRequest {
                method: request.method,
                uri: &uri,
                headers: request.headers,
                body: request.body,
            };
            match signature::verify(&signed, &secrets, now, rules) {
                Ok(_verified) => return Ok(()),
                // What fits at another time is HubSpot's, whatever the other addresses say.
                Err(_) if is_untimely(refused) => {}
                Err(refusal) => refused = refusal,
            }
        }
        Err(refused)
    }
}

pub(super) const fn is_untimely(refusal: Refusal) -> bool {
    matches!(refusal, Refusal::Stale { .. } | Refusal::FromTheFuture { .. })
}

/// A wrong secret or address of ours shows like this. A signature that fits at a wrong time is a replay, and one that is
/// missing or in two readings is nobody's mistake.
pub(super) const fn may_be_our_mistake(refusal: Refusal) -> bool {
    match refusal {
        Refusal::Mismatch(_) | Refusal::NoSecret => true,
        Refusal::Unsigned
        | Refusal::Ambiguous
        | Refusal::UnknownVersion
        | Refusal::TooOldVersion(_)
        | Refusal::NoTimestamp
        | Refusal::Stale { .. }
        | Refusal::FromTheFuture { .. } => false,
    }
}
