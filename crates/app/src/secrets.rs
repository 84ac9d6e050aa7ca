//! Secrets that may become others while we run: files are looked at every few seconds, commands run every ten minutes.
//!
//! A source that fails leaves what it gave last in use. A token that HubSpot refuses has its source looked at once, at once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use gateway::traffic::Traffic;
use hubspot::secret::Secret;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

mod watched;

pub(crate) use watched::{Looked, Owner, Stands, Told, Watched};

/// With nothing to look at, nobody is in a hurry.
const IDLE: Duration = Duration::from_secs(600);

/// All that are in use. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(crate) struct Secrets(Arc<House>);

struct House {
    watched: Mutex<Vec<Arc<Watched>>>,
    bell: Arc<Notify>,
    /// Is told, as of any other change.
    traffic: Arc<Traffic>,
}

impl Secrets {
    pub(crate) fn new(traffic: Arc<Traffic>) -> Self {
        Self(Arc::new(House { watched: Mutex::default(), bell: Arc::default(), traffic }))
    }

    /// Has a secret looked after. One that is used in two places is one.
    pub(crate) fn watch(&self, watched: Watched) {
        let mut all = self.0.watched.lock();
        match all.iter().find(|known| known.name() == watched.name()) {
            Some(known) => known.is_used_as(watched),
            None => all.push(Arc::new(watched)),
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
            let all = self.all();
            let due = all.iter().filter(|watched| watched.is_due(now));
            // One command that hangs holds up nobody's file.
            join_all(due.map(|watched| self.look(watched))).await;
            let next = all.iter().filter_map(|watched| watched.next()).min();
            let next = next.unwrap_or(now + IDLE).max(now + Duration::from_millis(100));
            let _either = tokio::time::timeout_at(next, self.0.bell.notified()).await;
        }
    }

    /// Looks at every source now; of one connection, where that is named.
    pub(crate) async fn reload(&self, connection: Option<&str>) -> Vec<Told> {
        let all = self.all();
        // Traffic may know a connection by a fingerprint of its token: then every one may be meant.
        let connection = connection.filter(|name| all.iter().any(|watched| watched.is_of(name)));
        let meant = |watched: &&Arc<Watched>| connection.is_none_or(|name| watched.is_of(name));
        let meant = all.iter().filter(meant).filter(|watched| watched.may_change());
        join_all(meant.map(async |watched| watched.told(self.look(watched).await))).await
    }

    async fn look(&self, watched: &Watched) -> Looked {
        let looked = watched.look().await;
        if looked == Looked::New {
            let what = format!("{} was read again and is in use", watched.name());
            self.0.traffic.note_change("secret", &what, None);
        }
        looked
    }

    /// Whether a source can be looked at again at all.
    pub(crate) fn may_change(&self) -> bool {
        self.all().iter().any(|watched| watched.may_change())
    }

    /// How each stands.
    pub(crate) fn stand(&self) -> Vec<Stands> {
        self.all().iter().map(|watched| watched.stands()).collect()
    }

    /// Whether another secret lies at some source than the one in use.
    pub(crate) async fn is_outdated(&self) -> bool {
        let all = self.all();
        join_all(all.iter().filter(|watched| watched.may_change()).map(|watched| watched.is_outdated()))
            .await
            .contains(&true)
    }

    /// What lies where client secrets come from, by connection; it may not be in use yet.
    pub(crate) async fn client_secrets(&self) -> Vec<(String, Secret)> {
        let mut found = Vec::new();
        for watched in self.all() {
            if let Owner::ClientSecret(connection) = watched.owner()
                && let Ok(secret) = watched.read().await
            {
                found.push((connection.clone(), secret));
            }
        }
        found
    }

    fn all(&self) -> Vec<Arc<Watched>> {
        self.0.watched.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use client::clock::WallClock;

    use super::*;
    use crate::secret_reference::SecretReference;

    fn watched(path: &std::path::Path, used: &Arc<AtomicUsize>) -> Watched {
        let reference = SecretReference::File(path.display().to_string());
        let used = used.clone();
        let now = reference.resolve().unwrap();
        Watched::new(Owner::ClientSecret("a".into()), reference, now, move |_| {
            used.fetch_add(1, Ordering::Relaxed);
        })
    }

    #[tokio::test]
    async fn a_new_secret_is_put_to_each_use_once_and_a_lost_source_changes_nothing() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "one").unwrap();
        let used = Arc::new(AtomicUsize::new(0));
        let secrets = Secrets::new(Arc::new(Traffic::new(WallClock::system())));
        secrets.watch(watched(file.path(), &used));
        secrets.watch(watched(file.path(), &used));
        let looked = || async { secrets.reload(Some("a")).await.pop().unwrap().looked };
        let fails = || secrets.stand().iter().filter(|stands| stands.is_failing).count();
        assert_eq!(looked().await, Looked::Same);
        std::fs::write(file.path(), "two\n").unwrap();
        assert_eq!(looked().await, Looked::New);
        assert_eq!(looked().await, Looked::Same);
        std::fs::write(file.path(), "").unwrap();
        assert_eq!((looked().await, fails()), (Looked::Failed, 1));
        std::fs::write(file.path(), "two").unwrap();
        assert_eq!((looked().await, fails()), (Looked::Same, 0), "the last good one was kept");
        assert_eq!(used.load(Ordering::Relaxed), 2);
        assert_eq!(secrets.stand().len(), 1);
    }
}
