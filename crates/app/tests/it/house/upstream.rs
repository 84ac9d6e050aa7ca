//! A HubSpot that follows a script: it writes down what it hears, and answers any bytes at all, or none.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// A write that makes no progress for this long is held back by the reader.
const HELD_BACK: Duration = Duration::from_millis(500);

/// What the upstream does when it has heard a request.
#[derive(Clone)]
pub(crate) enum Act {
    /// Writes these bytes.
    Say(Vec<u8>),
    /// Writes as many bytes as told, counting up, and notifies once a reader holds it back or all is written.
    Pour(usize, Arc<Notify>),
    /// Goes on when notified.
    Await(Arc<Notify>),
    /// Ends the connection.
    Close,
    /// Ends the connection with a reset.
    Reset,
    /// Says no more, but keeps the connection.
    Stall,
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    /// Request line and headers.
    pub(crate) head: String,
    /// Without the chunks' framing.
    pub(crate) body: Vec<u8>,
}

/// From a request to what is done about it.
type Script = dyn Fn(&Heard) -> Vec<Act> + Send + Sync;

/// The server. It ends when dropped.
pub(crate) struct Upstream {
    pub(crate) url: String,
    heard: Arc<Mutex<Vec<Heard>>>,
    connections: Arc<Mutex<usize>>,
    arrived: Arc<Notify>,
    accepting: JoinHandle<()>,
}

/// A plain answer with JSON in it.
pub(crate) fn json_answer(status: &str, body: &str) -> Act {
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    Act::Say(format!("{head}\r\n{body}").into_bytes())
}

impl Upstream {
    /// Answers every request as `script` says. A connection whose script does not end it takes the next request.
    pub(crate) async fn start(script: impl Fn(&Heard) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (heard, connections): (Arc<Mutex<Vec<Heard>>>, Arc<Mutex<usize>>) = Default::default();
        let arrived = Arc::new(Notify::new());
        let script: Arc<Script> = Arc::new(script);
        let (books, count, bell) = (heard.clone(), connections.clone(), arrived.clone());
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                *count.lock() += 1;
                let (script, books, bell) = (script.clone(), books.clone(), bell.clone());
                tokio::spawn(serve(stream, script, books, bell));
            }
        });
        Self { url, heard, connections, arrived, accepting }
    }

    /// Answers every request with the same bytes.
    pub(crate) async fn saying(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |_| vec![Act::Say(answer.clone())]).await
    }

    /// An address where nobody listens but who is told to.
    pub(crate) async fn nobody() -> String {
        format!("http://{}", super::ports::hold(0).unwrap())
    }

    /// Every request so far, but for the gateway's own questions about the account.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        let heard = self.heard.lock();
        heard.iter().filter(|heard| !heard.head.contains(" /account-info/v3/details ")).cloned().collect()
    }

    /// The only request so far.
    pub(crate) fn only(&self) -> Heard {
        let heard = self.heard();
        assert_eq!(heard.len(), 1, "{heard:#?}");
        heard.into_iter().next().expect("there is one")
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock()
    }

    /// Waits until `count` requests have arrived.
    pub(crate) async fn hears(&self, count: usize) {
        self.waits_for(|upstream| upstream.heard().len() >= count).await;
    }

    /// Waits until a request came on each of `count` connections, whoever made it.
    pub(crate) async fn is_called(&self, count: usize) {
        self.waits_for(|upstream| upstream.heard.lock().len() >= count && upstream.connections() >= count)
            .await;
    }

    async fn waits_for(&self, enough: impl Fn(&Self) -> bool) {
        let waiting = async {
            loop {
                let arrived = self.arrived.notified();
                if enough(self) {
                    return;
                }
                arrived.await;
            }
        };
        tokio::time::timeout(super::PATIENCE, waiting).await.expect("the requests arrive");
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Script>, books: Arc<Mutex<Vec<Heard>>>, bell: Arc<Notify>) {
    let mut buffer = Vec::new();
    while let Some(heard) = listen(&mut stream, &mut buffer).await {
        books.lock().push(heard.clone());
        bell.notify_waiters();
        for act in script(&heard) {
            match act {
                // The gateway may hang up at any time.
                Act::Say(bytes) => drop(stream.write_all(&bytes).await),
                Act::Pour(count, done) => pour(&mut stream, count, &done).await,
                Act::Await(signal) => signal.notified().await,
                Act::Close => return,
                Act::Reset => {
                    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
                    return;
                }
                Act::Stall => std::future::pending().await,
            }
        }
    }
}

async fn pour(stream: &mut TcpStream, count: usize, held_back: &Notify) {
    let mut written = 0;
    while written < count {
        let piece: Vec<u8> = (written..count.min(written + 64 * 1024)).map(|at| at as u8).collect();
        let mut rest = &piece[..];
        while !rest.is_empty() {
            match tokio::time::timeout(HELD_BACK, stream.write(rest)).await {
                Ok(Ok(count)) => rest = &rest[count..],
                Ok(Err(_)) => return,
                Err(_held_back) => held_back.notify_one(),
            }
        }
        written += piece.len();
    }
    held_back.notify_one();
}

/// The next request; `None` at the end.
async fn listen(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Heard> {
    let head = until(stream, buffer, b"\r\n\r\n").await?;
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut heard = Heard { head, body: Vec::new() };
    if heard.header("transfer-encoding").is_some() {
        loop {
            let line = until(stream, buffer, b"\r\n").await?;
            let size = usize::from_str_radix(std::str::from_utf8(&line).ok()?.trim(), 16).ok()?;
            heard.body.extend(take(stream, buffer, size).await?);
            take(stream, buffer, 2).await?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = heard.header("content-length") {
        heard.body = take(stream, buffer, length.parse().ok()?).await?;
    }
    Some(heard)
}

async fn until(stream: &mut TcpStream, buffer: &mut Vec<u8>, mark: &[u8]) -> Option<Vec<u8>> {
    loop {
        if let Some(at) = buffer.windows(mark.len()).position(|window| window == mark) {
            return Some(buffer.drain(..at + mark.len()).collect());
        }
        stream.read_buf(buffer).await.ok().filter(|count| *count > 0)?;
    }
}

async fn take(stream: &mut TcpStream, buffer: &mut Vec<u8>, count: usize) -> Option<Vec<u8>> {
    while buffer.len() < count {
        stream.read_buf(buffer).await.ok().filter(|count| *count > 0)?;
    }
    Some(buffer.drain(..count).collect())
}

impl Heard {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn request_line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// Every header: `name: value`, names in small letters, sorted.
    pub(crate) fn headers(&self) -> Vec<String> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let mut lines: Vec<_> =
            lines.map(|(name, value)| format!("{}: {}", name.to_lowercase(), value.trim())).collect();
        lines.sort();
        lines
    }
}
