//! One complete request head: is it proper, what does it say, and how is its body delimited?
//!
//! Pure: bytes in, a request out.

use bytes::Bytes;
use client::transport::body_reader::LENGTH_MAX;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, header};
use memchr::memchr;

use super::framing::{BodyFraming, Violation};

/// More headers than this nobody sends in earnest.
const HEADERS_MAX: usize = 100;

/// What a header takes in the heads of HubSpot's SDKs.
const HEADER_BYTES_USUAL: usize = 48;

/// A request without its body, and what it asks of the connection.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) request: Request<()>,
    pub(super) body: BodyFraming,
    /// The client may send another request on this connection.
    pub(super) keep_alive: bool,
    /// The client sends its body when told to (`Expect: 100-continue`).
    pub(super) expects_continue: bool,
}

/// The headers that decide.
#[derive(Default)]
struct Deciding {
    headers: usize,
    hosts: u32,
    length: Option<u64>,
    encoding: Option<HeaderValue>,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
}

/// What a head's lines say, all but the first.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    pub(super) headers: HeaderMap,
    body: BodyFraming,
    keep_alive: bool,
    expects_continue: bool,
}

/// What a head's first line says.
pub(super) struct FirstLine {
    request: Request<()>,
    /// Whom a whole URL as target names.
    authority: Option<HeaderValue>,
}

impl FirstLine {
    pub(super) fn version(&self) -> Version {
        self.request.version()
    }
}

impl Head {
    pub(super) fn of(first: FirstLine, lines: Lines) -> Self {
        let Lines { headers, body, keep_alive, expects_continue } = lines;
        let FirstLine { mut request, authority } = first;
        *request.headers_mut() = headers;
        if let Some(authority) = authority {
            // It counts, and what `Host` says does not (RFC 9112 §3.2.2).
            request.headers_mut().insert(header::HOST, authority);
        }
        Self { request, body, keep_alive, expects_continue }
    }
}

/// Reads a head, its empty line included; every line ends with CRLF.
pub(super) fn read(raw: &Bytes) -> Result<Head, Violation> {
    let (first, begin) = first_line(raw)?;
    let lines = lines(raw, begin, first.version())?;
    Ok(Head::of(first, lines))
}

/// Reads the lines that begin at `at`.
pub(super) fn lines(raw: &Bytes, mut at: usize, version: Version) -> Result<Lines, Violation> {
    let version_1_0 = version == Version::HTTP_10;
    let mut headers = HeaderMap::with_capacity((raw.len() / HEADER_BYTES_USUAL).min(HEADERS_MAX));
    let mut deciding = Deciding::default();
    while let Some(length) = raw.get(at..).and_then(|rest| memchr(b'\n', rest)) {
        let line = at..at + length - usize::from(raw[..at + length].ends_with(b"\r"));
        at += length + 1;
        if line.is_empty() {
            break;
        }
        let (name, value) = header(raw, line)?;
        deciding.note(&name, &value)?;
        headers.append(name, value);
    }
    match deciding.hosts {
        0 if !version_1_0 => return Err(Violation::NoHost),
        0 | 1 => {}
        _ => return Err(Violation::SeveralHosts),
    }
    let body = match (deciding.length, deciding.encoding) {
        (None, None) => BodyFraming::Length(0),
        (Some(_), Some(_)) => return Err(Violation::LengthAndEncoding),
        (Some(length), None) => BodyFraming::Length(length),
        (None, Some(encoding)) if encoding.as_bytes().eq_ignore_ascii_case(b"chunked") && !version_1_0 => {
            BodyFraming::Chunked
        }
        (None, Some(_)) => return Err(Violation::UnknownEncoding),
    };
    Ok(Lines {
        // A copy has room for just what there is: thousands may wait, each with its headers.
        headers: headers.clone(),
        body,
        keep_alive: !deciding.close && (!version_1_0 || deciding.keep_alive),
        expects_continue: deciding.expects_continue && !version_1_0,
    })
}

/// `METHOD /path HTTP/1.x`, and where what follows begins. Clients that take us for their proxy write a whole URL.
pub(super) fn first_line(raw: &Bytes) -> Result<(FirstLine, usize), Violation> {
    let end = memchr(b'\n', raw).unwrap_or(raw.len());
    let line = raw[..end].strip_suffix(b"\r").unwrap_or(&raw[..end]);
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Violation::BadRequestLine);
    };
    let version = match version {
        b"HTTP/1.1" => Version::HTTP_11,
        b"HTTP/1.0" => Version::HTTP_10,
        _ => return Err(Violation::BadRequestLine),
    };
    let method = Method::from_bytes(method).map_err(|_| Violation::BadRequestLine)?;
    let (authority, target) = match target.first() {
        Some(b'/') => (None, raw.slice_ref(target)),
        _ => whole_url(raw, target)?,
    };
    // A fragment would be dropped without a word.
    if memchr(b'#', &target).is_some() {
        return Err(Violation::BadRequestLine);
    }
    let target = PathAndQuery::from_maybe_shared(target);
    let target = target.map_err(|_| Violation::BadRequestLine)?;
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from(target);
    *request.version_mut() = version;
    Ok((FirstLine { request, authority }, end + 1))
}

