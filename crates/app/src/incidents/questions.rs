//! From a question to facts: the probes of triage, with what traffic shows, in the slots that HubSpot's limits leave.

use std::sync::Arc;

use client::accounts::Connection;
use client::slot::OwnGate;
use client::stack::Stack;
use gateway::traffic::Traffic;
use incident::facts::Facts;

use super::suspects;
use crate::keyring::Keyring;
use crate::ledgers::Ledgers;
use crate::triage;
use crate::webhooks::Running;

/// In the ledger of who spends what.
const CALLER: &str = "incident";

/// Who asks.
pub(crate) struct Questions {
    pub(crate) options: triage::Options,
    pub(crate) stack: Arc<Stack>,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) ledgers: Arc<Ledgers>,
    pub(crate) webhooks: Option<Running>,
    pub(crate) keyring: Keyring,
    /// Whose token is asked with, where it is a connection's: it may be rotated.
    pub(crate) connection: Option<Arc<Connection>>,
}

impl Questions {
    /// Never fails: what could not be asked is missing.
    pub(super) async fn ask(&self) -> Facts {
        let report = self.traffic.report(&self.stack.accounts());
        let traffic =
            serde_json::to_value(report).ok().and_then(|report| serde_json::from_value(report).ok());
        let mut asked = self.options.asked.clone();
        if let Some(connection) = &self.connection {
            asked.target.token = Some(connection.token());
        }
        if let Some(token) = &asked.target.token {
            asked.target.gate = Some(Arc::new(OwnGate::new(self.stack.clone(), token, CALLER)));
        }
        let facts = ops::triage::facts(&asked, traffic, &self.options.clock).await;
        self.with_our_own(facts).await
    }

    /// What only we know: our own parts, and webhooks in and out.
    async fn with_our_own(&self, mut facts: Facts) -> Facts {
        let now = facts.configured.now;
        facts.inside = Some(self.ledgers.inside(now));
        if let Some(webhooks) = &self.webhooks {
            let mut inbox = self.ledgers.inbox.lock().report(now);
            inbox.doorbell = self.ledgers.doorbell();
            inbox.quarantine = suspects::tried(&webhooks.receiver, &self.keyring, now).await;
            facts.inbox = Some(inbox);
            facts.forwarding = Some(self.ledgers.forwarding.lock().report(now));
        }
        facts
    }
}
