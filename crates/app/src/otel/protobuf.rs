//! As much of the protobuf wire format as OTLP takes: a message is its fields, each with a number and a wire type.
//!
//! Written here because a library would bring twenty packages and a thread; <https://protobuf.dev/programming-guides/encoding/>
//! is the whole of it.

/// A message being written.
#[derive(Debug, Default)]
pub(super) struct Message(Vec<u8>);

/// How a field's value lies on the wire.
#[derive(Debug, Clone, Copy)]
enum Wire {
    Varint = 0,
    Fixed64 = 1,
    Length = 2,
}

impl Message {
    pub(super) fn varint(&mut self, field: u32, value: u64) {
        self.key(field, Wire::Varint);
        self.write_varint(value);
    }

    pub(super) fn fixed64(&mut self, field: u32, value: u64) {
        self.key(field, Wire::Fixed64);
        self.0.extend(value.to_le_bytes());
    }

    pub(super) fn double(&mut self, field: u32, value: f64) {
        self.fixed64(field, value.to_bits());
    }

    pub(super) fn bytes(&mut self, field: u32, value: &[u8]) {
        self.key(field, Wire::Length);
        self.write_varint(value.len() as u64);
        self.0.extend(value);
    }

    pub(super) fn text(&mut self, field: u32, value: &str) {
        self.bytes(field, value.as_bytes());
    }

    /// A repeated field of eight bytes each, one after the other.
    pub(super) fn packed(&mut self, field: u32, values: impl IntoIterator<Item = u64>) {
        let bytes: Vec<u8> = values.into_iter().flat_map(u64::to_le_bytes).collect();
        self.bytes(field, &bytes);
    }

    pub(super) fn message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        let mut inner = Self::default();
        write(&mut inner);
        self.bytes(field, &inner.0);
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn key(&mut self, field: u32, wire: Wire) {
        self.write_varint(u64::from(field) << 3 | wire as u64);
    }

    fn write_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of protobuf's own page.
    #[test]
    fn fields_lie_as_the_page_shows() {
        let mut message = Message::default();
        message.varint(1, 150);
        message.text(2, "testing");
        message.message(3, |inner| inner.varint(1, 150));
        assert_eq!(
            message.into_bytes(),
            [
                &[0x08, 0x96, 0x01][..],
                &[0x12, 0x07, b't', b'e', b's', b't', b'i', b'n', b'g'],
                &[0x1a, 0x03, 0x08, 0x96, 0x01]
            ]
            .concat()
        );
    }

    #[test]
    fn eight_bytes_go_least_first() {
        let mut message = Message::default();
        message.fixed64(7, 1);
        message.packed(6, [2, 3]);
        message.double(5, 1.0);
        let expected = [
            &[0x39, 1, 0, 0, 0, 0, 0, 0, 0][..],
            &[0x32, 16, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0],
            &[0x29, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f],
        ];
        assert_eq!(message.into_bytes(), expected.concat());
    }
}
