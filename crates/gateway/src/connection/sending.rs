//! An answer on its way to the client: what is at hand goes out in one write.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::io::Write as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use client::body::Body;
use http_body::Body as _;
use parking_lot::Mutex;

use super::answer::Delimited;
use super::wire::Wire;

/// As much of a body is put together before it is written.
const GATHER_BYTES: usize = 64 * 1024;

thread_local! {
    /// Where answers are put together, one for all connections of a thread: one that waits holds none of its own.
    static OUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What is left of an answer's body.
pub(super) struct Outgoing {
    pub(super) body: Body,
    pub(super) delimited: Delimited,
}

/// Writes an answer, its head by `head`.
pub(super) async fn send(
    wire: &Mutex<Wire>,
    mut outgoing: Outgoing,
    head: impl FnOnce(&mut Vec<u8>),
) -> io::Result<()> {
    let mut head = Some(head);
    loop {
        let at_hand = poll_fn(|cx| {
            OUT.with_borrow_mut(|out| {
                out.clear();
                if let Some(head) = head.take() {
                    head(out);
                }
                let gathered = outgoing.gather(cx, out);
                if out.is_empty() && matches!(gathered, Gathered::More) {
                    // Nothing to write, so that nothing else would tell that nobody reads.
                    ready!(wire.lock().poll_gone(cx));
                    return Poll::Ready(Err(io::Error::from(io::ErrorKind::ConnectionAborted)));
                }
                let written = match wire.lock().poll_write(cx, out)? {
                    Poll::Ready(count) => count,
                    Poll::Pending => 0,
                };
                let unwritten = out[written..].to_vec();
                out.shrink_to(GATHER_BYTES);
                Poll::Ready(Ok((unwritten, gathered)))
            })
        });
        let (unwritten, gathered) = at_hand.await?;
        write_all(wire, &unwritten).await?;
        poll_fn(|cx| wire.lock().poll_flush(cx)).await?;
        match gathered {
            Gathered::More => {}
            Gathered::All => return Ok(()),
            Gathered::Broken(error) => return Err(error),
        }
    }
}

/// How far an answer's body has been put together.
enum Gathered {
    More,
    All,
    /// It broke off; what came before goes out all the same.
    Broken(io::Error),
}

impl Outgoing {
    /// Puts together what is at hand of the body.
    fn gather(&mut self, cx: &mut Context<'_>, out: &mut Vec<u8>) -> Gathered {
        while !matches!(self.delimited, Delimited::Absent | Delimited::Length(0)) {
            if out.len() >= GATHER_BYTES {
                return Gathered::More;
            }
            match Pin::new(&mut self.body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers stay here: nobody was told of them.
                    let Ok(data) = frame.into_data() else { continue };
                    if let Err(error) = self.push(&data, out) {
                        return Gathered::Broken(error);
                    }
                }
                Poll::Ready(Some(Err(error))) => return Gathered::Broken(io::Error::other(error)),
                Poll::Ready(None) => {
                    return match self.delimited {
                        Delimited::Length(_) => Gathered::Broken(io::ErrorKind::UnexpectedEof.into()),
                        Delimited::Chunked => {
                            out.extend_from_slice(b"0\r\n\r\n");
                            Gathered::All
                        }
                        Delimited::Absent | Delimited::UntilClose => Gathered::All,
                    };
                }
                Poll::Pending => return Gathered::More,
            }
        }
        Gathered::All
    }

    fn push(&mut self, data: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        match &mut self.delimited {
            Delimited::Absent => {}
            Delimited::Length(left) => {
                let rest = left.checked_sub(data.len() as u64);
                *left = rest.ok_or_else(|| io::Error::other("the body is longer than was told"))?;
                out.extend_from_slice(data);
            }
            Delimited::Chunked if data.is_empty() => {} // it would read as the end
            Delimited::Chunked => {
                write!(out, "{:x}\r\n", data.len())?;
                out.extend_from_slice(data);
                out.extend_from_slice(b"\r\n");
            }
            Delimited::UntilClose => out.extend_from_slice(data),
        }
        Ok(())
    }
}

async fn write_all(wire: &Mutex<Wire>, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = poll_fn(|cx| wire.lock().poll_write(cx, bytes)).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        bytes = &bytes[written..];
    }
    Ok(())
}
