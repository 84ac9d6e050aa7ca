//! The simulator on a socket: HTTP/1.1 with keep-alive, and connections that break when told to.

mod drip;
mod line;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::outcome::{Outcome, Transport};
use crate::refusal::Refusal;
use crate::sender;
use crate::shell::{HANG_MAX, Shell, response};
use drip::Drip;
use line::{Fate, Line};

/// The largest request body taken, as HubSpot's edge takes.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// A caller that has not sent the head of its next call by then is dropped. hyper counts idleness between calls into
/// it, so this is also how long an idle connection lives; edges keep theirs for minutes.
const HEAD_TIMEOUT: Duration = Duration::from_secs(400);
/// Connections at one time; further ones wait in the listener's queue.
const CONNECTIONS_MAX: usize = 10_000;
/// Calls under way when the server is told to stop may take this long.
const DRAIN_MAX: Duration = Duration::from_secs(5);

/// Serves until `shutdown` completes, then lets calls under way finish.
pub async fn serve(listener: TcpListener, shell: Arc<Shell>, shutdown: impl Future<Output = ()>) {
    let (stop, stopping) = watch::channel(());
    let sender = tokio::spawn(sender::run(shell.clone()));
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        while connections.try_join_next().is_some() {}
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next(), if connections.len() >= CONNECTIONS_MAX => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, shell.clone(), stopping.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
        }
    }
    drop(listener);
    sender.abort();
    drop(stop);
    let _ = timeout(DRAIN_MAX, async { while connections.join_next().await.is_some() {} }).await;
}

async fn connection(stream: TcpStream, shell: Arc<Shell>, mut stopping: watch::Receiver<()>) {
    let _ = stream.set_nodelay(true);
    let fate = Fate::default();
    let line = Line::new(stream, fate.clone());
    let spoke = Arc::new(parking_lot::Mutex::new(None::<Instant>));
    let service = service_fn(|request| {
        let (shell, fate, spoke) = (shell.clone(), fate.clone(), spoke.clone());
        async move {
            let idle = spoke.lock().map(|at: Instant| at.elapsed());
            let answer = answer(&shell, request, idle, &fate).await;
            *spoke.lock() = Some(Instant::now());
            answer
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(line), service);
    let mut served = std::pin::pin!(served);
    let outcome = tokio::select! {
        outcome = &mut served => outcome,
        _ = stopping.changed() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Answers one request; an error makes hyper drop the connection.
async fn answer(
    shell: &Shell,
    request: Request<Incoming>,
    idle: Option<Duration>,
    fate: &Fate,
) -> io::Result<Response<Drip>> {
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return Ok(too_large()),
        Err(error) => return Err(io::Error::other(error)),
    };
    let Outcome { reply, transport, .. } = shell.perform(Request::from_parts(parts, body), idle).await;
    let reset = || {
        fate.reset();
        io::Error::from(io::ErrorKind::ConnectionReset)
    };
    match transport {
        Transport::Answer => Ok(response(reply).map(Drip::whole)),
        Transport::SlowBody { over } => Ok(response(reply).map(|body| Drip::slow(body, over))),
        Transport::Truncate { bytes } => Ok(response(reply).map(|body| Drip::cut(body, bytes))),
        Transport::Reset => Err(reset()),
        Transport::Hang => {
            tokio::time::sleep(HANG_MAX).await;
            Err(reset())
        }
    }
}

fn too_large() -> Response<Drip> {
    let refusal = Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "Request body is too large");
    let mut response = response(refusal.reply("00000000-0000-4000-8000-000000000000")).map(Drip::whole);
    response.headers_mut().insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
    response
}
