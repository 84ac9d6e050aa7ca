//! One complete request head: is it proper, and how is its body delimited?

use memchr::memchr;

use super::framing::{BodyFraming, Violation};

/// What the framing needs of a head.
pub(super) struct Head {
    pub(super) body: BodyFraming,
}

/// The headers that decide.
#[derive(Default)]
struct Deciding<'a> {
    hosts: u32,
    length: Option<&'a [u8]>,
    encoding: Option<&'a [u8]>,
}

/// Reads a head, its empty line included; every line ends with CRLF.
pub(super) fn read(raw: &[u8]) -> Result<Head, Violation> {
    let request_line_end = memchr(b'\n', raw).unwrap_or(raw.len());
    let version_1_0 = raw[..request_line_end].ends_with(b"HTTP/1.0\r");
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

fn header<'a>(line: &'a [u8], deciding: &mut Deciding<'a>) -> Result<(), Violation> {
    let colon = memchr(b':', line).filter(|colon| *colon > 0).ok_or(Violation::BadHeaderLine)?;
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    if line[0].is_ascii_whitespace() || name[colon - 1].is_ascii_whitespace() {
        return Err(Violation::BadHeaderLine);
    }
    // The length tells most names apart without a look at them.
    if name.len() == 4 && name.eq_ignore_ascii_case(b"host") {
        deciding.hosts += 1;
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
