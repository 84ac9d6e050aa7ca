//! Listening, with an answer to the usual question: who has my port?

use std::io::ErrorKind;

use tokio::net::TcpListener;

use crate::failure::Failure;

/// Binds `address`. `option` is what the person can change.
pub(super) async fn bind(address: &str, option: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
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

/// The URL of a bound listener.
pub(super) fn url(listener: &TcpListener) -> String {
    let address = listener.local_addr().expect("a bound listener has an address");
    format!("http://{address}")
}
