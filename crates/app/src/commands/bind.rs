//! Listening, with an answer to the usual question: who has my port?

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket, lookup_host};

use crate::failure::Failure;

/// Connections that may wait to be accepted; the system may allow fewer. Thousands of a program's calls begin in the same moment,
/// and one that finds no room looks connected to its caller and is reset later.
const BACKLOG: u32 = 16_384;

/// Binds `address`. `option` is what the person can change.
pub(super) async fn bind(address: &str, option: &str) -> Result<TcpListener, Failure> {
    listen(address).await.map_err(|error| {
        let failure = |what: &str| Failure::usage(format!("{what} {address}: {error}"));
        match error.kind() {
            ErrorKind::AddrInUse => failure("cannot listen on")
                .hint(format!("another program has this port; stop it, or choose another with {option} (port 0 picks a free one)")),
            ErrorKind::PermissionDenied => {
                failure("cannot listen on").hint(format!("ports below 1024 need rights; choose another with {option}"))
            }
            ErrorKind::InvalidInput => {
                failure("this is no address to listen on:").hint(format!("{option} takes HOST:PORT, such as 127.0.0.1:8400"))
            }
            _ => failure("cannot listen on").hint(format!("{option} takes an address of this machine, as HOST:PORT")),
        }
    })
}

/// At the first of the name's addresses that is this machine's.
async fn listen(address: &str) -> io::Result<TcpListener> {
    let mut failed = io::Error::new(ErrorKind::InvalidInput, "the name has no address");
    for address in lookup_host(address).await? {
        match listen_at(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn listen_at(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart must not wait for the old connections' last minutes.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The URL of a bound listener.
pub(super) fn url(listener: &TcpListener) -> String {
    let address = listener.local_addr().expect("a bound listener has an address");
    format!("http://{address}")
}
