//! One client connection: strict framing, patience, hyper, and a clean end.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;

use client::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use tokio::net::TcpStream;
use tokio::sync::watch;

mod framing;
mod guard;
mod head;

pub(crate) use framing::Violation;
use guard::Guard;
pub use guard::Patience;
pub(crate) use guard::{Line, Refused};

/// A request as it comes off a connection.
#[expect(clippy::large_enum_variant, reason = "nearly every one is a request, and none is kept")]
pub(crate) enum Arrived {
    Request(Request<Incoming>),
    /// One that could be read two ways, or came too slowly; it is answered, never forwarded.
    Refused(Refused),
}

/// Serves one connection until it ends, or, once `draining` turns true, until its request is answered.
pub(crate) async fn serve<S, F>(
    socket: TcpStream,
    patience: Patience,
    mut draining: watch::Receiver<bool>,
    service: S,
) where
    S: Fn(Arrived) -> F,
    F: Future<Output = Response<Body>>,
{
    let line = Arc::new(Line::default());
    let guard = Guard::new(socket, line.clone(), patience);
    let (line, service) = (&line, &service);
    let answer = service_fn(move |request: Request<Incoming>| async move {
        let _serving = line.serve();
        let arrived = line.refused(request.uri()).map_or(Arrived::Request(request), Arrived::Refused);
        Ok::<_, Infallible>(service(arrived).await)
    });
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .writev(false) // answers are small: one copy is cheaper than a vectored write
        .serve_connection(guard, answer);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        biased;
        ended = connection.as_mut() => return log_end(ended),
        _ = draining.wait_for(|draining| *draining) => connection.as_mut().graceful_shutdown(),
    }
    log_end(connection.await);
}

/// Clients come and go; only the curious want to know how.
fn log_end(ended: Result<(), hyper::Error>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a client connection broke");
    }
}
