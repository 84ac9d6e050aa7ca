//! People who are on their way to HubSpot's consent page: whichever hubkeeper they come back to knows them.

use super::Class;

pub(super) const SQLITE: &str = "
CREATE TABLE consents (
    state BLOB PRIMARY KEY,
    connection TEXT NOT NULL,
    data_key BLOB NOT NULL,
    verifier BLOB NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

pub(super) const POSTGRES: &str = "
CREATE TABLE consents (
    state BYTEA PRIMARY KEY,
    connection TEXT NOT NULL,
    data_key BYTEA NOT NULL,
    verifier BYTEA NOT NULL,
    until BIGINT NOT NULL
);
";

pub(super) const CLASSES: &[(&str, &str, Class)] = &[
    // A digest: nobody finds the state by it.
    ("consents", "state", Class::Public),
    ("consents", "connection", Class::Public),
    ("consents", "data_key", Class::Secret),
    ("consents", "verifier", Class::Secret),
    ("consents", "until", Class::Public),
];