/// `http://host:port/path?query`: whom it names, and the rest (RFC 9112 §3.2.2). User names are not allowed in it.
fn whole_url(raw: &Bytes, target: &[u8]) -> Result<(Option<HeaderValue>, Bytes), Violation> {
    let after = |scheme: &[u8]| {
        let (begin, rest) = target.split_at_checked(scheme.len())?;
        begin.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    let rest = after(b"http://").or_else(|| after(b"https://")).ok_or(Violation::TargetNotAPath)?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    if authority.is_empty() || !may_be_a_host(authority) {
        return Err(Violation::BadRequestLine);
    }
    let authority = HeaderValue::from_maybe_shared(raw.slice_ref(authority));
    // A URL may do without a path; a request does not.
    let path = if rest.first() == Some(&b'/') { raw.slice_ref(rest) } else { [b"/", rest].concat().into() };
    Ok((Some(authority.map_err(|_| Violation::BadRequestLine)?), path))
}

fn header(raw: &Bytes, line: std::ops::Range<usize>) -> Result<(HeaderName, HeaderValue), Violation> {
    let line = &raw[line];
    let colon = memchr(b':', line).ok_or(Violation::BadHeaderLine)?;
    // A name may hold nothing but token characters (RFC 9110 §5.6.2), a value no control characters.
    let name = HeaderName::from_bytes(&line[..colon]).map_err(|_| Violation::BadHeaderLine)?;
    let value = HeaderValue::from_maybe_shared(raw.slice_ref(trimmed(&line[colon + 1..])));
    let mut value = value.map_err(|_| Violation::BadHeaderLine)?;
    // Whoever prints a request by mistake, a panic among them, prints no credential.
    value.set_sensitive(matches!(name, header::AUTHORIZATION | header::COOKIE | header::PROXY_AUTHORIZATION));
    Ok((name, value))
}

impl Deciding {
    fn note(&mut self, name: &HeaderName, value: &HeaderValue) -> Result<(), Violation> {
        self.headers += 1;
        if self.headers > HEADERS_MAX {
            return Err(Violation::TooManyHeaders);
        }
        match *name {
            header::HOST => {
                self.hosts += 1;
                if !may_be_a_host(value.as_bytes()) {
                    return Err(Violation::BadHeaderLine);
                }
            }
            header::CONTENT_LENGTH => {
                let before = self.length.replace(length(value.as_bytes())?);
                return before.map_or(Ok(()), |_| Err(Violation::BadLength));
            }
            header::TRANSFER_ENCODING => {
                let before = self.encoding.replace(value.clone());
                return before.map_or(Ok(()), |_| Err(Violation::UnknownEncoding));
            }
            header::CONNECTION => {
                let is = |word: &str| {
                    let mut words = value.as_bytes().split(|byte| *byte == b',');
                    words.any(|each| each.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
                };
                self.close |= is("close");
                self.keep_alive |= is("keep-alive");
            }
            header::EXPECT => {
                self.expects_continue |= value.as_bytes().eq_ignore_ascii_case(b"100-continue");
            }
            _ => {}
        }
        Ok(())
    }
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

fn may_be_a_host(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| HOST[usize::from(*byte)])
}

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
    use rstest::rstest;
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[rstest]
    #[case::path_and_query("http://a:1/b?c", "a:1", "/b?c")]
    #[case::secure("HTTPS://[::1]:2/b", "[::1]:2", "/b")]
    #[case::no_path("http://a", "a", "/")]
    #[case::only_a_query("http://a?c=/", "a", "/?c=/")]
    #[case::two_slashes("http://a//b", "a", "//b")]
    fn of_a_whole_url_the_host_counts_and_the_path_goes_on(
        #[case] url: &str,
        #[case] host: &str,
        #[case] target: &str,
    ) {
        let head = format!("GET {url} HTTP/1.1\r\nHost: elsewhere\r\n\r\n");
        let Head { request, .. } = read(&Bytes::from(head)).unwrap();
        assert_eq!(request.headers()["host"], host);
        assert_eq!(request.uri().to_string(), target);
    }

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

    /// A second opinion: nothing is taken here that another strict server refuses.
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
                    if is_head && read(&Bytes::from(head.clone())).is_ok() {
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
