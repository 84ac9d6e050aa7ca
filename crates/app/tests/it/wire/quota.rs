//! `hubkeeper quota`: what a running gateway tells about the limits, as JSON and to a person.

use crate::house::{Program, Start, ask};

#[tokio::test]
async fn who_spends_the_day_is_told() {
    let sim = Start::sim().args(&["--daily", "5000"]).ready().await;
    let up = Start::up(sim.url()).without_cache().ready().await;
    let token = format!("Authorization: Bearer {}", sim.token());
    for id in 1..=20 {
        ask(up.url(), "GET", &format!("/crm/v3/objects/contacts/{id}"), &[&token], "").await;
    }
    ask(up.url(), "POST", "/crm/v3/objects/contacts/search", &[&token], "{}").await;
    let told = Start::new(&["quota", "--json", "--admin", up.admin()]).ended().await;
    assert_eq!((told.code, &*told.stderr), (Some(0), ""), "{told:#?}");
    let report: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(report["schema"], 1);
    let portal = &report["portals"][0];
    let daily = &portal["daily"];
    assert_eq!(
        (&daily["limit"], &daily["told"], &daily["parked"]),
        (&5000.into(), &true.into(), &false.into())
    );
    let spender = &portal["spenders"][0];
    assert_eq!(spender["route"], "/crm/v3/objects/contacts/{id}", "{report:#}");
    assert_eq!((&spender["errand"], &spender["calls"]), (&"read_one".into(), &20.into()));
    assert_eq!(portal["connections"][0]["burst"]["limit"], 190, "{report:#}");
    assert!(!told.stdout.contains(sim.token()), "a token is shown");

    let person = Start::new(&["quota", "--admin", up.admin()]).ended().await;
    assert_eq!(person.code, Some(0), "{person:#?}");
    for part in
        ["daily ", "search ", "Who spends it, today", "GET /crm/v3/objects/contacts/{id}", "batch/read"]
    {
        assert!(person.stdout.contains(part), "`{part}` is not in\n{}", person.stdout);
    }
    up.stop().await;
    sim.stop().await;
}

#[tokio::test]
async fn an_empty_pool_is_a_problem_and_no_gateway_is_no_answer() {
    let sim = Start::sim().args(&["--daily", "3"]).ready().await;
    let up = Start::up(sim.url()).without_cache().ready().await;
    let token = format!("Authorization: Bearer {}", sim.token());
    let nothing_yet = Start::new(&["quota", "--admin", up.admin()]).ended().await;
    assert_eq!(nothing_yet.code, Some(3), "{nothing_yet:#?}");
    for _ in 0..5 {
        ask(up.url(), "GET", "/crm/v3/owners", &[&token], "").await;
    }
    let empty = Start::new(&["quota", "--admin", up.admin()]).ended().await;
    assert_eq!(empty.code, Some(1), "{empty:#?}");
    assert!(empty.stdout.contains("EMPTY"), "{}", empty.stdout);
    let admin = up.admin().to_owned();
    up.stop().await;
    let nobody = Start::new(&["quota", "--admin", &admin]).ended().await;
    assert_eq!((nobody.code, &*nobody.stdout), (Some(3), ""), "{nobody:#?}");
    assert!(nobody.stderr.contains("hint: "), "{}", nobody.stderr);
    sim.stop().await;
}

/// Calls `times`, and what the gateway then says it sent today.
async fn ours_after(up: &Program, token: &str, times: u64) -> u64 {
    for _ in 0..times {
        ask(up.url(), "GET", "/crm/v3/owners", &[token], "").await;
    }
    let told = Start::new(&["quota", "--json", "--admin", up.admin()]).ended().await;
    let report: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert!(!told.stdout.contains(token), "a token is shown");
    report["portals"][0]["daily"]["ours"].as_u64().unwrap_or(0)
}

/// The same data directory, again and again.
fn up_in(data: &tempfile::TempDir, sim: &Program) -> Start {
    Start::up(sim.url()).without_cache().args(&["--data", data.path().to_str().unwrap()])
}

#[tokio::test]
async fn the_ledger_survives_a_restart_and_a_damaged_one_is_left_out() {
    let sim = Start::sim().ready().await;
    let data = tempfile::TempDir::new().unwrap();
    let token = format!("Authorization: Bearer {}", sim.token());
    let first = up_in(&data, &sim).ready().await;
    // Whose the token is may have been asked as well.
    let ours = ours_after(&first, &token, 7).await;
    assert!((7..=8).contains(&ours), "{ours}");
    first.stop().await;
    let kept = data.path().join("governor.json");
    let text = std::fs::read_to_string(&kept).unwrap();
    assert!(!text.contains(sim.token()), "a token is kept");

    let second = up_in(&data, &sim).ready().await;
    let ours = ours_after(&second, &token, 3).await;
    assert!((10..=11).contains(&ours), "{ours}");
    // A second process in the same directory works, where its store is elsewhere, and keeps nothing.
    let elsewhere = tempfile::TempDir::new().unwrap();
    let store = format!("sqlite:{}", elsewhere.path().join("hubkeeper.db").display());
    let beside = up_in(&data, &sim).env("HUBKEEPER__STORE__URL", &store).ready().await;
    let ended = beside.stop().await;
    assert!(ended.stderr.contains("not kept over restarts"), "{ended:#?}");
    second.stop().await;

    let damaged = text.replacen("\"sent\":", "\"sent\":9", 1);
    assert_ne!(damaged, text, "the rig cannot fail");
    for bad in [&*damaged, "", "{}", "half a li"] {
        std::fs::write(&kept, bad).unwrap();
        let third = up_in(&data, &sim).ready().await;
        let ours = ours_after(&third, &token, 1).await;
        assert!((1..=2).contains(&ours), "{bad:.20}: {ours}");
        let ended = third.stop().await;
        assert!(ended.stderr.contains("begins anew"), "{bad:.20}: {ended:#?}");
    }
    sim.stop().await;
}
