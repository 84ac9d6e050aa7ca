//! A client's socket, plain or over TLS.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

pub(crate) enum Socket {
    Plain(TcpStream),
    /// Boxed: its buffers are large, and most connections have none.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    pub(super) fn peer(&self) -> Option<IpAddr> {
        let socket = match self {
            Self::Plain(socket) => socket,
            Self::Tls(socket) => socket.get_ref().0,
        };
        socket.peer_addr().ok().map(|address| address.ip())
    }

    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(socket) => Pin::new(socket).poll_read(cx, space),
            Self::Tls(socket) => Pin::new(&mut **socket).poll_read(cx, space),
        }
    }

    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Tls(socket) => Pin::new(&mut **socket).poll_write(cx, bytes),
        }
    }

    /// What TLS has taken and not yet sent.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(socket) => Pin::new(&mut **socket).poll_flush(cx),
        }
    }

    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Tls(socket) => Pin::new(&mut **socket).poll_shutdown(cx),
        }
    }
}
