//! What hubkeepers on one store tell the one that runs the incident room.

use super::Class;

pub(super) const SQLITE: &str = "
CREATE TABLE room_letters (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    sender BLOB NOT NULL,
    document BLOB NOT NULL
) STRICT;
";

pub(super) const POSTGRES: &str = "
CREATE TABLE room_letters (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at BIGINT NOT NULL,
    sender BYTEA NOT NULL,
    document BYTEA NOT NULL
);
";

pub(super) const CLASSES: &[(&str, &str, Class)] = &[
    ("room_letters", "seq", Class::Public),
    ("room_letters", "at", Class::Public),
    ("room_letters", "sender", Class::Public),
    // Counts and names of ours; and what people write in a note.
    ("room_letters", "document", Class::Personal),
];
