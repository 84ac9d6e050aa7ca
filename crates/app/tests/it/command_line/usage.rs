//! Commands, flags, addresses and ports.

use tokio::net::TcpListener;

use super::{hinted, mistake};
use crate::house::{Start, Upstream};

#[tokio::test]
async fn help_and_version_are_data() {
    for arguments in [&["--help"][..], &["up", "--help"], &["--version"], &["triage", "--help"]] {
        let ended = Start::new(arguments).ended().await;
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{ended:#?}");
        assert!(!ended.stdout.is_empty());
    }
}

#[tokio::test]
async fn a_runbook_page_is_printed_by_its_code() {
    let ended = Start::new(&["runbook", "auth.token_revoked"]).ended().await;
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{ended:#?}");
    assert!(
        ended.stdout.contains("Do this first") && ended.stdout.contains("## What tells it apart"),
        "{ended:#?}"
    );
    let list = Start::new(&["runbook"]).ended().await;
    assert!(list.stdout.lines().count() > 60, "{list:#?}");
    hinted(Start::new(&["runbook", "auth.tokn"]), &["auth.tokn", "hubkeeper runbook"]).await;
}

#[tokio::test]
async fn an_unknown_command_or_flag_is_named() {
    mistake(Start::new(&["upp"]), &["upp", "'up'"]).await;
    mistake(Start::new(&["up", "--listn", "x"]), &["--listn", "--listen"]).await;
    mistake(Start::new(&["sim", "--plan", "gold"]), &["gold", "professional"]).await;
    mistake(Start::new(&["sim", "--latency-ms", "fast"]), &["fast"]).await;
    mistake(Start::new(&["sim", "--seed", "-1"]), &["-1"]).await;
    mistake(Start::new(&["config", "chek"]), &["chek", "check"]).await;
    // Nothing at all is a question.
    mistake(Start::new(&[]), &["Usage: hubkeeper"]).await;
}

#[tokio::test]
async fn a_port_in_use_is_named_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let free = "127.0.0.1:0";
    hinted(Start::new(&["sim", "--listen", &address]), &[&address, "--listen"]).await;
    let up = |gateway: &str, admin: &str| Start::new(&["up", "--listen", gateway, "--admin-listen", admin]);
    hinted(up(&address, free), &[&address, "--listen", "port 0"]).await;
    hinted(up(free, &address), &[&address, "--admin-listen"]).await;
    hinted(up(&address, &address), &[&address]).await;
}

#[tokio::test]
async fn a_bad_address_is_named() {
    for address in ["nonsense", "127.0.0.1", "127.0.0.1:99999", "300.1.1.1:80", "192.0.2.1:0", ""] {
        hinted(Start::new(&["up", "--listen", address, "--admin-listen", "127.0.0.1:0"]), &[address]).await;
    }
}

#[tokio::test]
async fn a_bad_url_is_named() {
    for url in
        ["api.hubapi.com", "ftp://api.hubapi.com", "http://", "https://api.hubapi.com/crm", "not a url", ""]
    {
        hinted(
            Start::new(&["up", "--listen", "127.0.0.1:0", "--upstream", url]),
            &["gateway.upstream", "https://"],
        )
        .await;
    }
    let triage = Start::new(&["triage", "--without-token", "--upstream", "api.hubapi.com"]);
    hinted(triage, &["--upstream", "https://"]).await;
}

#[tokio::test]
async fn triage_without_a_token_says_how_to_give_one() {
    hinted(Start::new(&["triage"]), &["HUBSPOT_ACCESS_TOKEN", "--without-token"]).await;
    hinted(Start::new(&["triage"]).env("HUBSPOT_ACCESS_TOKEN", ""), &["HUBSPOT_ACCESS_TOKEN"]).await;
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_made_is_named() {
    let start = Start::up("http://127.0.0.1:9").file("file", "");
    hinted(start.args(&["--data", "file/data"]), &["file/data", "--data"]).await;
}

#[tokio::test]
async fn a_log_filter_that_is_none_is_named() {
    hinted(Start::new(&["config", "check", "--log", "client=loud"]), &["client=loud", "debug"]).await;
}

#[tokio::test]
async fn a_time_zone_that_does_not_exist_is_named() {
    hinted(Start::sim().args(&["--time-zone", "Mars/Olympus"]), &["Mars/Olympus", "Europe/Berlin"]).await;
}

/// With a store and no directory, what lies in the directory alone is forgotten, and that is said; damage to it, too.
#[tokio::test]
async fn up_says_what_a_restart_forgets() {
    let upstream = Upstream::nobody().await;
    let up = || Start::up(&upstream).file("data/version.json", "{");
    let sayings = ["nothing is kept", "a restart forgets", "is damaged, and begun anew"];
    for (start, said) in [
        (up(), sayings[0]),
        (up().env("HUBKEEPER__STORE__URL", "sqlite:data/hubkeeper.db"), sayings[1]),
        (up().with_incidents().args(&["--data", "data"]), sayings[2]),
    ] {
        let ended = start.ready().await.stop().await;
        let heard: Vec<&str> = sayings.into_iter().filter(|text| ended.stderr.contains(text)).collect();
        assert_eq!(heard, [said], "{ended:#?}");
    }
}
