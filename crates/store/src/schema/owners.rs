//! The eighth step: which of several processes is sending an operation.

use super::Class;

pub(super) const SQLITE: &str = "ALTER TABLE operations ADD COLUMN owner BLOB;";

pub(super) const POSTGRES: &str = "ALTER TABLE operations ADD COLUMN owner BYTEA;";

pub(super) const CLASSES: &[(&str, &str, Class)] = &[("operations", "owner", Class::Public)];
