//! One connection: a request out, its answer in. Who waits for the answer drives both; there is no task behind it.

use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::{HeaderValue, Request};

use super::head::{Asked, Head};
use super::outgoing::{Broken, Outgoing};
use super::reader::{Reader, Step, Violation};
use super::wire::{Socket, Wire};
use crate::body::{Body, BodyError};
use crate::transport::{TransportError, TransportFault};

/// A connection that breaks on its first request after this long was closed while it was idle.
const IDLE: Duration = Duration::from_secs(1);

pub(super) struct Connection {
    wire: Wire,
    reader: Reader,
    sending: Sending,
    /// The server takes another request once this answer has ended.
    keep_alive: bool,
    /// How long it was idle before the request under way; `None` on its first.
    idle: Option<Duration>,
}

enum Sending {
    UnderWay(Outgoing),
    Done,
    /// The server takes no more. What it says may still be an answer.
    Stopped(io::Error),
}

/// The head of an answer, and its body where that is here already.
pub(super) struct Begun {
    pub(super) head: Head,
    pub(super) whole: Option<Bytes>,
}

/// A piece of an answer's body.
enum Part {
    Data(Bytes),
    End,
}

/// Why there is no answer.
enum Trouble {
    Violation(Violation),
    Io(io::Error),
    /// The server ended the connection.
    End,
}

impl Connection {
    pub(super) fn new(socket: Socket) -> Self {
        Self {
            wire: Wire::new(socket),
            reader: Reader::new(Asked::ForAll),
            sending: Sending::Done,
            keep_alive: true,
            idle: None,
        }
    }

    /// Whether a request may be sent: nothing that was sent before is seen by a server that has closed.
    pub(super) fn is_open(&mut self) -> bool {
        self.wire.is_quiet()
    }

    /// Whether it can carry another request: all that was sent and said has come to its end.
    pub(super) fn is_free(&self) -> bool {
        self.keep_alive
            && self.reader.has_ended()
            && self.wire.ahead.is_empty()
            && matches!(self.sending, Sending::Done)
    }

    /// Begins to send. From here on the server may have seen the request.
    pub(super) fn begin(
        &mut self,
        request: Request<Body>,
        host: &HeaderValue,
        idle: Option<Duration>,
        cx: &mut Context<'_>,
    ) -> Result<(), TransportError> {
        self.reader = Reader::new(Asked::by(request.method()));
        self.idle = idle;
        match Outgoing::begin(request, host, &mut self.wire, cx) {
            Ok(outgoing) => self.sending = Sending::UnderWay(outgoing),
            Err(broken) => self.broke(broken)?,
        }
        Ok(())
    }

    /// The head of the answer, which may come before the request has gone out.
    pub(super) fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<Begun, TransportError>> {
        self.send_on(cx)?;
        let begun = ready!(self.poll_head(cx)).map_err(|trouble| self.fault(trouble))?;
        self.keep_alive = begun.head.keep_alive;
        Poll::Ready(Ok(begun))
    }

    /// A piece of the answer's body; `None` at its end.
    pub(super) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        if let Err(broken) = self.send_on(cx) {
            // The caller's upload broke off; the answer goes on.
            self.sending = Sending::Stopped(io::Error::other(broken));
        }
        loop {
            match take(&mut self.reader, &mut self.wire.ahead) {
                Ok(Some(Part::Data(data))) => return Poll::Ready(Some(Ok(data))),
                Ok(Some(Part::End)) => return Poll::Ready(None),
                Ok(None) => {}
                Err(violation) => return Poll::Ready(Some(Err(violation.into()))),
            }
            let reader = &mut self.reader;
            let read = self.wire.poll_read(cx, |ahead, mut new| {
                if !ahead.is_empty() {
                    ahead.extend_from_slice(new);
                    return Ok(None);
                }
                let part = take(reader, &mut new);
                ahead.extend_from_slice(new);
                part
            });
            match ready!(read) {
                Ok(Some(Ok(Some(Part::Data(data))))) => return Poll::Ready(Some(Ok(data))),
                Ok(Some(Ok(Some(Part::End)))) => return Poll::Ready(None),
                Ok(Some(Ok(None))) => {}
                Ok(Some(Err(violation))) => return Poll::Ready(Some(Err(violation.into()))),
                Ok(None) => return Poll::Ready(self.ends()),
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
        }
    }

    /// What is left of the answer's body, where its length is told.
    pub(super) fn left(&self) -> Option<u64> {
        self.reader.left()
    }

    fn send_on(&mut self, cx: &mut Context<'_>) -> Result<(), TransportError> {
        let Sending::UnderWay(outgoing) = &mut self.sending else { return Ok(()) };
        match outgoing.poll(&mut self.wire, cx) {
            Poll::Ready(Ok(())) => self.sending = Sending::Done,
            Poll::Ready(Err(broken)) => self.broke(broken)?,
            Poll::Pending => {}
        }
        Ok(())
    }

