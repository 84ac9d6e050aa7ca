//! What is stored: every step of the schema, and for every column what kind of data it holds.
//!
//! Steps only go forward, and one that has been released is never changed: a correction is a further step.

mod audit;
mod consents;
mod dispatch;
mod grants;
mod incidents;
mod journal;
mod owners;
mod privacy;
mod room;
mod scopes;
mod watch;

/// How much care a column needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Counts, states, times, codes.
    Public,
    /// May tell something about a person: never in a bundle or a log, purged on request.
    Personal,
    /// A credential.
    Secret,
}

/// The steps, oldest first. The schema's version is how many have been taken.
pub(crate) const SQLITE_STEPS: [&str; 16] = [
    SQLITE_BEGINNING,
    SQLITE_LINES_AND_KEYS,
    dispatch::SQLITE,
    incidents::SQLITE,
    audit::SQLITE,
    journal::SQLITE,
    privacy::SQLITE,
    owners::SQLITE,
    watch::SQLITE,
    grants::SQLITE,
    room::SQLITE,
    scopes::SQLITE,
    consents::SQLITE,
    audit::AWAITED,
    owners::SQLITE_OF_KEYS,
    privacy::SQLITE_LINES,
];

/// The same steps for PostgreSQL.
pub(crate) const POSTGRES_STEPS: [&str; SQLITE_STEPS.len()] = [
    POSTGRES_BEGINNING,
    POSTGRES_LINES_AND_KEYS,
    dispatch::POSTGRES,
    incidents::POSTGRES,
    audit::POSTGRES,
    journal::POSTGRES,
    privacy::POSTGRES,
    owners::POSTGRES,
    watch::POSTGRES,
    grants::POSTGRES,
    room::POSTGRES,
    scopes::POSTGRES,
    consents::POSTGRES,
    audit::AWAITED_IN_POSTGRES,
    owners::POSTGRES_OF_KEYS,
    privacy::POSTGRES_LINES,
];

const SQLITE_BEGINNING: &str = "
CREATE TABLE operations (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    accepted_at INTEGER NOT NULL,
    connection TEXT NOT NULL,
    caller TEXT NOT NULL,
    lane TEXT NOT NULL,
    method TEXT NOT NULL,
    target TEXT NOT NULL,
    headers BLOB NOT NULL,
    body BLOB NOT NULL,
    record TEXT,
    stamp TEXT,
    checksum INTEGER NOT NULL,
    state INTEGER NOT NULL,
    ready INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    attempts BLOB NOT NULL,
    settled_at INTEGER,
    reason TEXT,
    status INTEGER,
    answer BLOB,
    standing INTEGER NOT NULL
) STRICT;
CREATE INDEX operations_ready ON operations (connection, seq) WHERE state = 0 AND ready = 1;
CREATE INDEX operations_of_record ON operations (connection, record, seq) WHERE state IN (0, 1) AND record IS NOT NULL;
CREATE INDEX operations_settled ON operations (state, settled_at) WHERE state > 1;

CREATE TABLE deliveries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at INTEGER NOT NULL,
    connection TEXT NOT NULL,
    places BLOB NOT NULL,
    body BLOB NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE TABLE seen (
    key BLOB PRIMARY KEY
) STRICT, WITHOUT ROWID;
";

const POSTGRES_BEGINNING: &str = "
CREATE TABLE operations (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id UUID NOT NULL UNIQUE,
    accepted_at BIGINT NOT NULL,
    connection TEXT NOT NULL,
    caller TEXT NOT NULL,
    lane TEXT NOT NULL,
    method TEXT NOT NULL,
    target TEXT NOT NULL,
    headers BYTEA NOT NULL,
    body BYTEA NOT NULL,
    record TEXT,
    stamp TEXT,
    checksum BIGINT NOT NULL,
    state BIGINT NOT NULL,
    ready BOOLEAN NOT NULL,
    fence BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    attempts BYTEA NOT NULL,
    settled_at BIGINT,
    reason TEXT,
    status BIGINT,
    answer BYTEA,
    standing BIGINT NOT NULL
);
CREATE INDEX operations_ready ON operations (connection, seq) WHERE state = 0 AND ready;
CREATE INDEX operations_of_record ON operations (connection, record, seq) WHERE state IN (0, 1) AND record IS NOT NULL;
CREATE INDEX operations_settled ON operations (state, settled_at) WHERE state > 1;

CREATE TABLE deliveries (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received_at BIGINT NOT NULL,
    connection TEXT NOT NULL,
    places BYTEA NOT NULL,
    body BYTEA NOT NULL,
    checksum BIGINT NOT NULL
);
CREATE TABLE seen (
    key BYTEA PRIMARY KEY
);
";

/// Operations wait in lines, by the API family and the lane they go through; and what callers sent with a key of theirs
/// is answered once.
const SQLITE_LINES_AND_KEYS: &str = "
ALTER TABLE operations ADD COLUMN family TEXT NOT NULL DEFAULT 'other';
DROP INDEX operations_ready;
CREATE INDEX operations_ready ON operations (connection, family, lane, seq) WHERE state = 0 AND ready = 1;
CREATE INDEX operations_state ON operations (state);

