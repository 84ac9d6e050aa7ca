//! One complete head of an answer: what it says, and how its body is delimited (RFC 9112 §6.3).
//!
//! Pure: bytes in, a head out.

use std::cell::RefCell;
use std::mem::MaybeUninit;

use http::{Method, Response, StatusCode, Version};
use httparse::{ParserConfig, Status};

use super::reader::Violation;
use super::shape::{Begin, Shapes};

/// HubSpot's answers have some 25, Cloudflare's own among them.
const HEADERS_MAX: usize = 100;

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
    SHAPES.with_borrow_mut(|shapes| read_by(shapes, bytes, asked))
}

/// By what was read before. A head with something wrong in it is looked at line by line, which tells what.
pub(super) fn read_by(shapes: &mut Shapes, bytes: &[u8], asked: Asked) -> Result<Found, Violation> {
    match shapes.recognise(bytes).map(|recognised| recognised.head(bytes, asked)) {
        Some(Ok(found)) => Ok(found),
        Some(Err(_)) | None => read_anew(bytes, asked, shapes),
    }
}

fn read_anew(bytes: &[u8], asked: Asked, shapes: &mut Shapes) -> Result<Found, Violation> {
    let mut room = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut parsed = httparse::Response::new(&mut []);
    // `Name : value` is read as meant and passed on as it should be (RFC 9112 §5.1).
    let mut lenient = ParserConfig::default();
    lenient.allow_spaces_after_header_name_in_responses(true);
    let status = lenient.parse_response_with_uninit_headers(&mut parsed, bytes, &mut room);
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
    let begin = Begin { status, version, reason: parsed.reason.unwrap_or_default() };
    let lines = parsed.headers.iter().map(|line| (line.name, line.value));
    shapes.remember(begin, lines, bytes, length)?.head(bytes, asked)
}

thread_local! {
    /// Only a memory of what was made before: with it or without it, a head is read as the same.
    static SHAPES: RefCell<Shapes> = RefCell::default();
}
