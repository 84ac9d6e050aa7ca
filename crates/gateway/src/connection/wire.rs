//! One client's connection as it is read: whole heads and pieces of bodies come out, only proper ones, and nothing is
//! waited for without end. Written to it is what it is given.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::ReadBuf;
use tokio::time::{Instant, Sleep};

use super::framing::{Framing, Phase, Step, Violation};
use super::head::Head;
use super::socket::Socket;

/// What is read from a socket at once.
const READ_BYTES: usize = 16 * 1024;

thread_local! {
    /// Room to read into, one for all connections of a thread: a connection that waits holds none of its own.
    static ROOM: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}

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

/// What comes next on a connection.
#[expect(clippy::large_enum_variant, reason = "taken apart at once; a box would cost every request")]
pub(super) enum Next {
    Head(Head),
    Refused(Refused),
    /// Nothing more.
    End,
}

/// Which request of a connection, counted from its first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number(u64);

pub(super) struct Wire {
    socket: Socket,
    framing: Framing,
    /// Read and not yet taken; nearly always empty, and then without memory.
    ahead: BytesMut,
    /// The heads that have been taken.
    heads: u64,
    patience: Patience,
    alarm: Pin<Box<Sleep>>,
    head_since: Option<Instant>,
    /// Something was read since the alarm last looked.
    touched: bool,
    /// The client waits for `100 Continue`: what is still to be said of it.
    go_on: &'static [u8],
    /// Who looks for a hang-up once the body has been read by somebody else.
    watcher: Option<Waker>,
}

/// What was taken out of the bytes at hand.
#[expect(clippy::large_enum_variant, reason = "taken apart at once; a box would cost every request")]
enum Part {
    Head(Head),
    Data(Bytes),
    /// The end of a body in chunks.
    BodyEnd,
    /// Of the connection.
    End,
}

enum Trouble {
    Violation(Violation),
    Io(io::Error),
}

impl Wire {
    pub(super) fn new(socket: Socket, patience: Patience) -> Self {
        let accepted = Instant::now();
        Self {
            socket,
            framing: Framing::default(),
            ahead: BytesMut::new(),
            heads: 0,
            patience,
            alarm: Box::pin(tokio::time::sleep_until(accepted + patience.head)),
            head_since: Some(accepted),
            touched: false,
            go_on: b"",
            watcher: None,
        }
    }

    /// The request whose head was taken last.
    pub(super) fn number(&self) -> Number {
        Number(self.heads)
    }

    /// What is left of the last request's body, where its length is told.
    pub(super) fn body_left(&self) -> Option<u64> {
        self.framing.left()
    }

    /// All of the last request's body, where its length is told and it came with the head.
    pub(super) fn body_at_hand(&mut self) -> Option<Bytes> {
        let left = self.framing.left().filter(|left| (1..=self.ahead.len() as u64).contains(left))?;
        match take(&mut self.framing, &mut self.ahead) {
            Ok(Some(Part::Data(data))) if data.len() as u64 == left => Some(data),
            _ => unreachable!("the next bytes are the body's, and all of them are here"),
        }
    }

