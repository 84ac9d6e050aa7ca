//! The store at scale: one PostgreSQL, several hubkeepers.
//!
//! A commit is on the server's disk before it is told of (`synchronous_commit` is never lowered). The server syncs
//! concurrent transactions in groups by itself, so that each request has one of its own; but for deliveries (`group`), of
//! which the most come at once.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, QueueMode, RecyclingMethod, Runtime,
};
use parking_lot::Mutex;
use rustls::ClientConfig;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls};
use uuid::Uuid;

use crate::failure::{OpenError, Refusing, StoreError};
use crate::schema::POSTGRES_STEPS;

mod alive;
mod audit;
mod deliveries;
mod group;
mod horizon;
mod idempotency;
mod incidents;
mod keeping;
mod news;
mod operations;
mod run;
mod tls;

use group::Queue;
use horizon::Horizon;
use news::News;
use tls::Tls;

/// Connections to the server: it shares their syncs, and more would only stand in its way.
const CONNECTIONS_MAX: usize = 16;

/// How long a request waits for a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// Held while the schema changes, so that of several hubkeepers one does it.
const SCHEMA_LOCK: i64 = 0x6875_626b;

#[derive(Clone)]
pub(crate) struct Postgres {
    pool: Pool,
    /// Tells this process apart from the others.
    pub(crate) owner: Uuid,
    /// How far the log of deliveries may be read.
    horizon: Arc<Mutex<Horizon>>,
    /// Deliveries that wait to be kept.
    queue: Arc<Mutex<Queue>>,
    news: Arc<News>,
}

impl Postgres {
    /// Connects, and takes the steps of the schema that are missing.
    pub(crate) async fn open(url: &str, tls: Option<ClientConfig>) -> Result<Self, OpenError> {
        let store = Self::connect(url, tls)?;
        store.migrate().await?;
        Ok(store)
    }

    /// To a database that somebody else looks after. TLS is for an address that requires it.
    pub(crate) fn connect(url: &str, tls: Option<ClientConfig>) -> Result<Self, OpenError> {
        let config: Config = url.parse().map_err(|_| OpenError::Url("postgres://…".into()))?;
        let settings = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match tls.filter(|_| config.get_ssl_mode() == SslMode::Require) {
            Some(tls) => Manager::from_config(config, Tls::new(tls), settings),
            None => Manager::from_config(config, NoTls, settings),
        };
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS_MAX)
            // The server's process that worked last has its plans and pages at hand.
            .queue_mode(QueueMode::Lifo)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| OpenError::Broken(error.to_string()))?;
        let owner = Uuid::new_v4();
        Ok(Self { pool, owner, horizon: Arc::default(), queue: Arc::default(), news: Arc::default() })
    }

    async fn migrate(&self) -> Result<(), OpenError> {
        let known = u32::try_from(POSTGRES_STEPS.len()).expect("a few steps");
        let mut client = self.pool.get().await.map_err(|error| OpenError::Broken(not_reached(&error)))?;
        let transaction = client.transaction().await.map_err(broken)?;
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&SCHEMA_LOCK]).await.map_err(broken)?;
        // That it is there already is no news.
        let begin = "SET LOCAL client_min_messages = warning;
            CREATE TABLE IF NOT EXISTS hubkeeper_schema (version BIGINT NOT NULL)";
        transaction.batch_execute(begin).await.map_err(broken)?;
        let row = transaction.query_opt("SELECT version FROM hubkeeper_schema", &[]).await.map_err(broken)?;
        let found = row.map_or(0, |row| u32::try_from(row.get::<_, i64>(0)).unwrap_or(u32::MAX));
        if found > known {
            return Err(OpenError::Newer { found, known });
        }
        for step in &POSTGRES_STEPS[found as usize..] {
            transaction.batch_execute(step).await.map_err(broken)?;
        }
        transaction.batch_execute("DELETE FROM hubkeeper_schema").await.map_err(broken)?;
        let version = i64::from(known);
        transaction.execute("INSERT INTO hubkeeper_schema VALUES ($1)", &[&version]).await.map_err(broken)?;
        transaction.commit().await.map_err(broken)
    }

    /// A connection. Without one nothing has been tried.
    async fn client(&self) -> Result<Object, StoreError> {
        let unreachable = |error: PoolError| Refusing::Unreachable(not_reached(&error));
        self.pool.get().await.map_err(|error| StoreError::NotAccepted(unreachable(error)))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn broken(error: tokio_postgres::Error) -> OpenError {
    OpenError::Broken(told(&error))
}

/// The server's own words, where it had any; they name no data. Else what the system said of the connection.
fn told(error: &tokio_postgres::Error) -> String {
    if let Some(error) = error.as_db_error() {
        return error.message().to_owned();
    }
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

/// Why there is no connection.
fn not_reached(error: &PoolError) -> String {
    match error {
        PoolError::Backend(error) => told(error),
        PoolError::Timeout(_)
        | PoolError::Closed
        | PoolError::NoRuntimeSpecified
        | PoolError::PostCreateHook(_) => error.to_string(),
    }
}

/// An error after something was tried.
#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn unknown(error: tokio_postgres::Error) -> StoreError {
    StoreError::OutcomeUnknown(told(&error))
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn unreadable(error: tokio_postgres::Error) -> StoreError {
    StoreError::Unreadable(told(&error))
}
