//! A request's body as it arrives.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use client::body::{Body, BodyError};
use http_body::{Body as HttpBody, Frame, SizeHint};
use parking_lot::Mutex;

use super::wire::{Number, Wire};

/// The body of the request whose head was taken last.
pub(super) fn body(wire: &Arc<Mutex<Wire>>) -> Body {
    let (number, left) = {
        let mut wire = wire.lock();
        // As a rule it comes with the head, and nobody has to wait for it.
        if let Some(whole) = wire.body_at_hand() {
            return Body::Whole(whole);
        }
        (wire.number(), wire.body_left())
    };
    match left {
        Some(0) => Body::Empty,
        left => Body::boxed(Arriving { wire: wire.clone(), number, left }),
    }
}

struct Arriving {
    wire: Arc<Mutex<Wire>>,
    number: Number,
    /// `None` for one in chunks, until its end.
    left: Option<u64>,
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.left == Some(0) {
            return Poll::Ready(None);
        }
        let wire = self.wire.clone();
        let mut wire = wire.lock();
        let piece = std::task::ready!(wire.poll_body(self.number, cx));
        self.left = wire.body_left();
        Poll::Ready(piece.map(|piece| piece.map(Frame::data).map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
