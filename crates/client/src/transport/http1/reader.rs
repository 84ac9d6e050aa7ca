//! Where an answer begins and ends in the bytes of a connection.
//!
//! Pure: bytes in, verdicts out. However the bytes are cut into reads, the verdict is the same.

use super::super::body_reader::{BadChunk, BodyReader, Piece};
use super::head::{self, Asked, BodyFraming, Found, Head};

/// The largest head we read: status line and headers. HubSpot's take one or two KiB.
pub(super) const HEAD_BYTES_MAX: usize = 64 * 1024;

/// As long as a head is shorter than this it is looked at whenever more of it comes, so that what is no HTTP shows at
/// once; after that only when its end is here, so that one that drips in costs no more than its length.
const LOOKED_AT_BYTES_MAX: usize = 512;

/// Words before an answer (1xx).
const INFORMATIONAL_MAX: u32 = 16;

/// Why what came is not an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Violation {
    #[error("{0}")]
    Malformed(Malformed),
    #[error("the head is larger than {HEAD_BYTES_MAX} bytes")]
    HeadTooLarge,
    #[error("the answer does not begin: {INFORMATIONAL_MAX} times something else came before it")]
    NeverBegins,
    #[error(transparent)]
    BadChunk(#[from] BadChunk),
}

/// What is wrong with a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("the head is not one of HTTP/1: {0}")]
    Syntax(#[from] httparse::Error),
    #[error("its status is no status")]
    Status,
    #[error("one of its headers is malformed")]
    Header,
    #[error("its Content-Length is not one length")]
    Length,
    #[error("it has a Transfer-Encoding, which HTTP/1.0 does not know")]
    Encoding,
}

impl Violation {
    pub(super) const BAD_STATUS: Self = Self::Malformed(Malformed::Status);
    pub(super) const BAD_HEADER: Self = Self::Malformed(Malformed::Header);
    pub(super) const BAD_LENGTH: Self = Self::Malformed(Malformed::Length);
    pub(super) const BAD_ENCODING: Self = Self::Malformed(Malformed::Encoding);
}

/// Follows one answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader {
    asked: Asked,
    /// Once the head has been read.
    body: Option<BodyReader>,
    /// How much of an incomplete head has been looked at already.
    looked: usize,
    informational: u32,
}

/// What stands at the beginning of some bytes.
#[derive(Debug)]
pub(super) enum Step {
    Head(Head, usize),
    /// So many bytes of the body.
    Data(usize),
    /// So many bytes of framing: words before the answer, chunk lines, trailers.
    Framing(usize),
    Incomplete,
    /// The answer has ended; what follows is not of it.
    End,
}

impl Reader {
    pub(super) fn new(asked: Asked) -> Self {
        Self { asked, body: None, looked: 0, informational: 0 }
    }

