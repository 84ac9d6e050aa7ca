//! A call outside of its caller's rights is refused before HubSpot hears of it, with the missing right named, and audited.

use serde_json::Value;
use tempfile::TempDir;

use crate::house::{Answer, Program, Start, Upstream, ask, json_answer};

const TOKEN: &str = "pat-na1-11111111-2222-3333-4444-555555555555";

const CONFIG: &str = r#"
[gateway]
mode = "managed"
[[callers]]
name = "reports"
key = "env:REPORTS_KEY"
role = "reader"
[[callers]]
name = "mailer"
key_sha256 = "DIGEST"
role = "writer"
objects = ["contacts"]
properties = ["email"]
"#;

/// A key and its hash, as the command prints them.
async fn new_key() -> (String, String) {
    let made: Value =
        serde_json::from_str(&Start::new(&["callers", "new-key", "--json"]).ended().await.stdout).unwrap();
    (made["key"].as_str().unwrap().to_owned(), made["key_sha256"].as_str().unwrap().to_owned())
}

async fn call(up: &Program, key: &str, method: &str, path: &str, body: &str) -> Answer {
    let authorization = format!("Authorization: Bearer {key}");
    ask(up.url(), method, path, &[&authorization, "Content-Type: application/json"], body).await
}

fn right(answer: &Answer) -> String {
    answer.refusal(403, "HUBKEEPER_MISSING_RIGHTS");
    answer.json()["errors"][0]["context"]["requiredRights"][0].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_call_outside_of_its_callers_rights_costs_hubspot_nothing() {
    let (key, digest) = new_key().await;
    let data = TempDir::new().unwrap();
    let path = data.path().to_str().unwrap();
    let upstream = Upstream::start(|_| vec![json_answer("200 OK", r#"{"id":"1"}"#)]).await;
    let start = Start::up(&upstream.url).file("hubkeeper.toml", &CONFIG.replace("DIGEST", &digest));
    let start = start.env("REPORTS_KEY", "reports-key").env("HUBSPOT_ACCESS_TOKEN", TOKEN);
    let up = start.args(&["--data", path]).ready().await;

    let contact = "/crm/v3/objects/contacts/1";
    assert_eq!(call(&up, "reports-key", "GET", contact, "").await.status, 200);
    assert_eq!(call(&up, &key, "GET", "/crm/v3/objects/contacts/1?properties=email", "").await.status, 200);
    assert_eq!(call(&up, &key, "PATCH", contact, r#"{"properties":{"email":"a@b.c"}}"#).await.status, 200);
    let heard = upstream.heard().len();

    let denied = call(&up, "reports-key", "DELETE", contact, "").await;
    assert_eq!(right(&denied), "records.archive");
    assert!(denied.text().contains("reports") && denied.text().contains("writer, admin, sync"), "{denied:?}");
    for (method, path, body, missing) in [
        ("GET", "/crm/v3/objects/deals/1?properties=email", "", "object:deals"),
        ("GET", contact, "", "property:all"),
        ("GET", "/crm/v3/objects/contacts/1?properties=email,ssn", "", "property:ssn"),
        ("PATCH", contact, r#"{"properties":{"ssn":"1"}}"#, "property:ssn"),
        ("POST", "/crm/v3/objects/contacts/gdpr-delete", r#"{"objectId":"1"}"#, "records.erase"),
        ("POST", "/crm/v3/objects/contacts/gdpr%2Ddelete", r#"{"objectId":"1"}"#, "records.erase"),
        ("POST", "/oauth/v1/token", "", "credentials.create"),
    ] {
        assert_eq!(right(&call(&up, &key, method, path, body).await), missing, "{method} {path}");
    }
    // A write that is to be kept is held to the same.
    let authorization = format!("Authorization: Bearer {key}");
    let headers = [&*authorization, "Content-Type: application/json", "Prefer: respond-async"];
    let kept = ask(up.url(), "PATCH", contact, &headers, r#"{"properties":{"ssn":"1"}}"#).await;
    assert_eq!(right(&kept), "property:ssn");
    call(&up, "reports-key", "DELETE", contact, "").await;
    assert_eq!(upstream.heard().len(), heard, "HubSpot heard of a denied call");
    let metrics = ask(up.admin(), "GET", "/metrics", &[], "").await.text();
    assert!(metrics.contains("missing_rights"), "{metrics}");
    up.stop().await;

    let listed = Start::new(&["audit", "list", "--data", path]).ended().await;
    let of_reports: Vec<&str> = listed.stdout.lines().filter(|line| line.contains("reports")).collect();
    assert!(
        of_reports[0].contains("call_denied") && of_reports[0].contains("missing right records.archive"),
        "{listed:#?}"
    );
    let exported = Start::new(&["audit", "export", "--data", path]).ended().await.stdout;
    let told = denied.json()["correlationId"].as_str().unwrap().to_owned();
    assert!(
        exported.contains(&format!("\"request_id\":\"{told}\"")),
        "found by what the caller was told: {exported}"
    );
    assert!(of_reports.len() == 2 && of_reports[1].contains("1 more since"), "{listed:#?}");
    assert!(!listed.stdout.contains("contacts/1"), "routes are without ids: {listed:#?}");
    assert!(listed.stdout.lines().count() >= 7, "{listed:#?}");
    assert_eq!(Start::new(&["audit", "verify", "--data", path]).ended().await.code, Some(0));
}

#[tokio::test]
async fn a_new_key_is_shown_once_with_its_hash() {
    let (key, digest) = new_key().await;
    assert!(key.starts_with("hubkeeper_") && key.len() == 74 && digest.len() == 64, "{key} {digest}");
    let text = Start::new(&["callers", "new-key"]).ended().await;
    assert_eq!((text.code, &*text.stderr), (Some(0), ""));
    assert!(text.stdout.contains("key_sha256 = \"") && !text.stdout.contains(&key), "{text:#?}");
}

#[tokio::test]
async fn callers_that_make_no_sense_are_refused_with_a_hint() {
    for (entry, told) in [
        ("", "either key or key_sha256"),
        ("key = \"env:K\"\nkey_sha256 = \"00\"", "either key or key_sha256"),
        ("key_sha256 = \"00\"", "64 hexadecimal digits"),
        ("key = \"env:K\"\nrole = \"king\"", "`reader`, `writer`"),
        ("key = \"env:K\"\nverbs = [\"raed\"]", "`read`"),
        ("key = \"env:K\"\nobjects = []", "objects is empty"),
    ] {
        let config = format!("[[callers]]\nname = \"a\"\n{entry}\n");
        let ended = Start::new(&["config", "check"]).file("hubkeeper.toml", &config).ended().await;
        assert_eq!(ended.code, Some(2), "{entry}: {ended:#?}");
        assert!(ended.stderr.contains(told), "{entry}: {ended:#?}");
    }
    let same = "[gateway]\nmode = \"managed\"\n[[callers]]\nname = \"a\"\nkey = \"env:K\"\n[[callers]]\nname = \"b\"\nkey = \"env:K\"\n";
    let up = Start::up(&Upstream::nobody().await).file("hubkeeper.toml", same).env("K", "k-e-y");
    let ended = up.env("HUBSPOT_ACCESS_TOKEN", TOKEN).ended().await;
    assert!(ended.code == Some(2) && ended.stderr.contains("same key"), "{ended:#?}");
}
