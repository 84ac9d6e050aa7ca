//! The configuration: every mistake is found before anything binds, with its place, and no secret is ever repeated.

use serde_json::Value;

use super::hinted;
use crate::house::Start;

const SECRET: &str = "pat-na1-c0ffee00-1111-2222-3333-444455556666";

fn check(file: &str) -> Start {
    Start::new(&["config", "check"]).file("hubkeeper.toml", file)
}

#[tokio::test]
async fn the_manual_is_a_good_configuration() {
    let manual = Start::new(&["config", "default"]).ended().await;
    assert_eq!(manual.code, Some(0));
    let checked = check(&manual.stdout).ended().await;
    assert_eq!((checked.code, &*checked.stderr), (Some(0), ""), "{checked:#?}");
    // Every line that is commented out is one that can be used.
    let all: String = manual
        .stdout
        .lines()
        .filter(|line| !line.starts_with("# "))
        .map(|line| format!("{}\n", line.trim_start_matches('#')))
        .collect();
    let checked = check(&all).ended().await;
    assert_eq!(checked.code, Some(0), "{checked:#?}");
}

#[tokio::test]
async fn what_is_in_force_can_be_shown_and_used_again() {
    let start = || {
        Start::new(&["config", "show"])
            .file(
                "hubkeeper.toml",
                "[gateway]\nlisten = \"127.0.0.1:1\"\n[[connections]]\nname = \"a\"\ntoken = \"env:T\"",
            )
            .env("HUBKEEPER__GATEWAY__DEADLINE_MS", "5")
            .env("T", SECRET)
    };
    let shown = start().ended().await;
    assert_eq!(shown.code, Some(0), "{shown:#?}");
    assert!(
        shown.stdout.contains("token = \"env:T\"") && !shown.stdout.contains("c0ffee00"),
        "{}",
        shown.stdout
    );
    assert_eq!(check(&shown.stdout).ended().await.code, Some(0));
    let json: Value = serde_json::from_str(&start().args(&["--json"]).ended().await.stdout).unwrap();
    assert_eq!(
        (&json["gateway"]["deadline_ms"], &json["connections"][0]["token"]),
        (&5.into(), &"env:T".into())
    );
}

