//! Where each HTTP/1 message begins and ends, read strictly from the raw bytes.
//!
//! Many servers take what they can: a request with both `Content-Length` and `Transfer-Encoding`, two `Host`s or none,
//! bare line feeds. Between us and another server such a request may mean two different things, which is how requests
//! are smuggled. Here the framing (RFC 9112) is followed to the letter, and the first head that could be read two ways
//! is named. A head is taken only when it is complete and proper.
//!
//! Pure: bytes in, verdicts out.

use bytes::Bytes;
use client::transport::body_reader::{BadChunk, BodyReader, Piece};
use memchr::memchr;

use super::head::{self, Head};
use super::repeated;

/// The largest head we read: request line and headers.
pub(crate) const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Empty lines before a request line. One is allowed (RFC 9112 §2.2), and some clients send a few; more are an attempt
/// to hold the connection.
const EMPTY_LINES_MAX: u32 = 4;

/// The first byte of who begins with TLS (RFC 8446 §5.1), and of no HTTP request.
const TLS_HANDSHAKE: u8 = 0x16;

/// Why a request is refused before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Violation {
    /// It begins as TLS does, which would never come to the end of a head.
    SpeaksTls,
    BareLineFeed,
    LengthAndEncoding,
    BadLength,
    UnknownEncoding,
    SeveralHosts,
    NoHost,
    BadRequestLine,
    TargetNotAPath,
    BadHeaderLine,
    TooManyHeaders,
    HeadTooLarge,
    BadChunk,
}

/// How the body of a message is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyFraming {
    Length(u64),
    Chunked,
}

/// Follows one connection.
#[derive(Debug, Default)]
pub(super) struct Framing {
    /// What is being read of a message whose head has been.
    body: Option<BodyReader>,
    /// How much of an incomplete head has been looked at already.
    looked: usize,
    /// Empty lines since the last message.
    empty_lines: u32,
}

/// Where the connection stands, for its timers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Head,
    Body,
}

/// What stands at the beginning of some bytes.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "taken apart at once; a box would cost every request")]
pub(super) enum Step {
    /// So many bytes of framing: empty lines, chunk lines, trailers.
    Framing(usize),
    /// So many bytes of a body.
    Data(usize),
    Head(Head, usize),
    Incomplete,
}

impl Framing {
    pub(super) fn phase(&self) -> Phase {
        if self.body.is_none() { Phase::Head } else { Phase::Body }
    }

