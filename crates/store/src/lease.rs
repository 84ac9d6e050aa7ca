//! What one process at a time does, of all that share a store: whoever has the lease. One that died has it until its time
//! is up.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::failure::StoreError;
use crate::outbox::Found;
use crate::sqlite::writer::Intent;
use crate::statement::{Statement, values};
use crate::{Backend, Store};

impl Store {
    /// Tells this process apart from others on the same store. An embedded one has one at a time: after a kill the next is the
    /// same, takes over what was its own, and waits for nobody.
    pub const fn owner(&self) -> Uuid {
        match &self.0 {
            Backend::Sqlite(_) => Uuid::nil(),
            Backend::Postgres(postgres) => postgres.owner,
        }
    }

    /// Whether other processes may be at it too.
    pub fn is_shared(&self) -> bool {
        match &self.0 {
            Backend::Sqlite(_) => false,
            Backend::Postgres(_) => true,
        }
    }

    /// Takes a lease, or keeps it. `false` while another has it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lease(
        &self,
        name: &str,
        owner: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let statement = Statement::new(
            "INSERT INTO leases (name, owner, until) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
             WHERE leases.owner = excluded.owner OR leases.until < $4
             RETURNING name",
            values![name, &owner.as_bytes()[..], until, now],
        );
        let mut rows = self.run(Intent::Settle, vec![statement]).await?;
        Ok(!rows.swap_remove(0).is_empty())
    }

    /// Gives it back, so that another may have it at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn give_back(&self, name: &str, owner: Uuid) -> Result<(), StoreError> {
        let sql = "DELETE FROM leases WHERE name = $1 AND owner = $2";
        let statement = Statement::new(sql, values![name, &owner.as_bytes()[..]]);
        self.run(Intent::Settle, vec![statement]).await.map(drop)
    }

    /// Says that a process lives, for a while from now. Where nobody else can be, nobody needs to know.
    ///
    /// # Errors
    /// [`StoreError`]; then it may count as dead when what it said before is over.
    pub async fn keep_alive(&self, owner: Uuid, lease: Duration) -> Result<(), StoreError> {
        match &self.0 {
            Backend::Sqlite(_) => Ok(()),
            Backend::Postgres(postgres) => postgres.keep_alive(owner, lease).await,
        }
    }

    /// A process is known to be dead: what it was sending is an orphan now, the keys that it was at are interrupted, and what it
    /// had a lease of is free.
    ///
    /// # Errors
    /// [`StoreError`]; then others wait until its time is up.
    pub async fn bury(&self, owner: Uuid) -> Result<(), StoreError> {
        let over = [
            "UPDATE leases SET until = 0 WHERE owner = $1",
            "UPDATE idempotency SET until = 0 WHERE owner = $1 AND status IS NULL",
        ];
        let over = over.map(|sql| Statement::new(sql, values![&owner.as_bytes()[..]]));
        self.run(Intent::Settle, over.into()).await.map(drop)
    }

    /// What processes were sending that have not said for so long that they live.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn orphans(&self, grace: Duration) -> Result<Found, StoreError> {
        match &self.0 {
            Backend::Sqlite(_) => Ok(Found::default()),
            Backend::Postgres(postgres) => postgres.orphans(grace).await,
        }
    }
}
