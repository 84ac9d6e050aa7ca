//! The admin listener by role: every route, for every role, shown by key and by session. Nothing succeeds that the role does not
//! hold, every denial is named and audited, and the console shows no form that would be refused.

use std::collections::BTreeSet;

use serde_json::Value;
use tempfile::TempDir;

use crate::house::{Answer, Program, Start, Upstream, ask};

/// The table that the listener goes by, as it is written. Who holds what is said here anew.
const TABLE: &str = include_str!("../../../src/admin/rights.rs");

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const WRONG: &str = "hubkeeper_nobody_has_this_key";

/// Names and keys, each with its role.
const KEYS: [(&str, &str, &str); 3] = [
    ("grafana", "viewer", "hubkeeper_viewer_0123456789"),
    ("oncall", "operator", "hubkeeper_operator_0123456789"),
    ("owner", "admin", "hubkeeper_owner_0123456789"),
];

struct Route {
    method: String,
    path: String,
    right: String,
}

fn routes() -> Vec<Route> {
    let lines = TABLE.lines().filter_map(|line| line.trim().strip_prefix("(\"")?.strip_suffix("),"));
    let routes = lines.map(|line| {
        let (method, rest) = line.split_once("\", \"").unwrap();
        let (path, right) = rest.split_once("\", Right::").unwrap();
        Route { method: method.into(), path: path.into(), right: right.into() }
    });
    routes.collect()
}

fn may(role: &str, right: &str) -> bool {
    match right {
        "Open" | "Look" => true,
        "Content" | "Act" => role != "viewer",
        "Credentials" => role == "admin",
        other => panic!("{other}"),
    }
}

/// Something for every name in it.
fn filled(path: &str) -> String {
    let fill = |segment: &str| if segment.starts_with('{') { "x".to_owned() } else { segment.to_owned() };
    path.split('/').map(fill).collect::<Vec<_>>().join("/")
}

async fn up(data: &TempDir, keys: &str) -> Program {
    let start = Start::up(&Upstream::nobody().await)
        .args(&["--data", data.path().join("data").to_str().unwrap()])
        .file("hubkeeper.toml", keys);
    KEYS.iter().fold(start, |start, (name, _, key)| start.env(&name.to_uppercase(), key)).ready().await
}

fn keys() -> String {
    let entry = |(name, role, _): &(&str, &str, &str)| {
        format!(
            "[[admin.keys]]\nname = \"{name}\"\nrole = \"{role}\"\nkey = \"env:{}\"\n",
            name.to_uppercase()
        )
    };
    KEYS.iter().map(entry).collect()
}

/// A cookie, and what its forms send back.
async fn log_in(up: &Program, name: &str, key: &str) -> (String, String) {
    let answer = ask(up.admin(), "POST", "/login", &[FORM], &format!("name={name}&key={key}")).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let cookie = format!("Cookie: {}", answer.header("set-cookie").unwrap().split(';').next().unwrap());
    let page = ask(up.admin(), "GET", "/", &[&cookie], "").await.text();
    let (_, rest) = page.split_once("name=\"csrf\" value=\"").unwrap_or_else(|| panic!("{page}"));
    (cookie, rest.split('"').next().unwrap().to_owned())
}

fn is_denied(answer: &Answer) -> bool {
    answer.status == 403 && answer.text().contains("HUBKEEPER_MISSING_RIGHTS")
}

