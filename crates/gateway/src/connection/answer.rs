//! An answer as bytes: its head, and how its body is delimited (RFC 9112 §6).
//!
//! Pure: what is asked and answered in, bytes out.

use client::clock::WallClock;
use client::transport::Reason;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version, header, response};
use http_body::Body;

use super::date;
use crate::headers;
use crate::reply::{DIGITS_MAX, Told, digits};

/// What an answer must know of its request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// `HEAD`: the answer has no body, whatever its headers say.
    pub(super) head_only: bool,
    pub(super) version: Version,
    /// The client may send another request on this connection.
    pub(super) keep_alive: bool,
}

/// How an answer's body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delimited {
    /// There is none.
    Absent,
    /// What is left of it.
    Length(u64),
    Chunked,
    /// It ends with the connection: all that HTTP/1.0 understands.
    UntilClose,
}

impl Asked {
    pub(super) fn by<B>(request: &Request<B>, keep_alive: bool) -> Self {
        let head_only = *request.method() == Method::HEAD;
        Self { head_only, version: request.version(), keep_alive }
    }
}

impl Delimited {
    pub(super) fn of(response: &Response<impl Body>, asked: Asked) -> Self {
        let status = response.status();
        let bare = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if asked.head_only || bare || status.is_informational() {
            return Self::Absent;
        }
        let told = || response.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok();
        match response.body().size_hint().exact().or_else(told) {
            Some(length) => Self::Length(length),
            None if asked.version == Version::HTTP_10 => Self::UntilClose,
            None => Self::Chunked,
        }
    }
}

/// How an answer ends, and what comes after it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    pub(super) delimited: Delimited,
    pub(super) asked: Asked,
    /// The connection goes on.
    pub(super) keep: bool,
}

/// Does the answer itself end the connection?
pub(super) fn closes(headers: &HeaderMap) -> bool {
    headers.get(header::CONNECTION).is_some_and(|value| value == "close")
}

/// Writes a head, of an answer of HubSpot's with what is `told` of it. What concerned HubSpot's connection stays here.
pub(super) fn write_head(
    out: &mut Vec<u8>,
    parts: &response::Parts,
    told: Option<Told>,
    ending: Ending,
    clock: &WallClock,
) {
    let Ending { delimited, asked, keep } = ending;
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(parts.status.as_str().as_bytes());
    out.push(b' ');
    // HubSpot's own word where it has one.
    let reason = parts.extensions.get::<Reason>().map(|Reason(reason)| &**reason);
    let usual = || parts.status.canonical_reason().unwrap_or_default().as_bytes();
    out.extend_from_slice(reason.unwrap_or_else(usual));
    out.extend_from_slice(b"\r\n");
    let (mut length, mut dated, mut connection) = (false, false, false);
    for (name, value) in &parts.headers {
        // One look at each name: nearly every header is passed on as it is.
        match *name {
            header::CONTENT_LENGTH => match delimited {
                Delimited::Length(_) if length => continue,
                Delimited::Length(_) => length = true,
                // Not even a 0 may stand there (RFC 9110 §8.6), and some clients, Java's own among them, give up on it.
                Delimited::Absent if parts.status == StatusCode::NO_CONTENT => continue,
                Delimited::Absent => {}
                Delimited::Chunked | Delimited::UntilClose => continue,
            },
            header::DATE => dated = true,
            _ if told.is_some() && headers::stays_here(name.as_str()) => continue,
            header::CONNECTION => connection = true,
            _ => {}
        }
        line(out, name.as_str(), value.as_bytes());
    }
    if let Some(told) = told {
        told.each(|name, value| line(out, name.as_str(), value.as_bytes()));
    }
    match delimited {
        Delimited::Length(left) if !length => {
            line(out, "content-length", digits(left, &mut [0; DIGITS_MAX]).as_bytes());
        }
        Delimited::Chunked => line(out, "transfer-encoding", b"chunked"),
        Delimited::Absent | Delimited::Length(_) | Delimited::UntilClose => {}
    }
    if !dated {
        date::with(clock.now(), |date| line(out, "date", date.as_bytes()));
    }
    match (keep, asked.version) {
        (false, _) if !connection => line(out, "connection", b"close"),
        (true, Version::HTTP_10) => line(out, "connection", b"keep-alive"),
        (true | false, _) => {}
    }
    out.extend_from_slice(b"\r\n");
}

