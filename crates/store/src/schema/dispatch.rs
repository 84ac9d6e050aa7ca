//! The second step: forwarding what came, and what is kept of it beside the log.

use super::Class;

pub(super) const SQLITE: &str = "
CREATE TABLE subscribers (
    name TEXT PRIMARY KEY,
    settings BLOB,
    position INTEGER NOT NULL,
    disabled TEXT,
    changed_at INTEGER NOT NULL,
    owner BLOB,
    owned_until INTEGER NOT NULL
) STRICT;

CREATE TABLE letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subscriber TEXT NOT NULL,
    seq INTEGER NOT NULL,
    place INTEGER NOT NULL,
    event BLOB NOT NULL,
    connection TEXT NOT NULL,
    object TEXT NOT NULL,
    kind TEXT NOT NULL,
    occurred_at INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    body BLOB NOT NULL,
    checksum INTEGER NOT NULL,
    state INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    status INTEGER,
    reason TEXT,
    UNIQUE (subscriber, seq, place)
) STRICT;
CREATE INDEX letters_due ON letters (subscriber, state, due_at);
CREATE INDEX letters_of_object ON letters (subscriber, object, occurred_at, seq, place) WHERE state = 0;

CREATE TABLE replays (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subscriber TEXT NOT NULL,
    position INTEGER NOT NULL,
    until INTEGER NOT NULL,
    filter BLOB NOT NULL,
    asked_at INTEGER NOT NULL,
    sent INTEGER NOT NULL,
    ended_at INTEGER,
    reason TEXT
) STRICT;

CREATE TABLE latest (
    subscriber TEXT NOT NULL,
    subject BLOB NOT NULL,
    occurred_at INTEGER NOT NULL,
    PRIMARY KEY (subscriber, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB NOT NULL UNIQUE,
    received_at INTEGER NOT NULL,
    connection TEXT NOT NULL,
    method TEXT NOT NULL,
    target TEXT NOT NULL,
    headers BLOB NOT NULL,
    body BLOB NOT NULL,
    refusal TEXT NOT NULL,
    times INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE journal (
    connection TEXT PRIMARY KEY,
    place TEXT,
    read_until INTEGER NOT NULL
) STRICT;
";

pub(super) const POSTGRES: &str = "
CREATE TABLE subscribers (
    name TEXT PRIMARY KEY,
    settings BYTEA,
    position BIGINT NOT NULL,
    disabled TEXT,
    changed_at BIGINT NOT NULL,
    owner BYTEA,
    owned_until BIGINT NOT NULL
);

CREATE TABLE letters (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscriber TEXT NOT NULL,
    seq BIGINT NOT NULL,
    place BIGINT NOT NULL,
    event BYTEA NOT NULL,
    connection TEXT NOT NULL,
    object TEXT NOT NULL,
    kind TEXT NOT NULL,
    occurred_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    body BYTEA NOT NULL,
    checksum BIGINT NOT NULL,
    state BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    status BIGINT,
    reason TEXT,
    UNIQUE (subscriber, seq, place)
);
CREATE INDEX letters_due ON letters (subscriber, state, due_at);
CREATE INDEX letters_of_object ON letters (subscriber, object, occurred_at, seq, place) WHERE state = 0;

CREATE TABLE replays (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscriber TEXT NOT NULL,
    position BIGINT NOT NULL,
    until BIGINT NOT NULL,
    filter BYTEA NOT NULL,
    asked_at BIGINT NOT NULL,
    sent BIGINT NOT NULL,
    ended_at BIGINT,
    reason TEXT
);

CREATE TABLE latest (
    subscriber TEXT NOT NULL,
    subject BYTEA NOT NULL,
    occurred_at BIGINT NOT NULL,
    PRIMARY KEY (subscriber, subject)
);

CREATE TABLE quarantine (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest BYTEA NOT NULL UNIQUE,
    received_at BIGINT NOT NULL,
    connection TEXT NOT NULL,
    method TEXT NOT NULL,
    target TEXT NOT NULL,
    headers BYTEA NOT NULL,
    body BYTEA NOT NULL,
    refusal TEXT NOT NULL,
    times BIGINT NOT NULL,
    checksum BIGINT NOT NULL
);

CREATE TABLE journal (
    connection TEXT PRIMARY KEY,
    place TEXT,
    read_until BIGINT NOT NULL
);
";

pub(super) const CLASSES: &[(&str, &str, Class)] = &[
    ("subscribers", "name", Class::Public),
    // An address may hold a credential.
    ("subscribers", "settings", Class::Secret),
    ("subscribers", "position", Class::Public),
    ("subscribers", "disabled", Class::Public),
    ("subscribers", "changed_at", Class::Public),
    ("subscribers", "owner", Class::Public),
    ("subscribers", "owned_until", Class::Public),
    ("letters", "id", Class::Public),
    ("letters", "subscriber", Class::Public),
    ("letters", "seq", Class::Public),
    ("letters", "place", Class::Public),
    ("letters", "event", Class::Public),
    ("letters", "connection", Class::Public),
    ("letters", "object", Class::Personal),
    ("letters", "kind", Class::Public),
    ("letters", "occurred_at", Class::Public),
    ("letters", "received_at", Class::Public),
    ("letters", "body", Class::Personal),
    ("letters", "checksum", Class::Public),
    ("letters", "state", Class::Public),
    ("letters", "attempts", Class::Public),
    ("letters", "due_at", Class::Public),
    ("letters", "status", Class::Public),
    ("letters", "reason", Class::Public),
    ("replays", "id", Class::Public),
    ("replays", "subscriber", Class::Public),
    ("replays", "position", Class::Public),
    ("replays", "until", Class::Public),
    ("replays", "filter", Class::Personal),
    ("replays", "asked_at", Class::Public),
    ("replays", "sent", Class::Public),
    ("replays", "ended_at", Class::Public),
    ("replays", "reason", Class::Public),
    ("latest", "subscriber", Class::Public),
    ("latest", "subject", Class::Public),
    ("latest", "occurred_at", Class::Public),
    ("quarantine", "id", Class::Public),
    ("quarantine", "digest", Class::Public),
    ("quarantine", "received_at", Class::Public),
    ("quarantine", "connection", Class::Public),
    ("quarantine", "method", Class::Public),
    ("quarantine", "target", Class::Personal),
    ("quarantine", "headers", Class::Personal),
    ("quarantine", "body", Class::Personal),
    ("quarantine", "refusal", Class::Public),
    ("quarantine", "times", Class::Public),
    ("quarantine", "checksum", Class::Public),
    ("journal", "connection", Class::Public),
    ("journal", "place", Class::Public),
    ("journal", "read_until", Class::Public),
];
