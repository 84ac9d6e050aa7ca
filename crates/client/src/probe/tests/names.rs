//! Resolvers that answer, refuse, fail and keep silent.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::net::UdpSocket;

use super::super::report::network::Lookup;
use super::super::report::{Finding, LayerName, Why};
use super::super::target::HUBSPOT_CALLS_MAX;
use super::server::{Server, json};
use super::{run, target};

/// How a resolver treats every question.
#[derive(Debug, Clone, Copy)]
pub(super) enum Manner {
    Address(Ipv4Addr),
    /// A DNS response code.
    Code(u8),
    Silence,
}

const SERVFAIL: u8 = 2;
const NXDOMAIN: u8 = 3;
const REFUSED: u8 = 5;

const TYPE_A: u8 = 1;

/// A resolver on a free port.
pub(super) async fn resolver(manner: Manner) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let address = socket.local_addr().expect("bound");
    tokio::spawn(async move {
        let mut question = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut question).await {
            if let Some(answer) = answer(&question[..length], manner) {
                // Nobody may be waiting any more.
                let _ = socket.send_to(&answer, from).await;
            }
        }
    });
    address
}

/// The question itself with the answer's flags, and one record where there is an address to give.
fn answer(question: &[u8], manner: Manner) -> Option<Vec<u8>> {
    let name_end = 12 + question[12..].iter().position(|byte| *byte == 0)?;
    let mut message = question[..name_end + 5].to_vec();
    let asks_for_v4 = message[name_end + 2] == TYPE_A;
    let (code, found) = match manner {
        Manner::Silence => return None,
        Manner::Code(code) => (code, None),
        Manner::Address(address) => (0, Some(address).filter(|_| asks_for_v4)),
    };
    message[2] = 0x81;
    message[3] = 0x80 | code;
    // One question, perhaps one answer, nothing else: EDNS is dropped.
    message[4..12].copy_from_slice(&[0, 1, 0, u8::from(found.is_some()), 0, 0, 0, 0]);
    if let Some(address) = found {
        // The name by pointer, A, IN, 60 s, four bytes.
        message.extend([0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        message.extend(address.octets());
    }
    Some(message)
}

#[rstest::rstest]
#[case(Manner::Code(NXDOMAIN), Lookup::NoSuchName)]
#[case(Manner::Code(SERVFAIL), Lookup::ServerFailed)]
#[case(Manner::Code(REFUSED), Lookup::Refused { code: 5 })]
#[tokio::test]
async fn tells_the_ways_of_failing_apart(#[case] manner: Manner, #[case] expected: Lookup) {
    let mut target = target("https://api.hubapi.example");
    target.system_dns = Some(vec![resolver(manner).await]);
    let report = run(&target).await;
    let dns = report.dns.answered().expect("the resolver was asked");
    assert_eq!(dns.resolvers[0].answer, expected);
    assert_eq!(report.layer(LayerName::Dns).and_then(|layer| layer.ok), Some(false));
    assert_eq!(report.tcp, Finding::not_asked(Why::LowerLayerDown));
    assert_eq!(report.calls_made, 0);
}

#[tokio::test(start_paused = true)]
async fn a_silent_resolver_times_out() {
    let mut target = target("http://api.hubapi.example");
    target.system_dns = Some(vec![resolver(Manner::Silence).await]);
    let report = run(&target).await;
    let dns = report.dns.answered().expect("the resolver was asked");
    assert_eq!(dns.resolvers[0].answer, Lookup::TimedOut);
    assert!(report.duration_ms <= 2_000, "{} ms", report.duration_ms);
}

#[tokio::test]
async fn a_second_resolver_that_answers_opens_the_way() {
    let server = Server::plain(|_| json(200, "", &serde_json::json!({"portalId": 1, "results": []}))).await;
    let mut target = target(&format!("http://api.hubapi.example:{}", server.address.port()));
    target.system_dns = Some(vec![resolver(Manner::Code(SERVFAIL)).await]);
    target.dns_servers = vec![resolver(Manner::Address(Ipv4Addr::LOCALHOST)).await];
    target.control_host = Some("example.com".to_owned());
    let report = run(&target).await;
    let dns = report.dns.answered().expect("both were asked");
    let found = Lookup::Addresses { addresses: vec![IpAddr::from(Ipv4Addr::LOCALHOST)] };
    assert_eq!((&dns.resolvers[0].answer, &dns.resolvers[1].answer), (&Lookup::ServerFailed, &found));
    assert_eq!(dns.control.as_ref().map(|control| &control.answer), Some(&Lookup::ServerFailed));
    assert_eq!(
        report.layer(LayerName::Dns).and_then(|layer| layer.ok),
        Some(false),
        "the system's is what counts"
    );
    assert_eq!(report.calls_made, HUBSPOT_CALLS_MAX, "and HubSpot is seen to be well");
}

#[tokio::test]
async fn an_address_needs_no_resolver() {
    let server = Server::plain(|_| json(200, "", &serde_json::json!({}))).await;
    let report = run(&target(&server.url())).await;
    assert_eq!(report.dns, Finding::not_asked(Why::NotApplicable));
}
