//! Secrets, read again where they come from: can they be read, has one been rotated, and how old are they?

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use client::clock::WallClock;
use http::HeaderValue;
use hubspot::secret::Secret;
use incident::signal::{Place, Seen, Signal, Standing, Wellness};
use store::Store;
use tokio::sync::mpsc;

use super::Asked;
use crate::keyring::{Asking, Key, Keyring, Kind};
use crate::ledgers::Ledgers;

/// Between two looks at files.
const BETWEEN: Duration = Duration::from_secs(5);

/// Of these looks, one in so many runs the commands that some secrets come from.
const RARELY: u64 = 60;

pub(super) struct Keys {
    pub(super) keyring: Keyring,
    pub(super) ledgers: Arc<Ledgers>,
    pub(super) store: Store,
    pub(super) clock: WallClock,
    pub(super) found: mpsc::Sender<Asked>,
}

impl Keys {
    /// Looks again and again, for as long as it is polled.
    pub(super) async fn run(&self) {
        let mut due = tokio::time::interval(BETWEEN);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for round in 0_u64.. {
            due.tick().await;
            self.look(round).await;
        }
    }

    async fn look(&self, round: u64) {
        let (mut newer, mut failed) = (None, false);
        for key in self.keyring.keys() {
            let due = match key.asking() {
                Asking::Freely => true,
                Asking::Rarely => round % RARELY == RARELY - 1,
                // Only its age is of interest, and that changes by itself.
                Asking::Never => round == 0,
            };
            if !due {
                continue;
            }
            match key.read().await {
                Ok(secret) => {
                    let is_newer = is_newer(key, &secret);
                    newer = Some(newer.unwrap_or(false) || is_newer);
                    self.stands(key, Wellness::Well, "it can be read").await;
                    self.age(key, &secret).await;
                }
                Err(why) => {
                    failed = true;
                    tracing::warn!(
                        secret = key.name(),
                        why,
                        "a secret cannot be read; the one that was loaded goes on"
                    );
                    self.stands(key, Wellness::Ill, "it cannot be read").await;
                }
            }
        }
        if failed {
            self.ledgers.secret_read(None);
        } else if newer.is_some() {
            self.ledgers.secret_read(newer);
        }
    }

    async fn stands(&self, key: &Key, well: Wellness, observed: &str) {
        let observed = observed.to_owned();
        self.tell(Seen::Standing { of: Standing::SecretSource, name: key.name(), well, observed }).await;
    }

    /// At least as old as we have known it, or as the file that it lies in.
    async fn age(&self, key: &Key, secret: &Secret) {
        let name = key.name();
        let text = format!("{name}\n{}", secret.expose());
        let digest = digest::digest(&digest::SHA256, text.as_bytes());
        let now = self.clock.now();
        let Ok(since) = self.store.in_use_since(&name, &digest.as_ref()[..8], now).await else { return };
        let since = key.written_at().map_or(since, |written| written.min(since));
        self.tell(Seen::Credential { name, since: Some(since), until: None }).await;
    }

    async fn tell(&self, seen: Seen) {
        let signal = Signal { at: self.clock.now(), place: Place::default(), seen };
        let _the_room_is_closing = self.found.send(Asked::Signal(signal)).await;
    }
}

/// Another token lies there than the one that calls are made with.
fn is_newer(key: &Key, secret: &Secret) -> bool {
    match &key.kind {
        Kind::Token(connection) => HeaderValue::from_str(&format!("Bearer {}", secret.expose()))
            .is_ok_and(|authorization| !connection.is_authorized_by(&authorization)),
        Kind::ClientSecret => false,
    }
}
