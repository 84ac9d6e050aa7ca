//! The secrets we run with, and the places they come from: read again now and then, as a rotation happens there first.

use std::sync::Arc;

use client::accounts::Connection;
use hubspot::secret::Secret;

use crate::config::Config;
use crate::secret_reference::SecretReference;

/// Every secret of a connection.
#[derive(Clone, Default)]
pub(crate) struct Keyring(Vec<Key>);

/// One of them.
#[derive(Clone)]
pub(crate) struct Key {
    /// The connection's name.
    pub(crate) connection: String,
    pub(crate) reference: SecretReference,
    pub(crate) kind: Kind,
}

#[derive(Clone)]
pub(crate) enum Kind {
    /// What calls are made with.
    Token(Arc<Connection>),
    /// What webhooks are signed with.
    ClientSecret,
}

/// How a place of secrets may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asking {
    /// It costs nothing.
    Freely,
    /// It runs somebody's command.
    Rarely,
    /// It cannot change while we run.
    Never,
}

impl Keyring {
    /// Those of `connections` that are in use, and every client secret.
    pub(crate) fn of(config: &Config, connections: &[Arc<Connection>]) -> Self {
        let tokens = connections.iter().map(|connection| {
            let section = config.connections.iter().find(|section| section.name == connection.name);
            let from_environment = || SecretReference::Env(crate::connections::TOKEN_VARIABLE.to_owned());
            let reference = section.map_or_else(from_environment, |section| section.token.clone());
            Key { connection: connection.name.clone(), reference, kind: Kind::Token(connection.clone()) }
        });
        let secrets = config.connections.iter().filter_map(|section| {
            let reference = section.client_secret.clone()?;
            Some(Key { connection: section.name.clone(), reference, kind: Kind::ClientSecret })
        });
        Self(tokens.chain(secrets).collect())
    }

    pub(crate) fn keys(&self) -> &[Key] {
        &self.0
    }
}

impl Key {
    /// `token of default`.
    pub(crate) fn name(&self) -> String {
        let what = match self.kind {
            Kind::Token(_) => "token",
            Kind::ClientSecret => "client secret",
        };
        format!("{what} of {}", self.connection)
    }

    pub(crate) const fn asking(&self) -> Asking {
        match self.reference {
            SecretReference::Env(_) => Asking::Never,
            SecretReference::File(_) => Asking::Freely,
            SecretReference::Exec(_) => Asking::Rarely,
        }
    }

    /// Reads it where it comes from, away from the thread that serves.
    ///
    /// # Errors
    /// In words that name the reference, never the value.
    pub(crate) async fn read(&self) -> Result<Secret, String> {
        let reference = self.reference.clone();
        let read = tokio::task::spawn_blocking(move || reference.resolve());
        match read.await {
            Ok(Ok(secret)) => Ok(secret),
            Ok(Err(failure)) => Err(failure.to_string()),
            Err(_) => Err("reading it broke".into()),
        }
    }

    /// When the file it lies in was last written.
    pub(crate) fn written_at(&self) -> Option<jiff::Timestamp> {
        let SecretReference::File(path) = &self.reference else { return None };
        std::fs::metadata(path).ok()?.modified().ok()?.try_into().ok()
    }
}
