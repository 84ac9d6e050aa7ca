//! A body whose links are rewritten as it streams.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use client::body::{Body, BodyError};
use http_body::{Body as HttpBody, Frame};

use super::links::LinkRewriter;

pub(super) struct Rewritten {
    body: Body,
    rewriter: LinkRewriter,
    ended: bool,
}

impl Rewritten {
    pub(super) fn new(body: Body, rewriter: LinkRewriter) -> Self {
        Self { body, rewriter, ended: false }
    }
}

impl HttpBody for Rewritten {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        while !this.ended {
            let mut out = Vec::new();
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.rewriter.push(&data, &mut out),
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    this.ended = true;
                    this.rewriter.finish(&mut out);
                }
            }
            if !out.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(Bytes::from(out)))));
            }
        }
        Poll::Ready(None)
    }
}
