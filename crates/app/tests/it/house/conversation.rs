//! A client that writes and reads raw bytes, so that a test can say exactly what a polite library never would.

use std::fmt;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{PATIENCE, canary};

/// Admin APIs, by `host:port`.
static WATCHED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// One connection to a server.
pub(crate) struct Conversation {
    pub(crate) stream: TcpStream,
    /// Read and not yet used.
    buffer: Vec<u8>,
    /// No answer may show a secret.
    watched: bool,
}

/// One answer.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and headers as they came.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// One request on a connection of its own. Header lines come without line ends.
pub(crate) async fn ask(url: &str, method: &str, target: &str, headers: &[&str], body: &str) -> Answer {
    let mut conversation = Conversation::open(url).await;
    conversation.ask(method, target, headers, body).await
}

/// From now on, no answer from there may show a secret.
pub(super) fn watch(url: &str) {
    WATCHED.lock().push(authority(url).to_owned());
}

/// `host:port` of a URL.
pub(super) fn authority(url: &str) -> &str {
    url.strip_prefix("http://").unwrap_or(url)
}

impl Conversation {
    pub(crate) async fn open(url: &str) -> Self {
        let stream = TcpStream::connect(authority(url)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let watched = WATCHED.lock().iter().any(|watched| watched == authority(url));
        Self { stream, buffer: Vec::new(), watched }
    }

    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        canary::hand_out_sent(bytes.as_ref());
        timeout(PATIENCE, self.stream.write_all(bytes.as_ref())).await.expect("it reads").unwrap();
    }

    pub(crate) async fn ask(&mut self, method: &str, target: &str, headers: &[&str], body: &str) -> Answer {
        let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let length = match body {
            "" => String::new(),
            body => format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()),
        };
        self.say(format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\n{lines}{length}\r\n{body}")).await;
        if method == "HEAD" { self.head_only().await } else { self.answer().await }
    }

    /// The next answer, whole.
    pub(crate) async fn answer(&mut self) -> Answer {
        let mut answer = self.head_only().await;
        while answer.status < 200 {
            answer = self.head_only().await;
        }
        let length = answer.header("content-length").map(|length| length.parse().unwrap());
        answer.body = if matches!(answer.status, 204 | 304) {
            Vec::new()
        } else if answer.header("transfer-encoding") == Some("chunked") {
            self.chunked().await
        } else if let Some(length) = length {
            self.take(length).await
        } else {
            while self.fill().await > 0 {}
            std::mem::take(&mut self.buffer)
        };
        if self.watched {
            canary::assert_absent("an answer of the admin API", answer.head.as_bytes());
            canary::assert_absent("an answer of the admin API", &answer.body);
        }
        answer
    }

    /// The next answer's head; also what a HEAD gets.
    pub(crate) async fn head_only(&mut self) -> Answer {
        let head = String::from_utf8_lossy(&self.until(b"\r\n\r\n").await).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Answer { status: status.unwrap_or_else(|| panic!("no status in {head:?}")), head, body: Vec::new() }
    }

    /// The server ends the connection without a reset, and says nothing more.
    pub(crate) async fn ends(&mut self) {
        while self.fill().await > 0 {}
        assert_eq!(String::from_utf8_lossy(&self.buffer), "", "it ended with more to say");
    }

    /// Everything until the end; an error is the end too.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.buffer);
        let reading = self.stream.read_to_end(&mut rest);
        let _reset = timeout(PATIENCE, reading).await.expect("it ends");
        rest
    }

    async fn chunked(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let line = self.until(b"\r\n").await;
            let line = String::from_utf8_lossy(&line);
            let size = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16).unwrap();
            body.extend(self.take(size).await);
            assert_eq!(self.take(2).await, b"\r\n");
            if size == 0 {
                return body;
            }
        }
    }

    async fn until(&mut self, mark: &[u8]) -> Vec<u8> {
        loop {
            if let Some(at) = self.buffer.windows(mark.len()).position(|window| window == mark) {
                return self.buffer.drain(..at + mark.len()).collect();
            }
            assert_ne!(self.fill().await, 0, "ended after {:?}", String::from_utf8_lossy(&self.buffer));
        }
    }

    async fn take(&mut self, count: usize) -> Vec<u8> {
        while self.buffer.len() < count {
            assert_ne!(self.fill().await, 0, "ended after {} of {count} bytes", self.buffer.len());
        }
        self.buffer.drain(..count).collect()
    }

    async fn fill(&mut self) -> usize {
        let reading = self.stream.read_buf(&mut self.buffer);
        timeout(PATIENCE, reading).await.expect("it answers in time").expect("the connection holds")
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:.2000}", self.head, String::from_utf8_lossy(&self.body))
    }
}

impl Answer {
    /// A header's value; several are joined as RFC 9110 says.
    /// Each of that name.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let all = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        all.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Every header but those of one connection and those we add: `name: value`, sorted.
    pub(crate) fn end_to_end(&self) -> Vec<String> {
        let ours = ["connection", "transfer-encoding", "date", "keep-alive", "content-length"];
        let lines = self.head.lines().skip(1).filter(|line| !line.is_empty());
        let mut lines: Vec<String> = lines
            .map(|line| line.split_once(':').expect("a header has a colon"))
            .map(|(name, value)| format!("{}: {}", name.to_lowercase(), value.trim()))
            .filter(|line| !ours.iter().any(|name| line.starts_with(&format!("{name}:"))))
            .filter(|line| !line.starts_with("x-hubkeeper-"))
            .collect();
        lines.sort();
        lines
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// One of our own errors: HubSpot's shape, a category that names us, a correlation id. Gives its message.
    pub(crate) fn refusal(&self, status: u16, category: &str) -> String {
        assert_eq!(self.status, status, "{self:?}");
        let body = self.json();
        assert_eq!(body["status"], "error", "{body}");
        assert_eq!(body["category"], category, "{body}");
        assert_eq!(body["correlationId"].as_str().map(str::len), Some(36), "{body}");
        assert_eq!(self.header("content-type"), Some("application/json;charset=utf-8"));
        body["message"].as_str().expect("an error has a message").to_owned()
    }
}
