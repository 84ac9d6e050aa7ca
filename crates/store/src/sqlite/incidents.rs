//! Incidents in SQLite.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::Sqlite;
use super::writer::Intent;
use crate::checksum::of_document;
use crate::failure::StoreError;
use crate::incidents::{
    Ended, IncidentStep, KeptIncident, Line, NewNotice, Notice, NoticeEnd, NoticeState, Progress, Recording,
};

const NOTICE: &str = "seq, id, incident, channel, due_at, document, attempts, state, handle, why, checksum";

impl Sqlite {
    pub(crate) async fn keep_incidents(&self, step: IncidentStep) -> Result<(), StoreError> {
        self.writer.write(Intent::Settle, move |transaction| keep(transaction, &step)).await
    }

    pub(crate) async fn incidents(&self, max: usize) -> Result<Vec<KeptIncident>, StoreError> {
        let found = self.reader.read(move |connection| {
            // Those that go on first: they are never left out.
            let mut statement = connection.prepare_cached(
                "SELECT id, began_at, progress, document, checksum FROM incidents
                 ORDER BY progress, began_at DESC, id LIMIT ?1",
            )?;
            let rows = statement.query_map([i64::try_from(max).unwrap_or(i64::MAX)], incident)?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        });
        found.await?.into_iter().collect()
    }

    pub(crate) async fn incident(&self, id: String) -> Result<Option<KeptIncident>, StoreError> {
        let found = self.reader.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, began_at, progress, document, checksum FROM incidents WHERE id = ?1",
            )?;
            Ok(statement.query_row([id], incident).optional()?)
        });
        found.await?.transpose()
    }

    pub(crate) async fn timeline(&self, id: String) -> Result<Vec<Line>, StoreError> {
        let found = self.reader.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT incident, at, document, checksum FROM timeline WHERE incident = ?1 ORDER BY seq",
            )?;
            let rows = statement.query_map([id], |row| document(row, "timeline"))?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        });
        let lines = found.await?.into_iter();
        lines.map(|line| line.map(|(incident, at, document)| Line { incident, at, document })).collect()
    }

    pub(crate) async fn recordings(&self, id: String) -> Result<Vec<Recording>, StoreError> {
        let found = self.reader.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT incident, at, document, checksum FROM recordings WHERE incident = ?1 ORDER BY seq",
            )?;
            let rows = statement.query_map([id], |row| document(row, "recordings"))?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        });
        let kept = found.await?.into_iter();
        kept.map(|one| one.map(|(incident, at, document)| Recording { incident, at, document })).collect()
    }

    pub(crate) async fn claim_notices(
        &self,
        now: Timestamp,
        until: Timestamp,
        max: usize,
    ) -> Result<Vec<Notice>, StoreError> {
        let claimed = self.writer.write(Intent::Settle, move |transaction| {
            let mut statement = transaction.prepare_cached(&format!(
                "SELECT {NOTICE} FROM notices WHERE state IN (0, 1) AND due_at <= ?1 AND NOT EXISTS (
                     SELECT 1 FROM notices earlier WHERE earlier.incident = notices.incident
                         AND earlier.channel = notices.channel AND earlier.seq < notices.seq AND earlier.state IN (0, 1))
                 ORDER BY seq LIMIT ?2"
            ))?;
            let max = i64::try_from(max).unwrap_or(i64::MAX);
            let found = statement.query_map(params![now.as_millisecond(), max], notice)?;
            let mut claimed = Vec::new();
            for found in found.collect::<Result<Vec<_>, _>>()? {
                let mut take = transaction.prepare_cached(
                    "UPDATE notices SET state = 1, attempts = attempts + 1, due_at = ?2 WHERE seq = ?1",
                )?;
                claimed.push(found.map(|mut notice| {
                    notice.attempts += 1;
                    notice.state = NoticeState::Sending;
                    notice
                }));
                if let Some(Ok(notice)) = claimed.last() {
                    take.execute(params![notice.seq, until.as_millisecond()])?;
                }
            }
            Ok(claimed)
        });
        claimed.await?.into_iter().collect()
    }

    pub(crate) async fn release_notices(&self, now: Timestamp) -> Result<(), StoreError> {
        let released = self.writer.write(Intent::Settle, move |transaction| {
            transaction.execute("UPDATE notices SET due_at = ?1 WHERE state = 1", [now.as_millisecond()])
        });
        released.await.map(drop)
    }

    pub(crate) async fn end_notice(&self, claimed: &Notice, end: NoticeEnd) -> Result<bool, StoreError> {
        let (seq, attempts) = (claimed.seq, claimed.attempts);
        let ended = Ended::from(end);
        let changed = self.writer.write(Intent::Settle, move |transaction| {
            let mut end = transaction.prepare_cached(
                "UPDATE notices SET state = ?3, due_at = coalesce(?4, due_at), handle = coalesce(?5, handle), why = ?6
                 WHERE seq = ?1 AND attempts = ?2 AND state = 1",
            )?;
            end.execute(params![seq, attempts, ended.state as i64, ended.due_at, ended.handle, ended.why])
        });
        Ok(changed.await? == 1)
    }

    pub(crate) async fn notices(&self, incident: String) -> Result<Vec<Notice>, StoreError> {
        let found = self.reader.read(move |connection| {
            let mut statement = connection
                .prepare_cached(&format!("SELECT {NOTICE} FROM notices WHERE incident = ?1 ORDER BY seq"))?;
            let rows = statement.query_map([incident], notice)?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        });
        found.await?.into_iter().collect()
    }
}

