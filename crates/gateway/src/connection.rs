//! One client connection: strict framing, patience, requests in, answers out, and a clean end.
//!
//! HTTP/1.1 is spoken here and not by a library: a request is read once, by the same eyes that judge its framing, and
//! one that waits for its slot keeps its head and nothing else, no buffers.
//!
//! | file | is |
//! |---|---|
//! | `framing`, `head`, `repeated` | where messages begin and end, what a head says, and that it was said before (pure) |
//! | `socket` | plain, or over TLS |
//! | `wire` | reading, within the client's time |
//! | `arriving` | a request's body |
//! | `answer` | an answer's head and framing (pure) |
//! | `sending` | writing |
//! | `understood` | all that some bytes say, for a fuzzer (pure) |

use std::future::{Future, poll_fn};
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use client::body::Body;
use client::clock::WallClock;
use http::{Request, Version};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, watch};

mod answer;
mod arriving;
mod date;
mod framing;
mod head;
mod repeated;
mod sending;
mod socket;
mod understood;
mod wire;

use answer::{Asked, Delimited, Ending};
pub(crate) use framing::Violation;
use sending::Outgoing;
pub(crate) use socket::Socket;
pub(crate) use understood::{Understood, understood};
pub use wire::Patience;
pub(crate) use wire::Refused;
use wire::{Next, Wire};

use crate::headers;
use crate::intake::{Peer, WEBHOOKS};
use crate::reply::Reply;

/// How long a client that is still sending has to read our last answer.
const LINGER: Duration = Duration::from_secs(2);

/// A request as it comes off a connection.
#[expect(clippy::large_enum_variant, reason = "nearly every one is a request, and none is kept")]
pub(crate) enum Arrived {
    Request(Request<Body>),
    /// One that could be read two ways, or came too slowly; it is answered, never forwarded.
    Refused(Refused),
}

/// Serves one connection, which keeps its `place`, until it ends, or, once `draining` turns true, until its request is answered.
pub(crate) fn serve<S, F>(
    socket: Socket,
    place: OwnedSemaphorePermit,
    patience: Patience,
    draining: watch::Receiver<bool>,
    clock: WallClock,
    service: S,
) -> impl Future<Output = ()> + Send
where
    S: Fn(Arrived) -> F + Send + Sync,
    F: Future<Output: Into<Reply>> + Send + 'static,
{
    let peer = socket.peer().map(Peer);
    let wire = Arc::new(Mutex::new(Wire::new(socket, patience)));
    async move {
        let _place = place;
        let mut told = draining.clone();
        let mut told = std::pin::pin!(told.wait_for(|draining| *draining));
        loop {
            let next = tokio::select! {
                biased;
                next = poll_fn(|cx| wire.lock().poll_head(cx)) => next,
                _ = told.as_mut() => return,
            };
            let (asked, arrived) = match next {
                Next::Head(mut head) => {
                    if let Some(peer) = peer.filter(|_| head.request.uri().path().starts_with(WEBHOOKS)) {
                        head.request.extensions_mut().insert(peer);
                    }
                    let asked = Asked::by(&head.request, head.keep_alive);
                    (asked, Arrived::Request(head.request.map(|()| arriving::body(&wire))))
                }
                // What it asked for is not known.
                Next::Refused(refused) => {
                    let asked = Asked { head_only: false, version: Version::HTTP_11, keep_alive: false };
                    (asked, Arrived::Refused(refused))
                }
                Next::End => return,
            };
            let is_refused = matches!(arrived, Arrived::Refused(_));
            let reply = {
                // Here and in no function of its own: what is handed to one is kept twice, and this is the largest there is.
                let mut service = std::pin::pin!(service(arrived));
                poll_fn(|cx| match service.as_mut().poll(cx) {
                    Poll::Ready(reply) => Poll::Ready(Some(reply.into())),
                    // Nobody is left to read the answer of a client who hung up; the call is dropped.
                    Poll::Pending => wire.lock().poll_gone(cx).map(|()| None),
                })
                .await
            };
            let Some(reply) = reply else { return };
            let asked = Asked { keep_alive: asked.keep_alive && !*draining.borrow(), ..asked };
            match send(&wire, reply, asked, &clock).await {
                Ok(Connection::GoesOn) => {}
                Ok(Connection::Ends) => return close(&wire, is_refused).await,
                // Clients come and go; only the curious want to know how.
                Err(error) => return tracing::debug!(%error, "a client connection broke"),
            }
        }
    }
}

enum Connection {
    GoesOn,
    Ends,
}

async fn send(wire: &Mutex<Wire>, reply: Reply, asked: Asked, clock: &WallClock) -> io::Result<Connection> {
    let Reply { mut response, told } = reply;
    if told.is_some() && headers::connection_names_others(response.headers()) {
        headers::strip_from_answer(response.headers_mut());
    }
    let delimited = Delimited::of(&response, asked);
    let keep = asked.keep_alive
        && delimited != Delimited::UntilClose
        && (told.is_some() || !answer::closes(response.headers()))
        && wire.lock().skip_body();
    let (parts, body) = response.into_parts();
    let head =
        |out: &mut Vec<u8>| answer::write_head(out, &parts, told, Ending { delimited, asked, keep }, clock);
    sending::send(wire, Outgoing { body, delimited }, head).await?;
    Ok(if keep { Connection::GoesOn } else { Connection::Ends })
}

/// Closes our side; with a request half read, waits a little for the client to notice. Closing on unread bytes would
/// reset the connection, and our answer might be lost with it.
async fn close(wire: &Mutex<Wire>, is_refused: bool) {
    let shut = poll_fn(|cx| wire.lock().poll_shutdown(cx)).await;
    let unread = is_refused || !wire.lock().skip_body();
    if shut.is_ok() && unread {
        let _either = tokio::time::timeout(LINGER, poll_fn(|cx| wire.lock().poll_waste(cx))).await;
    }
}
