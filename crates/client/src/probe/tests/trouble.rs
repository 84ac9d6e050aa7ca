//! Ways that are closed, cut, slow, or led through a proxy.

use super::super::report::{FailureKind, Finding, LayerName, Route, Stage};
use super::super::target::HUBSPOT_CALLS_MAX;
use super::server::{Reply, Server, closed_port, html, json, mute};
use super::{run, target};

fn portal() -> serde_json::Value {
    serde_json::json!({"portalId": 1, "results": []})
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let report = run(&target(&format!("http://{}", closed_port().await))).await;
    let tcp = report.tcp.answered().expect("it was tried");
    assert_eq!(tcp.addresses[0].failure, Some(FailureKind::Refused));
    assert_eq!(report.layer(LayerName::Tcp).and_then(|layer| layer.ok), Some(false));
    assert_eq!((report.calls_made, report.route), (0, Route::None));
}

#[tokio::test]
async fn one_closed_address_of_two_is_seen_and_avoided() {
    let server = Server::plain(|_| json(200, "", &portal())).await;
    let mut target = target(&format!("http://api.hubapi.example:{}", server.address.port()));
    // IPv6 loopback, where nobody listens on this port.
    target.resolve_override = Some(vec!["::1".parse().expect("an address"), server.address.ip()]);
    let report = run(&target).await;
    let tcp = report.tcp.answered().expect("both were tried");
    assert!(tcp.addresses[0].failure.is_some());
    // A machine without IPv6 has no route there; one with it is refused, and only that is broken.
    assert_eq!(tcp.ipv6_broken(), tcp.addresses[0].failure != Some(FailureKind::Unreachable));
    assert_eq!(report.calls_made, HUBSPOT_CALLS_MAX);
}

#[rstest::rstest]
#[case::cut("", FailureKind::Reset)]
#[case::short("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", FailureKind::Truncated)]
#[case::other("SSH-2.0-OpenSSH_9.2\r\n", FailureKind::NotUnderstood)]
#[tokio::test]
async fn broken_answers_are_told_apart(#[case] text: &str, #[case] kind: FailureKind) {
    let text = text.to_owned();
    let server = Server::plain(move |_| Reply::Text(text.clone())).await;
    let report = run(&target(&server.url())).await;
    let failure = report.http.failure().expect("no whole answer");
    assert_eq!((failure.stage, failure.kind), (Stage::Http, kind));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_ends_the_run_in_time() {
    let server = Server::plain(|_| Reply::Silence).await;
    let mut target = target(&server.url());
    target.status_page = Some(format!("{}/status", server.url()).parse().expect("an address"));
    let report = run(&target).await;
    assert_eq!(report.http.failure().map(|failure| failure.kind), Some(FailureKind::TimedOut));
    assert_eq!(report.status_page.failure().map(|failure| failure.kind), Some(FailureKind::TimedOut));
    assert!(report.families.iter().all(|row| row.answer.failure().is_some()));
    assert_eq!(report.calls_made, HUBSPOT_CALLS_MAX - 2, "what hangs is not asked again");
    assert_eq!(report.duration_ms, 6_000, "1 s head start, 5 s for the answer");
}

#[tokio::test(start_paused = true)]
async fn everything_hanging_ends_before_ten_seconds() {
    let silent = super::names::resolver(super::names::Manner::Silence).await;
    let mut target = target(&format!("http://{}", mute().await));
    target.status_page = Some("http://status.example/".parse().expect("an address"));
    target.control_host = Some("control.example".to_owned());
    target.system_dns = Some(vec![silent]);
    target.timeouts.http = std::time::Duration::from_secs(60);
    let report = run(&target).await;
    assert_eq!(report.duration_ms, 9_500);
    assert_eq!(report.layer(LayerName::Http).and_then(|layer| layer.ok), Some(false));
}

#[tokio::test]
async fn a_proxy_that_wants_a_password_is_told_from_hubspot() {
    let server = Server::plain(|_| json(200, "", &portal())).await;
    let proxy = Server::plain(|_| html(407, "Via: 1.1 squid\r\n")).await;
    let mut target = target(&format!("http://api.hubapi.example:{}", server.address.port()));
    target.resolve_override = Some(vec![server.address.ip()]);
    target.proxy = Some(proxy.url().parse().expect("an address"));
    let report = run(&target).await;
    let found = report.proxy.answered().expect("it was asked");
    assert_eq!((found.works, found.refused_status), (false, Some(407)));
    assert_eq!(report.route, Route::Direct);
    assert_eq!(report.calls_made, HUBSPOT_CALLS_MAX, "the proxied one is one of the eight");
    assert!(proxy.asked().iter().all(|asked| !asked.authenticated()));
}

#[tokio::test]
async fn a_tunnel_refused_says_with_which_status() {
    let proxy = Server::plain(|_| html(502, "")).await;
    let mut target = target(&format!("https://api.hubapi.example:{}", closed_port().await.port()));
    target.resolve_override = Some(vec!["127.0.0.1".parse().expect("an address")]);
    target.proxy =
        Some(proxy.url().replace("http://", "http://ann:secret-word@").parse().expect("an address"));
    let report = run(&target).await;
    let found = report.proxy.answered().expect("it was asked");
    assert_eq!((found.works, found.refused_status), (false, Some(502)));
    assert!(proxy.asked().iter().all(|asked| asked.line.starts_with("CONNECT api.hubapi.example:")));
    assert!(proxy.asked().iter().all(|asked| asked.whole.contains("Proxy-Authorization: Basic ")));
    assert_eq!(report.calls_made, 0);
}

#[tokio::test]
async fn where_only_the_proxy_leads_out_the_calls_go_through_it() {
    let proxy = Server::plain(|_| json(200, "", &portal())).await;
    let mut target = target(&format!("http://api.hubapi.example:{}", closed_port().await.port()));
    target.resolve_override = Some(vec!["127.0.0.1".parse().expect("an address")]);
    target.proxy = Some(proxy.url().parse().expect("an address"));
    let report = run(&target).await;
    assert_eq!(report.route, Route::Proxied);
    assert_eq!(report.layer(LayerName::Auth).and_then(|layer| layer.ok), Some(true));
    assert!(proxy.asked().iter().all(|asked| asked.line.contains(" http://api.hubapi.example:")));
    assert!(proxy.asked().len() <= 8);
    assert!(matches!(report.http, Finding::Answered(_)));
}
