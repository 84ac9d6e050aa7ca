//! Secrets read again from where they come from, into use; and what was in use before, put back.

use std::sync::Arc;

use client::degraded::Turned;
use gateway::traffic::Traffic;
use hubspot::secret::Secret;
use inbox::receive::Receiver;
use parking_lot::Mutex;

use crate::keyring::{Asking, Key, Keyring, Kind};

/// What can be read again.
pub(crate) struct Reload {
    keyring: Keyring,
    receiver: Option<Arc<Receiver>>,
    /// Is told, as of any other change.
    traffic: Arc<Traffic>,
    /// By the key's name: what was in use before, or for webhooks, what was added.
    before: Mutex<Vec<(String, Secret)>>,
}

impl Reload {
    pub(crate) fn new(keyring: Keyring, receiver: Option<Arc<Receiver>>, traffic: Arc<Traffic>) -> Self {
        Self { keyring, receiver, traffic, before: Mutex::default() }
    }

    /// A secret of the environment cannot have changed.
    pub(super) fn has_something_to_read(&self) -> bool {
        self.keyring.keys().iter().any(|key| key.asking() != Asking::Never)
    }

    /// On: what lies there now is used. Off: what was used before is, again.
    pub(super) async fn turn(&self, connection: Option<&str>, turned: Turned) {
        let meant =
            |key: &&Key| key.asking() != Asking::Never && connection.is_none_or(|name| self.is_of(key, name));
        for key in self.keyring.keys().iter().filter(meant) {
            match turned {
                Turned::On => match key.read().await {
                    Ok(secret) => self.take_into_use(key, secret).await,
                    Err(why) => {
                        tracing::warn!(secret = key.name(), why, "it cannot be read; the one in use stays");
                    }
                },
                Turned::Off => self.put_back(key),
            }
        }
    }

    /// Traffic may know a connection by a fingerprint of its token: then every one may be meant.
    fn is_of(&self, key: &Key, name: &str) -> bool {
        key.connection == name || !self.keyring.keys().iter().any(|known| known.connection == name)
    }

    async fn take_into_use(&self, key: &Key, secret: Secret) {
        let changed = match &key.kind {
            Kind::Token(connection) => match connection.renew(&secret) {
                Ok(before) if before != secret => {
                    self.remember(key, before);
                    true
                }
                Ok(_) | Err(_) => false,
            },
            Kind::ClientSecret => {
                let Some(receiver) = &self.receiver else { return };
                let app = receiver.apps.iter().find(|app| app.connection == key.connection);
                let added = app.is_some_and(|app| app.secrets.add(secret.clone()));
                if added {
                    self.remember(key, secret);
                    // What was refused meanwhile is taken now.
                    if let Err(error) = receiver.reverify(None).await {
                        tracing::warn!(%error, "the quarantine could not be verified again");
                    }
                }
                added
            }
        };
        if changed {
            self.note(key, "was read again and is in use");
        }
    }

    fn put_back(&self, key: &Key) {
        let name = key.name();
        let found = {
            let mut before = self.before.lock();
            let place = before.iter().position(|(known, _)| *known == name);
            place.map(|place| before.remove(place).1)
        };
        let Some(secret) = found else { return };
        match &key.kind {
            Kind::Token(connection) => drop(connection.renew(&secret)),
            Kind::ClientSecret => {
                let apps = self.receiver.iter().flat_map(|receiver| &receiver.apps);
                for app in apps.filter(|app| app.connection == key.connection) {
                    app.secrets.remove(&secret);
                }
            }
        }
        self.note(key, "was put back to the one before");
    }

    fn remember(&self, key: &Key, secret: Secret) {
        let name = key.name();
        let mut before = self.before.lock();
        before.retain(|(known, _)| *known != name);
        before.push((name, secret));
    }

    fn note(&self, key: &Key, what: &str) {
        let name = key.name();
        tracing::info!(secret = name, "{name} {what}");
        self.traffic.note_change("secret", &format!("{name} {what}"), None);
    }
}
