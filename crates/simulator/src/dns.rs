//! A DNS server of one name, for the faults that strike before a connection exists.

mod packet;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::UdpSocket;

/// How the stub answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// The address, for names of any kind.
    Answer,
    NxDomain,
    ServFail,
    /// No answer at all.
    Silent,
    /// An IPv6 address that leads nowhere beside the IPv4 address that works.
    DeadIpv6,
}

/// The discard-only prefix (RFC 6666): packets to it vanish.
const DEAD_IPV6: Ipv6Addr = Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 1);
/// Larger than any query over UDP.
const QUERY_BYTES_MAX: usize = 1_500;

/// Serves until the task is dropped. `address` is what names resolve to; `behaviour` is asked for each query.
///
/// # Errors
/// When the socket cannot be bound or read.
pub async fn dns_stub(
    bind: SocketAddr,
    address: Ipv4Addr,
    behaviour: impl Fn() -> Behaviour + Send + Sync,
) -> std::io::Result<()> {
    serve(Arc::new(UdpSocket::bind(bind).await?), address, behaviour).await
}

/// The same on a socket that is bound already.
///
/// # Errors
/// When the socket cannot be read.
pub async fn serve(
    socket: Arc<UdpSocket>,
    address: Ipv4Addr,
    behaviour: impl Fn() -> Behaviour + Send + Sync,
) -> std::io::Result<()> {
    let mut query = vec![0; QUERY_BYTES_MAX];
    loop {
        let (length, from) = socket.recv_from(&mut query).await?;
        if let Some(answer) = answer(&query[..length], behaviour(), address) {
            // An asker that is gone is no reason to stop serving the others.
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

/// The answer to one query; `None` for silence.
pub fn answer(query: &[u8], behaviour: Behaviour, address: Ipv4Addr) -> Option<Vec<u8>> {
    use packet::{Code, Question, Record};
    let question = Question::read(query)?;
    let (code, address) = match (behaviour, question.record) {
        (Behaviour::Silent, _) => return None,
        (Behaviour::NxDomain, _) => (Code::NxDomain, None),
        (Behaviour::ServFail, _) => (Code::ServFail, None),
        (Behaviour::Answer | Behaviour::DeadIpv6, Record::A) => (Code::NoError, Some(IpAddr::V4(address))),
        (Behaviour::DeadIpv6, Record::Aaaa) => (Code::NoError, Some(IpAddr::V6(DEAD_IPV6))),
        (Behaviour::Answer, Record::Aaaa) | (Behaviour::Answer | Behaviour::DeadIpv6, Record::Other) => {
            (Code::NoError, None)
        }
    };
    Some(question.answer(code, address))
}
