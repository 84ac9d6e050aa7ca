//! One complete head of an answer: what it says, and how its body is delimited (RFC 9112 §6.3).
//!
//! Pure: bytes in, a head out.

use std::cell::RefCell;
use std::mem::MaybeUninit;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, Version, header};
use httparse::{ParserConfig, Status};

use super::reader::Violation;
use super::shape::Shapes;
use crate::transport::Reason;

/// HubSpot's answers have some 25, Cloudflare's own among them.
const HEADERS_MAX: usize = 100;

/// The longest body that can be meant: a petabyte.
const LENGTH_MAX: u64 = 1_000_000_000_000_000;

/// An answer without its body, and what it says of the connection.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) response: Response<()>,
    pub(super) body: BodyFraming,
    /// The server takes another request on this connection, once the body has ended.
    pub(super) keep_alive: bool,
}

/// How the body of an answer is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyFraming {
    Length(u64),
    Chunked,
    UntilClose,
}

/// What the request was, as far as its answer's framing depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// `HEAD`: the answer has no body, whatever its headers say.
    ForHead,
    ForAll,
}

/// What stands at the beginning of some bytes.
pub(super) enum Found {
    Head(Head, usize),
    /// A word before the answer (1xx), of so many bytes.
    Informational(usize),
    Incomplete,
}

impl Asked {
    pub(super) fn by(method: &Method) -> Self {
        if *method == Method::HEAD { Self::ForHead } else { Self::ForAll }
    }
}

/// Reads a head, as far as it is here.
pub(super) fn read(bytes: &[u8], asked: Asked) -> Result<Found, Violation> {
    let mut room = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut parsed = httparse::Response::new(&mut []);
    let status = ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, bytes, &mut room);
    let length = match status.map_err(|error| Violation::Malformed(error.into()))? {
        Status::Complete(length) => length,
        Status::Partial => return Ok(Found::Incomplete),
    };
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok()).ok_or(Violation::BAD_STATUS)?;
    // After 101 something else than HTTP would follow; nobody here asks for it.
    if status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(Found::Informational(length));
    }
    let version = if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    let raw = Raw { bytes, copy: Bytes::copy_from_slice(&bytes[..length]) };
    let mut deciding = Deciding { keep_alive: version == Version::HTTP_11, ..Deciding::default() };
    let mut headers = SHAPES.with_borrow_mut(|shapes| shapes.headers(parsed.headers, &raw))?;
    for (name, value) in &headers {
        deciding.note(name, value)?;
    }
    let (body, keep_alive) = deciding.body(status, version, asked)?;
    if deciding.encoded && deciding.length.is_some() {
        // The encoding counts (RFC 9112 §6.3), and a length that does not must not be passed on.
        headers.remove(header::CONTENT_LENGTH);
    }
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.version_mut() = version;
    *response.headers_mut() = headers;
    if let Some(reason) = parsed.reason.filter(|reason| Some(*reason) != status.canonical_reason()) {
        response.extensions_mut().insert(Reason(raw.slice(reason.as_bytes())));
    }
    Ok(Found::Head(Head { response, body, keep_alive }, length))
}

/// The bytes of a head, and a copy of them of just that size, which its values share.
pub(super) struct Raw<'a> {
    bytes: &'a [u8],
    copy: Bytes,
}

impl Raw<'_> {
    pub(super) fn slice(&self, part: &[u8]) -> Bytes {
        if part.is_empty() {
            return Bytes::new(); // it may stand anywhere
        }
        let at = part.as_ptr() as usize - self.bytes.as_ptr() as usize;
        self.copy.slice(at..at + part.len())
    }
}

thread_local! {
    /// Only a memory of what was made before: with it or without it, a head is read as the same.
    static SHAPES: RefCell<Shapes> = RefCell::default();
}

/// The headers that decide.
#[derive(Default)]
struct Deciding {
    length: Option<u64>,
    encoded: bool,
    /// The last encoding named.
    chunked: bool,
    keep_alive: bool,
    close: bool,
}

impl Deciding {
    fn note(&mut self, name: &HeaderName, value: &HeaderValue) -> Result<(), Violation> {
        match *name {
            header::CONTENT_LENGTH => {
                // Some servers say it twice; what they say must be the same.
                for each in value.as_bytes().split(|byte| *byte == b',') {
                    let length = length(each.trim_ascii())?;
                    if self.length.replace(length).is_some_and(|before| before != length) {
                        return Err(Violation::BAD_LENGTH);
                    }
                }
            }
            header::TRANSFER_ENCODING => {
                self.encoded = true;
                let last = value.as_bytes().rsplit(|byte| *byte == b',').next().unwrap_or_default();
                self.chunked = last.trim_ascii().eq_ignore_ascii_case(b"chunked");
            }
            header::CONNECTION => {
                let is = |word: &[u8]| {
                    let mut words = value.as_bytes().split(|byte| *byte == b',');
                    words.any(|each| each.trim_ascii().eq_ignore_ascii_case(word))
                };
                self.close |= is(b"close");
                self.keep_alive |= is(b"keep-alive");
            }
            _ => {}
        }
        Ok(())
    }

    /// How the body is delimited, and whether the connection goes on after it.
    fn body(
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
