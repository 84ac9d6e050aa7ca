//! The least of HTTP/1.1 that the rigs need, blocking and without anything of hubkeeper's own: it must not share a bug.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// Nothing here takes as long; who waits longer has been left without an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Heads and bodies beyond this are nobody's we talk to.
const BYTES_MAX: usize = 64 * 1024 * 1024;

pub(crate) type Headers = Vec<(String, String)>;

#[derive(Debug)]
pub(crate) struct Message {
    /// `HTTP/1.1 200 OK`, or `POST /hook HTTP/1.1`.
    pub(crate) first_line: String,
    /// Names in lower case.
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
}

/// One connection, opened when it is needed.
pub(crate) struct Client {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    pub(crate) const fn new(address: SocketAddr) -> Self {
        Self { address, stream: None }
    }

    /// One request and its answer. After an error nobody knows whether it arrived.
    pub(crate) fn ask(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Message> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect()?,
        };
        let mut head = format!("{method} {target} HTTP/1.1\r\ncontent-length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push_str(&format!("host: {}\r\n", self.address));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut request = head.into_bytes();
        request.extend_from_slice(body);
        stream.get_mut().write_all(&request)?;
        let answer = read(&mut stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if answer.header("connection").is_none_or(|value| !value.eq_ignore_ascii_case("close")) {
            self.stream = Some(stream);
        }
        Ok(answer)
    }

    fn connect(&self) -> io::Result<BufReader<TcpStream>> {
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(BufReader::new(stream))
    }
}

impl Message {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Of an answer; 0 where there is none.
    pub(crate) fn status(&self) -> u16 {
        self.first_line.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0)
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Answers every request with the status that `answer` gives, until the process ends.
pub(crate) fn serve<F>(answer: F) -> io::Result<SocketAddr>
where
    F: Fn(&Message) -> u16 + Send + Sync + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || converse(stream, answer.as_ref()));
        }
    });
    Ok(address)
}

fn converse(stream: TcpStream, answer: &(impl Fn(&Message) -> u16 + ?Sized)) {
    let _slower_at_worst = stream.set_nodelay(true);
    let mut stream = BufReader::new(stream);
    while let Ok(Some(request)) = read(&mut stream) {
        let status = answer(&request);
        let text = format!("HTTP/1.1 {status} -\r\ncontent-length: 0\r\n\r\n");
        if stream.get_mut().write_all(text.as_bytes()).is_err() {
            return;
        }
    }
}

/// `None` where the other side ended before a message began.
fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Message>> {
    let Some(first_line) = line(stream)? else { return Ok(None) };
    let mut headers = Headers::new();
    loop {
        let text = line(stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if text.is_empty() {
            break;
        }
        let (name, value) = text.split_once(':').ok_or(io::ErrorKind::InvalidData)?;
        headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut message = Message { first_line, headers, body: Vec::new() };
    let is_empty = matches!(message.status(), 204 | 304);
    if message.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
        message.body = chunks(stream)?;
    } else if let Some(length) = message.header("content-length").filter(|_| !is_empty) {
        let length: usize = length.parse().map_err(|_| io::ErrorKind::InvalidData)?;
        message.body = exactly(stream, length)?;
    }
    Ok(Some(message))
}

fn chunks(stream: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = line(stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let size = size.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).map_err(|_| io::ErrorKind::InvalidData)?;
        body.extend(exactly(stream, size)?);
        line(stream)?;
        if size == 0 {
            return Ok(body);
        }
    }
}

fn exactly(stream: &mut BufReader<TcpStream>, length: usize) -> io::Result<Vec<u8>> {
    if length > BYTES_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn line(stream: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    let mut text = String::new();
    if stream.read_line(&mut text)? == 0 {
        return Ok(None);
    }
    if !text.ends_with('\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(text.trim_end().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_asked_again_on_one_connection() {
        let address = serve(|request| if request.body == b"x" { 200 } else { 404 }).unwrap();
        let mut client = Client::new(address);
        assert_eq!(client.ask("POST", "/a", &[("a", "b")], b"x").unwrap().status(), 200);
        assert_eq!(client.ask("POST", "/a", &[], b"y").unwrap().status(), 404);
    }
}
