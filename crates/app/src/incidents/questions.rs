//! From a question to facts: the probes of triage, with what traffic shows, in the slots that HubSpot's limits leave.

use std::sync::Arc;

use client::accounts::Connection;
use client::slot::OwnGate;
use client::stack::Stack;
use gateway::traffic::Traffic;
use incident::facts::Facts;
use tokio::time::Instant;

use crate::triage;

/// In the ledger of who spends what.
const CALLER: &str = "incident";

/// Who asks.
pub(crate) struct Questions {
    pub(crate) options: triage::Options,
    pub(crate) stack: Arc<Stack>,
    pub(crate) traffic: Arc<Traffic>,
    /// Whose token is asked with; it may become another.
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
            asked.target.token = connection.token(Instant::now());
        }
        if let Some(token) = &asked.target.token {
            asked.target.gate = Some(Arc::new(OwnGate::new(self.stack.clone(), token, CALLER)));
        }
        ops::triage::facts(&asked, traffic, &self.options.clock).await
    }
}
