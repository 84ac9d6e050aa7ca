//! The socket as hyper sees it: only proper requests, and never for ever.
//!
//! A refused request reaches hyper as a harmless one in its place, [`REFUSED_REQUEST`], so that the answer goes out
//! in its turn behind those to earlier requests; what is wrong is told to the service beside it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::framing::{Framing, Phase, Violation};

/// What stands in for a refused request. No request that is passed on has a target without a slash.
const REFUSED_REQUEST: &[u8] = b"OPTIONS * HTTP/1.1\r\nhost: hubkeeper\r\nconnection: close\r\n\r\n";
const REFUSED_TARGET: &str = "*";

/// What is read from the socket at once.
const READ_BYTES: usize = 4 * 1024;

/// How long a client that is still sending has to read our last answer.
const LINGER: Duration = Duration::from_secs(2);

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// From accept, or from a head's first byte, to its end.
    pub head: Duration,
    /// Between two reads of a body.
    pub body_idle: Duration,
    /// Between two requests. Kept coarsely: a connection may live twice as long.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(10),
            body_idle: Duration::from_secs(30),
            idle: Duration::from_secs(75),
        }
    }
}

/// Why a request is refused without being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Framing(Violation),
    HeadTimeout,
}

/// What the service and the socket tell each other.
#[derive(Debug, Default)]
pub(crate) struct Line {
    refused: Mutex<Option<Refused>>,
    serving: AtomicBool,
}

/// The guarded socket.
pub(crate) struct Guard {
    socket: TcpStream,
    framing: Framing,
    /// Room to read into; the first `filled` bytes are read, of which the first `passed` are proper, of which the first
    /// `given` went to hyper.
    buffer: Vec<u8>,
    filled: usize,
    passed: usize,
    given: usize,
    line: Arc<Line>,
    state: State,
    patience: Patience,
    alarm: Pin<Box<Sleep>>,
    head_since: Option<Instant>,
    touched: bool,
    lingering: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The stand-in for a refused request is in the buffer; nothing more is read.
    Refused,
    /// A body's chunks are malformed; after what came before, hyper is told.
    Broken,
}

/// A request in service; idle time counts only when there is none.
pub(crate) struct Serving<'a>(&'a Line);

impl Line {
    /// Why `target` was refused, if its request is the stand-in: requests before it may still wait for their turn.
    pub(crate) fn refused(&self, target: &Uri) -> Option<Refused> {
        if target.path() == REFUSED_TARGET { self.refused.lock().take() } else { None }
    }

    pub(crate) fn serve(&self) -> Serving<'_> {
        self.serving.store(true, Ordering::Relaxed);
        Serving(self)
    }
}

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        self.0.serving.store(false, Ordering::Relaxed);
    }
}

impl Guard {
    pub(crate) fn new(socket: TcpStream, line: Arc<Line>, patience: Patience) -> Self {
        let accepted = Instant::now();
        Self {
            socket,
            framing: Framing::default(),
            buffer: Vec::new(),
            filled: 0,
            passed: 0,
            given: 0,
            line,
            state: State::Open,
            patience,
            alarm: Box::pin(tokio::time::sleep_until(accepted + patience.head)),
            head_since: Some(accepted),
            touched: false,
            lingering: None,
        }
    }

    /// Bytes of a request that nobody has read; closing on them would reset the connection under our answer.
    fn has_unread(&self) -> bool {
        self.state == State::Refused || self.framing.phase() == Phase::Body
    }

    fn refuse(&mut self, refused: Refused) {
        *self.line.refused.lock() = Some(refused);
        self.state = State::Refused;
        self.buffer.truncate(self.passed);
        self.buffer.extend_from_slice(REFUSED_REQUEST);
        self.filled = self.buffer.len();
        self.passed = self.filled;
    }

