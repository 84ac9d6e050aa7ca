//! Addresses by which somebody could have us call into our own network, in every spelling we know of: none is called.
//!
//! The sockets of this machine listen on all its addresses, so that a spelling of the loopback that gets through is seen
//! twice: by the verdict, and by who was called.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use jiff::Timestamp;
use store::deliveries::EventKey;
use tokio::net::TcpListener;

use super::super::door::{Door, Occasion, Parcel};
use super::super::item::Item;
use super::super::subscriber::{HttpSink, Reach};
use super::super::verdict::{Failed, Reason, Verdict};
use super::HttpDoor;

/// Of every network that is not the Internet, and what stands at clouds' metadata addresses.
const INSIDE_V4: [&str; 40] = [
    "0.0.0.0",
    "0.0.0.1",
    "10.0.0.1",
    "10.255.255.254",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.254",
    "127.0.0.1",
    "127.0.0.2",
    "127.0.1.1",
    "127.127.127.127",
    "127.255.255.254",
    "169.254.0.1",
    "169.254.169.123",
    "169.254.169.253",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "172.16.0.1",
    "172.17.0.1",
    "172.20.10.1",
    "172.31.255.254",
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.1.254",
    "192.168.65.2",
    "192.168.99.100",
    "192.168.122.1",
    "192.168.255.254",
    "198.18.0.1",
    "198.19.255.254",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
];

const INSIDE_V6: [&str; 20] = [
    "::",
    "::1",
    "0:0:0:0:0:0:0:1",
    "0000:0000:0000:0000:0000:0000:0000:0001",
    "::ffff:0:0",
    "fc00::1",
    "fd00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fdff:ffff:ffff:ffff::1",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff05::c",
    "100::1",
    "2001::1",
    "2001:10::1",
    "2001:db8::1",
    "3fff::1",
];

/// Such as no name server need be asked for.
const NAMES: [&str; 6] = ["localhost", "LOCALHOST", "LocalHost", "0", "0x0", "00000000000"];

/// Every way that a resolver or a lenient parser reads as this address.
fn spellings(address: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = address.octets();
    let number = u32::from(address);
    let [high, low] = [u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])];
    vec![
        format!("{a}.{b}.{c}.{d}"),
        format!("{number}"),
        format!("{number:#x}"),
        format!("{number:#X}").replace('X', "x"),
        format!("0{number:o}"),
        format!("{a}.{}", number & 0x00ff_ffff),
        format!("{a}.{b}.{}", number & 0xffff),
        format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("[::ffff:{a}.{b}.{c}.{d}]"),
        format!("[::ffff:{high:x}:{low:x}]"),
        format!("[::{a}.{b}.{c}.{d}]"),
        format!("[::ffff:0:{high:x}:{low:x}]"),
        format!("[64:ff9b::{high:x}:{low:x}]"),
        format!("[2002:{high:x}:{low:x}::1]"),
    ]
}

fn targets() -> Vec<String> {
    let v4 = INSIDE_V4.iter().flat_map(|text| spellings(text.parse().expect("an address")));
    let v6 = INSIDE_V6.iter().map(|text| {
        format!("[{}]", text.parse::<Ipv6Addr>().map_or((*text).to_owned(), |ip| ip.to_string()))
    });
    let as_written = INSIDE_V6.iter().map(|text| format!("[{text}]"));
    v4.chain(v6).chain(as_written).chain(NAMES.map(str::to_owned)).collect()
}

fn parcel() -> Parcel {
    let now = Timestamp::UNIX_EPOCH;
    let item = Item {
        seq: 0,
        place: 0,
        letter: None,
        event: EventKey::new(now, [0; 10]),
        connection: Arc::from("test"),
        object: Arc::from("0/0"),
        kind: "contact.creation".into(),
        subject: [0; 16],
        occurred_at: now,
        received_at: now,
        body: bytes::Bytes::from_static(b"{}"),
        attempts: 0,
        alone: true,
    };
    Parcel { items: vec![item], at: now, occasion: Occasion::Live }
}

fn door(url: Uri, reach: Reach) -> HttpDoor {
    let roots = rustls::RootCertStore::empty();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let tls = tls.expect("versions").with_root_certificates(roots).with_no_client_auth();
    let sink = HttpSink { url, keys: Vec::new(), reach, timeout: Duration::from_secs(5) };
    HttpDoor::new(sink, Arc::new(tls), Arc::new(|| Timestamp::UNIX_EPOCH))
}

/// Who was called: every connection to any address of this machine is taken, and ended.
struct Machine {
    port: u16,
    calls: Arc<parking_lot::Mutex<usize>>,
}

impl Machine {
    async fn listen() -> Self {
        // The wildcard of IPv6 hears IPv4 too, where there is IPv6.
        let listener = match TcpListener::bind((IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0)).await {
            Ok(listener) => listener,
            Err(_) => TcpListener::bind((IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0)).await.expect("a port"),
        };
        let port = listener.local_addr().expect("bound").port();
        let calls = Arc::new(parking_lot::Mutex::new(0));
        let count = calls.clone();
        tokio::spawn(async move {
            while let Ok((called, _)) = listener.accept().await {
                *count.lock() += 1;
                drop(called);
            }
        });
        Self { port, calls }
    }

    /// What comes of a parcel to each of the targets that is a URL at all.
    async fn try_all(&self, reach: Reach) -> Vec<(String, Verdict)> {
        let mut found = Vec::new();
        for scheme in ["http", "https"] {
            for target in targets() {
                let Ok(url) = format!("{scheme}://{target}:{}/hook", self.port).parse::<Uri>() else {
                    continue;
                };
                let verdict = door(url, reach).post(parcel()).await;
                found.push((format!("{scheme}://{target}"), verdict));
            }
        }
        found
    }
}

#[tokio::test]
async fn nothing_inside_is_called_by_any_spelling() {
    let machine = Machine::listen().await;
    let found = machine.try_all(Reach::Public).await;
    assert!(found.len() >= 1_000, "{} targets", found.len());
    for (target, verdict) in &found {
        let refused = matches!(
            verdict,
            Verdict::Failed(Failed { reason: Reason::Forbidden | Reason::Name, status: None, .. })
        );
        assert!(refused, "{target}: {verdict:?}");
    }
    assert_eq!(*machine.calls.lock(), 0, "somebody was called");
}

/// The control: with the guard off, the spellings of the loopback do reach us.
#[tokio::test]
async fn without_the_guard_they_would_be() {
    let machine = Machine::listen().await;
    for target in spellings(Ipv4Addr::LOCALHOST).iter().take(9) {
        let url = format!("http://{target}:{}/hook", machine.port).parse().expect("a URL");
        let _broken = door(url, Reach::Private).post(parcel()).await;
    }
    assert!(*machine.calls.lock() >= 5, "{} calls", machine.calls.lock());
}
