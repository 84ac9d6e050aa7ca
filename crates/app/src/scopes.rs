//! Which scopes calls need, kept for a month, and the report that holds them against what is granted.

use std::sync::Arc;
use std::time::Duration;

use client::clock::WallClock;
use gateway::scopes::{Need, Scopes, Use};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use ops::scopes::{ConnectionScopes, DAYS, Granted, Used};
use store::Store;
use store::failure::StoreError;
use store::scopes::ScopeUse;

/// A crash forgets this much of a report.
const KEPT_EVERY: Duration = Duration::from_secs(60);

/// What is counted, and where it is kept.
#[derive(Clone)]
pub(crate) struct ScopeLedger {
    scopes: Arc<Scopes>,
    store: Option<Store>,
    clock: WallClock,
}

impl ScopeLedger {
    pub(crate) fn new(scopes: Arc<Scopes>, store: Option<Store>, clock: WallClock) -> Self {
        Self { scopes, store, clock }
    }

    /// For the gateway, which counts.
    pub(crate) fn scopes(&self) -> Arc<Scopes> {
        self.scopes.clone()
    }

    /// Learns the portals that are not known yet.
    pub(crate) async fn introduce(&self) {
        self.scopes.introduce().await;
    }

    /// Keeps what is counted, for as long as it is polled.
    pub(crate) async fn run(&self) {
        loop {
            tokio::time::sleep(KEPT_EVERY).await;
            self.keep().await;
        }
    }

    /// Where there is no store it stays counted in memory.
    pub(crate) async fn keep(&self) {
        let Some(store) = &self.store else { return };
        let uses = self.scopes.take_uses();
        if uses.is_empty() {
            return;
        }
        let rows: Vec<ScopeUse> = uses.iter().map(row).collect();
        if let Err(error) = store.add_scope_uses(&rows, self.clock.now()).await {
            tracing::warn!(%error, "which scopes calls needed could not be kept; it is tried again");
            self.scopes.give_back(&uses);
        }
    }

    /// # Errors
    /// [`StoreError`].
    pub(crate) async fn report(&self) -> Result<Vec<ConnectionScopes>, StoreError> {
        let granted = self.scopes.standings().await.into_iter().map(|standing| Granted {
            connection: standing.connection,
            scopes: standing.granted.map(|scopes| scopes.to_vec()),
            told_seconds_ago: standing.told_ago.map(|ago| ago.as_secs()),
        });
        let granted: Vec<Granted> = granted.collect();
        let now = self.clock.now();
        let since = now.saturating_sub(SignedDuration::from_hours(24 * DAYS)).unwrap_or(Timestamp::MIN);
        let mut rows = match &self.store {
            Some(store) => store.scope_uses(since).await?,
            None => Vec::new(),
        };
        rows.extend(self.scopes.uses().iter().map(row));
        let used: Vec<Used> = rows.into_iter().map(used).collect();
        Ok(ops::scopes::report(&granted, &used, now))
    }
}

fn row(one: &Use) -> ScopeUse {
    ScopeUse {
        connection: one.connection.clone(),
        day: one.day.to_zoned(TimeZone::UTC).map_or(one.last_at, |midnight| midnight.timestamp()),
        need: Need::text(one.need),
        calls: one.count.calls,
        refused: one.count.refused,
        last_at: one.last_at,
    }
}

fn used(row: ScopeUse) -> Used {
    let ScopeUse { connection, day, need, calls, refused, last_at } = row;
    Used { connection, day, need, calls, refused, last_at }
}
