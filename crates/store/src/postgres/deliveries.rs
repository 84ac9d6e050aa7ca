//! The inbox in PostgreSQL.

use std::collections::HashSet;

use jiff::Timestamp;
use tokio_postgres::Row;

use super::{Postgres, unknown, unreadable};
use crate::checksum::of_delivery;
use crate::deliveries::{Delivery, EventKey, NewDelivery, Places, Twin};
use crate::failure::StoreError;

impl Postgres {
    pub(crate) async fn receive(
        &self,
        delivery: NewDelivery,
        twins: Vec<Twin>,
    ) -> Result<Places, StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(unknown)?;
        let new = new(&transaction, &delivery.keys, &twins).await?;
        if !new.is_empty() {
            let received_at = delivery.received_at.as_millisecond();
            let checksum = of_delivery(received_at, &delivery.connection, new, &delivery.body);
            let keep = "INSERT INTO deliveries (received_at, connection, places, body, checksum)
                        VALUES ($1, $2, $3, $4, $5)";
            let statement = transaction.prepare_cached(keep).await.map_err(unknown)?;
            let places = new.bytes();
            transaction
                .execute(
                    &statement,
                    &[&received_at, &delivery.connection, &places.as_slice(), &delivery.body, &checksum],
                )
                .await
                .map_err(unknown)?;
        }
        transaction.commit().await.map_err(unknown)?;
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

/// Which events are new; all of them are known afterwards.
async fn new(
    transaction: &deadpool_postgres::Transaction<'_>,
    keys: &[EventKey],
    twins: &[Twin],
) -> Result<Places, StoreError> {
    let shared = twins.iter().map(|twin| &twin.shared);
    let all: Vec<&[u8]> = keys.iter().chain(shared).map(|key| key.bytes().as_slice()).collect();
    // In one order, so that two deliveries of the same events do not wait for each other.
    let see = "INSERT INTO seen (key) SELECT DISTINCT key FROM unnest($1::BYTEA[]) AS keys (key) ORDER BY key
               ON CONFLICT DO NOTHING RETURNING key";
    let statement = transaction.prepare_cached(see).await.map_err(unknown)?;
    let rows = transaction.query(&statement, &[&all]).await.map_err(unknown)?;
    // Each counts for the first of its events alone.
    let mut fresh: HashSet<&[u8]> = rows.iter().map(|row| row.get(0)).collect();
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
