//! Since when credentials have been in use.

use super::Class;

pub(super) const SQLITE: &str = "
CREATE TABLE credentials (
    name TEXT PRIMARY KEY,
    digest BLOB NOT NULL,
    since INTEGER NOT NULL
) STRICT;
";

pub(super) const POSTGRES: &str = "
CREATE TABLE credentials (
    name TEXT PRIMARY KEY,
    digest BYTEA NOT NULL,
    since BIGINT NOT NULL
);
";

pub(super) const CLASSES: &[(&str, &str, Class)] = &[
    ("credentials", "name", Class::Public),
    // Eight bytes of a hash: they tell that a credential has changed, and nothing of it.
    ("credentials", "digest", Class::Secret),
    ("credentials", "since", Class::Public),
];
