//! One keep-alive connection that asks the same question again and again.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Room for an answer's head; bodies are read past, not kept.
const BUFFER_BYTES: usize = 64 * 1024;

/// A socket refuses a timeout of zero.
const TIMEOUT_MIN: Duration = Duration::from_millis(1);

pub(crate) struct Connection {
    address: SocketAddr,
    request: Vec<u8>,
    give_up: Instant,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// What the head of an answer says.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    bytes: usize,
    body_bytes: usize,
    closes: bool,
}

impl Connection {
    pub(crate) fn new(address: SocketAddr, path: &str, bearer: Option<&str>, give_up: Instant) -> Self {
        let credential = bearer.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{credential}Accept: application/json\r\n\r\n");
        Self { address, request: request.into_bytes(), give_up, stream: None, buffer: vec![0; BUFFER_BYTES] }
    }

    /// Connects; a failure shows at the first request.
    pub(crate) fn open(&mut self) {
        self.stream = TcpStream::connect(self.address).ok().filter(|stream| stream.set_nodelay(true).is_ok());
    }

    /// Asks its question, or the one that is given, and reads the answer to its end. Gives the status.
    pub(crate) fn ask(&mut self, given: Option<&[u8]>) -> io::Result<u16> {
        if self.stream.is_none() {
            self.open();
        }
        // Taken out: whatever fails leaves no half-read answer behind.
        let mut stream = self.stream.take().ok_or(io::ErrorKind::NotConnected)?;
        let patience = self.give_up.saturating_duration_since(Instant::now()).max(TIMEOUT_MIN);
        stream.set_read_timeout(Some(patience))?;
        stream.write_all(given.unwrap_or(&self.request))?;
        let (head, mut read) = self.read_head(&mut stream)?;
        while read < head.bytes + head.body_bytes {
            let wanted = (head.bytes + head.body_bytes - read).min(BUFFER_BYTES);
            read += some(stream.read(&mut self.buffer[..wanted])?)?;
        }
        if !head.closes {
            self.stream = Some(stream);
        }
        Ok(head.status)
    }

    /// The head, and how many bytes were read by then.
    fn read_head(&mut self, stream: &mut TcpStream) -> io::Result<(Head, usize)> {
        let mut read = 0;
        loop {
            read += some(stream.read(&mut self.buffer[read..])?)?;
            if let Some(head) = head(&self.buffer[..read])? {
                return Ok((head, read));
            }
        }
    }
}

/// Nothing read is the end of the stream, or of the buffer.
fn some(read: usize) -> io::Result<usize> {
    if read == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(read) }
}

/// Reads a whole head; `None` while it has no end yet. Only answers that state their length are understood, which is
/// what every peer here sends.
fn head(read: &[u8]) -> io::Result<Option<Head>> {
    let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let text = str::from_utf8(&read[..end]).map_err(|_| io::ErrorKind::InvalidData)?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let status = status.ok_or(io::ErrorKind::InvalidData)?;
    let field = |name: &str| {
        let mut fields = lines.clone().filter_map(|line| line.split_once(':'));
        fields.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    };
    let length = field("content-length").and_then(|length| length.parse().ok());
    let body_bytes = if status == 204 { Some(0) } else { length };
    let body_bytes = body_bytes.ok_or(io::ErrorKind::InvalidData)?;
    let closes = field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Ok(Some(Head { status, bytes: end + 4, body_bytes, closes }))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn a_head_is_read() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n").unwrap(), None);
        let read = head(b"HTTP/1.1 429 Slow\r\ncontent-length: 2\r\nConnection: close\r\n\r\n{}").unwrap();
        assert_eq!(read, Some(Head { status: 429, bytes: 59, body_bytes: 2, closes: true }));
        assert_eq!(head(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap().unwrap().body_bytes, 0);
    }

    #[test]
    fn a_head_without_a_length_is_refused() {
        assert!(head(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
        assert!(head(b"nonsense\r\n\r\n").is_err());
    }

    #[test]
    fn a_connection_is_used_again_and_opened_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let answers = [
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
            "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
        ];
        let server = thread::spawn(move || {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().unwrap();
                for answer in answers {
                    let mut request = [0; 1024];
                    let read = stream.read(&mut request).unwrap();
                    assert!(request[..read].starts_with(b"GET /a HTTP/1.1\r\n"));
                    stream.write_all(answer.as_bytes()).unwrap();
                }
            }
        });
        let mut connection = Connection::new(address, "/a", None, Instant::now() + Duration::from_secs(60));
        assert_eq!((connection.ask(None).unwrap(), connection.ask(None).unwrap()), (200, 500));
        assert!(connection.ask(None).is_err(), "the server hung up");
        assert_eq!((connection.ask(None).unwrap(), connection.ask(None).unwrap()), (200, 500));
        server.join().unwrap();
    }
}
