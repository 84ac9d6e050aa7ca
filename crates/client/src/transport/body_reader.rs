//! Where the body of an HTTP/1 message ends (RFC 9112 §6 and §7.1), whichever way the message goes: callers' requests are
//! read by this as well as HubSpot's answers.
//!
//! Strict: what two readers could take for two things is taken by neither. Pure: bytes in, verdicts out, and however the
//! bytes are cut into reads, the verdict is the same.

use memchr::memchr;

/// The longest body that can be meant: a petabyte. What comes near the end of a number's range is read differently by
/// different servers.
pub const LENGTH_MAX: u64 = 1_000_000_000_000_000;

/// The longest chunk-size line, extensions included.
const CHUNK_LINE_BYTES_MAX: usize = 256;

/// Lines after the last chunk, all of them together. Nobody reads them.
const TRAILER_BYTES_MAX: usize = 16 * 1024;

/// What came is no chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the chunks are malformed")]
pub struct BadChunk;

/// Follows the body of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyReader {
    state: State,
    /// How much of an incomplete line has been looked at already.
    looked: usize,
    trailer_bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Length(u64),
    ChunkLine,
    /// Chunk data to come, without its line end.
    Chunk(u64),
    ChunkEnd,
    Trailer,
    UntilClose,
    Ended,
}

/// What stands at the beginning of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// So many bytes of the body.
    Data(usize),
    /// So many bytes of framing: chunk lines, trailers.
    Framing(usize),
    Incomplete,
    /// The body has ended; what follows is not of it.
    End,
}

impl BodyReader {
    pub fn of_length(length: u64) -> Self {
        Self::at(if length == 0 { State::Ended } else { State::Length(length) })
    }

    pub fn chunked() -> Self {
        Self::at(State::ChunkLine)
    }

    pub fn until_close() -> Self {
        Self::at(State::UntilClose)
    }

    fn at(state: State) -> Self {
        Self { state, looked: 0, trailer_bytes: 0 }
    }

    pub fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// What is left of a body whose length is told.
    pub fn left(&self) -> Option<u64> {
        match self.state {
            State::Length(left) => Some(left),
            State::Ended => Some(0),
            State::ChunkLine | State::Chunk(_) | State::ChunkEnd | State::Trailer | State::UntilClose => None,
        }
    }

    /// No more bytes will come. Is the body whole?
    pub fn close(&mut self) -> bool {
        if self.state == State::UntilClose {
            self.state = State::Ended;
        }
        self.has_ended()
    }

    /// What comes next in the bytes not yet taken, which begin where the last piece ended.
    ///
    /// # Errors
    /// [`BadChunk`]; nothing that follows can be understood.
    pub fn next(&mut self, bytes: &[u8]) -> Result<Piece, BadChunk> {
        if self.state == State::Ended {
            return Ok(Piece::End);
        }
        if bytes.is_empty() {
            return Ok(Piece::Incomplete);
        }
        match self.state {
            State::Length(left) => Ok(self.data(bytes, left, State::Ended, State::Length)),
            State::Chunk(left) => Ok(self.data(bytes, left, State::ChunkEnd, State::Chunk)),
            State::ChunkLine => self.line(bytes, CHUNK_LINE_BYTES_MAX, Self::chunk_line),
            State::Trailer => self.line(bytes, TRAILER_BYTES_MAX, Self::trailer),
            State::ChunkEnd => match bytes {
                [b'\r', b'\n', ..] => {
                    self.state = State::ChunkLine;
                    Ok(Piece::Framing(2))
                }
                [b'\r'] => Ok(Piece::Incomplete),
                _ => Err(BadChunk),
            },
            State::UntilClose => Ok(Piece::Data(bytes.len())),
            State::Ended => Ok(Piece::End),
        }
    }

    fn data(&mut self, bytes: &[u8], left: u64, then: State, still: fn(u64) -> State) -> Piece {
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let left = left - count as u64;
        self.state = if left == 0 { then } else { still(left) };
        Piece::Data(count)
    }

