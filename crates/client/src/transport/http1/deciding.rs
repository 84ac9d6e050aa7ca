//! The headers that decide how an answer's body is delimited, and whether its connection goes on (RFC 9112 §6.3, §9.3).

use http::{HeaderName, StatusCode, Version, header};

use super::super::body_reader::LENGTH_MAX;
use super::head::{Asked, BodyFraming};
use super::reader::Violation;

/// What the headers that decide say.
pub(super) struct Deciding {
    pub(super) length: Option<u64>,
    pub(super) encoded: bool,
    /// The last encoding named.
    chunked: bool,
    keep_alive: bool,
    close: bool,
}

/// What a header decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Length,
    Encoding,
    Connection,
    Nothing,
}

impl Role {
    pub(super) fn of(name: &HeaderName) -> Self {
        match *name {
            header::CONTENT_LENGTH => Self::Length,
            header::TRANSFER_ENCODING => Self::Encoding,
            header::CONNECTION => Self::Connection,
            _ => Self::Nothing,
        }
    }
}

impl Deciding {
    pub(super) fn new(version: Version) -> Self {
        let keep_alive = version == Version::HTTP_11;
        Self { length: None, encoded: false, chunked: false, keep_alive, close: false }
    }

    pub(super) fn note(&mut self, role: Role, value: &[u8]) -> Result<(), Violation> {
        match role {
            Role::Nothing => {}
            Role::Length => {
                // Some servers say it twice; what they say must be the same.
                for each in value.split(|byte| *byte == b',') {
                    let length = length(each.trim_ascii())?;
                    if self.length.replace(length).is_some_and(|before| before != length) {
                        return Err(Violation::BAD_LENGTH);
                    }
                }
            }
            Role::Encoding => {
                self.encoded = true;
                let last = value.rsplit(|byte| *byte == b',').next().unwrap_or_default();
                self.chunked = last.trim_ascii().eq_ignore_ascii_case(b"chunked");
            }
            Role::Connection => {
                let is = |word: &[u8]| {
                    let mut words = value.split(|byte| *byte == b',');
                    words.any(|each| each.trim_ascii().eq_ignore_ascii_case(word))
                };
                self.close |= is(b"close");
                self.keep_alive |= is(b"keep-alive");
            }
        }
        Ok(())
    }

    /// How the body is delimited, and whether the connection goes on after it.
    pub(super) fn body(
        &self,
        status: StatusCode,
        version: Version,
        asked: Asked,
    ) -> Result<(BodyFraming, bool), Violation> {
        let keep_alive = self.keep_alive && !self.close;
        let bodiless = match status {
            StatusCode::SWITCHING_PROTOCOLS => return Ok((BodyFraming::Length(0), false)),
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => true,
            _ => asked == Asked::ForHead,
        };
        Ok(match (bodiless, self.encoded, self.length) {
            (true, _, _) => (BodyFraming::Length(0), keep_alive),
            // It does not know what it says.
            (false, true, _) if version == Version::HTTP_10 => return Err(Violation::BAD_ENCODING),
            // Two framings in one head: one of them was for somebody else, so the connection is not trusted further.
            (false, true, length) if self.chunked => (BodyFraming::Chunked, keep_alive && length.is_none()),
            (false, true, _) | (false, false, None) => (BodyFraming::UntilClose, false),
            (false, false, Some(length)) => (BodyFraming::Length(length), keep_alive),
        })
    }
}

fn length(digits: &[u8]) -> Result<u64, Violation> {
    let digits = digits.iter().all(u8::is_ascii_digit).then_some(digits).ok_or(Violation::BAD_LENGTH)?;
    let length = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    length.filter(|length| *length <= LENGTH_MAX).ok_or(Violation::BAD_LENGTH)
}
