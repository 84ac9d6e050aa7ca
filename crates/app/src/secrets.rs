//! Secrets that may become others while we run: files are looked at every few seconds, commands run every ten minutes.
//!
//! A source that fails leaves what it gave last in use. A token that HubSpot refuses has its source looked at once, at once.

use std::sync::Arc;
use std::time::Duration;

use client::accounts::Connection;
use hubspot::secret::Secret;
use parking_lot::Mutex;
use rand::RngExt;
use serde::Serialize;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::secret_reference::SecretReference;

/// A mounted secret is there within this time.
const FILE_EVERY: Duration = Duration::from_secs(5);
/// A command may ask somebody far away.
const COMMAND_EVERY: Duration = Duration::from_secs(600);
/// Up to this part earlier, so that many of us do not ask together.
const SPREAD: f64 = 0.2;

/// All that are looked after. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<House>);

#[derive(Default)]
struct House {
    watched: Mutex<Vec<Arc<Watched>>>,
    bell: Arc<Notify>,
}

type Use = Box<dyn Fn(&Secret) + Send + Sync>;

/// One secret, its source, and what to do with a new one.
pub(crate) struct Watched {
    what: String,
    reference: SecretReference,
    put_to_use: Use,
    /// The connection whose calls tell when it is refused.
    connection: Option<Arc<Connection>>,
    state: Mutex<State>,
}

struct State {
    now: Secret,
    /// Since when we have had it: it may be older.
    since: Instant,
    next: Instant,
    is_failing: bool,
}

/// What looking again came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Looked {
    /// There is another, and it is in use.
    New,
    Same,
    /// The source gave none; the last one stays.
    Failed,
}

/// One secret, for people.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    pub(crate) secret: String,
    pub(crate) source: String,
    pub(crate) looked: Looked,
    /// For how long it has been the same, as far as this process knows.
    pub(crate) age_seconds: u64,
}

impl Watched {
    pub(crate) fn new(
        what: String,
        reference: SecretReference,
        now: Secret,
        put_to_use: impl Fn(&Secret) + Send + Sync + 'static,
    ) -> Self {
        let since = Instant::now();
        let state = State { now, since, next: since + every(&reference), is_failing: false };
        Self { what, reference, put_to_use: Box::new(put_to_use), connection: None, state: Mutex::new(state) }
    }

    /// It is a connection's token.
    pub(crate) fn of(self, connection: Arc<Connection>) -> Self {
        Self { connection: Some(connection), ..self }
    }

    async fn look(&self) -> Looked {
        let reference = self.reference.clone();
        let read = tokio::task::spawn_blocking(move || reference.resolve()).await;
        let mut state = self.state.lock();
        state.next = Instant::now() + every(&self.reference);
        let looked = match read {
            Ok(Ok(secret)) if secret == state.now => Looked::Same,
            Ok(Ok(secret)) => {
                (state.now, state.since) = (secret.clone(), Instant::now());
                tracing::info!(secret = self.what, source = %self.reference, "a new secret is in use");
                (self.put_to_use)(&secret);
                Looked::New
            }
            Ok(Err(_)) | Err(_) => Looked::Failed,
        };
        let failed = looked == Looked::Failed;
        if failed && !state.is_failing {
            tracing::warn!(
                secret = self.what, source = %self.reference,
                "a secret's source gives none; the last one stays in use"
            );
        }
        state.is_failing = failed;
        drop(state);
        if let Some(connection) = self.connection.as_ref().filter(|connection| connection.is_refused()) {
            connection.stays();
        }
        looked
    }

    fn is_due(&self, now: Instant) -> bool {
        let refused = self.connection.as_ref().is_some_and(|connection| connection.is_refused());
        refused || self.state.lock().next <= now
    }
}

impl Secrets {
    /// Has a secret looked after, unless its source cannot change.
    pub(crate) fn watch(&self, watched: Watched) {
        if watched.reference.may_change() {
            self.0.watched.lock().push(Arc::new(watched));
        }
    }

    /// Rings when a token was refused.
    pub(crate) fn bell(&self) -> Arc<Notify> {
        self.0.bell.clone()
    }

    /// Looks after all of them for as long as it is polled.
    pub(crate) async fn run(&self) {
        loop {
            let now = Instant::now();
            let all = self.0.watched.lock().clone();
            for watched in all.iter().filter(|watched| watched.is_due(now)) {
                watched.look().await;
            }
            let next = all.iter().map(|watched| watched.state.lock().next).min();
            let next = next.unwrap_or(now + COMMAND_EVERY).max(now + Duration::from_millis(100));
            let _either = tokio::time::timeout_at(next, self.0.bell.notified()).await;
        }
    }

    /// Looks at every source now.
    pub(crate) async fn reload(&self) -> Vec<Told> {
        let all = self.0.watched.lock().clone();
        let mut told = Vec::with_capacity(all.len());
        for watched in all {
            let looked = watched.look().await;
            told.push(Told {
                secret: watched.what.clone(),
                source: watched.reference.to_string(),
                looked,
                age_seconds: watched.state.lock().since.elapsed().as_secs(),
            });
        }
        told
    }

    /// For how long each secret has been the same, as far as this process knows.
    pub(crate) fn ages(&self) -> Vec<(String, Duration)> {
        let all = self.0.watched.lock();
        all.iter().map(|watched| (watched.what.clone(), watched.state.lock().since.elapsed())).collect()
    }
}

fn every(reference: &SecretReference) -> Duration {
    match reference {
        SecretReference::Env(_) | SecretReference::File(_) | SecretReference::Credential(_) => FILE_EVERY,
        SecretReference::Exec(_) => COMMAND_EVERY.mul_f64(1.0 - SPREAD * rand::rng().random_range(0.0..1.0)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn watched(path: &std::path::Path, used: &Arc<AtomicUsize>) -> Watched {
        let reference = SecretReference::File(path.display().to_string());
        let used = used.clone();
        let now = reference.resolve().unwrap();
        Watched::new("a".into(), reference, now, move |_| {
            used.fetch_add(1, Ordering::Relaxed);
        })
    }

    #[tokio::test]
    async fn a_new_secret_is_put_to_use_once_and_a_lost_source_changes_nothing() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "one").unwrap();
        let used = Arc::new(AtomicUsize::new(0));
        let secrets = Secrets::default();
        secrets.watch(watched(file.path(), &used));
        let looked = || async { secrets.reload().await.pop().unwrap().looked };
        assert_eq!(looked().await, Looked::Same);
        std::fs::write(file.path(), "two\n").unwrap();
        assert_eq!(looked().await, Looked::New);
        assert_eq!(looked().await, Looked::Same);
        std::fs::write(file.path(), "").unwrap();
        assert_eq!(looked().await, Looked::Failed);
        std::fs::write(file.path(), "two").unwrap();
        assert_eq!(looked().await, Looked::Same, "the last good one was kept");
        assert_eq!(used.load(Ordering::Relaxed), 1);
        assert_eq!(secrets.ages().len(), 1);
    }
}
