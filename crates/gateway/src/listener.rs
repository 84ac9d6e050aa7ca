//! The accept loop: ours, so that everything about a connection is bounded.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use client::clock::WallClock;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::connection::{self, Arrived, Patience, Socket};
use crate::reply::Reply;

/// After a failing accept (descriptors used up, say) the loop rests, instead of spinning.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Unacknowledged bytes for this long mean that the client is gone or does not read.
const UNREAD_MAX: Duration = Duration::from_secs(60);

/// How connections are taken.
#[derive(Clone)]
pub struct ListenerSettings {
    pub connections_max: usize,
    pub patience: Patience,
    /// `None`: plain HTTP.
    pub tls: Option<ListenerTls>,
}

/// TLS on a listener. What it shows and whom it asks may become others while it serves: for who connects from then on. Cheap to
/// clone; all clones are one.
#[derive(Clone)]
pub struct ListenerTls(Arc<ArcSwap<ServerConfig>>);

impl ListenerTls {
    pub fn new(config: ServerConfig) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(config)))
    }

    pub fn replace(&self, config: ServerConfig) {
        self.0.store(Arc::new(config));
    }

    fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.load_full())
    }
}

impl Default for ListenerSettings {
    fn default() -> Self {
        Self { connections_max: 12_288, patience: Patience::default(), tls: None }
    }
}

/// Accepts and serves until `draining` turns true, then waits for the requests under way.
pub(crate) async fn run<S, F>(
    listener: TcpListener,
    settings: ListenerSettings,
    mut draining: watch::Receiver<bool>,
    clock: WallClock,
    service: S,
) where
    S: Fn(Arrived) -> F + Clone + Send + Sync + 'static,
    F: Future<Output: Into<Reply>> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(settings.connections_max));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &room) => accepted,
            _ = draining.wait_for(|draining| *draining) => break,
            Some(_) = connections.join_next() => continue,
        };
        let (socket, place) = accepted;
        let (draining, clock, service) = (draining.clone(), clock.clone(), service.clone());
        let patience = settings.patience;
        match &settings.tls {
            None => {
                let socket = Socket::Plain(socket);
                connections.spawn(connection::serve(socket, place, patience, draining, clock, service));
            }
            Some(tls) => {
                let tls = tls.acceptor();
                connections.spawn(async move {
                    if let Some(socket) = shake_hands(&tls, socket, patience.head).await {
                        connection::serve(socket, place, patience, draining, clock, service).await;
                    }
                });
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Within the time that a client has for its first head.
async fn shake_hands(tls: &TlsAcceptor, socket: TcpStream, patience: Duration) -> Option<Socket> {
    match tokio::time::timeout(patience, tls.accept(socket)).await {
        Ok(Ok(secured)) => Some(Socket::Tls(Box::new(secured))),
        // Clients come and go, and not all of them speak TLS; only the curious want to know.
        Ok(Err(error)) => {
            tracing::debug!(%error, "no TLS with a client");
            None
        }
        Err(_late) => None,
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> (TcpStream, tokio::sync::OwnedSemaphorePermit) {
    let place = room.clone().acquire_owned().await.expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((socket, _peer)) => {
                tune(&socket);
                return (socket, place);
            }
            Err(error) => {
                tracing::warn!(%error, "accept failed; resting a moment. Is the limit on open files too low?");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
}

fn tune(socket: &TcpStream) {
    let tuned = socket.set_nodelay(true);
    #[cfg(target_os = "linux")]
    let tuned = tuned.and_then(|()| socket2::SockRef::from(socket).set_tcp_user_timeout(Some(UNREAD_MAX)));
    if let Err(error) = tuned {
        tracing::debug!(%error, "a socket option was refused");
    }
}
