//! What people do through the admin API stands in the audit log, which is read and proven beside the running gateway.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::house::{Ended, Start, Upstream, ask};

const JSON: [&str; 1] = ["Content-Type: application/json"];

async fn audit(data: &TempDir, arguments: &[&str]) -> Ended {
    let data = data.path().to_str().unwrap();
    Start::new(&["audit"]).args(arguments).args(&["--data", data]).ended().await
}

#[tokio::test]
async fn a_switch_is_audited_and_the_log_is_proven() {
    let data = TempDir::new().unwrap();
    let path = data.path().to_str().unwrap();
    let up = Start::up(&Upstream::nobody().await).args(&["--data", path]).ready().await;
    for wish in [json!({"on": true, "family": "search", "reason": "a drill"}), json!({"on": false})] {
        assert_eq!(ask(up.admin(), "POST", "/api/v1/degraded", &JSON, &wish.to_string()).await.status, 200);
    }
    let listed = audit(&data, &["list"]).await;
    assert_eq!((listed.code, listed.stdout.lines().count()), (Some(0), 3), "{listed:#?}");
    assert!(
        listed.stdout.starts_with("     1  ") && listed.stdout.contains("log_begun audit: done."),
        "{listed:#?}"
    );
    assert!(listed.stdout.contains("degraded_on every connection, search: done. a drill"), "{listed:#?}");
    let latest = audit(&data, &["list", "--json", "--last", "1"]).await;
    let entry: Value = serde_json::from_str(&latest.stdout).unwrap();
    assert_eq!(
        (&entry["seq"], &entry["act"], &entry["actor"]),
        (&json!(3), &json!("degraded_off"), &json!("admin_api"))
    );

    let verified = audit(&data, &["verify"]).await;
    assert_eq!(verified.code, Some(0), "{verified:#?}");
    assert!(
        verified.stdout.contains("3 entries") && verified.stdout.contains("1 signatures"),
        "{verified:#?}"
    );
    let exported = audit(&data, &["export"]).await.stdout;
    assert_eq!(exported.lines().count(), 4);
    let wish = json!({"on": true, "reason": "later"});
    ask(up.admin(), "POST", "/api/v1/degraded", &JSON, &wish.to_string()).await;
    up.stop().await;

    // The export is an earlier end of the same log; one that tells of another past is found.
    std::fs::write(data.path().join("export"), &exported).unwrap();
    let export = data.path().join("export");
    let against = ["verify", "--json", "--against", export.to_str().unwrap()];
    assert_eq!(audit(&data, &against).await.code, Some(0));
    let other = TempDir::new().unwrap();
    let up =
        Start::up(&Upstream::nobody().await).args(&["--data", other.path().to_str().unwrap()]).ready().await;
    up.stop().await;
    let broken = audit(&other, &against).await;
    assert_eq!(broken.code, Some(1), "{broken:#?}");
    assert!(!broken.stdout.contains("\"whole\":true"), "{broken:#?}");
}

#[tokio::test]
async fn key_and_store_are_for_their_owner_alone_and_the_key_is_not_replaced() {
    use std::os::unix::fs::PermissionsExt;
    let data = TempDir::new().unwrap();
    let path = data.path().to_str().unwrap().to_owned();
    let up = || async { Start::up(&Upstream::nobody().await).args(&["--data", &path]) };
    let running = up().await.ready().await;
    ask(running.admin(), "POST", "/api/v1/degraded", &JSON, r#"{"on":true,"reason":"a drill"}"#).await;
    let key = data.path().join("audit.key");
    for name in ["audit.key", "hubkeeper.db", "hubkeeper.db-wal"] {
        let found = std::fs::metadata(data.path().join(name)).unwrap();
        assert_eq!(found.permissions().mode() & 0o777, 0o600, "{name}");
    }
    running.stop().await;
    let text = std::fs::read_to_string(&key).unwrap();

    std::fs::remove_file(&key).unwrap();
    let refused = up().await.ended().await;
    assert_eq!(refused.code, Some(2), "{refused:#?}");
    assert!(
        refused.stderr.contains("audit.key is not there") && refused.stderr.contains("hint: "),
        "{refused:#?}"
    );
    std::fs::write(&key, "nonsense").unwrap();
    assert!(up().await.ended().await.stderr.contains("is no key"));
    std::fs::write(&key, text.chars().rev().collect::<String>().trim()).unwrap();
    assert!(up().await.ended().await.stderr.contains("another key"));
    std::fs::write(&key, text).unwrap();
    up().await.ready().await.stop().await;
}

#[tokio::test]
async fn without_a_log_the_command_says_so() {
    let data = TempDir::new().unwrap();
    let nothing = audit(&data, &["list"]).await;
    assert_eq!((nothing.code, &*nothing.stdout), (Some(3), ""), "{nothing:#?}");
    for command in ["list", "verify", "export"] {
        let unnamed = Start::new(&["audit", command]).ended().await;
        assert_eq!(unnamed.code, Some(2), "{unnamed:#?}");
        assert!(unnamed.stderr.contains("no store") && unnamed.stderr.contains("--data"), "{unnamed:#?}");
    }
}
