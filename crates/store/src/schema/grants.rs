//! What people granted: the credentials of OAuth connections, sealed.

use super::Class;

pub(super) const SQLITE: &str = "
CREATE TABLE grants (
    connection TEXT PRIMARY KEY,
    portal_id INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    claimed_until INTEGER NOT NULL,
    version INTEGER NOT NULL,
    data_key BLOB NOT NULL,
    refresh_token BLOB NOT NULL,
    access_token BLOB NOT NULL,
    access_until INTEGER NOT NULL,
    scopes TEXT NOT NULL,
    lost TEXT,
    granted_at INTEGER NOT NULL,
    refreshed_at INTEGER NOT NULL
) STRICT;
";

pub(super) const POSTGRES: &str = "
CREATE TABLE grants (
    connection TEXT PRIMARY KEY,
    portal_id BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    claimed_until BIGINT NOT NULL,
    version BIGINT NOT NULL,
    data_key BYTEA NOT NULL,
    refresh_token BYTEA NOT NULL,
    access_token BYTEA NOT NULL,
    access_until BIGINT NOT NULL,
    scopes TEXT NOT NULL,
    lost TEXT,
    granted_at BIGINT NOT NULL,
    refreshed_at BIGINT NOT NULL
);
";

pub(super) const CLASSES: &[(&str, &str, Class)] = &[
    ("grants", "connection", Class::Public),
    ("grants", "portal_id", Class::Public),
    ("grants", "fence", Class::Public),
    ("grants", "claimed_until", Class::Public),
    ("grants", "version", Class::Public),
    ("grants", "data_key", Class::Secret),
    ("grants", "refresh_token", Class::Secret),
    ("grants", "access_token", Class::Secret),
    ("grants", "access_until", Class::Public),
    ("grants", "scopes", Class::Public),
    ("grants", "lost", Class::Public),
    ("grants", "granted_at", Class::Public),
    ("grants", "refreshed_at", Class::Public),
];
