//! The eighth and the fifteenth step: which of several processes is sending an operation, and which is at a write with a key.

use super::Class;

pub(super) const SQLITE: &str = "ALTER TABLE operations ADD COLUMN owner BLOB;";

pub(super) const POSTGRES: &str = "ALTER TABLE operations ADD COLUMN owner BYTEA;";

/// An embedded store has one process, and leaves it empty.
pub(super) const SQLITE_OF_KEYS: &str = "ALTER TABLE idempotency ADD COLUMN owner BLOB;";

pub(super) const POSTGRES_OF_KEYS: &str = "ALTER TABLE idempotency ADD COLUMN owner BYTEA;";

pub(super) const CLASSES: &[(&str, &str, Class)] =
    &[("operations", "owner", Class::Public), ("idempotency", "owner", Class::Public)];
