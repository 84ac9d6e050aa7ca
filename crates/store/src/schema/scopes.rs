//! Which scopes calls needed, by connection and day.

use super::Class;

pub(super) const SQLITE: &str = "
CREATE TABLE scope_uses (
    connection TEXT NOT NULL,
    day INTEGER NOT NULL,
    need TEXT NOT NULL,
    calls INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (connection, day, need)
) STRICT, WITHOUT ROWID;
";

pub(super) const POSTGRES: &str = "
CREATE TABLE scope_uses (
    connection TEXT NOT NULL,
    day BIGINT NOT NULL,
    need TEXT NOT NULL,
    calls BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (connection, day, need)
);
";

pub(super) const CLASSES: &[(&str, &str, Class)] = &[
    ("scope_uses", "connection", Class::Public),
    ("scope_uses", "day", Class::Public),
    ("scope_uses", "need", Class::Public),
    ("scope_uses", "calls", Class::Public),
    ("scope_uses", "refused", Class::Public),
    ("scope_uses", "last_at", Class::Public),
];
