//! What the process before this one knew of a credential.

use std::sync::Arc;

use http::HeaderValue;
use hubspot::secret::Secret;
use jiff::Timestamp;

use super::registry::token;
use super::{Account, Accounts, Portal};
use crate::governor::Governor;
use crate::handover::Whose;

/// The name of a credential that does not give it away.
pub(crate) fn fingerprint(authorization: &HeaderValue) -> String {
    hubspot::token::fingerprint(&Secret::new(String::from_utf8_lossy(token(authorization))))
}

impl Accounts {
    /// The portal of a credential, and when HubSpot told.
    pub(super) fn remembered(&self, authorization: &HeaderValue) -> Option<(Portal, Timestamp)> {
        let unclaimed = self.unclaimed().lock();
        if unclaimed.is_empty() {
            return None;
        }
        let known = unclaimed.portal(&fingerprint(authorization), self.clock().now())?;
        Some((known.portal.clone(), known.at))
    }

    /// A gate that is new goes on where that of its portal, or of its credential, stopped.
    pub(super) fn claim(&self, governor: &Governor, authorization: &HeaderValue, portal: Option<&Portal>) {
        let mut unclaimed = self.unclaimed().lock();
        if unclaimed.is_empty() {
            return;
        }
        let of_portal = portal.and_then(|portal| unclaimed.claim(&Whose::Portal(portal.id)));
        // The process before may not have come to know the portal.
        let claimed = of_portal.or_else(|| unclaimed.claim(&Whose::Credential(fingerprint(authorization))));
        if let Some((gate, written_at)) = claimed {
            governor.take_over(gate, written_at);
        }
    }

    /// Every account in use with its credential's fingerprint, and when HubSpot told its portal.
    pub(crate) fn fingerprints(&self) -> Vec<(Arc<Account>, String, Option<Timestamp>)> {
        let named = self.all().into_iter().filter_map(|account| {
            let fingerprint = fingerprint(&account.authorization()?);
            let told_at = account.portal.get().map(|(_, told_at)| *told_at);
            Some((account, fingerprint, told_at))
        });
        named.collect()
    }
}
