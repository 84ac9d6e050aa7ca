//! A group whose events are all new is kept by one statement: the server is asked once, and not three times. Whether they are, the
//! statement itself sees, and leaves nothing behind where they are not.

use std::sync::atomic::{AtomicBool, Ordering};

use deadpool_postgres::Object;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;

use super::deliveries::{Columns, bytes_of, new_in_order};
use super::group::Failed;
use super::unknown;
use crate::deliveries::{EventKey, NewDelivery, Places};
use crate::step::{self, Step};

/// As `BEGIN`, `SEE` and `KEEP` do it; it fails where a key was known, or came twice.
const KEEP_NEWS: &str = "
WITH patience AS MATERIALIZED (SELECT set_config('lock_timeout', '200ms', true)),
seen AS (INSERT INTO seen (key) SELECT keys.key FROM patience, unnest($1::BYTEA[]) AS keys (key))
INSERT INTO deliveries (received_at, connection, places, body, checksum)
SELECT * FROM unnest($2::BIGINT[], $3::TEXT[], $4::BYTEA[], $5::BYTEA[], $6::BIGINT[])";

/// Whether the last group was all new, and so the next one may be. One that is not costs its statement for nothing.
#[derive(Default)]
pub(super) struct News {
    none_of_late: AtomicBool,
}

impl News {
    pub(super) fn heard(&self, group: &[NewDelivery], new: &[Places]) {
        let is_all = group.iter().zip(new).all(|(one, new)| new.len() == one.keys.len());
        self.none_of_late.store(!is_all, Ordering::Relaxed);
    }

    /// Keeps all of the group, if that is to be expected; `None` where some of it had come before, and nothing was kept.
    pub(super) async fn keep(
        &self,
        client: &Object,
        group: &[NewDelivery],
        all: &[EventKey],
    ) -> Result<Option<Vec<Places>>, Failed> {
        if self.none_of_late.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let statement =
            client.prepare_cached(KEEP_NEWS).await.map_err(|error| Failed::All(unknown(error)))?;
        let keys = bytes_of(all);
        let new = new_in_order(group, keys.iter().copied().collect());
        let columns = Columns::of(group.iter().zip(new.iter().copied()).filter(|(_, new)| !new.is_empty()));
        let mut values: Vec<&(dyn ToSql + Sync)> = vec![&keys];
        values.extend(columns.values());
        match client.execute(&statement, &values).await {
            Ok(_) => {
                step::at(Step::GroupCommitted);
                Ok(Some(new))
            }
            Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => Ok(None),
            Err(error) => Err(Failed::of(error)),
        }
    }
}
