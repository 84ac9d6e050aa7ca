//! The console as a browser gets it: pages, their headers, and what may be posted.

use crate::house::{Answer, Program, Start, Upstream, ask, json_answer};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

async fn post(up: &Program, path: &str, headers: &[&str], form: &str) -> Answer {
    ask(up.admin(), "POST", path, &[&[FORM], headers].concat(), form).await
}

async fn page(up: &Program, path: &str) -> String {
    let answer = ask(up.admin(), "GET", path, &[], "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    answer.text()
}

#[tokio::test]
async fn the_first_page_shows_calls_and_escapes_what_others_chose() {
    let failing =
        |_: &_| vec![json_answer("500 Internal Server Error", r#"{"status":"error","category":"<script>"}"#)];
    let upstream = Upstream::start(failing).await;
    let up = Start::bare_up(&upstream.url).ready().await;
    assert!(page(&up, "/").await.contains("Nobody has called yet"));
    let token = "Authorization: Bearer pat-na1-00000000-0000-4000-8000-000000000000";
    assert_eq!(ask(up.url(), "GET", "/crm/v3/objects/contacts/1", &[token], "").await.status, 500);
    let page = page(&up, "/").await;
    assert!(page.contains("1 of the last 1 calls failed"), "{page}");
    assert!(
        page.contains("/crm/v3/objects/{type}/{id}") || page.contains("/crm/v3/objects/contacts/{id}"),
        "{page}"
    );
    assert!(!page.contains("<script>"), "{page}");
    assert!(!page.contains("pat-na1"), "no token on any page");
    up.stop().await;
}

#[tokio::test]
async fn every_page_keeps_to_itself() {
    let up = Start::up(&Upstream::nobody().await).ready().await;
    let answer = ask(up.admin(), "GET", "/", &[], "").await;
    let policy = answer.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
        "{policy}"
    );
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    for path in ["/api/v1/traffic", "/metrics", "/nowhere"] {
        let told = ask(up.admin(), "GET", path, &[], "").await;
        let headers = ["cache-control", "x-content-type-options"].map(|name| told.header(name));
        assert_eq!(headers, [Some("no-store"), Some("nosniff")], "{path}: {told:?}");
    }
    for (asset, kind) in [("/console.css", "text/css"), ("/console.js", "text/javascript")] {
        assert_eq!(ask(up.admin(), "GET", asset, &[], "").await.header("content-type"), Some(kind));
    }
    assert_eq!(ask(up.admin(), "GET", "/drill", &[], "").await.status, 404, "nothing real may be broken");
    assert_eq!(post(&up, "/drill", &[], "kind=hubspot.partial").await.status, 404);
    up.stop().await;
}

#[tokio::test]
async fn a_switch_is_turned_from_our_own_page_only_and_with_a_reason() {
    let up = Start::up(&Upstream::nobody().await).ready().await;
    let on = "turn=on&family=owners&reason=records+are+moved";
    for foreign in [["Origin: https://evil.example"], ["Sec-Fetch-Site: cross-site"], ["Origin: null"]] {
        assert_eq!(post(&up, "/switches", &foreign, on).await.status, 403, "{foreign:?}");
    }
    for (form, why) in [("turn=on&family=owners", "say why"), ("turn=on&family=x&reason=y", "no API family")]
    {
        let refused = post(&up, "/switches", &[], form).await;
        assert_eq!(refused.status, 400);
        assert!(refused.text().contains(why), "{}", refused.text());
    }
    assert!(!page(&up, "/").await.contains("records are moved"));
    assert_eq!(post(&up, "/switches", &[], on).await.status, 303);
    let shown = page(&up, "/").await;
    assert!(shown.contains("records are moved") && shown.contains("every connection, owners"), "{shown}");
    assert_eq!(post(&up, "/switches", &[], "turn=off&family=owners").await.status, 303);
    assert!(!page(&up, "/").await.contains("records are moved"));
    up.stop().await;
}
