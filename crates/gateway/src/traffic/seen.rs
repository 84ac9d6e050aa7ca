//! Which records have answered through this gateway, as far as a fixed table remembers.
//!
//! It forgets when two share a place, and never remembers what was not there (but for one hash in four billion).

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

const PLACES: usize = 16 * 1024;

#[derive(Default)]
pub(super) struct SeenRecords {
    /// Allocated with the first record.
    tags: Vec<u32>,
    hasher: RandomState,
}

impl SeenRecords {
    pub(super) fn note(&mut self, connection: &str, path: &str) {
        let (place, tag) = self.place(connection, path);
        if self.tags.is_empty() {
            self.tags = vec![0; PLACES];
        }
        self.tags[place] = tag;
    }

    pub(super) fn has(&self, connection: &str, path: &str) -> bool {
        let (place, tag) = self.place(connection, path);
        self.tags.get(place) == Some(&tag)
    }

    fn place(&self, connection: &str, path: &str) -> (usize, u32) {
        let hash = self.hasher.hash_one((connection, path));
        let place = usize::try_from(hash % PLACES as u64).unwrap_or_default();
        // Zero means empty.
        (place, u32::try_from(hash >> 32).unwrap_or_default().max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_what_was_seen_and_nothing_else() {
        let mut seen = SeenRecords::default();
        assert!(!seen.has("a", "/crm/v3/objects/contacts/1"));
        seen.note("a", "/crm/v3/objects/contacts/1");
        assert!(seen.has("a", "/crm/v3/objects/contacts/1"));
        assert!(!seen.has("b", "/crm/v3/objects/contacts/1"));
        assert!(!seen.has("a", "/crm/v3/objects/contacts/2"));
    }
}
