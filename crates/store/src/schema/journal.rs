//! The sixth step: what the reader of HubSpot's journal found, and who of several processes does what only one should.

use super::Class;

pub(super) const SQLITE: &str = "
CREATE TABLE gaps (
    connection TEXT NOT NULL,
    found_at INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    begins INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (connection, found_at, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    owner BLOB NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

pub(super) const POSTGRES: &str = "
CREATE TABLE gaps (
    connection TEXT NOT NULL,
    found_at BIGINT NOT NULL,
    kind BIGINT NOT NULL,
    begins BIGINT NOT NULL,
    ends BIGINT NOT NULL,
    events BIGINT NOT NULL,
    PRIMARY KEY (connection, found_at, kind)
);

CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    owner BYTEA NOT NULL,
    until BIGINT NOT NULL
);
";

pub(super) const CLASSES: &[(&str, &str, Class)] = &[
    ("gaps", "connection", Class::Public),
    ("gaps", "found_at", Class::Public),
    ("gaps", "kind", Class::Public),
    ("gaps", "begins", Class::Public),
    ("gaps", "ends", Class::Public),
    ("gaps", "events", Class::Public),
    ("leases", "name", Class::Public),
    ("leases", "owner", Class::Public),
    ("leases", "until", Class::Public),
];
