//! A socket, plain or over TLS, read through room that all connections of a thread share: one that waits holds none of
//! its own.

use std::cell::RefCell;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker, ready};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// What is read from a socket at once.
const READ_BYTES: usize = 16 * 1024;

thread_local! {
    static ROOM: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into_boxed_slice());
}

pub(super) enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

pub(super) struct Wire {
    socket: Socket,
    /// Read and not yet taken; nearly always empty, and then without memory.
    pub(super) ahead: BytesMut,
}

impl Wire {
    pub(super) fn new(socket: Socket) -> Self {
        Self { socket, ahead: BytesMut::new() }
    }

    /// Whether the server still listens, as far as it has told: on a connection where nothing is under way, anything
    /// but silence is its end.
    pub(super) fn is_quiet(&mut self) -> bool {
        if !self.ahead.is_empty() {
            return false;
        }
        // Asked, not waited for; and the truth, however much this task has done already.
        let mut cx = Context::from_waker(Waker::noop());
        let read = std::future::poll_fn(|cx| self.poll_read(cx, |_, _| ()));
        pin!(tokio::task::unconstrained(read)).poll(&mut cx).is_pending()
    }

    /// Reads once and has it looked at; `None` at the end.
    pub(super) fn poll_read<T>(
        &mut self,
        cx: &mut Context<'_>,
        look: impl FnOnce(&mut BytesMut, &[u8]) -> T,
    ) -> Poll<io::Result<Option<T>>> {
        ROOM.with_borrow_mut(|room| {
            let mut space = ReadBuf::new(room);
            ready!(match &mut self.socket {
                Socket::Plain(socket) => Pin::new(socket).poll_read(cx, &mut space),
                Socket::Tls(socket) => Pin::new(&mut **socket).poll_read(cx, &mut space),
            })?;
            if space.filled().is_empty() {
                return Poll::Ready(Ok(None));
            }
            Poll::Ready(Ok(Some(look(&mut self.ahead, space.filled()))))
        })
    }

    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.socket {
            Socket::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Socket::Tls(socket) => Pin::new(&mut **socket).poll_write(cx, bytes),
        }
    }

    /// What TLS has taken and not yet sent.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket {
            Socket::Plain(_) => Poll::Ready(Ok(())),
            Socket::Tls(socket) => Pin::new(&mut **socket).poll_flush(cx),
        }
    }
}
