//! An answer's body as it comes. At its end the connection is free for another request.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;

use super::connection::Connection;
use super::pool::Pool;
use crate::body::BodyError;

/// The body of an answer that was not all there with its head.
pub struct Arriving {
    /// `None` once the body has ended, well or not.
    connection: Option<Box<Connection>>,
    pool: Arc<Pool>,
}

impl Arriving {
    pub(super) fn new(connection: Box<Connection>, pool: Arc<Pool>) -> Self {
        Self { connection: Some(connection), pool }
    }
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(connection) = &mut self.connection else { return Poll::Ready(None) };
        let piece = ready!(connection.poll_body(cx));
        let is_last = connection.left() == Some(0);
        if is_last || !matches!(piece, Some(Ok(_))) {
            let connection = self.connection.take().filter(|connection| connection.is_free());
            if let Some(free) = connection {
                self.pool.put(free, Instant::now());
            }
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.connection.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match &self.connection {
            None => SizeHint::with_exact(0),
            Some(connection) => connection.left().map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}
