//! `hubkeeper scan`: data on stdout, talk on stderr, and an exit code that a build can use.

use serde_json::Value;

use super::{hinted, mistake};
use crate::house::Start;

/// Looks real, and is put together here so that no file of this repository holds it.
fn token() -> String {
    format!("pat-na1-{}-90c3-4a7d-b5e4-{}", "8b2f6d1e", "c1f07a39d268")
}

fn scan(arguments: &[&str]) -> Start {
    let start = Start::new(&["scan"]).args(arguments).env("HUBKEEPER_LOG", "info");
    start.file("src/a.js", &format!("const hubspot = 1;\nconst token = '{}';\n", token()))
}

#[tokio::test]
async fn a_finding_is_told_with_why_and_what_to_do_and_without_the_secret() {
    for form in [&["src"][..], &["src", "--json"], &["src", "--sarif"]] {
        let ended = scan(form).ended().await;
        assert_eq!((ended.code, &*ended.stderr), (Some(1), ""), "{ended:#?}");
        assert!(ended.stdout.contains("src/a.js") && ended.stdout.contains("pat-na1-****d268"), "{ended:#?}");
        assert!(!ended.stdout.contains("8b2f6d1e"), "{ended:#?}");
    }
    let ended = scan(&["src"]).ended().await;
    for part in ["src/a.js:2:16: error:", "why: ", "do:  ", "1 errors, 0 warnings, 0 notes in 1 files"] {
        assert!(ended.stdout.contains(part), "`{part}` is not in {}", ended.stdout);
    }
}

#[tokio::test]
async fn json_is_one_report() {
    let ended = scan(&["--json"]).ended().await;
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (&report["schema"], &report["findings"][0]["rule"]),
        (&1.into(), &"secret.access_token".into())
    );
    assert_eq!(report["history"]["state"], "no_repository");
}

#[tokio::test]
async fn nothing_found_is_fine_and_so_are_notes() {
    let clean = Start::new(&["scan", "clean"]).env("HUBKEEPER_LOG", "info");
    let clean = clean.file("clean/a.js", "console.log(1);\n").ended().await;
    assert_eq!((clean.code, &*clean.stderr), (Some(0), ""), "{clean:#?}");
    let v3 = "fetch('https://api.hubapi.com/crm/v3/objects/contacts').then(retry)\n";
    let notes = Start::new(&["scan", "notes"]).file("notes/a.js", v3).ended().await;
    assert_eq!(notes.code, Some(0), "{notes:#?}");
    assert!(notes.stdout.contains("support for v3 ends on 2027-09-01"), "{notes:#?}");
}

#[tokio::test]
async fn what_is_wrong_with_the_command_is_named() {
    hinted(scan(&["no/such/place"]), &["no/such/place"]).await;
    hinted(scan(&["--baseline", "src/a.js"]), &["src/a.js", "--write-baseline"]).await;
    hinted(scan(&["--baseline", "none.json"]), &["none.json"]).await;
    mistake(scan(&["--json", "--sarif"]), &["--json", "--sarif"]).await;
}
