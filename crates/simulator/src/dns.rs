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
    /// An IPv4 address that nobody answers at.
    DeadAddress,
}

/// The discard-only prefix (RFC 6666): packets to it vanish.
const DEAD_IPV6: Ipv6Addr = Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 1);
/// The documentation prefix (RFC 5737): nobody has it.
const DEAD_IPV4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
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
        (Behaviour::DeadAddress, Record::A) => (Code::NoError, Some(IpAddr::V4(DEAD_IPV4))),
        (Behaviour::DeadIpv6, Record::Aaaa) => (Code::NoError, Some(IpAddr::V6(DEAD_IPV6))),
        (Behaviour::Answer | Behaviour::DeadAddress, Record::Aaaa)
        | (Behaviour::Answer | Behaviour::DeadIpv6 | Behaviour::DeadAddress, Record::Other) => {
            (Code::NoError, None)
        }
    };
    Some(question.answer(code, address))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    const HEAD: &[u8] = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03api\x06hubapi\x03com\x00\x00";
    const A: u8 = 1;
    const AAAA: u8 = 28;
    const TXT: u8 = 16;

    fn ask(kind: u8, behaviour: Behaviour) -> Option<Vec<u8>> {
        answer(&[HEAD, &[kind, 0, 1]].concat(), behaviour, Ipv4Addr::new(127, 0, 0, 9))
    }

    #[rstest]
    #[case(A, Behaviour::Answer, 0, &[127, 0, 0, 9])]
    #[case(AAAA, Behaviour::Answer, 0, &[])]
    #[case(TXT, Behaviour::Answer, 0, &[])]
    #[case(A, Behaviour::DeadIpv6, 0, &[127, 0, 0, 9])]
    #[case(AAAA, Behaviour::DeadIpv6, 0, &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])]
    #[case(A, Behaviour::DeadAddress, 0, &[192, 0, 2, 1])]
    #[case(AAAA, Behaviour::DeadAddress, 0, &[])]
    #[case(A, Behaviour::NxDomain, 3, &[])]
    #[case(A, Behaviour::ServFail, 2, &[])]
    fn each_behaviour_answers_in_its_way(
        #[case] kind: u8,
        #[case] behaviour: Behaviour,
        #[case] code: u8,
        #[case] address: &[u8],
    ) {
        let packet = ask(kind, behaviour).expect("an answer");
        assert_eq!((packet[3] & 0x0f, packet[7]), (code, u8::from(!address.is_empty())));
        assert!(packet.ends_with(address) && packet[..2] == HEAD[..2]);
    }

    #[test]
    fn silence_is_silent() {
        assert_eq!(ask(A, Behaviour::Silent), None);
    }

    proptest! {
        #[test]
        fn rubbish_is_survived(packet in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = answer(&packet, Behaviour::Answer, Ipv4Addr::LOCALHOST);
        }
    }
}
