//! A response body that arrives whole, slowly, or not to its end.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// Pieces a slow body is cut into.
const SLOW_PIECES: usize = 10;
/// Long enough for hyper to hand the pieces before it to the kernel, so that they arrive before the line is cut.
const CUT_AFTER: Duration = Duration::from_millis(20);

pub(super) struct Drip {
    /// What `Content-Length` promises.
    promised: u64,
    left: Bytes,
    piece: usize,
    pause: Duration,
    sleeping: Option<Pin<Box<Sleep>>>,
    end: End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    Cut,
}

impl Drip {
    pub(super) fn whole(body: Bytes) -> Self {
        let length = body.len();
        Self::new(body, length.max(1), Duration::ZERO, length as u64, End::Complete)
    }

    pub(super) fn slow(body: Bytes, over: Duration) -> Self {
        let (length, piece) = (body.len(), body.len().div_ceil(SLOW_PIECES).max(1));
        Self::new(body, piece, over / SLOW_PIECES as u32, length as u64, End::Complete)
    }

    /// Only the first `bytes` arrive although the whole length was promised.
    pub(super) fn cut(body: Bytes, bytes: usize) -> Self {
        if bytes >= body.len() {
            return Self::whole(body);
        }
        let promised = body.len() as u64;
        Self::new(body.slice(..bytes), bytes.max(1), CUT_AFTER, promised, End::Cut)
    }

    fn new(left: Bytes, piece: usize, pause: Duration, promised: u64, end: End) -> Self {
        Self { promised, left, piece, pause, sleeping: None, end }
    }
}

impl Body for Drip {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(sleeping) = self.sleeping.as_mut() {
            std::task::ready!(sleeping.as_mut().poll(cx));
            self.sleeping = None;
        }
        if self.left.is_empty() {
            return Poll::Ready(match self.end {
                End::Complete => None,
                End::Cut => Some(Err(io::ErrorKind::UnexpectedEof.into())),
            });
        }
        let piece = self.piece.min(self.left.len());
        let piece = self.left.split_to(piece);
        if !self.pause.is_zero() {
            self.sleeping = Some(Box::pin(sleep(self.pause)));
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty() && self.end == End::Complete && self.sleeping.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.promised)
    }
}
