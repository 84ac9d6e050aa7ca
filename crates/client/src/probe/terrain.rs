//! Where names and bytes go: the machine's own network in service, a made-up one in virtual-time tests.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::report::network::Lookup;

/// Bytes both ways.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A future of a [`Terrain`].
pub type Coming<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A network to probe in place of the machine's own. Probes bring their own patience: it may hang.
pub trait Terrain: Send + Sync {
    fn connect(&self, address: SocketAddr) -> Coming<'_, io::Result<Box<dyn Wire>>>;

    /// Asks a resolver for a name's addresses; `None` is the system's own.
    fn look_up<'a>(&'a self, resolver: Option<SocketAddr>, name: &'a str) -> Coming<'a, Lookup>;

    /// Certificates of the roots that the machine trusts, and of those that the public knows (DER).
    fn roots(&self) -> Roots;
}

#[derive(Debug, Clone, Default)]
pub struct Roots {
    pub ours: Vec<Vec<u8>>,
    pub public: Vec<Vec<u8>>,
}

/// A connection over the given network, or the machine's own.
pub(super) async fn connect(terrain: Option<&dyn Terrain>, address: SocketAddr) -> io::Result<Box<dyn Wire>> {
    if let Some(terrain) = terrain {
        return terrain.connect(address).await;
    }
    let stream = TcpStream::connect(address).await?;
    // Small requests must not wait for more to send; a socket that cannot say so still works.
    let _ = stream.set_nodelay(true);
    Ok(Box::new(stream))
}