    /// Takes the next line, without its end, once that is here. What others may take for a line's end does not stand in it.
    fn line(
        &mut self,
        bytes: &[u8],
        bytes_max: usize,
        take: fn(&mut Self, &[u8]) -> Result<(), BadChunk>,
    ) -> Result<Piece, BadChunk> {
        let Some(found) = memchr(b'\n', &bytes[self.looked..]) else {
            self.looked = bytes.len();
            return if bytes.len() > bytes_max + 1 { Err(BadChunk) } else { Ok(Piece::Incomplete) };
        };
        let line = bytes[..self.looked + found].strip_suffix(b"\r").ok_or(BadChunk)?;
        let is_plain = line.iter().all(|byte| !byte.is_ascii_control() || *byte == b'\t');
        if line.len() > bytes_max || !is_plain {
            return Err(BadChunk);
        }
        take(self, line)?;
        self.looked = 0;
        Ok(Piece::Framing(line.len() + 2))
    }

    fn chunk_line(&mut self, line: &[u8]) -> Result<(), BadChunk> {
        let digits = line.split(|byte| matches!(byte, b';' | b' ' | b'\t')).next().unwrap_or_default();
        let digits = std::str::from_utf8(digits).map_err(|_| BadChunk)?;
        // The standard library would take a sign, too.
        let size =
            digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u64::from_str_radix(digits, 16));
        let size = size.and_then(Result::ok).filter(|size| *size <= LENGTH_MAX).ok_or(BadChunk)?;
        self.state = if size == 0 { State::Trailer } else { State::Chunk(size) };
        Ok(())
    }

    fn trailer(&mut self, line: &[u8]) -> Result<(), BadChunk> {
        self.trailer_bytes += line.len() + 2;
        if self.trailer_bytes > TRAILER_BYTES_MAX {
            return Err(BadChunk);
        }
        if line.is_empty() {
            self.state = State::Ended;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    /// The body and what came behind it, read in pieces of these sizes, as often as they are needed; `None` where it had not
    /// ended when nothing more came.
    fn read(mut body: BodyReader, raw: &[u8], sizes: &[usize]) -> Result<Option<(Vec<u8>, usize)>, BadChunk> {
        let (mut ahead, mut rest, mut data) = (Vec::new(), raw, Vec::new());
        let mut sizes = sizes.iter().cycle();
        loop {
            let taken = match body.next(&ahead)? {
                Piece::Data(count) => {
                    data.extend_from_slice(&ahead[..count]);
                    count
                }
                Piece::Framing(count) => count,
                Piece::End => return Ok(Some((data, ahead.len() + rest.len()))),
                Piece::Incomplete if rest.is_empty() => {
                    return Ok(body.close().then_some((data, ahead.len())));
                }
                Piece::Incomplete => {
                    let (now, later) = rest.split_at((*sizes.next().expect("a cycle")).min(rest.len()));
                    ahead.extend_from_slice(now);
                    rest = later;
                    0
                }
            };
            ahead.drain(..taken);
        }
    }

    fn chunks(raw: &str) -> Result<Option<(Vec<u8>, usize)>, BadChunk> {
        read(BodyReader::chunked(), raw.as_bytes(), &[usize::MAX])
    }

    fn whole(body: &str, after: usize) -> Result<Option<(Vec<u8>, usize)>, BadChunk> {
        Ok(Some((body.as_bytes().to_vec(), after)))
    }

    #[rstest]
    #[case::none("0\r\n\r\n", "", 0)]
    #[case::extensions("3;x=y\r\nabc\r\n0a \r\n0123456789\r\n0\t;z\r\n\r\n", "abc0123456789", 0)]
    #[case::trailers("1\r\na\r\n0\r\nT: x\r\nU: y\r\n\r\n", "a", 0)]
    #[case::what_follows("1\r\na\r\n0\r\n\r\nGET /", "a", 5)]
    fn chunks_end_where_they_say(#[case] raw: &str, #[case] body: &str, #[case] after: usize) {
        assert_eq!(chunks(raw), whole(body, after));
    }

    #[rstest]
    #[case::bare_line_feed("3\nabc\r\n")]
    #[case::bare_cr_in_an_extension("0;a\rb\r\n\r\n")]
    #[case::bare_line_feed_in_a_trailer("0\r\nT: x\n\r\n")]
    #[case::control_in_a_trailer("0\r\nT: \u{1}\r\n\r\n")]
    #[case::longer_than_told("3\r\nabcd\r\n")]
    #[case::not_hex("0x3\r\nabc\r\n")]
    #[case::signed("+3\r\nabc\r\n")]
    #[case::nothing("\r\nabc\r\n")]
    #[case::beyond_64_bits("10000000000000000\r\na")]
    #[case::beyond_a_petabyte("38d7ea4c68001\r\na")]
    fn what_is_no_chunk_is_told(#[case] raw: &str) {
        assert_eq!(chunks(raw), Err(BadChunk));
    }

    #[rstest]
    #[case::half_a_line("3")]
    #[case::half_a_chunk("3\r\nab")]
    #[case::no_end_of_its_line("1\r\na\r")]
    #[case::no_last_chunk("1\r\na\r\n")]
    #[case::half_a_trailer("0\r\nT: ")]
    fn what_is_cut_is_not_whole(#[case] raw: &str) {
        assert_eq!(chunks(raw), Ok(None));
    }

    #[test]
    fn a_length_is_counted_and_the_rest_ends_with_the_connection() {
        let read = |body, raw: &str| read(body, raw.as_bytes(), &[2]);
        assert_eq!(read(BodyReader::of_length(0), "x"), whole("", 1));
        assert_eq!(read(BodyReader::of_length(3), "abcd"), whole("abc", 1));
        assert_eq!(read(BodyReader::of_length(3), "ab"), Ok(None));
        assert_eq!(read(BodyReader::until_close(), "to the end"), whole("to the end", 0));
    }

    #[test]
    fn lines_have_limits() {
        let line = |bytes| format!("0;{}\r\n\r\n", "x".repeat(bytes - 2));
        assert_eq!(chunks(&line(CHUNK_LINE_BYTES_MAX)), whole("", 0));
        assert_eq!(chunks(&line(CHUNK_LINE_BYTES_MAX + 1)), Err(BadChunk));
        assert_eq!(chunks(&"0".repeat(CHUNK_LINE_BYTES_MAX + 2)), Err(BadChunk));
        let trailers = |count| format!("0\r\n{}\r\n", "T: x\r\n".repeat(count));
        assert_eq!(chunks(&trailers(2_730)), whole("", 0));
        assert_eq!(chunks(&trailers(2_731)), Err(BadChunk));
    }

    proptest! {
        #[test]
        fn cuts_do_not_matter(
            raw in "([0-3];?[a\r\n]{0,2}\r\n[ab]{0,3}\r?\n?){0,6}(0\r\n(T: x\r\n)?\r\n)?",
            sizes in prop::collection::vec(1usize..20, 1..20),
        ) {
            prop_assert_eq!(read(BodyReader::chunked(), raw.as_bytes(), &sizes), chunks(&raw));
        }

        /// The same for chunks that are surely whole.
        #[test]
        fn whole_chunks_come_whole(
            pieces in prop::collection::vec(1usize..2_000, 0..6),
            sizes in prop::collection::vec(1usize..900, 1..20),
        ) {
            let mut raw: String =
                pieces.iter().map(|length| format!("{length:x}\r\n{}\r\n", "b".repeat(*length))).collect();
            raw.push_str("0\r\n\r\n");
            let expected = whole(&"b".repeat(pieces.iter().sum()), 0);
            prop_assert_eq!(read(BodyReader::chunked(), raw.as_bytes(), &sizes), expected);
        }
    }
}
