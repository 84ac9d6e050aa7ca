//! One complete request head: is it proper, and how is its body delimited?
//!
//! hyper answers a head it cannot parse by itself, without a body. It never gets to: what it would refuse is refused
//! here, in HubSpot's shape.

use http::uri::PathAndQuery;
use memchr::memchr;

use super::framing::{BodyFraming, Violation};

/// hyper reads no more than these.
const HEADERS_MAX: usize = 100;

/// The longest body that can be meant: a petabyte. What comes near the end of a number's range is read differently
/// by different servers.
const LENGTH_MAX: u64 = 1_000_000_000_000_000;

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
    let request_line_raw = &raw[..request_line_end];
    let version_1_0 = request_line(request_line_raw.strip_suffix(b"\r").unwrap_or(request_line_raw))?;
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
    let (name, value) = (&line[..colon], trimmed(&line[colon + 1..]));
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

/// Without the blanks around it: a space and a tab are the only ones (RFC 9110 §5.6.3).
fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

fn length(digits: &[u8]) -> Result<u64, Violation> {
    let digits = digits.iter().all(u8::is_ascii_digit).then_some(digits).ok_or(Violation::BadLength)?;
    let length = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    length.filter(|length| *length <= LENGTH_MAX).ok_or(Violation::BadLength)
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicBool, Ordering};

    use bytes::Bytes;
    use http_body_util::Empty;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::AsyncWriteExt;

    use super::*;

    const HEAD: &[u8] = b"GET /a?b HTTP/1.1\r\nHost: a:1\r\nX: y\r\nContent-Length: 0\r\n\r\n";

    async fn hyper_takes(head: &[u8]) -> bool {
        let (mut client, server) = tokio::io::duplex(1024);
        client.write_all(head).await.unwrap();
        drop(client);
        let taken = AtomicBool::new(false);
        let service = service_fn(async |_| {
            taken.store(true, Ordering::Relaxed);
            Ok::<_, Infallible>(http::Response::new(Empty::<Bytes>::new()))
        });
        let mut hyper = http1::Builder::new();
        let _body_missing = hyper.half_close(true).serve_connection(TokioIo::new(server), service).await;
        taken.load(Ordering::Relaxed)
    }

    /// Else hyper would answer by itself, without a body: no SDK understands that.
    #[tokio::test]
    async fn whatever_passes_hyper_takes() {
        let (mut passed, mut left) = (0, Vec::new());
        for at in 0..HEAD.len() - 2 {
            for byte in 0..=u8::MAX {
                let inserted = [&HEAD[..at], &[byte], &HEAD[at..]].concat();
                let replaced = [&HEAD[..at], &[byte], &HEAD[at + 1..]].concat();
                for head in [inserted, replaced] {
                    // Heads come with their last line complete, and every line feed after a carriage return.
                    let is_head = head.strip_suffix(b"\r\n\r\n").is_some_and(|lines| {
                        !lines.windows(4).any(|four| four == b"\r\n\r\n")
                            && !lines.starts_with(b"\n")
                            && !lines.windows(2).any(|two| two[1] == b'\n' && two[0] != b'\r')
                    });
                    if is_head && read(&head).is_ok() {
                        passed += 1;
                        if !hyper_takes(&head).await {
                            left.push(String::from_utf8_lossy(&head).into_owned());
                        }
                    }
                }
            }
        }
        assert_eq!(left, Vec::<String>::new());
        assert!(passed > 1_000, "{passed}");
    }
}
