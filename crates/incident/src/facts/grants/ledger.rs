//! Keeps what became of each refresh, for whoever refreshes tokens.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Grants, Install, Refusal};

/// Installs remembered; later ones are not told apart.
const INSTALLS_MAX: usize = 4_096;

#[derive(Debug, Clone, Default)]
pub struct Ledger {
    installs: BTreeMap<String, Install>,
}

impl Ledger {
    /// A refresh gave a token.
    pub fn refreshed(
        &mut self,
        connection: &str,
        portal_id: Option<u64>,
        expires_at: Timestamp,
        at: Timestamp,
    ) {
        if let Some(install) = self.install(connection, portal_id) {
            install.refreshed_at = Some(at);
            install.expires_at = Some(expires_at);
            install.refused_at = None;
            install.refusal = None;
            install.refusals = 0;
        }
    }

    /// A refresh gave none.
    pub fn refused(&mut self, connection: &str, portal_id: Option<u64>, refusal: Refusal, at: Timestamp) {
        if let Some(install) = self.install(connection, portal_id) {
            install.refused_at = Some(at);
            install.refusal = Some(refusal);
            install.refusals += 1;
        }
    }

    /// HubSpot told that the customer took the app out.
    pub fn uninstalled(&mut self, connection: &str, portal_id: Option<u64>, at: Timestamp) {
        if let Some(install) = self.install(connection, portal_id) {
            install.uninstalled_at = Some(at);
        }
    }

    pub fn report(&self) -> Grants {
        Grants { installs: self.installs.values().cloned().collect() }
    }

    fn install(&mut self, connection: &str, portal_id: Option<u64>) -> Option<&mut Install> {
        if !self.installs.contains_key(connection) && self.installs.len() >= INSTALLS_MAX {
            return None;
        }
        let install = self.installs.entry(connection.to_owned()).or_default();
        connection.clone_into(&mut install.connection);
        install.portal_id = portal_id.or(install.portal_id);
        Some(install)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_refresh_forgives_the_bad_ones() {
        let at = |second: i64| Timestamp::from_second(1_772_366_400 + second).unwrap();
        let mut ledger = Ledger::default();
        ledger.refreshed("acme", Some(7), at(1_800), at(0));
        ledger.refused("acme", None, Refusal::RefreshToken, at(10));
        ledger.refused("acme", None, Refusal::RefreshToken, at(20));
        let install = ledger.report().installs[0].clone();
        assert_eq!((install.refusals, install.portal_id, install.refused_at), (2, Some(7), Some(at(20))));
        ledger.refreshed("acme", None, at(1_830), at(30));
        assert_eq!(ledger.report().installs[0].refusal, None);
    }
}
