//! A checksum of a record's content, so that a damaged one is noticed instead of believed.

use crate::deliveries::Places;

/// CRC-32 over the fields, each with its length before it, so that bytes cannot move from one field to the next
/// unnoticed. It finds every flipped byte; it is no protection against people.
#[derive(Debug, Clone, Default)]
pub(crate) struct Checksum(crc32fast::Hasher);

impl Checksum {
    #[must_use]
    pub(crate) fn bytes(mut self, field: &[u8]) -> Self {
        self.0.update(&(field.len() as u64).to_le_bytes());
        self.0.update(field);
        self
    }

    #[must_use]
    pub(crate) fn text(self, field: &str) -> Self {
        self.bytes(field.as_bytes())
    }

    #[must_use]
    pub(crate) fn number(self, field: i64) -> Self {
        self.bytes(&field.to_le_bytes())
    }

    /// A missing field differs from an empty one.
    #[must_use]
    pub(crate) fn maybe(mut self, field: Option<&[u8]>) -> Self {
        self.0.update(&[u8::from(field.is_some())]);
        self.bytes(field.unwrap_or_default())
    }

    pub(crate) fn finish(self) -> u32 {
        self.0.finalize()
    }
}

/// The sum over a delivery.
pub(crate) fn of_delivery(received_at: i64, connection: &str, new: Places, body: &[u8]) -> i64 {
    Checksum::default().number(received_at).text(connection).bytes(&new.bytes()).bytes(body).finish().into()
}

/// The sum over a document of an incident.
pub(crate) fn of_document(incident: &str, at: i64, document: &[u8]) -> i64 {
    Checksum::default().text(incident).number(at).bytes(document).finish().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_flipped_byte_is_noticed(content in prop::collection::vec(any::<u8>(), 1..200), place: prop::sample::Index, flip in 1u8..) {
            let before = Checksum::default().bytes(&content).finish();
            let mut damaged = content.clone();
            damaged[place.index(content.len())] ^= flip;
            prop_assert_ne!(before, Checksum::default().bytes(&damaged).finish());
        }
    }

    #[test]
    fn bytes_do_not_move_between_fields() {
        let sum = |a: &str, b: &str| Checksum::default().text(a).text(b).finish();
        assert_ne!(sum("ab", "c"), sum("a", "bc"));
        assert_ne!(Checksum::default().maybe(None).finish(), Checksum::default().maybe(Some(b"")).finish());
    }
}
