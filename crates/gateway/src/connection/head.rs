//! One complete request head: is it proper, and how is its body delimited?
//!
//! hyper answers a head it cannot parse by itself, without a body. It never gets to: what it would refuse is refused
//! here, in HubSpot's shape.

use http::uri::PathAndQuery;
use memchr::memchr;

use super::framing::{BodyFraming, Violation};

/// hyper reads no more than these.
const HEADERS_MAX: usize = 100;

/// What the framing needs of a head.
pub(super) struct Head {
    pub(super) body: BodyFraming,
}

/// The headers that decide.
#[derive(Default)]
struct Deciding<'a> {
    headers: usize,
    hosts: u32,
    length: Option<&'a [u8]>,
    encoding: Option<&'a [u8]>,
}

/// Reads a head, its empty line included; every line ends with CRLF.
pub(super) fn read(raw: &[u8]) -> Result<Head, Violation> {
    let request_line_end = memchr(b'\n', raw).unwrap_or(raw.len());
    let version_1_0 = request_line(raw[..request_line_end].trim_ascii_end())?;
    let mut deciding = Deciding::default();
    let mut rest = raw.get(request_line_end + 1..).unwrap_or_default();
    while let Some(end) = memchr(b'\n', rest) {
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        rest = &rest[end + 1..];
        if line.is_empty() {
            break;
        }
        header(line, &mut deciding)?;
    }
    match deciding.hosts {
        0 if !version_1_0 => return Err(Violation::NoHost),
        0 | 1 => {}
        _ => return Err(Violation::SeveralHosts),
    }
    let body = match (deciding.length, deciding.encoding) {
        (None, None) => BodyFraming::Length(0),
        (Some(_), Some(_)) => return Err(Violation::LengthAndEncoding),
        (Some(digits), None) => BodyFraming::Length(length(digits)?),
        (None, Some(encoding)) if encoding.eq_ignore_ascii_case(b"chunked") && !version_1_0 => {
            BodyFraming::Chunked
        }
        (None, Some(_)) => return Err(Violation::UnknownEncoding),
    };
    Ok(Head { body })
}

/// `METHOD /path HTTP/1.x`; true for HTTP/1.0.
fn request_line(line: &[u8]) -> Result<bool, Violation> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Violation::BadRequestLine);
    };
    let version_1_0 = match version {
        b"HTTP/1.1" => false,
        b"HTTP/1.0" => true,
        _ => return Err(Violation::BadRequestLine),
    };
    if !is_token(method) {
        return Err(Violation::BadRequestLine);
    }
    if target.first() != Some(&b'/') {
        return Err(Violation::TargetNotAPath);
    }
    // Nearly every target is plain; what is not is left to the one who will parse it.
    let proper = target.iter().all(|byte| PLAIN_TARGET[usize::from(*byte)])
        || memchr(b'#', target).is_none() && PathAndQuery::try_from(target).is_ok();
    if proper { Ok(version_1_0) } else { Err(Violation::BadRequestLine) }
}

fn header<'a>(line: &'a [u8], deciding: &mut Deciding<'a>) -> Result<(), Violation> {
    let colon = memchr(b':', line).ok_or(Violation::BadHeaderLine)?;
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    if !is_token(name) || holds_control(value) {
        return Err(Violation::BadHeaderLine);
    }
    deciding.headers += 1;
    if deciding.headers > HEADERS_MAX {
        return Err(Violation::TooManyHeaders);
    }
    // The length tells most names apart without a look at them.
    if name.len() == 4 && name.eq_ignore_ascii_case(b"host") {
        deciding.hosts += 1;
        if !value.iter().all(|byte| HOST[usize::from(*byte)]) {
            return Err(Violation::BadHeaderLine);
        }
    } else if name.len() == 14 && name.eq_ignore_ascii_case(b"content-length") {
        let before = deciding.length.replace(value);
        return before.map_or(Ok(()), |_| Err(Violation::BadLength));
    } else if name.len() == 17 && name.eq_ignore_ascii_case(b"transfer-encoding") {
        let before = deciding.encoding.replace(value);
        return before.map_or(Ok(()), |_| Err(Violation::UnknownEncoding));
    }
    Ok(())
}

fn length(digits: &[u8]) -> Result<u64, Violation> {
    let digits = digits.iter().all(u8::is_ascii_digit).then_some(digits).ok_or(Violation::BadLength)?;
    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).ok_or(Violation::BadLength)
}

/// Every byte is looked at, without stopping at the first: that is how a compiler makes it fast.
fn holds_control(value: &[u8]) -> bool {
    value.iter().fold(false, |found, byte| found | ((*byte < b' ' && *byte != b'\t') | (*byte == 0x7f)))
}

/// A name, as RFC 9110 §5.6.2 has it.
fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|byte| TOKEN[usize::from(*byte)])
}

/// Which bytes a name may hold.
const TOKEN: [bool; 256] = alphanumerics_and(b"!#$%&'*+-.^_`|~");

/// Which bytes of a target need no second look.
const PLAIN_TARGET: [bool; 256] = alphanumerics_and(b"!$%&'()*+,-./:;=?@[\\]^_{|}~");

/// Which bytes a host may hold, its port included (RFC 3986 §3.2.2). It ends up in links, so it must not end them.
const HOST: [bool; 256] = alphanumerics_and(b"-._~%!$&'()*+,;=:[]");

const fn alphanumerics_and(marks: &[u8]) -> [bool; 256] {
    let mut allowed = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        allowed[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut mark = 0;
    while mark < marks.len() {
        allowed[marks[mark] as usize] = true;
        mark += 1;
    }
    allowed
}