#[tokio::test]
async fn every_route_is_held_against_every_role_and_each_denial_is_audited() {
    let data = TempDir::new().unwrap();
    let up = up(&data, &keys()).await;
    let (mut combinations, mut unexpected, mut denials) = (0, Vec::new(), BTreeSet::new());
    let routes = routes();
    for (name, role, key) in KEYS {
        let bearer = format!("Authorization: Bearer {key}");
        let (cookie, csrf) = log_in(&up, "ada", key).await;
        // The way out comes last: it ends the session.
        for route in routes.iter().filter(|route| route.path != "/logout") {
            let path = filled(&route.path);
            let by_key = ask(up.admin(), &route.method, &path, &[&bearer], "").await;
            let form = if route.method == "GET" { String::new() } else { format!("csrf={csrf}") };
            let by_session = ask(up.admin(), &route.method, &path, &[&cookie, FORM], &form).await;
            for (kind, who, answer) in
                [("key", name.to_owned(), by_key), ("session", format!("ada ({name})"), by_session)]
            {
                combinations += 1;
                let allowed = may(role, &route.right);
                let as_it_should =
                    if allowed { !is_denied(&answer) && answer.status != 401 } else { is_denied(&answer) };
                if !as_it_should {
                    unexpected.push(format!("{role} by {kind}: {} {path} {}", route.method, answer.status));
                }
                if !allowed {
                    denials.insert(format!("{who} {} {}", route.method, route.path));
                }
            }
        }
    }
    let wrong = format!("Authorization: Bearer {WRONG}");
    // Together: wrong keys are answered late.
    let asked = routes.iter().filter(|route| route.right != "Open").flat_map(|route| {
        let kinds = [&[][..], std::slice::from_ref(&wrong), &["Cookie: hubkeeper_session=0".to_owned()][..]];
        kinds.map(|headers| (route, headers.to_vec()))
    });
    let answered = asked.map(async |(route, headers)| {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        (route, ask(up.admin(), &route.method, &filled(&route.path), &headers, "").await.status)
    });
    for (route, status) in futures_util::future::join_all(answered).await {
        combinations += 1;
        if status != 401 {
            unexpected.push(format!("nobody: {} {} {status}", route.method, route.path));
        }
    }
    assert_eq!(unexpected, [""; 0]);
    assert!(combinations > 500, "{combinations} combinations");
    up.stop().await;

    let path = data.path().join("data");
    let list = ["audit", "list", "--json", "--last", "10000", "--data", path.to_str().unwrap()];
    let listed = Start::new(&list).ended().await;
    let entries = listed.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let denied = entries.filter(|entry| entry["act"] == "call_denied");
    let audited: BTreeSet<String> = denied
        .map(|entry| format!("{} {}", entry["actor"].as_str().unwrap(), entry["subject"].as_str().unwrap()))
        .collect();
    let missing: Vec<_> = denials.difference(&audited).collect();
    assert!(
        missing.is_empty(),
        "{} of {} denials are not audited: {missing:?}",
        missing.len(),
        denials.len()
    );
    assert!(denials.len() >= 80, "{}", denials.len());
}

/// The control: where there is no key, the same requests pass.
#[tokio::test]
async fn without_keys_nobody_is_refused() {
    let data = TempDir::new().unwrap();
    let up = up(&data, "").await;
    for route in routes() {
        let answer = ask(up.admin(), &route.method, &filled(&route.path), &[], "").await;
        assert!(!is_denied(&answer) && answer.status != 401, "{} {}: {answer:?}", route.method, route.path);
    }
    up.stop().await;
}

#[tokio::test]
async fn the_console_shows_no_form_that_would_be_refused() {
    let data = TempDir::new().unwrap();
    let up = up(&data, &keys()).await;
    for (name, role, key) in KEYS {
        let (cookie, _) = log_in(&up, "ada", key).await;
        let page = ask(up.admin(), "GET", "/", &[&cookie], "").await.text();
        assert_eq!(page.contains("action=\"/switches\""), role != "viewer", "{role}: {page}");
        assert!(page.contains(&format!("ada ({name})")) && page.contains(role), "it says who one is: {page}");
    }
    up.stop().await;
}

#[tokio::test]
async fn keys_that_make_no_sense_are_refused_with_a_hint() {
    for (entry, told) in [
        ("name = \"a\"\nrole = \"viewer\"", "either key or key_sha256"),
        ("name = \"a\"\nrole = \"king\"\nkey = \"env:K\"", "`viewer`, `operator`"),
        ("name = \"a\"\nrole = \"viewer\"\nkey_sha256 = \"00\"", "64 hexadecimal digits"),
        ("name = \"a\"\nkey = \"env:K\"", "role"),
        (
            "name = \"a\"\nrole = \"viewer\"\nkey = \"env:K\"\n[[admin.keys]]\nname = \"a\"\nrole = \"viewer\"\nkey = \"env:L\"",
            "twice",
        ),
    ] {
        let config = format!("[[admin.keys]]\n{entry}\n");
        let ended = Start::new(&["config", "check"]).file("hubkeeper.toml", &config).ended().await;
        assert!(ended.code == Some(2) && ended.stderr.contains(told), "{entry}: {ended:#?}");
    }
    let same = "[[admin.keys]]\nname = \"a\"\nrole = \"viewer\"\nkey = \"env:K\"\n[[admin.keys]]\nname = \"b\"\nrole = \"admin\"\nkey = \"env:K\"\n";
    let up =
        Start::up(&Upstream::nobody().await).file("hubkeeper.toml", same).env("K", "hubkeeper_0123456789");
    let ended = up.ended().await;
    assert!(ended.code == Some(2) && ended.stderr.contains("are the same"), "{ended:#?}");
}