    /// Reads once from the socket and looks at what came. `Ready(0)` at its end.
    fn fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.given > 0 {
            self.buffer.copy_within(self.given..self.filled, 0);
            self.filled -= self.given;
            self.passed -= self.given;
            self.given = 0;
        }
        if self.buffer.len() - self.filled < READ_BYTES / 2 {
            self.buffer.resize(self.filled + READ_BYTES, 0);
        }
        let mut space = ReadBuf::new(&mut self.buffer[self.filled..]);
        ready!(Pin::new(&mut self.socket).poll_read(cx, &mut space))?;
        let count = space.filled().len();
        self.filled += count;
        if count > 0 {
            self.look();
        }
        Poll::Ready(Ok(count))
    }

    fn look(&mut self) {
        self.touched = true;
        let advance = self.framing.advance(&self.buffer[self.passed..self.filled]);
        self.passed += advance.passed;
        // Empty lines are no head: its time goes on.
        if advance.heads > 0 {
            self.head_since = None;
        }
        match advance.violation {
            Some(Violation::BadChunk) => self.state = State::Broken,
            Some(violation) => self.refuse(Refused::Framing(violation)),
            None => {
                let head_begun = self.passed < self.filled && self.framing.phase() == Phase::Head;
                if head_begun && self.head_since.is_none() {
                    let now = Instant::now();
                    self.head_since = Some(now);
                    self.alarm.as_mut().reset(now + self.patience.head);
                }
            }
        }
    }

    /// What to do when nothing comes: go on waiting, give up on a head, a body or the connection.
    fn overdue(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.alarm.as_mut().poll(cx));
            let now = Instant::now();
            let touched = std::mem::take(&mut self.touched);
            let again = match (self.head_since, self.framing.phase()) {
                (Some(since), _) if now >= since + self.patience.head => {
                    if self.filled > 0 {
                        self.refuse(Refused::HeadTimeout);
                    }
                    return Poll::Ready(Ok(()));
                }
                (Some(since), _) => since + self.patience.head,
                (None, Phase::Body) if !touched => {
                    return Poll::Ready(Err(io::Error::new(
                        io::ErrorKind::TimedOut,
                        "the request's body stopped coming",
                    )));
                }
                (None, Phase::Body) => now + self.patience.body_idle,
                (None, Phase::Head) if !touched && !self.line.serving.load(Ordering::Relaxed) => {
                    return Poll::Ready(Ok(()));
                }
                (None, Phase::Head) => now + self.patience.idle,
            };
            self.alarm.as_mut().reset(again);
        }
    }
}

impl Read for Guard {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut out: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let guard = self.get_mut();
        loop {
            if guard.given < guard.passed {
                let count = (guard.passed - guard.given).min(out.remaining());
                out.put_slice(&guard.buffer[guard.given..guard.given + count]);
                guard.given += count;
                return Poll::Ready(Ok(()));
            }
            match guard.state {
                State::Open => {}
                State::Refused => return Poll::Pending, // hyper closes after the answer
                State::Broken => {
                    let what = "the body's chunks are malformed";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, what)));
                }
            }
            match guard.fill(cx)? {
                Poll::Ready(0) => return Poll::Ready(Ok(())),
                Poll::Ready(_) => {}
                Poll::Pending => {
                    ready!(guard.overdue(cx))?;
                    if guard.state == State::Open {
                        return Poll::Ready(Ok(())); // the end, as far as hyper knows
                    }
                }
            }
        }
    }
}

impl Write for Guard {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let guard = self.get_mut();
        guard.touched = true;
        Pin::new(&mut guard.socket).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    /// Closes our side; with a request half read, waits a little for the client to notice. Closing on unread bytes
    /// would reset the connection, and our answer might be lost with it.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let guard = self.get_mut();
        if guard.lingering.is_none() {
            ready!(Pin::new(&mut guard.socket).poll_shutdown(cx))?;
            if !guard.has_unread() {
                return Poll::Ready(Ok(()));
            }
            guard.lingering = Some(Box::pin(tokio::time::sleep(LINGER)));
        }
        let mut waste = [0; READ_BYTES];
        loop {
            let mut space = ReadBuf::new(&mut waste);
            match Pin::new(&mut guard.socket).poll_read(cx, &mut space) {
                Poll::Ready(Ok(())) if !space.filled().is_empty() => {}
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => break,
            }
        }
        guard.lingering.as_mut().map_or(Poll::Ready(Ok(())), |alarm| alarm.as_mut().poll(cx).map(Ok))
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let guard = self.get_mut();
        guard.touched = true;
        Pin::new(&mut guard.socket).poll_write_vectored(cx, bytes)
    }
}
