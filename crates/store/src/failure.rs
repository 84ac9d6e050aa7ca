//! What can go wrong with the truth, told apart by what a caller may conclude.

/// Why the store takes nothing new.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusing {
    /// The disk has no room for new work. What was accepted can still be settled, out of the reserve.
    #[error("the disk is full")]
    DiskFull,
    /// Reading or writing failed. Nothing may be concluded from what the file holds until it has been opened anew.
    #[error("the store is broken: {0}")]
    Broken(String),
    /// Nobody let us write at that moment: a database that does not answer, or another program that holds a lock on the file.
    /// Nothing was tried, and the next request may do better.
    #[error("the store cannot be reached: {0}")]
    Unreachable(String),
    #[error("the store is closed")]
    Closed,
}

/// A failed request to the store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Nothing was written, and nothing will be.
    #[error("not accepted: {0}")]
    NotAccepted(Refusing),
    /// It may have been written, and it may not: an error came after the attempt.
    #[error("it is not known whether it was written: {0}")]
    OutcomeUnknown(String),
    /// It could not be read.
    #[error("cannot read: {0}")]
    Unreadable(String),
    /// A record does not match its checksum: the disk, or somebody with an editor, changed it.
    #[error("the {table} record {id} is damaged")]
    Damaged { table: &'static str, id: String },
}

/// The store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{0:?} is no store: it begins with `sqlite:` or `postgres://`")]
    Url(String),
    #[error("the directory of {path} cannot be made or written: {why}")]
    Directory { path: String, why: String },
    #[error("the store was written by a newer hubkeeper (schema {found}, this one knows {known})")]
    Newer { found: u32, known: u32 },
    #[error("another hubkeeper has the store open")]
    InUse,
    #[error("the store cannot be opened: {0}")]
    Broken(String),
}