fn keep(transaction: &Connection, step: &IncidentStep) -> rusqlite::Result<()> {
    for kept in &step.incidents {
        let mut put = transaction.prepare_cached(
            "INSERT INTO incidents (id, began_at, progress, document, checksum) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (id) DO UPDATE SET began_at = ?2, progress = ?3, document = ?4, checksum = ?5",
        )?;
        let began_at = kept.began_at.as_millisecond();
        let checksum = of_document(&kept.id, began_at, &kept.document);
        put.execute(params![kept.id, began_at, kept.progress as i64, kept.document, checksum])?;
    }
    for line in &step.lines {
        let mut add = transaction.prepare_cached(
            "INSERT INTO timeline (incident, at, document, checksum) VALUES (?1, ?2, ?3, ?4)",
        )?;
        let at = line.at.as_millisecond();
        let checksum = of_document(&line.incident, at, &line.document);
        add.execute(params![line.incident, at, line.document, checksum])?;
    }
    for recording in &step.recordings {
        let mut add = transaction.prepare_cached(
            "INSERT INTO recordings (incident, at, document, checksum) VALUES (?1, ?2, ?3, ?4)",
        )?;
        let at = recording.at.as_millisecond();
        let checksum = of_document(&recording.incident, at, &recording.document);
        add.execute(params![recording.incident, at, recording.document, checksum])?;
    }
    for NewNotice { id, incident, channel, due_at, document } in &step.notices {
        let mut add = transaction.prepare_cached(
            "INSERT OR IGNORE INTO notices (id, incident, channel, due_at, document, attempts, state, checksum)
             VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6)",
        )?;
        let checksum = of_document(incident, 0, document);
        add.execute(params![id, incident, channel, due_at.as_millisecond(), document, checksum])?;
    }
    Ok(())
}

fn incident(row: &Row<'_>) -> rusqlite::Result<Result<KeptIncident, StoreError>> {
    let (id, began_at): (String, i64) = (row.get(0)?, row.get(1)?);
    let (progress, document, checksum): (i64, Vec<u8>, i64) = (row.get(2)?, row.get(3)?, row.get(4)?);
    let whole = of_document(&id, began_at, &document) == checksum;
    let began = Timestamp::from_millisecond(began_at).ok().filter(|_| whole);
    let progress = Progress::of_number(progress);
    Ok(match began {
        Some(began_at) => Ok(KeptIncident { id, began_at, progress, document }),
        None => Err(StoreError::Damaged { table: "incidents", id }),
    })
}

type Document = (String, Timestamp, Vec<u8>);

fn document(row: &Row<'_>, table: &'static str) -> rusqlite::Result<Result<Document, StoreError>> {
    let (incident, at): (String, i64) = (row.get(0)?, row.get(1)?);
    let (document, checksum): (Vec<u8>, i64) = (row.get(2)?, row.get(3)?);
    let whole = of_document(&incident, at, &document) == checksum;
    let moment = Timestamp::from_millisecond(at).ok().filter(|_| whole);
    Ok(match moment {
        Some(at) => Ok((incident, at, document)),
        None => Err(StoreError::Damaged { table, id: incident }),
    })
}

fn notice(row: &Row<'_>) -> rusqlite::Result<Result<Notice, StoreError>> {
    let (seq, id): (i64, Uuid) = (row.get(0)?, row.get(1)?);
    let (incident, channel): (String, String) = (row.get(2)?, row.get(3)?);
    let (due_at, document, attempts): (i64, Vec<u8>, i64) = (row.get(4)?, row.get(5)?, row.get(6)?);
    let (state, handle, why): (i64, Option<String>, Option<String>) = (row.get(7)?, row.get(8)?, row.get(9)?);
    let whole = of_document(&incident, 0, &document) == row.get::<_, i64>(10)?;
    let damaged = || StoreError::Damaged { table: "notices", id: seq.to_string() };
    let read = Timestamp::from_millisecond(due_at).ok().zip(NoticeState::of_number(state)).filter(|_| whole);
    Ok(read.ok_or_else(damaged).map(|(due_at, state)| {
        let asked = NewNotice { id, incident, channel, due_at, document };
        Notice { seq, asked, attempts, state, handle, why }
    }))
}
