//! From a question to facts: the probes of triage, with what traffic shows, in the slots that HubSpot's limits leave.

use std::sync::Arc;

use client::accounts::Connection;
use client::slot::OwnGate;
use client::stack::Stack;
use gateway::traffic::Traffic;
use incident::facts::Facts;
use incident::facts::configured::Configured;
use incident::facts::inside::Inside;
use incident::facts::probes::Probes;
use incident::facts::traffic::Traffic as Passed;
use tokio::time::Instant;

use super::addresses::Latest;
use super::installs::Installs;
use super::others::Heard;
use super::suspects;
use crate::ledgers::Ledgers;
use crate::secrets::Secrets;
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
    pub(crate) secrets: Secrets,
    pub(crate) installs: Installs,
    /// Whose token is asked with, where it is a connection's: it may be rotated.
    pub(crate) connection: Option<Arc<Connection>>,
    pub(crate) connects: Latest,
    /// What other hubkeepers on our store tell.
    pub(crate) heard: Heard,
}

impl Questions {
    /// Never fails: what could not be asked is missing.
    pub(super) async fn ask(&self) -> Facts {
        let traffic = self.traffic();
        let mut asked = self.options.asked.clone();
        if let Some(connection) = &self.connection {
            asked.target.token = connection.token(Instant::now());
        }
        if let Some(token) = &asked.target.token {
            asked.target.gate = Some(Arc::new(OwnGate::new(self.stack.clone(), token, CALLER)));
        }
        if self.secrets.is_outdated().await {
            self.ledgers.secret_read(Some(true));
        }
        let facts = ops::triage::facts(&asked, traffic, &self.options.clock).await;
        let mut facts = self.with_our_own(facts);
        let now = facts.configured.now;
        facts.traffic = facts.traffic.map(|own| self.heard.beside(own, now));
        if let Some(ill) = self.heard.ill(now) {
            facts.inside = Some(ill);
        }
        if let (Some(webhooks), Some(inbox)) = (&self.webhooks, &mut facts.inbox) {
            inbox.quarantine = suspects::tried(&webhooks.receiver, &self.secrets, now).await;
        }
        facts
    }

    /// What passes anyway, without a question to anybody.
    pub(super) fn in_passing(&self) -> Facts {
        let configured = Configured { now: self.options.clock.now(), ..Configured::default() };
        let probes = Probes { tcp: self.connects.get(), ..Probes::default() };
        self.with_our_own(Facts { configured, probes, traffic: self.traffic(), ..Facts::default() })
    }

    /// What we tell whoever runs the room; of our own parts only where they are ill.
    pub(super) fn told(&self, ill: bool) -> (Option<Passed>, Option<Inside>) {
        let inside = ill.then(|| self.ledgers.inside(self.options.clock.now()));
        (self.traffic(), inside)
    }

    fn traffic(&self) -> Option<Passed> {
        let report = self.traffic.report(&self.stack.accounts());
        serde_json::to_value(report).ok().and_then(|report| serde_json::from_value(report).ok())
    }

    /// What only we know: our own parts, and webhooks in and out.
    fn with_our_own(&self, mut facts: Facts) -> Facts {
        let now = facts.configured.now;
        facts.grants = self.installs.facts();
        facts.inside = Some(self.ledgers.inside(now));
        if self.webhooks.is_some() {
            let mut inbox = self.ledgers.inbox.lock().report(now);
            inbox.doorbell = self.ledgers.doorbell();
            facts.inbox = Some(inbox);
            facts.forwarding = Some(self.ledgers.forwarding.lock().report(now));
        }
        facts
    }
}