fn line(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use client::body;
    use client::call::{Effort, Source};
    use rstest::rstest;

    use super::*;
    use crate::reply::Reply;

    const ASKED: Asked = Asked { head_only: false, version: Version::HTTP_11, keep_alive: true };
    const OLD: Asked = Asked { version: Version::HTTP_10, ..ASKED };

    fn answer(
        status: u16,
        headers: &[(&'static str, &'static str)],
        body: body::Body,
    ) -> Response<body::Body> {
        let mut response = Response::builder().status(status).header("date", "now");
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(body).unwrap()
    }

    /// A body that does not know its length.
    fn streamed() -> body::Body {
        struct Unknown;
        impl Body for Unknown {
            type Data = Bytes;
            type Error = std::io::Error;
            fn poll_frame(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, std::io::Error>>> {
                std::task::Poll::Ready(None)
            }
        }
        body::Body::boxed(Unknown)
    }

    fn whole() -> body::Body {
        body::Body::from(Bytes::from_static(b"12345"))
    }

    fn written(response: Response<body::Body>, asked: Asked, keep: bool) -> String {
        written_with(response, None, asked, keep)
    }

    fn written_with(response: Response<body::Body>, told: Option<Told>, asked: Asked, keep: bool) -> String {
        let delimited = Delimited::of(&response, asked);
        let clock = WallClock::new(|| "2026-11-21T03:04:05Z".parse().unwrap());
        let mut out = Vec::new();
        write_head(&mut out, &response.into_parts().0, told, Ending { delimited, asked, keep }, &clock);
        String::from_utf8(out).unwrap()
    }

    #[rstest]
    #[case::whole(answer(200, &[], whole()), ASKED, Delimited::Length(5))]
    #[case::empty(answer(200, &[], body::Body::Empty), ASKED, Delimited::Length(0))]
    #[case::streamed(answer(200, &[], streamed()), ASKED, Delimited::Chunked)]
    #[case::streamed_to_an_old_client(answer(200, &[], streamed()), OLD, Delimited::UntilClose)]
    #[case::length_told(answer(200, &[("content-length", "9")], streamed()), OLD, Delimited::Length(9))]
    #[case::to_a_head(answer(200, &[], whole()), Asked { head_only: true, ..ASKED }, Delimited::Absent)]
    #[case::no_content(answer(204, &[], whole()), ASKED, Delimited::Absent)]
    #[case::not_modified(answer(304, &[("content-length", "9")], streamed()), ASKED, Delimited::Absent)]
    fn where_a_body_ends(
        #[case] response: Response<body::Body>,
        #[case] asked: Asked,
        #[case] delimited: Delimited,
    ) {
        assert_eq!(Delimited::of(&response, asked), delimited);
    }

    /// Written straight out or put among the headers first: a client reads the same.
    #[test]
    fn what_is_told_goes_out_beside_what_hubspot_said() {
        let headers = [
            ("content-length", "5"),
            ("connection", "keep-alive"),
            ("keep-alive", "timeout=5"),
            ("x-hubkeeper-source", "forged"),
            ("x-a", "b"),
        ];
        let reply = || {
            let effort = Effort { attempts: 2, reached: true, waited: Duration::from_millis(1_500) };
            let told = Told { source: Source::Cache { age: Duration::from_secs(7) }, effort };
            Reply { response: answer(200, &headers, whole()), told: Some(told) }
        };
        let expected = "HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 5\r\nx-a: b\r\nx-hubkeeper-source: cache\r\n\
                        age: 7\r\nx-hubkeeper-wait-ms: 1500\r\nx-hubkeeper-attempts: 2\r\n\r\n";
        let Reply { response, told } = reply();
        assert_eq!(written_with(response, told, ASKED, true), expected);
        let mut lines: Vec<_> =
            written(reply().into_response(), ASKED, true).lines().map(str::to_owned).collect();
        let mut others: Vec<_> = expected.lines().map(str::to_owned).collect();
        lines.sort();
        others.sort();
        assert_eq!(lines, others);
    }

    #[test]
    fn a_head_says_what_is_missing_and_nothing_twice() {
        let told = answer(207, &[("content-length", "5"), ("x-a", "b")], whole());
        assert_eq!(
            written(told, ASKED, true),
            "HTTP/1.1 207 Multi-Status\r\ndate: now\r\ncontent-length: 5\r\nx-a: b\r\n\r\n"
        );
        let mut undated = answer(477, &[], streamed());
        undated.headers_mut().remove("date");
        undated.extensions_mut().insert(Reason(Bytes::from_static(b"Migration in progress")));
        assert_eq!(
            written(undated, ASKED, false),
            "HTTP/1.1 477 Migration in progress\r\ntransfer-encoding: chunked\r\n\
             date: Sat, 21 Nov 2026 03:04:05 GMT\r\nconnection: close\r\n\r\n"
        );
        assert_eq!(
            written(answer(200, &[], whole()), OLD, true),
            "HTTP/1.1 200 OK\r\ndate: now\r\ncontent-length: 5\r\nconnection: keep-alive\r\n\r\n"
        );
        assert_eq!(
            written(answer(413, &[("connection", "close")], whole()), ASKED, false),
            "HTTP/1.1 413 Payload Too Large\r\ndate: now\r\nconnection: close\r\ncontent-length: 5\r\n\r\n"
        );
    }
}
