//! What an event is about.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::key::digest;
use super::{Event, text};

impl Event<'_> {
    /// Of two with the same, the later says all there is to know.
    pub fn subject(&self) -> [u8; 16] {
        digest(&self.about())[..16].try_into().expect("SHA-256 has 32 bytes")
    }

    /// The same as a number, for counting: two subjects may share one, and it means nothing to another build.
    pub(crate) fn subject_number(&self) -> u64 {
        number(self.about())
    }

    /// The object as a number, for counting.
    pub(crate) fn object_number(&self) -> u64 {
        number(self.object())
    }

    fn about(&self) -> [Option<&str>; 9] {
        [
            self.portal_id(),
            Some(&*self.subscription_type),
            self.object_type_id.as_deref(),
            self.object_id.map(text),
            self.property_name.as_deref(),
            self.from_object_id.map(text),
            self.to_object_id.map(text),
            self.association_type.as_deref(),
            self.message_id.as_deref(),
        ]
    }
}

fn number(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