    pub(super) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        let next = match self.poll_part(cx) {
            Poll::Ready(Ok(Part::Head(head))) => {
                self.heads += 1;
                self.head_since = None;
                self.go_on = if head.expects_continue { b"HTTP/1.1 100 Continue\r\n\r\n" } else { b"" };
                Next::Head(head)
            }
            Poll::Ready(Ok(Part::Data(_) | Part::BodyEnd)) => {
                unreachable!("a body is read before the next head")
            }
            Poll::Ready(Ok(Part::End) | Err(Trouble::Io(_))) => Next::End,
            Poll::Ready(Err(Trouble::Violation(violation))) => Next::Refused(Refused::Framing(violation)),
            Poll::Pending => {
                if !self.ahead.is_empty() && self.head_since.is_none() {
                    let now = Instant::now();
                    self.head_since = Some(now);
                    self.alarm.as_mut().reset(now + self.patience.head);
                }
                ready!(self.poll_overdue(cx));
                let begun = self.head_since.is_some() && !self.ahead.is_empty();
                if begun { Next::Refused(Refused::HeadTimeout) } else { Next::End }
            }
        };
        Poll::Ready(next)
    }

    /// A piece of a request's body; `None` at its end.
    pub(super) fn poll_body(
        &mut self,
        number: Number,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Bytes>>> {
        if number != self.number() {
            return Poll::Ready(Some(Err(io::Error::other("the request is over"))));
        }
        if self.framing.phase() == Phase::Head {
            return Poll::Ready(None);
        }
        while !self.go_on.is_empty() && self.ahead.is_empty() {
            let written = ready!(self.socket.poll_write(cx, self.go_on));
            match written {
                Ok(count) => self.go_on = &self.go_on[count..],
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
            if self.go_on.is_empty() {
                // A few bytes: the socket has room for them, or the client reads nothing anyway.
                let _sent_with_the_answer_at_the_latest = self.socket.poll_flush(cx)?;
            }
        }
        let piece = match self.poll_part(cx) {
            Poll::Ready(Ok(Part::Data(data))) => Some(Ok(data)),
            Poll::Ready(Ok(Part::BodyEnd)) => None,
            Poll::Ready(Ok(Part::Head(_))) => unreachable!("a head is read after the body before it"),
            Poll::Ready(Ok(Part::End)) => Some(Err(io::ErrorKind::UnexpectedEof.into())),
            Poll::Ready(Err(Trouble::Io(error))) => Some(Err(error)),
            Poll::Ready(Err(Trouble::Violation(_))) => Some(Err(malformed())),
            Poll::Pending => {
                ready!(self.poll_overdue(cx));
                Some(Err(io::Error::new(io::ErrorKind::TimedOut, "the request's body stopped coming")))
            }
        };
        if self.framing.phase() == Phase::Head
            && let Some(watcher) = self.watcher.take()
        {
            watcher.wake();
        }
        Poll::Ready(piece)
    }

    /// While a request is in service: ready when its client is gone.
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.framing.phase() == Phase::Body {
            // Whoever reads the body will see it.
            if !self.watcher.as_ref().is_some_and(|watcher| watcher.will_wake(cx.waker())) {
                self.watcher = Some(cx.waker().clone());
            }
            return Poll::Pending;
        }
        if !self.ahead.is_empty() {
            return Poll::Pending; // the next request is here already, and hides what comes after it
        }
        let read = self.poll_read(cx, |_, ahead, new| {
            ahead.extend_from_slice(new);
            Ok(())
        });
        match ready!(read) {
            Ok(Some(())) => Poll::Pending,
            Ok(None) | Err(_) => Poll::Ready(()),
        }
    }

    /// Takes what is here of a body that nobody wants; `false` when there is more to come.
    pub(super) fn skip_body(&mut self) -> bool {
        while self.framing.phase() == Phase::Body {
            match take(&mut self.framing, &mut self.ahead) {
                Ok(Some(Part::Data(_) | Part::BodyEnd)) => {}
                Ok(_) | Err(_) => return false,
            }
        }
        true
    }

    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.socket.poll_write(cx, bytes)
    }

    /// What was written has left.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_flush(cx)
    }

    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_shutdown(cx)
    }

    /// Reads what nobody wants; ready at its end.
    pub(super) fn poll_waste(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Ok(Some(())) = ready!(self.poll_read(cx, |_, _, _| Ok(()))) {}
        Poll::Ready(())
    }

    /// The next part, of the bytes at hand or of those that come.
    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<Result<Part, Trouble>> {
        if !self.ahead.is_empty()
            && let Some(part) = take(&mut self.framing, &mut self.ahead).map_err(Trouble::Violation)?
        {
            return Poll::Ready(Ok(part));
        }
        loop {
            let read = self.poll_read(cx, |framing, ahead, new| {
                if !ahead.is_empty() {
                    ahead.extend_from_slice(new);
                    return take(framing, ahead);
                }
                let mut rest = new;
                let part = take(framing, &mut rest);
                ahead.extend_from_slice(rest);
                part
            });
            match ready!(read)? {
                Some(Some(part)) => return Poll::Ready(Ok(part)),
                Some(None) => {}
                None => return Poll::Ready(Ok(Part::End)),
            }
        }
    }

    /// Reads once and has it looked at; `None` at the end.
    fn poll_read<T>(
        &mut self,
        cx: &mut Context<'_>,
        look: impl FnOnce(&mut Framing, &mut BytesMut, &[u8]) -> Result<T, Violation>,
    ) -> Poll<Result<Option<T>, Trouble>> {
        ROOM.with_borrow_mut(|room| {
            let mut space = ReadBuf::new(room);
            ready!(self.socket.poll_read(cx, &mut space)).map_err(Trouble::Io)?;
            if space.filled().is_empty() {
                return Poll::Ready(Ok(None));
            }
            self.touched = true;
            let seen = look(&mut self.framing, &mut self.ahead, space.filled());
            Poll::Ready(seen.map(Some).map_err(Trouble::Violation))
        })
    }

    /// When nothing comes: ready once the client's time for a head, for the next piece of a body or for the next
    /// request is up.
    fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.alarm.as_mut().poll(cx));
            let now = Instant::now();
            let touched = std::mem::take(&mut self.touched);
            let again = match (self.head_since, self.framing.phase()) {
                (Some(since), _) if now >= since + self.patience.head => return Poll::Ready(()),
                (Some(since), _) => since + self.patience.head,
                (None, _) if !touched => return Poll::Ready(()),
                (None, Phase::Body) => now + self.patience.body_idle,
                (None, Phase::Head) => now + self.patience.idle,
            };
            self.alarm.as_mut().reset(again);
        }
    }
}

/// Takes the next part off the front of `bytes`; `None` when it is not all there.
fn take(framing: &mut Framing, bytes: &mut impl Buf) -> Result<Option<Part>, Violation> {
    loop {
        let before = framing.phase();
        match framing.next(bytes.chunk())? {
            Step::Framing(count) => {
                bytes.advance(count);
                if (before, framing.phase()) == (Phase::Body, Phase::Head) {
                    return Ok(Some(Part::BodyEnd));
                }
            }
            Step::Data(count) => return Ok(Some(Part::Data(bytes.copy_to_bytes(count)))),
            Step::Head(head, count) => {
                bytes.advance(count);
                return Ok(Some(Part::Head(head)));
            }
            Step::Incomplete => return Ok(None),
        }
    }
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the body's chunks are malformed")
}

impl From<Trouble> for io::Error {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Io(error) => error,
            Trouble::Violation(_) => malformed(),
        }
    }
}
