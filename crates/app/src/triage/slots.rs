//! Slots for our own calls, lent by the gateway that spends the same limits.

use std::time::Duration;

use client::probe::gate::{Gate, Pass};
use client::probe::terrain::Coming;
use http::{Method, StatusCode, Uri};
use hubspot::secret::Secret;
use hubspot::token::fingerprint;
use serde_json::{Value, json};

use crate::admin_api;

const PATH: &str = "/api/v1/slots";

/// The way to the gateway and back, on top of what it waits.
const ON_THE_WAY: Duration = Duration::from_secs(1);

/// The gateway that guards the limits.
pub(super) struct GatewaysSlots {
    admin: Uri,
    /// The token itself stays here.
    credential: String,
}

struct Lent {
    admin: Uri,
    number: u64,
}

/// Nothing was lent, because nobody guards anything.
struct Unguarded;

impl GatewaysSlots {
    pub(super) fn new(admin: Uri, token: &Secret) -> Self {
        Self { admin, credential: fingerprint(token) }
    }

    async fn borrow(&self, method: &Method, path: &str, patience: Duration) -> Option<Box<dyn Pass>> {
        let wait_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        let wish = json!({
            "credential": self.credential, "method": method.as_str(), "path": path, "wait_ms": wait_ms,
        });
        let asking = admin_api::ask(&self.admin, Method::POST, PATH, Some(&wish));
        let answered = tokio::time::timeout(patience + ON_THE_WAY, asking).await.ok()?;
        let (status, body) = answered.inspect_err(|why| tracing::debug!(%why, "no slot was lent")).ok()?;
        match status {
            StatusCode::CREATED => {
                let lent: Value = serde_json::from_slice(&body).ok()?;
                Some(Box::new(Lent { admin: self.admin.clone(), number: lent["slot"].as_u64()? }))
            }
            // An older gateway, which lends nothing.
            StatusCode::NOT_FOUND => Some(Box::new(Unguarded)),
            _ => None,
        }
    }
}

impl Gate for GatewaysSlots {
    fn enter<'a>(
        &'a self,
        method: &'a Method,
        path: &'a str,
        patience: Duration,
    ) -> Coming<'a, Option<Box<dyn Pass>>> {
        Box::pin(self.borrow(method, path, patience))
    }
}

impl Pass for Lent {
    fn ended(self: Box<Self>) -> Coming<'static, ()> {
        Box::pin(async move {
            let path = format!("{PATH}/{}", self.number);
            let giving_back = admin_api::ask(&self.admin, Method::DELETE, &path, None);
            // What does not come back the gateway takes back by itself.
            let _in_time = tokio::time::timeout(ON_THE_WAY, giving_back).await;
        })
    }
}

impl Pass for Unguarded {
    fn ended(self: Box<Self>) -> Coming<'static, ()> {
        Box::pin(async {})
    }
}