    /// What comes next in the bytes not yet taken, which begin where the last step ended.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Result<Step, Violation> {
        match &mut self.body {
            Some(body) => Ok(match body.next(bytes)? {
                Piece::Data(count) => Step::Data(count),
                Piece::Framing(count) => Step::Framing(count),
                Piece::Incomplete => Step::Incomplete,
                Piece::End => Step::End,
            }),
            None if bytes.is_empty() => Ok(Step::Incomplete),
            None => self.head(bytes),
        }
    }

    /// No more bytes will come after these, of which the last step was [`Step::Incomplete`]. Is the answer whole?
    pub(super) fn close(&mut self, bytes: &[u8]) -> Result<bool, Violation> {
        match &mut self.body {
            Some(body) => Ok(body.close()),
            None if bytes.is_empty() => Ok(false),
            None => head::read(bytes, self.asked).map(|_| false),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.body.is_some_and(|body| body.has_ended())
    }

    /// Nothing of an answer has come yet, nor a word before it.
    pub(super) fn has_not_begun(&self) -> bool {
        self.body.is_none() && self.informational == 0
    }

    /// What is left of a body whose length is told.
    pub(super) fn left(&self) -> Option<u64> {
        self.body?.left()
    }

    fn head(&mut self, bytes: &[u8]) -> Result<Step, Violation> {
        if bytes.len() > LOOKED_AT_BYTES_MAX && self.looked > 0 && !self.head_may_end(bytes) {
            self.looked = bytes.len();
            return if bytes.len() > HEAD_BYTES_MAX {
                Err(Violation::HeadTooLarge)
            } else {
                Ok(Step::Incomplete)
            };
        }
        match head::read(bytes, self.asked)? {
            Found::Head(_, length) | Found::Informational(length) if length > HEAD_BYTES_MAX => {
                Err(Violation::HeadTooLarge)
            }
            Found::Incomplete if bytes.len() > HEAD_BYTES_MAX => Err(Violation::HeadTooLarge),
            Found::Head(head, length) => {
                self.body = Some(match head.body {
                    BodyFraming::Length(length) => BodyReader::of_length(length),
                    BodyFraming::Chunked => BodyReader::chunked(),
                    BodyFraming::UntilClose => BodyReader::until_close(),
                });
                Ok(Step::Head(head, length))
            }
            Found::Informational(length) => {
                self.looked = 0;
                self.informational += 1;
                if self.informational > INFORMATIONAL_MAX {
                    return Err(Violation::NeverBegins);
                }
                Ok(Step::Framing(length))
            }
            Found::Incomplete => {
                self.looked = bytes.len();
                Ok(Step::Incomplete)
            }
        }
    }

    /// Whether an empty line stands in what has not been looked at.
    fn head_may_end(&self, bytes: &[u8]) -> bool {
        let new = &bytes[self.looked.saturating_sub(2)..];
        new.windows(2).any(|two| two == b"\n\n") || new.windows(3).any(|three| three == b"\n\r\n")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    /// What an answer comes to, and how its connection ends.
    #[derive(Debug, PartialEq, Eq)]
    enum Outcome {
        /// Status, body, whether the connection goes on, and what came after the answer.
        Whole(u16, String, bool, usize),
        Cut,
        NotHttp,
        BodyBroken,
    }

    /// Reads `raw` in pieces of these sizes, as often as they are needed, and then the end.
    fn read(raw: &[u8], asked: Asked, sizes: &[usize]) -> Outcome {
        let mut reader = Reader::new(asked);
        let (mut head, mut body, mut ahead) = (None, Vec::new(), Vec::new());
        let mut rest = raw;
        let mut sizes = sizes.iter().cycle();
        let broken =
            |head: &Option<Head>| if head.is_some() { Outcome::BodyBroken } else { Outcome::NotHttp };
        loop {
            let Ok(step) = reader.next(&ahead) else { return broken(&head) };
            let taken = match step {
                Step::Head(read, count) => {
                    head = Some(read);
                    count
                }
                Step::Data(count) => {
                    body.extend_from_slice(&ahead[..count]);
                    count
                }
                Step::Framing(count) => count,
                Step::End => break,
                Step::Incomplete if rest.is_empty() => match reader.close(&ahead) {
                    Ok(true) => break,
                    Ok(false) => return Outcome::Cut,
                    Err(_) => return broken(&head),
                },
                Step::Incomplete => {
                    let size = (*sizes.next().expect("a cycle")).min(rest.len());
                    ahead.extend_from_slice(&rest[..size]);
                    rest = &rest[size..];
                    0
                }
            };
            ahead.drain(..taken);
        }
        let Head { response, keep_alive, .. } = head.expect("a body has a head");
        let after = ahead.len() + rest.len();
        let body = String::from_utf8_lossy(&body).into_owned();
        Outcome::Whole(response.status().as_u16(), body, keep_alive, after)
    }

    fn all(raw: &str) -> Outcome {
        read(raw.as_bytes(), Asked::ForAll, &[usize::MAX])
    }

    fn whole(status: u16, body: &str, keep_alive: bool) -> Outcome {
        Outcome::Whole(status, body.to_owned(), keep_alive, 0)
    }

    #[rstest]
    #[case::length("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, "{}", true)]
    #[case::no_body("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", true)]
    #[case::no_content("HTTP/1.1 204 No Content\r\n\r\n", 204, "", true)]
    #[case::not_modified("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304, "", true)]
    #[case::no_reason("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200, "", true)]
    #[case::chunks(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0a \r\n0123456789\r\n0\r\nT: x\r\n\r\n",
        200,
        "abc0123456789",
        true
    )]
    #[case::no_chunks("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n", 200, "", true)]
    #[case::other_encoding_too(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        200,
        "x",
        true
    )]
    #[case::until_close("HTTP/1.1 200 OK\r\n\r\nto the end", 200, "to the end", false)]
    #[case::unknown_encoding("HTTP/1.1 200 OK\r\nTransfer-Encoding: x\r\n\r\nall", 200, "all", false)]
    #[case::close("HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 1\r\n\r\nx", 200, "x", false)]
    #[case::close_beside_keep_alive(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n",
        200,
        "",
        false
    )]
    #[case::old("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x", false)]
    #[case::old_and_kept(
        "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 1\r\n\r\nx",
        200,
        "x",
        true
    )]
    #[case::same_length_twice(
        "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\nContent-Length: 1\r\n\r\nx",
        200,
        "x",
        true
    )]
    #[case::two_framings(
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        200,
        "x",
        false
    )]
    #[case::words_before_it(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx",
        201,
        "x",
        true
    )]
    #[case::another_protocol("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", 101, "", false)]
    #[case::space_before_colon("HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\na", 200, "a", true)]
    fn an_answer_ends_where_it_says(
        #[case] raw: &str,
        #[case] status: u16,
        #[case] body: &str,
        #[case] keep_alive: bool,
    ) {
        assert_eq!(all(raw), whole(status, body, keep_alive));
    }

    #[rstest]
    #[case::nothing("", Outcome::Cut)]
    #[case::half_a_head("HTTP/1.1 200 OK\r\nContent-Le", Outcome::Cut)]
    #[case::only_words_before_it("HTTP/1.1 100 Continue\r\n\r\n", Outcome::Cut)]
    #[case::half_a_body("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", Outcome::Cut)]
    #[case::half_a_chunk("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", Outcome::Cut)]
    #[case::no_last_chunk("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n", Outcome::Cut)]
    #[case::half_a_trailer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nT: ", Outcome::Cut)]
    #[case::another_protocol("SSH-2.0-OpenSSH_9.9\r\n", Outcome::NotHttp)]
    #[case::its_beginning("SSH", Outcome::NotHttp)]
    #[case::http_2("HTTP/2 200\r\n\r\n", Outcome::NotHttp)]
    #[case::no_status("HTTP/1.1 banana\r\n\r\n", Outcome::NotHttp)]
    #[case::status_below_100("HTTP/1.1 099 x\r\n\r\n", Outcome::NotHttp)]
    #[case::folded("HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n", Outcome::NotHttp)]
    #[case::control_character("HTTP/1.1 200 OK\r\nX: a\x01b\r\n\r\n", Outcome::NotHttp)]
    #[case::no_length("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", Outcome::NotHttp)]
    #[case::signed_length("HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx", Outcome::NotHttp)]
    #[case::two_lengths(
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        Outcome::NotHttp
    )]
    #[case::length_beyond_a_petabyte(
        "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000001\r\n\r\n",
        Outcome::NotHttp
    )]
    #[case::encoding_in_1_0("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Outcome::NotHttp)]
    #[case::chunk_too_long(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        Outcome::BodyBroken
    )]
    fn what_is_no_whole_answer_is_told_apart(#[case] raw: &str, #[case] expected: Outcome) {
        assert_eq!(all(raw), expected);
    }

    #[test]
    fn to_a_head_there_is_no_body() {
        let raw = b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n";
        assert_eq!(read(raw, Asked::ForHead, &[usize::MAX]), whole(200, "", true));
        let raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(read(raw, Asked::ForHead, &[usize::MAX]), whole(200, "", true));
    }

    #[test]
    fn what_follows_an_answer_is_not_of_it() {
        let raw = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 408 Too Late\r\n\r\n";
        assert_eq!(all(raw), Outcome::Whole(200, "x".to_owned(), true, 25));
    }

    #[test]
    fn everything_has_a_limit() {
        let headers = |count| format!("HTTP/1.1 204 No Content\r\n{}\r\n", "X: y\r\n".repeat(count));
        assert_eq!(all(&headers(100)), whole(204, "", true));
        assert_eq!(all(&headers(101)), Outcome::NotHttp);
        let long = |bytes| format!("HTTP/1.1 204 No Content\r\nX: {}\r\n\r\n", "y".repeat(bytes));
        assert_eq!(all(&long(HEAD_BYTES_MAX - 32)), whole(204, "", true));
        assert_eq!(all(&long(HEAD_BYTES_MAX)), Outcome::NotHttp);
        assert_eq!(read(long(HEAD_BYTES_MAX).as_bytes(), Asked::ForAll, &[600]), Outcome::NotHttp);
        let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "y".repeat(HEAD_BYTES_MAX));
        assert_eq!(read(endless.as_bytes(), Asked::ForAll, &[1_000]), Outcome::NotHttp);
        let early = |count| format!("{}HTTP/1.1 204 x\r\n\r\n", "HTTP/1.1 102 x\r\n\r\n".repeat(count));
        assert_eq!(all(&early(16)), whole(204, "", true));
        assert_eq!(all(&early(17)), Outcome::NotHttp);
    }

    #[test]
    fn a_length_that_does_not_count_is_not_passed_on() {
        let raw = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n";
        let Ok(Step::Head(head, _)) = Reader::new(Asked::ForAll).next(raw) else { panic!("a head") };
        assert!(!head.response.headers().contains_key("content-length"));
    }

    /// Made of what answers are made of, so that most of them are nearly one.
    fn nearly_an_answer() -> impl Strategy<Value = Vec<u8>> {
        let parts = prop::sample::select(vec![
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n",
            "HTTP/1.0 404 Not Found\r\n",
            "Content-Length: 5\r\n",
            "Content-Length: 12\r\n",
            "Transfer-Encoding: chunked\r\n",
            "Connection: close\r\n",
            "X-HubSpot-Correlation-Id: 0d9f\r\n",
            "\r\n",
            "\n",
            "5\r\nhello\r\n",
            "5\r\nhello",
            "c;x=y\r\nhello, world\r\n",
            "0\r\n\r\n",
            "0\r\n",
            "hello",
            "Trailer: x\r\n",
            "\u{0}",
            " ",
        ]);
        prop::collection::vec(parts, 0..14).prop_map(|parts| parts.concat().into_bytes())
    }

    proptest! {
        /// However the bytes are cut into reads, the answer is the same.
        #[test]
        fn cuts_do_not_matter(
            raw in nearly_an_answer(),
            sizes in prop::collection::vec(1usize..40, 1..20),
            for_head in any::<bool>(),
        ) {
            let asked = if for_head { Asked::ForHead } else { Asked::ForAll };
            prop_assert_eq!(read(&raw, asked, &sizes), read(&raw, asked, &[usize::MAX]));
        }

        /// The same for answers that are surely whole, with bodies and heads of any size.
        #[test]
        fn whole_answers_come_whole(
            head in 0usize..3_000,
            pieces in prop::collection::vec(1usize..2_000, 0..6),
            sizes in prop::collection::vec(1usize..900, 1..20),
        ) {
            let mut raw = format!("HTTP/1.1 200 OK\r\nX: {}\r\nTransfer-Encoding: chunked\r\n\r\n", "x".repeat(head));
            for length in &pieces {
                raw.push_str(&format!("{length:x}\r\n{}\r\n", "b".repeat(*length)));
            }
            raw.push_str("0\r\n\r\n");
            let expected = whole(200, &"b".repeat(pieces.iter().sum()), true);
            prop_assert_eq!(read(raw.as_bytes(), Asked::ForAll, &sizes), expected);
        }

        #[test]
        fn nothing_makes_it_panic(raw in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&raw, Asked::ForAll, &[7]);
        }
    }
}
