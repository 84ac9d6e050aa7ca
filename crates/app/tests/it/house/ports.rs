//! Ports of a machine on which other tests run beside this one: where nobody is to listen nobody else comes by chance, and what a
//! program leaves is asked of the kernel, not of whoever answers there by now.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use parking_lot::Mutex;
use socket2::{Domain, Socket, Type};

/// Bound and never listened at, until the test's process ends.
static HELD: Mutex<Vec<Socket>> = Mutex::new(Vec::new());

/// As `/proc/net/tcp` writes that a socket listens.
const LISTENS: &str = "0A";

/// Keeps everybody off a port (any free one for 0) but whoever is told to listen there: calls are refused, and nobody who asks
/// for a free port gets this one.
pub(super) fn hold(port: u16) -> io::Result<SocketAddr> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // Of those that share a port like this one may listen.
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    let address = socket.local_addr()?.as_socket().expect("it has a port");
    HELD.lock().push(socket);
    Ok(address)
}

/// The port that a URL names.
pub(super) fn port(url: &str) -> u16 {
    let (_, port) = url.rsplit_once(':').expect("a URL of ours names its port");
    port.parse().expect("a port is a number")
}

/// The kernel's numbers of the sockets that listen at a port; none where it has no such list.
pub(super) fn listeners(port: u16) -> BTreeSet<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let tables: String = tables.iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect();
    let at = format!(":{port:04X}");
    let listens = |line: &str| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let is_it = columns.get(1)?.ends_with(&at) && *columns.get(3)? == LISTENS;
        is_it.then(|| columns.get(9).map(|inode| (*inode).to_owned())).flatten()
    };
    tables.lines().filter_map(listens).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn a_port_that_is_held_is_nobodys_but_who_is_told_to_take_it() {
    let held = hold(0).unwrap().port();
    assert!(std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, held)).is_err(), "nobody answers there");
    assert_eq!(listeners(held), BTreeSet::new());
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, held)).unwrap();
    assert_eq!(listeners(held).len(), 1, "the control: one that listens is seen");
    assert!(hold(held).is_err(), "where somebody listens nothing is held");
    drop(listener);
    assert_eq!(listeners(held), BTreeSet::new());
}
