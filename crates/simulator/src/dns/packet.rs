//! The two shapes of DNS packet the stub needs (RFC 1035 §4): one question in, one answer out.

use std::net::IpAddr;

const HEADER_BYTES: usize = 12;
const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;
const CLASS_IN: u16 = 1;
/// "This is a response", "recursion is available".
const FLAG_RESPONSE: u8 = 0x80;
const FLAG_RECURSION_AVAILABLE: u8 = 0x80;
const FLAG_RECURSION_DESIRED: u8 = 0x01;
/// Answers are not to be kept, so that a fault shows at once.
const TTL_S: u32 = 0;

/// The records asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record {
    A,
    Aaaa,
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    NoError = 0,
    ServFail = 2,
    NxDomain = 3,
}

/// A query with one question.
#[derive(Debug)]
pub(super) struct Question<'a> {
    id: [u8; 2],
    flags: u8,
    /// Name, type and class as sent.
    raw: &'a [u8],
    pub(super) record: Record,
}

impl<'a> Question<'a> {
    /// `None` for what is not a query of exactly one question.
    pub(super) fn read(packet: &'a [u8]) -> Option<Self> {
        let header = packet.get(..HEADER_BYTES)?;
        let questions = u16::from_be_bytes([header[4], header[5]]);
        if header[2] & FLAG_RESPONSE != 0 || questions != 1 {
            return None;
        }
        let mut end = HEADER_BYTES;
        loop {
            let label = usize::from(*packet.get(end)?);
            end += label + 1;
            // A label longer than 63 is a pointer; a question has none.
            match label {
                0 => break,
                1..=63 => {}
                _ => return None,
            }
        }
        let record = match u16::from_be_bytes([*packet.get(end)?, *packet.get(end + 1)?]) {
            TYPE_A => Record::A,
            TYPE_AAAA => Record::Aaaa,
            _ => Record::Other,
        };
        let raw = packet.get(HEADER_BYTES..end + 4)?;
        Some(Self { id: [header[0], header[1]], flags: header[2], raw, record })
    }

    pub(super) fn answer(&self, code: Code, address: Option<IpAddr>) -> Vec<u8> {
        let answers = u8::from(address.is_some());
        let mut packet = Vec::with_capacity(HEADER_BYTES + self.raw.len() + 28);
        packet.extend(self.id);
        packet.push(FLAG_RESPONSE | (self.flags & FLAG_RECURSION_DESIRED));
        packet.push(FLAG_RECURSION_AVAILABLE | code as u8);
        packet.extend([0, 1, 0, answers, 0, 0, 0, 0]);
        packet.extend(self.raw);
        if let Some(address) = address {
            // The name is the one at byte 12, the question's.
            packet.extend([0xc0, HEADER_BYTES as u8]);
            let (kind, bytes) = match address {
                IpAddr::V4(address) => (TYPE_A, address.octets().to_vec()),
                IpAddr::V6(address) => (TYPE_AAAA, address.octets().to_vec()),
            };
            packet.extend(kind.to_be_bytes());
            packet.extend(CLASS_IN.to_be_bytes());
            packet.extend(TTL_S.to_be_bytes());
            packet.extend((bytes.len() as u16).to_be_bytes());
            packet.extend(bytes);
        }
        packet
    }
}
