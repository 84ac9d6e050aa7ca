//! The inbox in PostgreSQL.

use std::collections::HashSet;

use deadpool_postgres::Object;
use jiff::Timestamp;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::group::Failed;
use super::{Postgres, unknown, unreadable};
use crate::checksum::of_delivery;
use crate::deliveries::{Delivery, EventKey, NewDelivery, Places, Twin};
use crate::failure::StoreError;
use crate::step::{self, Step};

impl Postgres {
    pub(crate) async fn receive(
        &self,
        delivery: NewDelivery,
        twins: Vec<Twin>,
    ) -> Result<Places, StoreError> {
        // Whether an event with a twin is new depends on who came before it; a group has no before.
        if twins.is_empty() {
            self.receive_in_a_group(delivery).await
        } else {
            self.receive_alone(delivery, twins).await
        }
    }

    pub(super) async fn receive_alone(
        &self,
        delivery: NewDelivery,
        twins: Vec<Twin>,
    ) -> Result<Places, StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(unknown)?;
        let see = transaction.prepare_cached(SEE).await.map_err(unknown)?;
        let shared = twins.iter().map(|twin| twin.shared);
        let mut all: Vec<EventKey> = delivery.keys.iter().copied().chain(shared).collect();
        all.sort_unstable();
        let fresh = transaction.query(&see, &[&bytes_of(&all)]).await.map_err(unknown)?;
        let new = new(&transaction, &delivery.keys, &twins, fresh_of(&fresh)).await?;
        if !new.is_empty() {
            let keep = transaction.prepare_cached(KEEP).await.map_err(unknown)?;
            let columns = Columns::of([(&delivery, new)]);
            transaction.execute(&keep, &columns.values()).await.map_err(unknown)?;
        }
        transaction.commit().await.map_err(unknown)?;
        Ok(new)
    }

    /// All of them in one transaction; for each, which of its events had not come before, be it in this group.
    pub(super) async fn keep_all(&self, group: &[NewDelivery]) -> Result<Vec<Places>, Failed> {
        let client = self.client().await.map_err(Failed::All)?;
        let mut all: Vec<EventKey> = group.iter().flat_map(|one| one.keys.iter().copied()).collect();
        all.sort_unstable();
        // Whoever drops a connection in the middle of its transaction rolls that back.
        let open = Open(Some(client));
        let new = match self.news.keep(open.client(), group, &all).await? {
            Some(new) => new,
            None => keep_what_is_new(open.client(), group, &bytes_of(&all)).await?,
        };
        self.news.heard(group, &new);
        open.ended();
        Ok(new)
    }

    pub(crate) async fn deliveries(&self, after: i64, max: usize) -> Result<Vec<Delivery>, StoreError> {
        let client = self.client().await?;
        let horizon = *self.horizon.lock();
        let horizon = horizon.look(&client).await?;
        *self.horizon.lock() = horizon;
        let sql = "SELECT seq, received_at, connection, places, body, checksum FROM deliveries
                   WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3";
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let rows = client.query(sql, &[&after, &horizon.safe(), &max]).await.map_err(unreadable)?;
        rows.iter().map(read).collect()
    }

    pub(crate) async fn forget_keys(&self, before: Timestamp) -> Result<usize, StoreError> {
        let client = self.client().await?;
        let key = EventKey::earliest(before);
        let forgotten = client.execute("DELETE FROM seen WHERE key < $1", &[&key.bytes().as_slice()]).await;
        forgotten.map(|count| usize::try_from(count).unwrap_or(usize::MAX)).map_err(unknown)
    }
}

async fn keep_what_is_new(
    client: &Object,
    group: &[NewDelivery],
    all: &[&[u8]],
) -> Result<Vec<Places>, Failed> {
    let (see, keep) = tokio::try_join!(client.prepare_cached(SEE), client.prepare_cached(KEEP))
        .map_err(|error| Failed::All(unknown(error)))?;
    // One after the other: were there no transaction, events would be known for good without having been kept.
    client.batch_execute(BEGIN).await.map_err(|error| Failed::All(unknown(error)))?;
    let fresh = client.query(&see, &[&all]).await.map_err(Failed::of)?;
    let new = new_in_order(group, fresh_of(&fresh));
    let kept = group.iter().zip(new.iter().copied()).filter(|(_, new)| !new.is_empty());
    let columns = Columns::of(kept);
    let values = columns.values();
    let write =
        async { if columns.bodies.is_empty() { Ok(0) } else { client.execute(&keep, &values).await } };
    let (written, committed) = tokio::join!(write, client.batch_execute("COMMIT"));
    // A transaction that failed is rolled back by `COMMIT`, and that is no error.
    written.map_err(Failed::of)?;
    committed.map_err(|error| Failed::All(unknown(error)))?;
    step::at(Step::GroupCommitted);
    Ok(new)
}