CREATE TABLE idempotency (
    key BLOB PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    begun_at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    status INTEGER,
    headers BLOB,
    answer BLOB,
    checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_begun ON idempotency (begun_at);
";

const POSTGRES_LINES_AND_KEYS: &str = "
ALTER TABLE operations ADD COLUMN family TEXT NOT NULL DEFAULT 'other';
DROP INDEX operations_ready;
CREATE INDEX operations_ready ON operations (connection, family, lane, seq) WHERE state = 0 AND ready;
CREATE INDEX operations_state ON operations (state, seq);

CREATE TABLE idempotency (
    key BYTEA PRIMARY KEY,
    fingerprint BYTEA NOT NULL,
    begun_at BIGINT NOT NULL,
    until BIGINT NOT NULL,
    status BIGINT,
    headers BYTEA,
    answer BYTEA,
    checksum BIGINT NOT NULL
);
CREATE INDEX idempotency_begun ON idempotency (begun_at);
";

/// Every column's class, by table and column.
pub fn classes() -> impl Iterator<Item = (&'static str, &'static str, Class)> {
    FIRST_CLASSES
        .iter()
        .chain(dispatch::CLASSES)
        .chain(incidents::CLASSES)
        .chain(journal::CLASSES)
        .chain(privacy::CLASSES)
        .chain(owners::CLASSES)
        .chain(watch::CLASSES)
        .chain(grants::CLASSES)
        .chain(room::CLASSES)
        .chain(scopes::CLASSES)
        .chain(consents::CLASSES)
        .copied()
}

const FIRST_CLASSES: &[(&str, &str, Class)] = &[
    ("operations", "seq", Class::Public),
    ("operations", "id", Class::Public),
    ("operations", "accepted_at", Class::Public),
    ("operations", "connection", Class::Public),
    ("operations", "caller", Class::Public),
    ("operations", "lane", Class::Public),
    ("operations", "method", Class::Public),
    ("operations", "target", Class::Personal),
    ("operations", "headers", Class::Personal),
    ("operations", "body", Class::Personal),
    ("operations", "record", Class::Personal),
    ("operations", "stamp", Class::Public),
    ("operations", "checksum", Class::Public),
    ("operations", "state", Class::Public),
    ("operations", "ready", Class::Public),
    ("operations", "fence", Class::Public),
    ("operations", "due_at", Class::Public),
    ("operations", "attempts", Class::Public),
    ("operations", "settled_at", Class::Public),
    ("operations", "reason", Class::Personal),
    ("operations", "status", Class::Public),
    ("operations", "answer", Class::Personal),
    ("operations", "standing", Class::Public),
    ("operations", "family", Class::Public),
    ("idempotency", "key", Class::Public),
    ("idempotency", "fingerprint", Class::Public),
    ("idempotency", "begun_at", Class::Public),
    ("idempotency", "until", Class::Public),
    ("idempotency", "status", Class::Public),
    ("idempotency", "headers", Class::Personal),
    ("idempotency", "answer", Class::Personal),
    ("idempotency", "checksum", Class::Public),
    ("deliveries", "seq", Class::Public),
    ("deliveries", "received_at", Class::Public),
    ("deliveries", "connection", Class::Public),
    ("deliveries", "places", Class::Public),
    ("deliveries", "body", Class::Personal),
    ("deliveries", "checksum", Class::Public),
    ("seen", "key", Class::Public),
    ("audit", "seq", Class::Public),
    ("audit", "at", Class::Public),
    ("audit", "actor", Class::Public),
    ("audit", "act", Class::Public),
    ("audit", "subject", Class::Public),
    ("audit", "outcome", Class::Public),
    ("audit", "request_id", Class::Public),
    ("audit", "detail", Class::Personal),
    ("audit", "hash", Class::Public),
    ("audit_checkpoints", "kind", Class::Public),
    ("audit_checkpoints", "seq", Class::Public),
    ("audit_checkpoints", "hash", Class::Public),
    ("audit_checkpoints", "public_key", Class::Public),
    ("audit_checkpoints", "signature", Class::Public),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every column of a fresh store, by table.
    fn columns() -> BTreeSet<(String, String)> {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        SQLITE_STEPS.iter().for_each(|step| connection.execute_batch(step).unwrap());
        let mut statement = connection
            .prepare(
                "SELECT tables.name, columns.name FROM sqlite_schema tables, pragma_table_info(tables.name) columns
                 WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite_%'",
            )
            .unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn every_column_is_classified_and_every_class_has_a_column() {
        let classified: BTreeSet<_> =
            classes().map(|(table, column, _)| (table.to_owned(), column.to_owned())).collect();
        assert_eq!(columns(), classified);
        assert_eq!(classes().count(), classified.len(), "none is classified twice");
    }
}
