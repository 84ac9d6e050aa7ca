//! The key of the admin listener: without it nobody gets in, and what is done with it stands in the audit log.

use tempfile::TempDir;

use crate::house::{Answer, Program, Start, Upstream, ask};

const KEY: &str = "hubkeeper_0123456789abcdef";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

async fn up(data: &TempDir, key: &str) -> Program {
    let path = data.path().join("data");
    Start::up(&Upstream::nobody().await)
        .args(&["--data", path.to_str().unwrap()])
        .env("HUBKEEPER__ADMIN__KEY", key)
        .env("KEY", KEY)
        .ready()
        .await
}

async fn post(up: &Program, path: &str, headers: &[&str], form: &str) -> Answer {
    ask(up.admin(), "POST", path, &[&[FORM], headers].concat(), form).await
}

fn bearer(key: &str) -> String {
    format!("Authorization: Bearer {key}")
}

/// Logs in, and tells the cookie.
async fn log_in(up: &Program, name: &str) -> String {
    let answer = post(up, "/login", &[], &format!("name={name}&key={KEY}")).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    format!("Cookie: {}", cookie.split(';').next().unwrap())
}

/// What the forms of a page send back.
async fn csrf(up: &Program, cookie: &str) -> String {
    let page = ask(up.admin(), "GET", "/", &[cookie], "").await;
    let text = page.text();
    let (_, rest) = text.split_once("name=\"csrf\" value=\"").unwrap_or_else(|| panic!("{page:?}"));
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_key_that_could_be_guessed_is_none() {
    let up = Start::up(&Upstream::nobody().await).env("HUBKEEPER__ADMIN__KEY", "env:KEY");
    let ended = up.env("KEY", "letmein").ended().await;
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert!(ended.stderr.contains("20 characters") && !ended.stderr.contains("letmein"), "{ended:#?}");
    assert!(ended.stderr.contains("hubkeeper callers new-key"), "{ended:#?}");
}

#[tokio::test]
async fn without_the_key_nothing_is_shown_but_health() {
    let data = TempDir::new().unwrap();
    let up = up(&data, "env:KEY").await;
    for path in ["/health", "/readiness", "/login"] {
        assert_eq!(ask(up.admin(), "GET", path, &[], "").await.status, 200, "{path}");
    }
    let wrong = bearer("hubkeeper_0123456789abcdeg");
    for path in ["/", "/metrics", "/api/v1/traffic", "/api/v1/connections", "/nothing", "/oauth/connect/x"] {
        assert_eq!(ask(up.admin(), "GET", path, &[], "").await.status, 401, "{path}");
        assert_eq!(ask(up.admin(), "GET", path, &[&wrong], "").await.status, 401, "{path}");
    }
    let page = ask(up.admin(), "GET", "/", &["Accept: text/html"], "").await;
    assert_eq!((page.status, page.header("location")), (303, Some("/login")));
    assert_eq!(ask(up.admin(), "GET", "/metrics", &[&bearer(KEY)], "").await.status, 200);

    let list = |key: Option<&str>| {
        let start = Start::new(&["connections", "list", "--json", "--admin", up.admin()]);
        let start = key.into_iter().fold(start, |start, key| start.env("HUBKEEPER_ADMIN_KEY", key));
        start.ended()
    };
    let refused = list(None).await;
    assert_eq!(refused.code, Some(1), "{refused:#?}");
    assert!(refused.stderr.contains("HUBKEEPER_ADMIN_KEY"), "{refused:#?}");
    assert_eq!(list(Some("nonsense")).await.code, Some(1));
    let listed = list(Some(KEY)).await;
    assert_eq!(listed.code, Some(0), "{listed:#?}");
    assert!(!up.stop().await.stderr.contains(KEY));
}

/// Links in messages lead to pages of ours, from other sites too.
#[tokio::test]
async fn whoever_had_to_log_in_first_goes_on_to_where_they_wanted() {
    let data = TempDir::new().unwrap();
    let up = up(&data, "env:KEY").await;
    let from_a_message = ["Accept: text/html", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"];
    let sent = ask(up.admin(), "GET", "/oauth/connect/crm", &from_a_message, "").await;
    assert_eq!((sent.status, sent.header("location")), (303, Some("/login")));
    let cookie = sent.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let cookie = format!("Cookie: {}", cookie.split(';').next().unwrap());
    let page = ask(up.admin(), "GET", "/login", &[&from_a_message[..], &[&cookie]].concat(), "").await;
    assert_eq!(page.status, 200, "the browser follows from the other site: {page:?}");
    assert!(page.text().contains("href=\"/oauth/connect/crm\""), "{page:?}");
    let form = format!("name=ada&key={KEY}");
    let in_now = post(&up, "/login", &[&cookie], &form).await;
    assert_eq!((in_now.status, in_now.header("location")), (303, Some("/oauth/connect/crm")));
    assert!(in_now.head.contains("hubkeeper_next=; "), "once: {in_now:?}");
    for elsewhere in ["https://evil.example/", "//evil.example", "/login", "/api/v1/traffic"] {
        let cookie = format!("Cookie: hubkeeper_next={elsewhere}");
        let in_now = post(&up, "/login", &[&cookie], &form).await;
        assert_eq!(in_now.header("location"), Some("/"), "{elsewhere}");
    }
    up.stop().await;
}

#[tokio::test]
async fn a_person_logs_in_and_the_audit_log_names_them() {
    let data = TempDir::new().unwrap();
    let up = up(&data, "env:KEY").await;
    assert_eq!(post(&up, "/login", &[], "name=ada&key=guessed").await.status, 403);
    assert_eq!(post(&up, "/login", &[], &format!("name=&key={KEY}")).await.status, 400, "who are you?");
    let cookie = log_in(&up, "ada").await;
    let switch = "turn=on&family=&connection=&reason=a+drill";
    for form in [switch.to_owned(), format!("{switch}&csrf="), format!("{switch}&csrf={}", "0".repeat(64))] {
        assert_eq!(post(&up, "/switches", &[&cookie], &form).await.status, 403, "{form}");
    }
    let csrf = csrf(&up, &cookie).await;
    let form = format!("{switch}&csrf={csrf}");
    assert_eq!(post(&up, "/switches", &[], &form).await.status, 401, "the token alone is nothing");
    assert_eq!(post(&up, "/switches", &[&cookie], &form).await.status, 303);
    let off = r#"{"on":false}"#;
    assert_eq!(ask(up.admin(), "POST", "/api/v1/degraded", &[&bearer(KEY)], off).await.status, 200);
    assert_eq!(post(&up, "/logout", &[&cookie], &format!("csrf={csrf}")).await.status, 303);
    assert_eq!(ask(up.admin(), "GET", "/metrics", &[&cookie], "").await.status, 401, "logged out");

    let path = data.path().join("data");
    let listed = Start::new(&["audit", "list", "--json", "--data", path.to_str().unwrap()]).ended().await;
    let entry = |line: &str| {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        ["actor", "act", "outcome"].map(|key| entry[key].as_str().unwrap().to_owned()).join(" ")
    };
    let entries: Vec<String> = listed.stdout.lines().map(entry).collect();
    let expected = [
        "hubkeeper log_begun done",
        "somebody logged_in refused",
        "ada logged_in done",
        "ada degraded_on done",
        "admin_key degraded_off done",
    ];
    assert_eq!(entries, expected, "{listed:#?}");
    up.stop().await;
}

/// Whoever guesses, from wherever, keeps nobody out who has the key.
#[tokio::test]
async fn the_right_key_gets_in_at_once_while_somebody_guesses() {
    let data = TempDir::new().unwrap();
    let up = up(&data, "env:KEY").await;
    let guess = async |number: usize| {
        let form = format!("name=eve&key=hubkeeper_wrong_{number:011}");
        post(&up, "/login", &[], &form).await.status
    };
    let begun = tokio::time::Instant::now();
    let guesses = futures_util::future::join_all((0..30).map(guess));
    let in_time = async {
        let wrong = bearer("hubkeeper_0123456789abcdeg");
        assert_eq!(ask(up.admin(), "GET", "/metrics", &[&wrong], "").await.status, 401);
        let cookie = log_in(&up, "ada").await;
        assert_eq!(ask(up.admin(), "GET", "/metrics", &[&bearer(KEY)], "").await.status, 200);
        cookie
    };
    let (guesses, cookie) = futures_util::join!(guesses, in_time);
    assert!(guesses.iter().all(|status| matches!(status, 403 | 429)), "{guesses:?}");
    assert!(begun.elapsed() >= std::time::Duration::from_secs(1), "guesses are answered late");
    assert_eq!(
        ask(up.admin(), "GET", "/", &[&cookie, "Authorization: Basic of-a-proxy"], "").await.status,
        200
    );
    let path = data.path().join("data");
    let listed = Start::new(&["audit", "list", "--json", "--data", path.to_str().unwrap()]).ended().await;
    assert!(listed.stdout.lines().filter(|line| line.contains("refused")).count() <= 10, "it does not grow");
    assert!(up.stop().await.stderr.contains("wrong keys within a minute"));
}

#[tokio::test]
async fn a_key_that_is_replaced_logs_everybody_out() {
    let data = TempDir::new().unwrap();
    let file = data.path().join("key");
    std::fs::write(&file, KEY).unwrap();
    let up = up(&data, &format!("file:{}", file.display())).await;
    let cookie = log_in(&up, "ada").await;
    assert_eq!(ask(up.admin(), "GET", "/metrics", &[&cookie], "").await.status, 200);
    std::fs::write(&file, "another-key").unwrap();
    let reloaded = ask(up.admin(), "POST", "/api/v1/secrets/reload", &[&bearer(KEY)], "{}").await;
    assert!(matches!(reloaded.status, 200 | 401), "it may have been looked at already: {reloaded:?}");
    assert_eq!(ask(up.admin(), "GET", "/metrics", &[&cookie], "").await.status, 401);
    assert_eq!(ask(up.admin(), "GET", "/metrics", &[&bearer(KEY)], "").await.status, 401);
    assert_eq!(ask(up.admin(), "GET", "/metrics", &[&bearer("another-key")], "").await.status, 200);
    up.stop().await;
}

#[tokio::test]
async fn where_others_could_connect_a_key_is_wanted() {
    let refused = Start::new(&["up", "--listen", "127.0.0.1:0", "--admin-listen", "0.0.0.0:0"]).ended().await;
    assert_eq!(refused.code, Some(2), "{refused:#?}");
    assert!(refused.stderr.contains("without a key") && refused.stderr.contains("hint: "), "{refused:#?}");
}

#[tokio::test]
async fn triage_beside_a_locked_gateway_says_what_it_could_not_look_at() {
    let data = TempDir::new().unwrap();
    let up = up(&data, "env:KEY").await;
    let nobody = Upstream::nobody().await;
    let triage = async |key: Option<&str>, json: &[&str]| {
        let start = Start::new(&[
            "triage",
            "--without-token",
            "--admin",
            up.admin(),
            "--upstream",
            &nobody,
            "--status-page",
            &nobody,
        ]);
        let start =
            key.into_iter().fold(start.args(json), |start, key| start.env("HUBKEEPER_ADMIN_KEY", key));
        start.ended().await.stdout
    };
    let told = triage(None, &[]).await;
    assert!(
        told.contains("Not looked at: the gateway that runs here") && told.contains("HUBKEEPER_ADMIN_KEY"),
        "{told}"
    );
    let told: serde_json::Value = serde_json::from_str(&triage(None, &["--json"]).await).unwrap();
    let path = told["path"].as_array().unwrap();
    assert!(
        path.iter().any(|step| step["answer"].as_str().unwrap().contains("HUBKEEPER_ADMIN_KEY")),
        "{told}"
    );
    let told = triage(Some(KEY), &[]).await;
    assert!(!told.contains("Not looked at"), "the control: with the key it looks: {told}");
    up.stop().await;
}
