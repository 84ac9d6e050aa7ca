//! An IPv6 address that swallows every packet: no refusal, no "unreachable", only silence. It needs a network of its own,
//! which the kernel gives to root; where it does not, the test says so and has nothing to show.

use std::process::Command;

use serde_json::json;

use super::code;
use super::house::{Simulator, Triage};

/// A tunnel that nobody reads from takes what goes to the discard prefix (RFC 6666), where the simulator's dead address is.
const NETWORK: &str = "ip link set dev lo up && ip tuntap add dev nowhere mode tun && ip link set dev nowhere up \
    && ip -6 addr add 2001:db8::2/64 dev nowhere nodad && ip -6 route add 100::/64 dev nowhere";

/// The test starts itself again, in that network.
#[tokio::test]
async fn an_address_that_swallows_everything_is_named() {
    if std::fs::read_to_string("/proc/net/dev").is_ok_and(|devices| devices.contains("nowhere:")) {
        return inside_that_network().await;
    }
    let within = |then: &str| {
        let test = std::env::current_exe().expect("this test is a program");
        let script = format!("{NETWORK} && {then}");
        Command::new("unshare").args(["--net", "sh", "-c", &script]).arg(test).output()
    };
    if !within("true").is_ok_and(|output| output.status.success()) {
        eprintln!(
            "SKIPPED: a network of its own needs root, unshare, ip and /dev/net/tun, and one is missing here"
        );
        return;
    }
    let name = "triage::black_hole::an_address_that_swallows_everything_is_named";
    let inside = within(&format!("exec \"$0\" {name} --exact --nocapture")).expect("it ran a moment ago");
    let said =
        [inside.stdout, inside.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(inside.status.success() && said.contains("1 passed"), "{said}");
}

async fn inside_that_network() {
    let sim = Simulator::start(&["--dns-listen", "127.0.0.1:0"]).await;
    let named = sim.url.replace("127.0.0.1", "api.hubspot.test");
    let asked = Triage::of(&named).token(&sim.token).status_page(&sim.status_page());
    let asked = asked.option("--system-dns", &sim.dns);
    let (before, _) = asked.run().await;
    assert_eq!(code(&before), "healthy", "{before:#}");
    sim.fault(&json!({"kind": "F38"})).await;
    let (diagnosis, exit) = asked.run().await;
    assert_eq!((code(&diagnosis).as_str(), exit), ("net.ipv6", 1), "{diagnosis:#}");
    let said = diagnosis["diagnosis"]["evidence"].to_string();
    assert!(said.contains("[100::1]") && said.contains("no answer after"), "silence, not a refusal: {said}");
}