/// A group does not wait for whoever holds one of its keys, perhaps a process that is gone and whose connection is not.
const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = '200ms'";

/// In one order, so that two transactions with the same events do not wait for each other. Returns what was not known.
const SEE: &str = "INSERT INTO seen (key) SELECT key FROM unnest($1::BYTEA[]) AS keys (key)
                   ON CONFLICT DO NOTHING RETURNING key";

const KEEP: &str = "INSERT INTO deliveries (received_at, connection, places, body, checksum)
                    SELECT * FROM unnest($1::BIGINT[], $2::TEXT[], $3::BYTEA[], $4::BYTEA[], $5::BIGINT[])";

/// Deliveries, column by column.
#[derive(Default)]
pub(super) struct Columns<'a> {
    received_at: Vec<i64>,
    connections: Vec<&'a str>,
    places: Vec<Vec<u8>>,
    bodies: Vec<&'a [u8]>,
    checksums: Vec<i64>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(deliveries: impl IntoIterator<Item = (&'a NewDelivery, Places)>) -> Self {
        let mut columns = Self::default();
        for (delivery, new) in deliveries {
            let received_at = delivery.received_at.as_millisecond();
            columns.received_at.push(received_at);
            columns.connections.push(&delivery.connection);
            columns.places.push(new.bytes().to_vec());
            columns.bodies.push(&delivery.body);
            columns.checksums.push(of_delivery(received_at, &delivery.connection, new, &delivery.body));
        }
        columns
    }

    pub(super) fn values(&self) -> [&(dyn ToSql + Sync); 5] {
        [&self.received_at, &self.connections, &self.places, &self.bodies, &self.checksums]
    }
}

/// A connection in the middle of a transaction: unless that has ended, it goes, and the transaction with it.
struct Open(Option<Object>);

impl Open {
    fn client(&self) -> &Object {
        self.0.as_ref().expect("it is there until it ends")
    }

    /// Others may have the connection.
    fn ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            drop(Object::take(client));
        }
    }
}

pub(super) fn bytes_of(keys: &[EventKey]) -> Vec<&[u8]> {
    keys.iter().map(|key| key.bytes().as_slice()).collect()
}

fn fresh_of(rows: &[Row]) -> HashSet<&[u8]> {
    rows.iter().map(|row| row.get(0)).collect()
}

/// Each key counts for the first of its events alone.
pub(super) fn new_in_order(group: &[NewDelivery], mut fresh: HashSet<&[u8]>) -> Vec<Places> {
    let new = |delivery: &NewDelivery| {
        let mut new = Places::default();
        for (place, key) in delivery.keys.iter().enumerate() {
            if fresh.remove(key.bytes().as_slice()) {
                new.add(place);
            }
        }
        new
    };
    group.iter().map(new).collect()
}

/// Which events are new; all of them are known afterwards.
async fn new(
    transaction: &deadpool_postgres::Transaction<'_>,
    keys: &[EventKey],
    twins: &[Twin],
    mut fresh: HashSet<&[u8]>,
) -> Result<Places, StoreError> {
    let mut new = Places::default();
    for (place, key) in keys.iter().enumerate() {
        if !fresh.remove(key.bytes().as_slice()) {
            continue;
        }
        let is_new = match twins.get(place) {
            None => true,
            Some(twin) if fresh.remove(twin.shared.bytes().as_slice()) => true,
            Some(Twin { unless: None, .. }) => false,
            Some(Twin { unless: Some(key), .. }) => !is_known(transaction, *key).await?,
        };
        if is_new {
            new.add(place);
        }
    }
    Ok(new)
}

async fn is_known(
    transaction: &deadpool_postgres::Transaction<'_>,
    key: EventKey,
) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM seen WHERE key = $1)";
    let statement = transaction.prepare_cached(sql).await.map_err(unknown)?;
    let found = transaction.query_one(&statement, &[&key.bytes().as_slice()]).await;
    found.map(|row| row.get(0)).map_err(unknown)
}

fn read(row: &Row) -> Result<Delivery, StoreError> {
    let (seq, received_at, connection): (i64, i64, String) = (row.get(0), row.get(1), row.get(2));
    let (places, body, checksum): (&[u8], Vec<u8>, i64) = (row.get(3), row.get(4), row.get(5));
    let new = places.try_into().map(Places::of_bytes).unwrap_or_default();
    let whole = of_delivery(received_at, &connection, new, &body) == checksum;
    let received_at = Timestamp::from_millisecond(received_at).ok().filter(|_| whole);
    let delivery = received_at.map(|received_at| Delivery { seq, received_at, connection, body, new });
    delivery.ok_or_else(|| StoreError::Damaged { table: "deliveries", id: seq.to_string() })
}
