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
use crate::own_version::OwnVersion;
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
    pub(crate) version: OwnVersion,
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
        let seen = facts.traffic.iter().flat_map(|own| &own.connections);
        if seen.map(|connection| connection.burst_outside_peak).max() > Some(0) {
            self.heard.catch_up(now).await;
        }
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
        let portal_id = self.options.asked.portal_id;
        let configured = Configured { now: self.options.clock.now(), portal_id, ..Configured::default() };
        let traffic = self.traffic().map(|own| self.heard.beside(own, configured.now));
        let probes = Probes { tcp: self.connects.get(), ..Probes::default() };
        self.with_our_own(Facts { configured, probes, traffic, ..Facts::default() })
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
        let versions = self.version.look(facts.traffic.as_ref(), self.ledgers.usual_lag_ms(), now);
        facts.inside = Some(Inside { versions, ..self.ledgers.inside(now) });
        if let Some(webhooks) = &self.webhooks {
            let mut ledger = self.ledgers.inbox.lock();
            if webhooks.journals.iter().any(|reading| reading.status.lock().read_until.is_some()) {
                ledger.journal_is_read();
            }
            for (connection, moments) in webhooks.receiver.books.take_untold() {
                ledger.only_in_the_journal(&connection, moments);
            }
            let mut inbox = ledger.report(now);
            drop(ledger);
            inbox.doorbell = self.ledgers.doorbell();
            facts.inbox = Some(inbox);
            facts.forwarding = Some(self.ledgers.forwarding.lock().report(now));
        }
        facts
    }
}
