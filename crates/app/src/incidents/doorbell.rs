//! Our own delivery to our public address, through whatever stands before it: does it arrive at our own receiver? Nothing is
//! said until it has arrived once: from where we are, our own address may not be reachable at all.

use std::sync::Arc;
use std::time::Duration;

use client::clock::WallClock;
use http::{HeaderName, Method};
use incident::signal::{Place, Seen, Signal, Standing, Wellness};
use rustls::ClientConfig;
use tokio::sync::mpsc;

use super::Asked;
use super::channels::{Heard, Post};
use crate::failure::Failure;
use crate::ledgers::Ledgers;
use crate::webhooks;

/// What our own delivery carries.
pub(crate) const HEADER: &str = "x-hubkeeper-doorbell";

/// Where to ring, and how often.
pub(crate) struct Doorbell {
    post: Post,
    every: Duration,
    ledgers: Arc<Ledgers>,
}

impl Doorbell {
    /// `None` where nobody wants it.
    ///
    /// # Errors
    /// A usage failure when the public address cannot be called.
    pub(crate) fn new(
        public_url: &str,
        every: Duration,
        ledgers: &Arc<Ledgers>,
        tls: &ClientConfig,
    ) -> Result<Option<Self>, Failure> {
        if every.is_zero() {
            return Ok(None);
        }
        let address = format!("{}{}", public_url.trim_end_matches('/'), webhooks::PATH);
        let post = Post::afresh("webhooks.public_url", &address, tls)?;
        Ok(Some(Self { post, every, ledgers: ledgers.clone() }))
    }

    /// Rings for as long as it is polled.
    pub(super) async fn run(&self, found: &mpsc::Sender<Asked>, clock: &WallClock) {
        loop {
            tokio::time::sleep(self.every).await;
            let Some(bell) = self.ring().await else { continue };
            let well = if bell.arrived { Wellness::Well } else { Wellness::Ill };
            let observed = bell.stopped_by.unwrap_or_else(|| "our own delivery arrived".into());
            let name = "the public address".to_owned();
            let seen = Seen::Standing { of: Standing::Doorbell, name, well, observed };
            let signal = Signal { at: clock.now(), place: Place::default(), seen };
            if found.send(Asked::Signal(signal)).await.is_err() {
                return;
            }
        }
    }

    async fn ring(&self) -> Option<incident::facts::inbox::Doorbell> {
        let nonce: u64 = rand::random();
        self.ledgers.rings(nonce);
        let header = (HeaderName::from_static(HEADER), format!("{nonce:016x}"));
        let heard = self.post.send(Method::POST, None, &[header], b"[]".to_vec()).await;
        let stopped_by = match heard {
            // Ours answers so, and nobody else who is asked for a webhook.
            Heard::Answer { status, .. } if status == http::StatusCode::NO_CONTENT => None,
            Heard::Answer { status, .. } => Some(format!("status {}", status.as_u16())),
            Heard::Nothing { why } => Some(why),
        };
        self.ledgers.rang(stopped_by)
    }
}
