//! Incidents in PostgreSQL.

use jiff::Timestamp;
use tokio_postgres::{Row, Transaction};

use super::{Postgres, unknown, unreadable};
use crate::checksum::of_document;
use crate::failure::StoreError;
use crate::incidents::{
    Ended, IncidentStep, KeptIncident, Line, NewNotice, Notice, NoticeEnd, NoticeState, Progress, Recording,
};

const NOTICE: &str = "seq, id, incident, channel, due_at, document, attempts, state, handle, why, checksum";

impl Postgres {
    pub(crate) async fn keep_incidents(&self, step: IncidentStep) -> Result<(), StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await.map_err(unknown)?;
        keep(&transaction, &step).await.map_err(unknown)?;
        transaction.commit().await.map_err(unknown)
    }

    pub(crate) async fn incidents(&self, max: usize) -> Result<Vec<KeptIncident>, StoreError> {
        let client = self.client().await?;
        let sql = "SELECT id, began_at, progress, document, checksum FROM incidents
                   ORDER BY progress, began_at DESC, id LIMIT $1";
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let rows = client.query(sql, &[&max]).await.map_err(unreadable)?;
        rows.iter().map(incident).collect()
    }

    pub(crate) async fn incident(&self, id: String) -> Result<Option<KeptIncident>, StoreError> {
        let client = self.client().await?;
        let sql = "SELECT id, began_at, progress, document, checksum FROM incidents WHERE id = $1";
        let row = client.query_opt(sql, &[&id]).await.map_err(unreadable)?;
        row.as_ref().map(incident).transpose()
    }

    pub(crate) async fn timeline(&self, id: String) -> Result<Vec<Line>, StoreError> {
        let client = self.client().await?;
        let sql = "SELECT incident, at, document, checksum FROM timeline WHERE incident = $1 ORDER BY seq";
        let rows = client.query(sql, &[&id]).await.map_err(unreadable)?;
        let read = rows.iter().map(|row| document(row, "timeline"));
        read.map(|line| line.map(|(incident, at, document)| Line { incident, at, document })).collect()
    }

    pub(crate) async fn recordings(&self, id: String) -> Result<Vec<Recording>, StoreError> {
        let client = self.client().await?;
        let sql = "SELECT incident, at, document, checksum FROM recordings WHERE incident = $1 ORDER BY seq";
        let rows = client.query(sql, &[&id]).await.map_err(unreadable)?;
        let read = rows.iter().map(|row| document(row, "recordings"));
        read.map(|one| one.map(|(incident, at, document)| Recording { incident, at, document })).collect()
    }

    pub(crate) async fn claim_notices(
        &self,
        now: Timestamp,
        until: Timestamp,
        max: usize,
    ) -> Result<Vec<Notice>, StoreError> {
        let client = self.client().await?;
        let sql = format!(
            "UPDATE notices SET state = 1, attempts = attempts + 1, due_at = $2 WHERE seq IN (
                 SELECT seq FROM notices WHERE state IN (0, 1) AND due_at <= $1 AND NOT EXISTS (
                     SELECT 1 FROM notices earlier WHERE earlier.incident = notices.incident
                         AND earlier.channel = notices.channel AND earlier.seq < notices.seq AND earlier.state IN (0, 1))
                 ORDER BY seq LIMIT $3 FOR UPDATE SKIP LOCKED)
             RETURNING {NOTICE}"
        );
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
            [&now.as_millisecond(), &until.as_millisecond(), &max];
        let rows = client.query(&sql, &parameters).await.map_err(unknown)?;
        let mut claimed = rows.iter().map(notice).collect::<Result<Vec<_>, _>>()?;
        claimed.sort_by_key(|notice| notice.seq);
        Ok(claimed)
    }

    pub(crate) async fn end_notice(&self, claimed: &Notice, end: NoticeEnd) -> Result<bool, StoreError> {
        let client = self.client().await?;
        let Ended { state, due_at, handle, why } = Ended::from(end);
        let sql = "UPDATE notices SET state = $3, due_at = coalesce($4, due_at), handle = coalesce($5, handle), why = $6
                   WHERE seq = $1 AND attempts = $2 AND state = 1";
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
            [&claimed.seq, &claimed.attempts, &(state as i64), &due_at, &handle, &why];
        let changed = client.execute(sql, &parameters).await.map_err(unknown)?;
        Ok(changed == 1)
    }

    pub(crate) async fn notices(&self, incident: String) -> Result<Vec<Notice>, StoreError> {
        let client = self.client().await?;
        let sql = format!("SELECT {NOTICE} FROM notices WHERE incident = $1 ORDER BY seq");
        let rows = client.query(&sql, &[&incident]).await.map_err(unreadable)?;
        rows.iter().map(notice).collect()
    }
}

