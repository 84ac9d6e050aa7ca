//! Incidents as they stand, their history, what diagnoses were drawn from, and messages that wait.

use super::Class;

pub(super) const SQLITE: &str = "
CREATE TABLE incidents (
    id TEXT PRIMARY KEY,
    began_at INTEGER NOT NULL,
    progress INTEGER NOT NULL,
    document BLOB NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE INDEX incidents_by_time ON incidents (progress, began_at DESC, id);
CREATE TABLE timeline (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    incident TEXT NOT NULL,
    at INTEGER NOT NULL,
    document BLOB NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE INDEX timeline_of_incident ON timeline (incident, seq);
CREATE TABLE recordings (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    incident TEXT NOT NULL,
    at INTEGER NOT NULL,
    document BLOB NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;
CREATE INDEX recordings_of_incident ON recordings (incident, seq);
CREATE TABLE notices (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL UNIQUE,
    incident TEXT NOT NULL,
    channel TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    document BLOB NOT NULL,
    attempts INTEGER NOT NULL,
    state INTEGER NOT NULL,
    handle TEXT,
    why TEXT,
    checksum INTEGER NOT NULL
) STRICT;
CREATE INDEX notices_due ON notices (incident, channel, seq) WHERE state IN (0, 1);
CREATE INDEX notices_of_incident ON notices (incident, seq);
";

pub(super) const POSTGRES: &str = "
CREATE TABLE incidents (
    id TEXT PRIMARY KEY,
    began_at BIGINT NOT NULL,
    progress BIGINT NOT NULL,
    document BYTEA NOT NULL,
    checksum BIGINT NOT NULL
);
CREATE INDEX incidents_by_time ON incidents (progress, began_at DESC, id);
CREATE TABLE timeline (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident TEXT NOT NULL,
    at BIGINT NOT NULL,
    document BYTEA NOT NULL,
    checksum BIGINT NOT NULL
);
CREATE INDEX timeline_of_incident ON timeline (incident, seq);
CREATE TABLE recordings (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    incident TEXT NOT NULL,
    at BIGINT NOT NULL,
    document BYTEA NOT NULL,
    checksum BIGINT NOT NULL
);
CREATE INDEX recordings_of_incident ON recordings (incident, seq);
CREATE TABLE notices (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id UUID NOT NULL UNIQUE,
    incident TEXT NOT NULL,
    channel TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    document BYTEA NOT NULL,
    attempts BIGINT NOT NULL,
    state BIGINT NOT NULL,
    handle TEXT,
    why TEXT,
    checksum BIGINT NOT NULL
);
CREATE INDEX notices_due ON notices (incident, channel, seq) WHERE state IN (0, 1);
CREATE INDEX notices_of_incident ON notices (incident, seq);
";

pub(super) const CLASSES: &[(&str, &str, Class)] = &[
    ("incidents", "id", Class::Public),
    ("incidents", "began_at", Class::Public),
    ("incidents", "progress", Class::Public),
    ("incidents", "document", Class::Public),
    ("incidents", "checksum", Class::Public),
    ("timeline", "seq", Class::Public),
    ("timeline", "incident", Class::Public),
    ("timeline", "at", Class::Public),
    // People write notes, and who writes them is told.
    ("timeline", "document", Class::Personal),
    ("timeline", "checksum", Class::Public),
    ("recordings", "seq", Class::Public),
    ("recordings", "incident", Class::Public),
    ("recordings", "at", Class::Public),
    ("recordings", "document", Class::Public),
    ("recordings", "checksum", Class::Public),
    ("notices", "seq", Class::Public),
    ("notices", "id", Class::Public),
    ("notices", "incident", Class::Public),
    ("notices", "channel", Class::Public),
    ("notices", "due_at", Class::Public),
    ("notices", "document", Class::Personal),
    ("notices", "attempts", Class::Public),
    ("notices", "state", Class::Public),
    ("notices", "handle", Class::Public),
    ("notices", "why", Class::Public),
    ("notices", "checksum", Class::Public),
];
