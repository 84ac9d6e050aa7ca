//! The inbox in SQLite.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::Sqlite;
use super::writer::Intent;
use crate::checksum::of_delivery;
use crate::deliveries::{Delivery, EventKey, NewDelivery, Places, Twin};
use crate::failure::StoreError;

impl Sqlite {
    /// Keeps a delivery, unless all its events have come before; tells which had not.
    pub(crate) async fn receive(
        &self,
        delivery: NewDelivery,
        twins: Vec<Twin>,
    ) -> Result<Places, StoreError> {
        self.writer.write(Intent::Accept, move |transaction| receive(transaction, &delivery, &twins)).await
    }

    /// Up to `max` deliveries after a place in the order of arrival.
    pub(crate) async fn deliveries(&self, after: i64, max: usize) -> Result<Vec<Delivery>, StoreError> {
        let found = self.reader.read(move |connection| Ok(list(connection, after, max)?));
        found.await?.into_iter().collect()
    }

    /// Forgets the keys of events that occurred before a moment: they will not come again.
    pub(crate) async fn forget_keys(&self, before: Timestamp) -> Result<usize, StoreError> {
        let key = EventKey::earliest(before);
        let forget = move |transaction: &Connection| {
            transaction.execute("DELETE FROM seen WHERE key < ?1", [key.bytes().as_slice()])
        };
        self.writer.write(Intent::Settle, forget).await
    }
}

fn receive(transaction: &Connection, delivery: &NewDelivery, twins: &[Twin]) -> rusqlite::Result<Places> {
    let mut see = transaction.prepare_cached("INSERT OR IGNORE INTO seen (key) VALUES (?1)")?;
    let mut new = Places::default();
    for (place, key) in delivery.keys.iter().enumerate() {
        let mut is_new = see.execute([key.bytes().as_slice()])? == 1;
        if let Some(twin) = twins.get(place)
            && is_new
            && see.execute([twin.shared.bytes().as_slice()])? == 0
        {
            is_new = twin.unless.map_or(Ok(false), |key| is_known(transaction, key).map(|known| !known))?;
        }
        if is_new {
            new.add(place);
        }
    }
    if !new.is_empty() {
        let mut keep = transaction.prepare_cached(
            "INSERT INTO deliveries (received_at, connection, places, body, checksum) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        let received_at = delivery.received_at.as_millisecond();
        let checksum = of_delivery(received_at, &delivery.connection, new, &delivery.body);
        keep.execute(params![received_at, delivery.connection, new.bytes(), delivery.body, checksum])?;
    }
    Ok(new)
}

fn is_known(transaction: &Connection, key: EventKey) -> rusqlite::Result<bool> {
    let mut look = transaction.prepare_cached("SELECT EXISTS (SELECT 1 FROM seen WHERE key = ?1)")?;
    look.query_row([key.bytes().as_slice()], |row| row.get(0))
}

fn list(
    connection: &Connection,
    after: i64,
    max: usize,
) -> rusqlite::Result<Vec<Result<Delivery, StoreError>>> {
    let mut statement = connection.prepare_cached(
        "SELECT seq, received_at, connection, places, body, checksum FROM deliveries
         WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    )?;
    let rows = statement.query_map(params![after, i64::try_from(max).unwrap_or(i64::MAX)], read)?;
    rows.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<Result<Delivery, StoreError>> {
    let (seq, received_at, connection): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let (places, body, checksum): ([u8; 16], Vec<u8>, i64) = (row.get(3)?, row.get(4)?, row.get(5)?);
    let new = Places::of_bytes(places);
    let whole = of_delivery(received_at, &connection, new, &body) == checksum;
    let received_at = Timestamp::from_millisecond(received_at).ok().filter(|_| whole);
    let delivery = received_at.map(|received_at| Delivery { seq, received_at, connection, body, new });
    Ok(delivery.ok_or_else(|| StoreError::Damaged { table: "deliveries", id: seq.to_string() }))
}
