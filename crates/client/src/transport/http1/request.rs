//! A request as bytes: its head, and how its body is delimited (RFC 9112 §6).
//!
//! Pure: a request in, bytes out.

use bytes::Bytes;
use http::{HeaderValue, header, request};
use http_body::Body as _;

use crate::body::Body;

/// How a request's body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delimited {
    /// What is left of it; nothing where there is none.
    Length(u64),
    Chunked,
}

impl Delimited {
    /// What a body knows of itself counts before what its headers say.
    pub(super) fn of(parts: &request::Parts, body: &Body) -> Self {
        if body.is_end_stream() {
            return Self::Length(0);
        }
        let told = || parts.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
        body.size_hint().exact().or_else(told).map_or(Self::Chunked, Self::Length)
    }
}

/// Writes a head.
pub(super) fn write_head(
    out: &mut Vec<u8>,
    parts: &request::Parts,
    host: &HeaderValue,
    delimited: Delimited,
) {
    out.extend_from_slice(parts.method.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(parts.uri.path_and_query().map_or("/", |target| target.as_str()).as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    line(out, "host", host.as_bytes());
    let mut told = false;
    for (name, value) in &parts.headers {
        match *name {
            // Both are made here, and nothing but what is true of this request.
            header::HOST | header::TRANSFER_ENCODING => continue,
            header::CONTENT_LENGTH if told || !says(value, delimited) => continue,
            header::CONTENT_LENGTH => told = true,
            _ => {}
        }
        line(out, name.as_str(), value.as_bytes());
    }
    match delimited {
        Delimited::Length(0) => {}
        Delimited::Length(length) if !told => {
            line(out, "content-length", HeaderValue::from(length).as_bytes());
        }
        Delimited::Length(_) => {}
        Delimited::Chunked => line(out, "transfer-encoding", b"chunked"),
    }
    out.extend_from_slice(b"\r\n");
}

/// A length that the caller told passes as it was told, where it is right.
fn says(value: &HeaderValue, delimited: Delimited) -> bool {
    let told = value.to_str().ok().and_then(|text| text.parse::<u64>().ok());
    told.is_some_and(|told| delimited == Delimited::Length(told))
}

/// What stands before a piece of a body in chunks; `is_first` of them needs no end of another.
pub(super) fn chunk_line(out: &mut Vec<u8>, piece: &Bytes, place: Place) {
    out.extend_from_slice(place.line_end());
    out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
}

/// What ends a body in chunks.
pub(super) fn last_chunk(out: &mut Vec<u8>, place: Place) {
    out.extend_from_slice(place.line_end());
    out.extend_from_slice(b"0\r\n\r\n");
}

/// Where a chunk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    First,
    Later,
}

impl Place {
    /// The end of the chunk before it.
    const fn line_end(self) -> &'static [u8] {
        match self {
            Self::First => b"",
            Self::Later => b"\r\n",
        }
    }
}

fn line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use http::Request;
    use rstest::rstest;

    use super::*;

    const HOST: HeaderValue = HeaderValue::from_static("api.hubapi.com");

    fn written(method: &str, headers: &[(&'static str, &'static str)], body: Body) -> String {
        let mut request = Request::builder().method(method).uri("/a?b=c%20d");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, body) = request.body(body).expect("a request").into_parts();
        let mut out = Vec::new();
        write_head(&mut out, &parts, &HOST, Delimited::of(&parts, &body));
        String::from_utf8(out).expect("text")
    }

    fn whole() -> Body {
        Body::from(Bytes::from_static(b"12345"))
    }

    /// A body that does not know its length.
    fn streamed() -> Body {
        struct Unknown;
        impl http_body::Body for Unknown {
            type Data = Bytes;
            type Error = std::io::Error;
            fn poll_frame(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
                std::task::Poll::Ready(None)
            }
        }
        Body::boxed(Unknown)
    }

    #[rstest]
    #[case::nothing("GET", &[], Body::Empty, "")]
    #[case::an_empty_one_as_told("POST", &[("content-length", "0")], Body::Empty, "content-length: 0\r\n")]
    #[case::a_whole_one("POST", &[], whole(), "content-length: 5\r\n")]
    #[case::its_length_as_told("POST", &[("content-length", "5"), ("x", "y")], whole(), "content-length: 5\r\nx: y\r\n")]
    #[case::a_wrong_length("POST", &[("content-length", "6")], whole(), "content-length: 5\r\n")]
    #[case::its_length_told_twice(
        "POST", &[("content-length", "5"), ("content-length", "5")], whole(), "content-length: 5\r\n"
    )]
    #[case::streamed("PUT", &[], streamed(), "transfer-encoding: chunked\r\n")]
    #[case::streamed_to_a_read("GET", &[], streamed(), "transfer-encoding: chunked\r\n")]
    #[case::streamed_with_a_length("PUT", &[("content-length", "7")], streamed(), "content-length: 7\r\n")]
    #[case::other_framing("POST", &[("transfer-encoding", "gzip"), ("host", "x")], whole(), "content-length: 5\r\n")]
    fn a_head_tells_the_truth_about_its_body(
        #[case] method: &str,
        #[case] headers: &[(&'static str, &'static str)],
        #[case] body: Body,
        #[case] expected: &str,
    ) {
        let begin = format!("{method} /a?b=c%20d HTTP/1.1\r\nhost: api.hubapi.com\r\n");
        assert_eq!(written(method, headers, body), format!("{begin}{expected}\r\n"));
    }
}