/// A typo would wait for ever, and HubSpot may send something new one day.
#[tokio::test]
async fn events_that_hubspot_is_not_known_to_send_are_told_and_no_mistake() {
    let subscriber = |events: &str| {
        format!(
            "[webhooks]\npublic_url = \"https://hooks.example.com\"\n[[webhooks.subscribers]]\nurl = \"stdout:\"\nevents = {events}"
        )
    };
    let known = check(&subscriber(r#"["*.merge", "contact.*", "event.completed"]"#)).ended().await;
    assert_eq!((known.code, &*known.stderr), (Some(0), ""));
    let typo = check(&subscriber(r#"["contact.*", "contcat.creation"]"#)).ended().await;
    assert_eq!(typo.code, Some(0));
    assert!(
        typo.stderr.contains("contcat.creation") && !typo.stderr.contains("stdout:: contact.*"),
        "{}",
        typo.stderr
    );
}

/// It may be meant for another machine: that is no mistake in it.
#[tokio::test]
async fn what_the_file_names_and_is_not_there_is_told_and_no_mistake() {
    let file = "[gateway]\ntls_certificate = \"nowhere.pem\"\ntls_key = \"nowhere.key\"\n[admin]\nkey = \"file:nowhere\"\n\
                [[connections]]\nname = \"a\"\ntoken = \"env:NOWHERE\"\n[store]\nkey = \"exec:touch asked\"\n";
    let told = check(file).ended().await;
    assert_eq!((told.code, told.stdout.trim()), (Some(0), "The configuration is good."), "{told:#?}");
    for missing in ["connections.a.token: the environment variable NOWHERE", "admin.key: ", "nowhere.pem"] {
        assert!(told.stderr.contains(missing), "{missing}: {told:#?}");
    }
    assert!(!told.stderr.contains("store.key"), "no command is run for it: {told:#?}");
}

#[tokio::test]
async fn a_mistake_in_the_file_points_at_its_line() {
    for (file, told) in [
        ("[gateway]\nlisen = \"127.0.0.1:1\"\n", &["hubkeeper.toml", "line 2", "lisen", "listen"][..]),
        ("[gatway]\n", &["line 1", "gatway", "gateway"]),
        ("[gateway]\n\nlisten = 127.0.0.1\n", &["line 3"]),
        ("[gateway\n", &["line 1"]),
        ("[gateway]\ndeadline_ms = \"soon\"\n", &["line 2", "deadline_ms"]),
        ("[gateway]\nmode = \"magic\"\n", &["line 2", "passthrough", "managed"]),
        ("[gateway]\nlisten = \"a\"\nlisten = \"b\"\n", &["line 3", "listen"]),
        ("[[connections]]\ntoken = \"env:T\"\n", &["line 1", "name"]),
        ("\u{0}", &["line 1"]),
    ] {
        hinted(check(file), told).await;
    }
}

#[tokio::test]
async fn a_value_that_makes_no_sense_is_named() {
    for (file, told) in [
        ("[gateway]\ndeadline_ms = 0\n", "gateway.deadline_ms"),
        ("[gateway]\nconnections_max = 0\n", "gateway.connections_max"),
        ("[gateway]\nbody_bytes_max = -1\n", "body_bytes_max"),
        ("[gateway]\npublic_url = \"gateway\"\n", "gateway.public_url"),
        ("[limits]\nburst = 0\n", "limits.burst"),
        ("[limits]\npacks = 3\n", "limits.packs"),
        ("[limits]\nsearch = 0\n", "limits.search"),
        ("[limits]\nassociations = 0\n", "limits.associations"),
        (
            "[[callers]]\nname = \"a\"\nkey = \"env:A\"\n[[callers]]\nname = \"a\"\nkey = \"env:B\"\n",
            "callers",
        ),
    ] {
        hinted(check(file), &[told]).await;
    }
}

#[tokio::test]
async fn a_rule_or_a_lane_that_makes_no_sense_is_named() {
    for (file, told) in [
        ("[lanes]\nbulk_floor_percent = 0\n", &["[lanes]", "1 percent"][..]),
        ("[lanes]\ninteractive_floor_percent = 90\n", &["[lanes]", "100"]),
        ("[lanes]\ndefault = \"probe\"\n", &["line 2", "interactive"]),
        ("[[callers]]\nname = \"a\"\nkey = \"env:A\"\nweight = 0\n", &["caller a", "weight"]),
        ("[incidents.thresholds]\ndisk_free_percent = nan\n", &["disk_free_percent", "no percentage"]),
        ("[incidents.thresholds]\nerror_percent = 500\n", &["error_percent", "no percentage"]),
        ("[incidents.thresholds]\nerror_minutes = 0\n", &["error_minutes", "severities"]),
        ("[incidents.objectives]\nfailed_jobs_percent = -1.0\n", &["failed_jobs_percent", "no percentage"]),
        ("[incidents.objectives]\nslow_answers_percent = 0.0\n", &["slow_answers_percent", "no percentage"]),
        ("[[routes]]\nlane = \"bulk\"\n", &["line 1", "path"]),
        ("[[routes]]\npath = \"crm/v3\"\nlane = \"bulk\"\n", &["rule 1", "crm/v3", "begin with /"]),
        ("[[routes]]\npath = \"/crm/v*\"\nlane = \"bulk\"\n", &["rule 1", "partly"]),
        ("[[routes]]\npath = \"/crm/**\"\n", &["rule 1", "changes nothing"]),
        ("[[routes]]\npath = \"/crm/**\"\nweight = 0\n", &["rule 1", "weight"]),
        ("[[routes]]\npath = \"/crm/**\"\nmethod = \"get\"\nlane = \"bulk\"\n", &["rule 1", "method", "GET"]),
        (
            "[[routes]]\npath = \"/crm/**\"\ncaller = \"b\"\nlane = \"bulk\"\n",
            &["rule 1", "no caller", "[[callers]]"],
        ),
        (
            "[[routes]]\npath = \"/crm/**\"\non_outage = \"fail\"\nmax_stale_seconds = 5\n",
            &["rule 1", "contradict"],
        ),
    ] {
        hinted(check(file), told).await;
    }
}

#[tokio::test]
async fn a_mistake_in_the_environment_names_the_variable() {
    for (name, value, told) in [
        ("HUBKEEPER__GATEWAY__LISEN", "x", "listen"),
        ("HUBKEEPER__GATWAY__LISTEN", "x", "gateway"),
        ("HUBKEEPER__GATEWAY__DEADLINE_MS", "soon", "u64"),
        ("HUBKEEPER__GATEWAY", "x", "SECTION__KEY"),
        ("HUBKEEPER__GATEWAY__LISTEN__PORT", "1", "expected a string"),
    ] {
        let start = Start::new(&["config", "check"]).env(name, value);
        hinted(start, &[name, told]).await;
    }
}

#[tokio::test]
async fn a_missing_file_is_named() {
    hinted(Start::new(&["config", "check", "--config", "no.toml"]), &["no.toml", "--config"]).await;
    hinted(Start::new(&["up"]).env("HUBKEEPER_CONFIG", "no.toml"), &["no.toml"]).await;
    hinted(Start::new(&["config", "check", "--config", "."]), &["."]).await;
}

/// Pasted in the wrong place, a secret is still one.
#[tokio::test]
async fn a_secret_in_the_file_is_refused_and_never_repeated() {
    for file in [
        format!("[[connections]]\nname = \"a\"\ntoken = \"{SECRET}\"\n"),
        format!("[[connections]]\nname = \"a\"\ntoken = {SECRET}\n"),
        format!("[[connections]]\nname = \"a\"\ntoken = \"{SECRET}\n"),
        format!("[[connections]]\nname = \"a\"\ntoken = '{SECRET}' # {SECRET}\n"),
        format!("connections = [{{ name = \"a\", token = \"{SECRET}\" }}]\n"),
        format!("connections = \"{SECRET}\"\n"),
        format!("[gateway]\ntoken = \"{SECRET}\"\n"),
        format!("[gateway]\nmode = \"{SECRET}\"\n"),
        format!("[gateway]\ndeadline_ms = \"{SECRET}\"\n"),
        format!("[gateway]\nupstream = \"{SECRET}\"\n"),
        format!("[[callers]]\nname = \"a\"\nkey = \"{SECRET}\"\n"),
        format!("{SECRET}\n"),
        format!("{SECRET} = 1\n"),
    ] {
        let ended = check(&file).ended().await;
        assert_eq!(ended.code, Some(2), "{ended:#?}");
        assert!(!ended.stderr.contains("c0ffee00"), "{}", ended.stderr);
        assert!(!ended.stdout.contains("c0ffee00"), "{}", ended.stdout);
    }
}

#[tokio::test]
async fn a_secret_in_the_environment_is_never_repeated() {
    for (name, value) in [
        ("HUBKEEPER__GATEWAY__TOKEN", SECRET),
        ("HUBKEEPER__GATEWAY__MODE", SECRET),
        ("HUBKEEPER__GATEWAY__DEADLINE_MS", SECRET),
        ("HUBKEEPER__CONNECTIONS", SECRET),
        ("HUBKEEPER__GATEWAY__UPSTREAM", SECRET),
    ] {
        let ended = Start::new(&["config", "check"]).env(name, value).ended().await;
        assert_eq!(ended.code, Some(2), "{ended:#?}");
        assert!(!ended.stderr.contains("c0ffee00"), "{name}: {}", ended.stderr);
    }
    let bad = Start::new(&["triage"]).env("HUBSPOT_ACCESS_TOKEN", "pat-na1-c0ffee00 and more").ended().await;
    assert_eq!(bad.code, Some(2), "{bad:#?}");
    assert!(!bad.stderr.contains("c0ffee00"), "{}", bad.stderr);
}

#[tokio::test]
async fn a_secret_that_cannot_be_found_is_named_by_its_reference() {
    let managed = |key: &str| {
        let file = format!("[gateway]\nmode = \"managed\"\n[[callers]]\nname = \"a\"\nkey = \"{key}\"\n");
        Start::up("http://127.0.0.1:9").file("hubkeeper.toml", &file).env("HUBSPOT_ACCESS_TOKEN", SECRET)
    };
    for (key, told) in [
        ("env:NOT_SET", "NOT_SET"),
        ("file:none", "none"),
        ("exec:exit 3", "exit 3"),
        ("vault:-x#y", "vault:PATH#FIELD"),
    ] {
        let ended = managed(key).ended().await;
        assert_eq!(ended.code, Some(2), "{ended:#?}");
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn managed_mode_wants_callers_and_a_token() {
    let managed = || Start::up("http://127.0.0.1:9").gateway("mode", "managed");
    for address in ["0.0.0.0:0", "[::]:0"] {
        let start = Start::new(&["up", "--listen", address, "--admin-listen", "127.0.0.1:0"])
            .gateway("mode", "managed")
            .env("HUBSPOT_ACCESS_TOKEN", SECRET);
        hinted(start, &[address, "[[callers]]"]).await;
    }
    hinted(managed(), &["HUBSPOT_ACCESS_TOKEN"]).await;
}

#[tokio::test]
async fn a_database_that_is_not_there_is_told_with_its_cause() {
    let start = Start::up("http://127.0.0.1:9").env("HUBKEEPER__STORE__URL", "postgres://x@127.0.0.1:9/x");
    hinted(start, &["store", "Connection refused", "[store] url"]).await;
}

/// What counts is where it listens in the end: a flag that keeps it at home mends a file that would not.
#[tokio::test]
async fn a_flag_has_its_say_before_the_file_is_judged() {
    let file = "[gateway]\nlisten = \"0.0.0.0:0\"\nmode = \"managed\"\n[admin]\nlisten = \"0.0.0.0:0\"\n";
    let up = |listen: &'static str, admin: &'static str| {
        Start::new(&["up", "--listen", listen, "--admin-listen", admin, "--config", "open.toml"])
            .file("open.toml", file)
            .env("HUBSPOT_ACCESS_TOKEN", "a-token-of-a-test")
    };
    up("127.0.0.1:0", "127.0.0.1:0").ready().await.stop().await;
    for (listen, admin, flag) in
        [("0.0.0.0:0", "127.0.0.1:0", "--listen"), ("127.0.0.1:0", "0.0.0.0:0", "--admin-listen")]
    {
        let refused = up(listen, admin).ended().await;
        assert_eq!(refused.code, Some(2), "{refused:#?}");
        assert!(
            refused.stderr.contains(flag) && refused.stderr.contains("listen on 127.0.0.1"),
            "{refused:#?}"
        );
    }
}
