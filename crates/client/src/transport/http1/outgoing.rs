//! A request on its way out: what is at hand goes in one write.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::{HeaderValue, Request};
use http_body::Body as _;

use super::request::{self, Delimited, Place};
use super::wire::Wire;
use crate::body::{Body, BodyError};

/// Pieces up to this size go out in one write with what stands before them.
const TOGETHER_BYTES: usize = 32 * 1024;

thread_local! {
    /// Where heads are put together, one for all connections of a thread.
    static OUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What is left of a request.
#[derive(Default)]
pub(super) struct Outgoing {
    /// Put together and not yet written: framing, and small pieces.
    framing: Bytes,
    /// A large piece, which goes out from where it is.
    piece: Bytes,
    body: Body,
    left: Left,
}

/// What is left of a body.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// Nothing, but perhaps what is put together already.
    #[default]
    Nothing,
    Bytes(u64),
    Chunks(Place),
}

/// Why a request did not go out.
#[derive(Debug)]
pub(super) enum Broken {
    /// The connection; an answer may have come all the same.
    Wire(io::Error),
    /// The request's own body.
    Body(BodyError),
}

impl Outgoing {
    /// Begins to send a request.
    pub(super) fn begin(
        request: Request<Body>,
        host: &HeaderValue,
        wire: &mut Wire,
        cx: &mut Context<'_>,
    ) -> Result<Self, Broken> {
        let (parts, body) = request.into_parts();
        let delimited = Delimited::of(&parts, &body);
        let left = match delimited {
            Delimited::Length(0) => Left::Nothing,
            Delimited::Length(length) => Left::Bytes(length),
            Delimited::Chunked => Left::Chunks(Place::First),
        };
        let mut outgoing = Self { body, left, ..Self::default() };
        OUT.with_borrow_mut(|out| {
            out.clear();
            request::write_head(out, &parts, host, delimited);
            let _more_comes = outgoing.gather(cx, out).map_err(Broken::Body)?;
            let written = match wire.poll_write(cx, out).map_err(Broken::Wire)? {
                Poll::Ready(count) => count,
                Poll::Pending => 0,
            };
            if written < out.len() {
                outgoing.framing = Bytes::copy_from_slice(&out[written..]);
            }
            out.shrink_to(TOGETHER_BYTES);
            Ok(())
        })?;
        Ok(outgoing)
    }

    /// Sends what can be sent. Ready when all is.
    pub(super) fn poll(&mut self, wire: &mut Wire, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        loop {
            for part in [&mut self.framing, &mut self.piece] {
                while !part.is_empty() {
                    match ready!(wire.poll_write(cx, part)).map_err(Broken::Wire)? {
                        0 => return Poll::Ready(Err(Broken::Wire(io::ErrorKind::WriteZero.into()))),
                        written => part.advance(written),
                    }
                }
            }
            let mut out = Vec::new();
            let gathered = self.gather(cx, &mut out).map_err(Broken::Body)?;
            self.framing = Bytes::from(out);
            if self.framing.is_empty() && self.piece.is_empty() {
                let flushed = wire.poll_flush(cx).map_err(Broken::Wire);
                return if gathered.is_pending() { Poll::Pending } else { flushed };
            }
        }
    }

    /// Puts together what is at hand of the body, up to a large piece. Pending when more will come.
    fn gather(&mut self, cx: &mut Context<'_>, out: &mut Vec<u8>) -> Result<Poll<()>, BodyError> {
        while self.left != Left::Nothing && self.piece.is_empty() && out.len() < TOGETHER_BYTES {
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers stay here: nobody was told of them.
                    let Ok(data) = frame.into_data() else { continue };
                    self.push(data, out)?;
                }
                Poll::Ready(Some(Err(error))) => return Err(error),
                Poll::Ready(None) => match self.left {
                    Left::Nothing => {}
                    Left::Bytes(_) => return Err("the body ended before its length was there".into()),
                    Left::Chunks(place) => {
                        request::last_chunk(out, place);
                        self.left = Left::Nothing;
                    }
                },
                Poll::Pending => return Ok(Poll::Pending),
            }
        }
        Ok(Poll::Ready(()))
    }

    fn push(&mut self, data: Bytes, out: &mut Vec<u8>) -> Result<(), BodyError> {
        self.left = match self.left {
            _ if data.is_empty() => return Ok(()), // in chunks it would read as the end
            Left::Nothing => return Ok(()),
            Left::Bytes(left) => match left.checked_sub(data.len() as u64) {
                None => return Err("the body is longer than was told".into()),
                Some(0) => Left::Nothing,
                Some(left) => Left::Bytes(left),
            },
            Left::Chunks(place) => {
                request::chunk_line(out, &data, place);
                Left::Chunks(Place::Later)
            }
        };
        if out.len() + data.len() <= TOGETHER_BYTES {
            out.extend_from_slice(&data);
        } else {
            self.piece = data;
        }
        Ok(())
    }
}
