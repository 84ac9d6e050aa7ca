//! Managed mode: callers show a gateway key, HubSpot sees our token, and neither sees the other's.

use crate::house::{Act, Conversation, Start, Upstream, ask, json_answer};

const TOKEN: &str = "pat-na1-11111111-2222-3333-4444-555555555555";
const KEY: &str = "gateway-key-of-billing";

const CONFIG: &str = r#"
[gateway]
mode = "managed"
[[callers]]
name = "billing"
key = "env:BILLING_KEY"
[[callers]]
name = "reports"
key = "file:reports.key"
"#;

fn managed(upstream: &str) -> Start {
    Start::up(upstream)
        .file("hubkeeper.toml", CONFIG)
        .file("reports.key", "gateway-key-of-reports\n")
        .env("BILLING_KEY", KEY)
        .env("HUBSPOT_ACCESS_TOKEN", TOKEN)
}

#[tokio::test]
async fn callers_show_a_key_and_hubspot_sees_our_token() {
    let upstream = Upstream::saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let up = managed(&upstream.url).ready().await;
    for authorization in ["Bearer gateway-key-of-billing", "bearer gateway-key-of-reports"] {
        let header = format!("Authorization: {authorization}");
        let answer = ask(up.url(), "GET", "/crm/v3/objects/contacts/1", &[&header], "").await;
        assert_eq!(answer.text(), "ok");
        assert!(!answer.head.contains(TOKEN));
    }
    // Whose call would it be?
    let twice =
        ["Authorization: Bearer gateway-key-of-billing", "Authorization: Bearer gateway-key-of-reports"];
    let answer = ask(up.url(), "GET", "/crm/v3/objects/contacts/1", &twice, "").await;
    assert!(answer.refusal(400, "HUBKEEPER_BAD_REQUEST").contains("twice"), "{answer:?}");
    let heard = upstream.heard();
    assert_eq!(heard.len(), 2);
    for heard in heard {
        assert_eq!(heard.header("authorization"), Some(&*format!("Bearer {TOKEN}")));
        assert_eq!(heard.head.to_lowercase().matches("authorization").count(), 1);
        assert!(!heard.head.contains("gateway-key"), "{}", heard.head);
    }
    let traffic = ask(up.admin(), "GET", "/api/v1/traffic", &[], "").await.text();
    assert!(traffic.contains(r#""caller":"billing""#) && traffic.contains(r#""caller":"reports""#));
    up.stop().await;
}

#[tokio::test]
async fn without_a_known_key_nothing_is_sent() {
    let upstream = Upstream::start(|_| vec![Act::Close]).await;
    let up = managed(&upstream.url).ready().await;
    let token = format!("Authorization: Bearer {TOKEN}");
    let headers: [&[&str]; 6] = [
        &[],
        &["Authorization: Bearer wrong"],
        &["Authorization: Bearer"],
        &["Authorization: gateway-key-of-billing"],
        &["Authorization: Basic Z2F0ZXdheS1rZXktb2YtYmlsbGluZw=="],
        &[&token],
    ];
    for headers in headers {
        let answer = ask(up.url(), "GET", "/crm/v3/objects/contacts", headers, "").await;
        let message = answer.refusal(401, "HUBKEEPER_UNKNOWN_CALLER");
        assert!(message.contains("[[callers]]"), "{message}");
        assert!(!message.contains("gateway-key") && !message.contains("pat-na1"), "{message}");
    }
    assert_eq!(upstream.connections(), 0);
    up.stop().await;
}

/// On loopback without callers whoever can connect may call; what they send as credential is not passed on.
#[tokio::test]
async fn without_callers_loopback_is_trusted() {
    let upstream = Upstream::saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let up =
        Start::up(&upstream.url).gateway("mode", "managed").env("HUBSPOT_ACCESS_TOKEN", TOKEN).ready().await;
    for headers in [&[][..], &["Authorization: Bearer theirs"]] {
        assert_eq!(ask(up.url(), "GET", "/x", headers, "").await.status, 200);
    }
    for heard in upstream.heard() {
        assert_eq!(heard.header("authorization"), Some(&*format!("Bearer {TOKEN}")));
    }
    up.stop().await;
}

/// Everyone on this machine is trusted, but not every page that somebody looks at there.
#[tokio::test]
async fn without_callers_web_pages_are_refused() {
    let upstream = Upstream::saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let managed = || Start::up(&upstream.url).gateway("mode", "managed").env("HUBSPOT_ACCESS_TOKEN", TOKEN);
    let up = managed().gateway("public_url", "https://hubspot.internal.example").ready().await;
    for (headers, status) in [
        ("Host: evil.example", 403),
        ("Host: localhost\r\nSec-Fetch-Site: cross-site", 403),
        ("Host: 127.0.0.1\r\nOrigin: null", 403),
        ("Host: 127.0.0.1", 200),
        ("Host: hubspot.internal.example\r\nOrigin: https://hubspot.internal.example", 200),
    ] {
        let mut conversation = Conversation::open(up.url()).await;
        conversation.say(format!("GET /x HTTP/1.1\r\n{headers}\r\n\r\n")).await;
        assert_eq!(conversation.answer().await.status, status, "{headers}");
    }
    assert_eq!(upstream.heard().len(), 2);
    // Of a whole URL as target its host counts, whatever `Host` says.
    for (url, status) in [("http://evil.example/x", 403), ("http://localhost:8400/x", 200)] {
        let mut conversation = Conversation::open(up.url()).await;
        conversation.say(format!("GET {url} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")).await;
        assert_eq!(conversation.answer().await.status, status, "{url}");
    }
    up.stop().await;
}

/// A key is no secret of the browser's: with one, the host does not matter.
#[tokio::test]
async fn with_callers_any_host_will_do() {
    let upstream = Upstream::saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let up = managed(&upstream.url).ready().await;
    let mut conversation = Conversation::open(up.url()).await;
    let headers = format!("Host: gateway.svc.cluster.local\r\nAuthorization: Bearer {KEY}");
    conversation.say(format!("GET /x HTTP/1.1\r\n{headers}\r\n\r\n")).await;
    assert_eq!(conversation.answer().await.status, 200);
    drop(conversation);
    up.stop().await;
}

/// The house has no PATH, and so no program of Vault's.
#[tokio::test]
async fn a_token_in_vault_is_had_without_vaults_program() {
    let vault = Upstream::start(|heard| {
        let path = heard.head.split(' ').nth(1).unwrap();
        let known = heard.header("x-vault-token") == Some("s.vault-token-of-ours")
            && heard.header("x-vault-namespace") == Some("crm");
        vec![match path {
            _ if !known => json_answer("403 Forbidden", r#"{"errors":["permission denied"]}"#),
            "/v1/sys/internal/ui/mounts/team/kv/hubspot" => {
                json_answer("200 OK", r#"{"data":{"path":"team/kv/","type":"kv","options":{"version":"2"}}}"#)
            }
            "/v1/team/kv/data/hubspot" => json_answer(
                "200 OK",
                &format!(
                    "{{\"data\":{{\"data\":{{\"token\":\"{TOKEN}\"}},\"metadata\":{{\"version\":3}}}}}}"
                ),
            ),
            _ => json_answer("404 Not Found", r#"{"errors":[]}"#),
        }]
    })
    .await;
    let upstream = Upstream::saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let up = |reference: &str, token: &str| {
        let file = format!(
            "[gateway]\nmode = \"managed\"\n[[connections]]\nname = \"crm\"\ntoken = \"vault:{reference}\"\n"
        );
        Start::up(&upstream.url)
            .file("hubkeeper.toml", &file)
            .env("VAULT_ADDR", &vault.url)
            .env("VAULT_TOKEN", token)
            .env("VAULT_NAMESPACE", "crm")
    };
    let token = "s.vault-token-of-ours";
    let running = up("team/kv/hubspot#token", token).ready().await;
    assert_eq!(ask(running.url(), "GET", "/crm/v3/objects/contacts/1", &[], "").await.text(), "ok");
    let sent = upstream.heard();
    assert_eq!(sent[0].header("authorization"), Some(&*format!("Bearer {TOKEN}")), "{sent:?}");
    running.stop().await;
    for (reference, token, told) in [
        ("team/kv/hubspot#other", token, "no such field"),
        ("secret/nothing#token", token, "nothing lies there"),
        ("team/kv/hubspot#token", "s.of-somebody-else", "may not read it"),
    ] {
        let ended = up(reference, token).ended().await;
        assert_eq!(ended.code, Some(2), "{ended:#?}");
        assert!(ended.stderr.contains(told), "{told}: {ended:#?}");
    }
}
