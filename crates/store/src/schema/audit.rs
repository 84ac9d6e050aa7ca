//! The audit log's tables. Neither a slip of ours nor a hasty hand at the database changes an entry; who means to has to take
//! the guard away first, and the chain tells all the same.

pub(super) const SQLITE: &str = "
CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    act TEXT NOT NULL,
    subject TEXT NOT NULL,
    outcome TEXT NOT NULL,
    request_id TEXT,
    detail TEXT NOT NULL,
    hash BLOB NOT NULL
) STRICT;
CREATE TABLE audit_checkpoints (
    kind INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    public_key TEXT NOT NULL,
    signature TEXT NOT NULL,
    PRIMARY KEY (kind, seq)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END;
";

pub(super) const POSTGRES: &str = "
CREATE TABLE audit (
    seq BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    act TEXT NOT NULL,
    subject TEXT NOT NULL,
    outcome TEXT NOT NULL,
    request_id TEXT,
    detail TEXT NOT NULL,
    hash BYTEA NOT NULL
);
CREATE TABLE audit_checkpoints (
    kind BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    public_key TEXT NOT NULL,
    signature TEXT NOT NULL,
    PRIMARY KEY (kind, seq)
);
CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the audit log only grows'; END $$;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows();
";

/// An empty log waits for its beginning. Once it has begun the mark is gone: then an empty log is one that was emptied.
pub(super) const AWAITED: &str = "
INSERT INTO audit_checkpoints (kind, seq, hash, public_key, signature)
    SELECT 2, 0, x'', '', '' WHERE NOT EXISTS (SELECT 1 FROM audit) AND NOT EXISTS (SELECT 1 FROM audit_checkpoints);
";

pub(super) const AWAITED_IN_POSTGRES: &str = "
INSERT INTO audit_checkpoints (kind, seq, hash, public_key, signature)
    SELECT 2, 0, '\\x', '', '' WHERE NOT EXISTS (SELECT 1 FROM audit) AND NOT EXISTS (SELECT 1 FROM audit_checkpoints);
";