    /// What comes next in the bytes not yet taken, which begin where the last step ended.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Result<Step, Violation> {
        let Some(body) = &mut self.body else {
            return if bytes.is_empty() { Ok(Step::Incomplete) } else { self.head(bytes) };
        };
        let step = match body.next(bytes).map_err(|BadChunk| Violation::BadChunk)? {
            Piece::Data(count) => Step::Data(count),
            Piece::Framing(count) => Step::Framing(count),
            Piece::Incomplete | Piece::End => Step::Incomplete,
        };
        self.body.take_if(|body| body.has_ended());
        Ok(step)
    }

    /// What is left of a body whose length is told.
    pub(super) fn left(&self) -> Option<u64> {
        self.body.map_or(Some(0), |body| body.left())
    }

    fn head(&mut self, bytes: &[u8]) -> Result<Step, Violation> {
        if bytes.first() == Some(&TLS_HANDSHAKE) {
            return Err(Violation::SpeaksTls);
        }
        if let [b'\r', b'\n', ..] = bytes {
            self.looked = 0;
            self.empty_lines += 1;
            return if self.empty_lines > EMPTY_LINES_MAX {
                Err(Violation::BadRequestLine)
            } else {
                Ok(Step::Framing(2))
            };
        }
        let (head, length) = if self.looked == 0
            && let Some(known) = repeated::recognise(bytes)
        {
            known
        } else {
            let length = self.head_length(bytes)?;
            if length.unwrap_or(bytes.len()) > HEAD_BYTES_MAX {
                return Err(Violation::HeadTooLarge);
            }
            let Some(length) = length else { return Ok(Step::Incomplete) };
            // A copy of just this size: while the request waits for its slot, its head is all that is kept of it.
            let head = head::read(&Bytes::copy_from_slice(&bytes[..length]))?;
            repeated::remember(&bytes[..length], head.request.version());
            (head, length)
        };
        let body = match head.body {
            BodyFraming::Length(length) => BodyReader::of_length(length),
            BodyFraming::Chunked => BodyReader::chunked(),
        };
        self.body = Some(body).filter(|body| !body.has_ended());
        self.looked = 0;
        self.empty_lines = 0;
        Ok(Step::Head(head, length))
    }

    /// The length of the head with its empty line, once that is here.
    fn head_length(&mut self, bytes: &[u8]) -> Result<Option<usize>, Violation> {
        while let Some(found) = memchr(b'\n', &bytes[self.looked..]) {
            let end = self.looked + found;
            match bytes[..end] {
                [.., b'\r', b'\n', b'\r'] => return Ok(Some(end + 1)),
                [.., b'\r'] => self.looked = end + 1,
                _ => return Err(Violation::BareLineFeed),
            }
        }
        self.looked = bytes.len();
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nTrailer: x\r\n\r\n";

    /// What the bytes looked at amount to: `taken` of them are complete and proper; then follows what is incomplete,
    /// or, with a violation, what must not be taken.
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Advance {
        taken: usize,
        heads: u32,
        violation: Option<Violation>,
    }

    fn advance(framing: &mut Framing, bytes: &[u8]) -> Advance {
        let mut advance = Advance::default();
        loop {
            match framing.next(&bytes[advance.taken..]) {
                Ok(Step::Framing(count) | Step::Data(count)) => advance.taken += count,
                Ok(Step::Head(_, count)) => {
                    advance.taken += count;
                    advance.heads += 1;
                }
                Ok(Step::Incomplete) => return advance,
                Err(violation) => return Advance { violation: Some(violation), ..advance },
            }
        }
    }

    fn violation(raw: &str) -> Option<Violation> {
        advance(&mut Framing::default(), raw.as_bytes()).violation
    }

    #[rstest]
    #[case::bare_lf_in_head("GET / HTTP/1.1\nHost: a\n\n", Violation::BareLineFeed)]
    #[case::bare_lf_after_header("GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", Violation::BareLineFeed)]
    #[case::length_then_encoding(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        Violation::LengthAndEncoding
    )]
    #[case::encoding_then_length(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
        Violation::LengthAndEncoding
    )]
    #[case::two_lengths(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
        Violation::BadLength
    )]
    #[case::list_of_lengths(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\n",
        Violation::BadLength
    )]
    #[case::signed_length("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\n", Violation::BadLength)]
    #[case::unknown_encoding(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
        Violation::UnknownEncoding
    )]
    #[case::two_encodings(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        Violation::UnknownEncoding
    )]
    #[case::encoding_in_1_0(
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        Violation::UnknownEncoding
    )]
    #[case::two_hosts("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", Violation::SeveralHosts)]
    #[case::quote_in_host("GET / HTTP/1.1\r\nHost: a\"\r\n\r\n", Violation::BadHeaderLine)]
    #[case::no_host("GET / HTTP/1.1\r\nX: y\r\n\r\n", Violation::NoHost)]
    #[case::space_before_colon("GET / HTTP/1.1\r\nHost : a\r\n\r\n", Violation::BadHeaderLine)]
    #[case::folded_line("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", Violation::BadHeaderLine)]
    #[case::no_colon("GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", Violation::BadHeaderLine)]
    #[case::empty_lines_without_end("\r\n\r\n\r\n\r\n\r\n", Violation::BadRequestLine)]
    #[case::space_after_version("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", Violation::BadRequestLine)]
    #[case::tab_after_version("GET / HTTP/1.1\t\r\nHost: a\r\n\r\n", Violation::BadRequestLine)]
    #[case::cr_after_version("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", Violation::BadRequestLine)]
    #[case::cr_before_value("GET / HTTP/1.1\r\nHost: a\r\nX: \rb\r\n\r\n", Violation::BadHeaderLine)]
    #[case::cr_after_value("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\r\n\r\n", Violation::BadHeaderLine)]
    #[case::form_feed_before_value("GET / HTTP/1.1\r\nHost: a\r\nX: \x0cb\r\n\r\n", Violation::BadHeaderLine)]
    #[case::form_feed_after_length(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\x0c\r\n\r\n",
        Violation::BadHeaderLine
    )]
    #[case::length_of_all_ones(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n",
        Violation::BadLength
    )]
    #[case::length_beyond_a_petabyte(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000000001\r\n\r\n",
        Violation::BadLength
    )]
    #[case::no_version("GET /\r\nHost: a\r\n\r\n", Violation::BadRequestLine)]
    #[case::tls("\x16\x03\x01\x02\0\x01", Violation::SpeaksTls)]
    #[case::http_2("PRI * HTTP/2.0\r\n\r\n", Violation::BadRequestLine)]
    #[case::two_spaces("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", Violation::BadRequestLine)]
    #[case::space_in_target("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", Violation::BadRequestLine)]
    #[case::bad_method("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", Violation::BadRequestLine)]
    #[case::quote_in_query("GET /?\" HTTP/1.1\r\nHost: a\r\n\r\n", Violation::BadRequestLine)]
    #[case::fragment("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", Violation::BadRequestLine)]
    #[case::another_scheme("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", Violation::TargetNotAPath)]
    #[case::url_without_host("GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n", Violation::BadRequestLine)]
    #[case::url_with_a_user("GET http://b@a/ HTTP/1.1\r\nHost: a\r\n\r\n", Violation::BadRequestLine)]
    #[case::url_with_a_fragment("GET http://a#/b HTTP/1.1\r\nHost: a\r\n\r\n", Violation::BadRequestLine)]
    #[case::quote_in_a_url("GET http://a\"/ HTTP/1.1\r\nHost: a\r\n\r\n", Violation::BadRequestLine)]
    #[case::url_and_no_host("GET http://a/ HTTP/1.1\r\n\r\n", Violation::NoHost)]
    #[case::url_and_two_hosts(
        "GET http://a/ HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        Violation::SeveralHosts
    )]
    #[case::star("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", Violation::TargetNotAPath)]
    #[case::tunnel("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", Violation::TargetNotAPath)]
    #[case::control_in_value("GET / HTTP/1.1\r\nHost: a\r\nX: a\x01b\r\n\r\n", Violation::BadHeaderLine)]
    #[case::control_in_name("GET / HTTP/1.1\r\nHost: a\r\nX\x01: b\r\n\r\n", Violation::BadHeaderLine)]
    #[case::bare_lf_in_chunk(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n",
        Violation::BadChunk
    )]
    #[case::chunk_without_end(
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
        Violation::BadChunk
    )]
    fn refuses_what_can_be_read_two_ways(#[case] raw: &str, #[case] expected: Violation) {
        assert_eq!(violation(raw), Some(expected));
    }

    #[rstest]
    #[case::get(GET)]
    #[case::post(POST)]
    #[case::chunked(CHUNKED)]
    #[case::http_1_0_without_host("GET / HTTP/1.0\r\n\r\n")]
    #[case::odd_target("GET /\u{e9}/{}|?`{}|^[]=\u{fc}%zz HTTP/1.1\r\nHost: a\r\nX: \u{e9}\t\r\n\r\n")]
    #[case::blanks_around_a_value("GET / HTTP/1.1\r\nHost: \t a \t\r\nX:\r\n\r\n")]
    #[case::whole_url("GET http://a:1/b?c HTTP/1.1\r\nHost: a\r\n\r\n")]
    #[case::empty_lines_first("\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")]
    fn passes_what_is_clear(#[case] raw: &str) {
        assert_eq!(
            advance(&mut Framing::default(), raw.as_bytes()),
            Advance { taken: raw.len(), heads: 1, violation: None }
        );
    }

    #[test]
    fn a_bad_head_behind_a_good_message_is_found_where_it_begins() {
        let raw = format!("{POST}GET / HTTP/1.1\r\n\r\n");
        let advance = advance(&mut Framing::default(), raw.as_bytes());
        let expected = Advance { taken: POST.len(), heads: 1, violation: Some(Violation::NoHost) };
        assert_eq!(advance, expected);
    }

    #[test]
    fn headers_are_counted() {
        let raw = |count| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(count));
        assert_eq!(violation(&raw(99)), None);
        assert_eq!(violation(&raw(100)), Some(Violation::TooManyHeaders));
    }

    #[test]
    fn a_head_without_end_is_refused() {
        let raw = format!("GET / HTTP/1.1\r\nX: {}", "y".repeat(HEAD_BYTES_MAX));
        assert_eq!(violation(&raw), Some(Violation::HeadTooLarge));
    }

    proptest! {
        /// However the bytes are cut into reads, the verdict is the same.
        #[test]
        fn cuts_do_not_matter(cuts in prop::collection::vec(1usize..20, 1..200)) {
            let raw = [GET, CHUNKED, POST, GET, CHUNKED].concat().into_bytes();
            let mut framing = Framing::default();
            let (mut start, mut end) = (0, 0);
            for cut in cuts.iter().cycle() {
                if end == raw.len() { break }
                end = (end + cut).min(raw.len());
                let advance = advance(&mut framing, &raw[start..end]);
                prop_assert_eq!(advance.violation, None);
                start += advance.taken;
            }
            prop_assert_eq!(start, raw.len());
            prop_assert_eq!(framing.phase(), Phase::Head);
        }

        #[test]
        fn nothing_makes_it_panic(raw in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = advance(&mut Framing::default(), &raw);
        }
    }
}
