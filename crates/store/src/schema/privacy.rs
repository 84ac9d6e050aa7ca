//! The seventh step: who was forgotten, and how much went with them. The sixteenth: in how many lines of an incident they stood.

use super::Class;

pub(super) const SQLITE: &str = "
CREATE TABLE purges (
    portal_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    connection TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    purged_at INTEGER NOT NULL,
    deliveries INTEGER NOT NULL,
    letters INTEGER NOT NULL,
    suspects INTEGER NOT NULL,
    operations INTEGER NOT NULL,
    answers INTEGER NOT NULL,
    PRIMARY KEY (portal_id, contact_id)
) STRICT, WITHOUT ROWID;
";

pub(super) const POSTGRES: &str = "
CREATE TABLE purges (
    portal_id TEXT NOT NULL,
    contact_id TEXT NOT NULL,
    connection TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    purged_at BIGINT NOT NULL,
    deliveries BIGINT NOT NULL,
    letters BIGINT NOT NULL,
    suspects BIGINT NOT NULL,
    operations BIGINT NOT NULL,
    answers BIGINT NOT NULL,
    PRIMARY KEY (portal_id, contact_id)
);
";

pub(super) const SQLITE_LINES: &str = "ALTER TABLE purges ADD COLUMN lines INTEGER NOT NULL DEFAULT 0;";

pub(super) const POSTGRES_LINES: &str = "ALTER TABLE purges ADD COLUMN lines BIGINT NOT NULL DEFAULT 0;";

pub(super) const CLASSES: &[(&str, &str, Class)] = &[
    ("purges", "portal_id", Class::Public),
    ("purges", "contact_id", Class::Personal),
    ("purges", "connection", Class::Public),
    ("purges", "asked_at", Class::Public),
    ("purges", "purged_at", Class::Public),
    ("purges", "deliveries", Class::Public),
    ("purges", "letters", Class::Public),
    ("purges", "suspects", Class::Public),
    ("purges", "operations", Class::Public),
    ("purges", "answers", Class::Public),
    ("purges", "lines", Class::Public),
];
