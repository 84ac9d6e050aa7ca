//! A message body: nothing, a whole one in memory, or one that streams through.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};

use crate::transport::Arriving;

/// What a body may fail with while it streams.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A body. `Whole` ones can be sent again; the others pass once.
#[derive(Default)]
pub enum Body {
    #[default]
    Empty,
    Whole(Bytes),
    /// From a connection, as it comes.
    Streamed(Box<Arriving>),
    /// What was read ahead, then the rest as it comes.
    Continued(Bytes, Box<Body>),
    /// Anything else, behind one box.
    Boxed(UnsyncBoxBody<Bytes, BodyError>),
}

impl Body {
    pub fn boxed<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BodyError>,
    {
        Self::Boxed(body.map_err(Into::into).boxed_unsync())
    }

    /// A second copy, where that is possible.
    pub fn again(&self) -> Option<Self> {
        match self {
            Self::Empty => Some(Self::Empty),
            Self::Whole(bytes) => Some(Self::Whole(bytes.clone())),
            Self::Streamed(_) | Self::Continued(..) | Self::Boxed(_) => None,
        }
    }

    /// Reads up to `max` bytes. A body that ends within them comes back `Whole`; a longer one goes on as `Continued`.
    pub async fn read_ahead(mut self, max: usize) -> Result<Self, BodyError> {
        match &self {
            Self::Empty => return Ok(self),
            Self::Whole(bytes) if bytes.len() <= max => return Ok(self),
            Self::Whole(_) | Self::Streamed(_) | Self::Continued(..) | Self::Boxed(_) => {}
        }
        let mut first: Option<Bytes> = None;
        let mut more: Vec<u8> = Vec::new();
        while let Some(frame) = self.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            match &first {
                None => first = Some(data),
                Some(head) => {
                    if more.is_empty() {
                        more.extend_from_slice(head);
                    }
                    more.extend_from_slice(&data);
                }
            }
            if first.as_ref().map_or(0, Bytes::len).max(more.len()) > max {
                let head = if more.is_empty() { first.unwrap_or_default() } else { Bytes::from(more) };
                return Ok(Self::Continued(head, Box::new(self)));
            }
            if self.is_end_stream() {
                break;
            }
        }
        Ok(match (first, more.is_empty()) {
            (None, _) => Self::Empty,
            (Some(head), true) => Self::Whole(head),
            (Some(_), false) => Self::Whole(Bytes::from(more)),
        })
    }

    /// The bytes at hand: all of a `Whole` body, the start of a `Continued` one.
    pub fn at_hand(&self) -> &[u8] {
        match self {
            Self::Whole(bytes) | Self::Continued(bytes, _) => bytes,
            Self::Empty | Self::Streamed(_) | Self::Boxed(_) => &[],
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Empty => Poll::Ready(None),
            Self::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Self::Empty;
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Self::Streamed(arriving) => Pin::new(&mut **arriving).poll_frame(cx),
            Self::Continued(..) => {
                let Self::Continued(head, rest) = std::mem::take(&mut *self) else {
                    unreachable!("matched above")
                };
                *self = *rest;
                Poll::Ready(Some(Ok(Frame::data(head))))
            }
            Self::Boxed(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Streamed(arriving) => arriving.is_end_stream(),
            Self::Continued(..) => false,
            Self::Boxed(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Streamed(arriving) => arriving.size_hint(),
            Self::Continued(head, rest) => {
                let mut hint = SizeHint::default();
                hint.set_lower(head.len() as u64 + rest.size_hint().lower());
                if let Some(upper) = rest.size_hint().upper() {
                    hint.set_upper(head.len() as u64 + upper);
                }
                hint
            }
            Self::Boxed(body) => body.size_hint(),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::Empty } else { Self::Whole(bytes) }
    }
}