async fn keep(transaction: &Transaction<'_>, step: &IncidentStep) -> Result<(), tokio_postgres::Error> {
    for kept in &step.incidents {
        let put =
            "INSERT INTO incidents (id, began_at, progress, document, checksum) VALUES ($1, $2, $3, $4, $5)
                   ON CONFLICT (id) DO UPDATE SET began_at = $2, progress = $3, document = $4, checksum = $5";
        let began_at = kept.began_at.as_millisecond();
        let checksum = of_document(&kept.id, began_at, &kept.document);
        let progress = kept.progress as i64;
        transaction.execute(put, &[&kept.id, &began_at, &progress, &kept.document, &checksum]).await?;
    }
    let lines = step.lines.iter().map(|line| ("timeline", &line.incident, line.at, &line.document));
    let recordings = step.recordings.iter().map(|one| ("recordings", &one.incident, one.at, &one.document));
    for (table, incident, at, document) in lines.chain(recordings) {
        let add = format!("INSERT INTO {table} (incident, at, document, checksum) VALUES ($1, $2, $3, $4)");
        let at = at.as_millisecond();
        let checksum = of_document(incident, at, document);
        transaction.execute(&add, &[incident, &at, document, &checksum]).await?;
    }
    for NewNotice { id, incident, channel, due_at, document } in &step.notices {
        let add = "INSERT INTO notices (id, incident, channel, due_at, document, attempts, state, checksum)
                   VALUES ($1, $2, $3, $4, $5, 0, 0, $6) ON CONFLICT (id) DO NOTHING";
        let checksum = of_document(incident, 0, document);
        let due_at = due_at.as_millisecond();
        transaction.execute(add, &[id, incident, channel, &due_at, document, &checksum]).await?;
    }
    Ok(())
}

fn incident(row: &Row) -> Result<KeptIncident, StoreError> {
    let (id, began_at, progress): (String, i64, i64) = (row.get(0), row.get(1), row.get(2));
    let (document, checksum): (Vec<u8>, i64) = (row.get(3), row.get(4));
    let whole = of_document(&id, began_at, &document) == checksum;
    match Timestamp::from_millisecond(began_at).ok().filter(|_| whole) {
        Some(began_at) => {
            Ok(KeptIncident { id, began_at, progress: Progress::of_number(progress), document })
        }
        None => Err(StoreError::Damaged { table: "incidents", id }),
    }
}

fn document(row: &Row, table: &'static str) -> Result<(String, Timestamp, Vec<u8>), StoreError> {
    let (incident, at): (String, i64) = (row.get(0), row.get(1));
    let (document, checksum): (Vec<u8>, i64) = (row.get(2), row.get(3));
    let whole = of_document(&incident, at, &document) == checksum;
    match Timestamp::from_millisecond(at).ok().filter(|_| whole) {
        Some(at) => Ok((incident, at, document)),
        None => Err(StoreError::Damaged { table, id: incident }),
    }
}

fn notice(row: &Row) -> Result<Notice, StoreError> {
    let seq: i64 = row.get(0);
    let (due_at, state): (i64, i64) = (row.get(4), row.get(7));
    let (incident, document): (String, Vec<u8>) = (row.get(2), row.get(5));
    let whole = of_document(&incident, 0, &document) == row.get::<_, i64>(10);
    let read = Timestamp::from_millisecond(due_at).ok().zip(NoticeState::of_number(state)).filter(|_| whole);
    let (due_at, state) =
        read.ok_or_else(|| StoreError::Damaged { table: "notices", id: seq.to_string() })?;
    let asked = NewNotice { id: row.get(1), incident, channel: row.get(3), due_at, document };
    Ok(Notice { seq, asked, attempts: row.get(6), state, handle: row.get(8), why: row.get(9) })
}