    fn broke(&mut self, broken: Broken) -> Result<(), TransportError> {
        match broken {
            Broken::Body(error) => Err(TransportError::new(TransportFault::RequestBody, error)),
            Broken::Wire(error) => {
                self.sending = Sending::Stopped(error);
                Ok(())
            }
        }
    }

    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Begun, Trouble>> {
        loop {
            let reader = &mut self.reader;
            let read = self.wire.poll_read(cx, |ahead, mut new| {
                if !ahead.is_empty() {
                    ahead.extend_from_slice(new);
                    return take_head(reader, ahead);
                }
                let begun = take_head(reader, &mut new);
                ahead.extend_from_slice(new);
                begun
            });
            return Poll::Ready(match ready!(read) {
                Ok(Some(Ok(None))) => continue,
                Ok(Some(Ok(Some(begun)))) => Ok(begun),
                Ok(Some(Err(violation))) => Err(Trouble::Violation(violation)),
                Ok(None) => Err(match self.reader.close(&self.wire.ahead) {
                    Ok(_) => Trouble::End,
                    Err(violation) => Trouble::Violation(violation),
                }),
                Err(error) => Err(Trouble::Io(error)),
            });
        }
    }

    /// What broke a request that had gone out, at least in part.
    fn fault(&mut self, trouble: Trouble) -> TransportError {
        let stopped = match std::mem::replace(&mut self.sending, Sending::Done) {
            Sending::Stopped(error) => Some(error),
            Sending::UnderWay(_) | Sending::Done => None,
        };
        let ended = || io::Error::new(io::ErrorKind::UnexpectedEof, "the server ended the connection");
        let error = match trouble {
            Trouble::Violation(violation) => {
                return TransportError::new(TransportFault::Malformed, violation);
            }
            Trouble::Io(error) => stopped.unwrap_or(error),
            Trouble::End => stopped.unwrap_or_else(ended),
        };
        let silent = self.reader.has_not_begun() && self.wire.ahead.is_empty();
        let fault = match self.idle {
            Some(idle) if idle >= IDLE && silent => TransportFault::ResetAfterIdle,
            Some(_) | None => TransportFault::Reset,
        };
        TransportError::new(fault, error)
    }

    /// The server has ended the connection: is the body whole?
    fn ends(&mut self) -> Option<Result<Bytes, BodyError>> {
        match self.reader.close(&self.wire.ahead) {
            Ok(true) => None,
            Ok(false) => {
                let cut = io::Error::new(io::ErrorKind::UnexpectedEof, "the answer ended before its end");
                Some(Err(cut.into()))
            }
            Err(violation) => Some(Err(violation.into())),
        }
    }
}

/// Takes the head off the front of `bytes`, and with it the body, if it is all there; `None` when even the head is not.
fn take_head(reader: &mut Reader, bytes: &mut impl Buf) -> Result<Option<Begun>, Violation> {
    loop {
        match reader.next(bytes.chunk())? {
            Step::Framing(count) => bytes.advance(count),
            Step::Head(head, count) => {
                bytes.advance(count);
                return Ok(Some(Begun { head, whole: take_whole(reader, bytes) }));
            }
            Step::Incomplete => return Ok(None),
            Step::Data(_) | Step::End => unreachable!("a head is read first"),
        }
    }
}

/// Takes the body off the front of `bytes` in one piece of just its size, if it is all there.
fn take_whole(reader: &mut Reader, bytes: &mut impl Buf) -> Option<Bytes> {
    let here = bytes.chunk();
    let (mut length, mut taken) = (0, 0);
    let mut looking = *reader;
    loop {
        match looking.next(&here[taken..]).ok()? {
            Step::Data(count) => (length, taken) = (length + count, taken + count),
            Step::Framing(count) => taken += count,
            Step::End => break,
            Step::Incomplete | Step::Head(..) => return None,
        }
    }
    let mut body = Vec::with_capacity(length);
    while let Ok(Some(Part::Data(data))) = take(reader, bytes) {
        body.extend_from_slice(&data);
    }
    Some(Bytes::from(body))
}

/// Takes the next piece of the body off the front of `bytes`; `None` when there is none.
fn take(reader: &mut Reader, bytes: &mut impl Buf) -> Result<Option<Part>, Violation> {
    loop {
        match reader.next(bytes.chunk())? {
            Step::Framing(count) => bytes.advance(count),
            Step::Data(count) => return Ok(Some(Part::Data(bytes.copy_to_bytes(count)))),
            Step::End => return Ok(Some(Part::End)),
            Step::Incomplete => return Ok(None),
            Step::Head(..) => unreachable!("the head has been read"),
        }
    }
}
