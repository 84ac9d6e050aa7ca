//! The binary itself falls over a request with secrets in hand, on each of the ways that requests come in: only the one call
//! ends, and of the secrets nothing is in any output, log, metric, file or argument, in eight spellings. The house looks.

use simulator::registry::PRIVATE_APP_ID;
use tempfile::TempDir;

use crate::house::canary::hand_out;
use crate::house::{Conversation, Program, Start, ask};

const TOKEN: &str = "pat-na1-0c0ffee0-5555-6666-7777-888888888888";
const CALLERS_KEY: &str = "hubkeeper_9a8b7c6d5e4f_callers_key_of_a_fall";
const ADMIN_KEY: &str = "hubkeeper_1f2e3d4c5b6a_admin_key_of_a_fall";
const APP_SECRET: &str = "5f6e7d8c-9b0a-4c1d-8e2f-app-secret-of-a-fall";
const STORE_KEY: &str = "6b65792d6f662d7468652d73746f72652d6f662d612d66616c6c2d6f76657221";
const CODE: &str = "na1-c0de-0f-a-pers0n-wh0-c0mes-back";
const STATE: &str = "state-0f-a-pers0n-wh0-c0mes-back";

async fn up(sim: &Program, data: &TempDir) -> Program {
    let file = format!(
        "[gateway]\nmode = \"managed\"\n[admin]\nkey = \"env:ADMIN_KEY\"\n[store]\nkey = \"env:STORE_KEY\"\n\
         [webhooks]\npublic_url = \"https://hooks.example.com\"\n\
         [[callers]]\nname = \"billing\"\nkey = \"env:CALLERS_KEY\"\nrole = \"admin\"\n\
         [[connections]]\nname = \"crm\"\ntoken = \"env:TOKEN\"\nclient_secret = \"env:APP_SECRET\"\napp_id = {PRIVATE_APP_ID}\n\
         [[connections]]\nname = \"oauth\"\nclient_id = \"an-app\"\nclient_secret = \"env:APP_SECRET\"\nscopes = [\"oauth\"]\n"
    );
    let pairs = [
        ("TOKEN", TOKEN),
        ("CALLERS_KEY", CALLERS_KEY),
        ("ADMIN_KEY", ADMIN_KEY),
        ("APP_SECRET", APP_SECRET),
        ("STORE_KEY", STORE_KEY),
        ("RUST_BACKTRACE", "full"),
    ];
    let start = Start::up(sim.url()).args(&["--data", data.path().join("data").to_str().unwrap()]);
    let start = start.file("hubkeeper.toml", &file);
    pairs.into_iter().fold(start, |start, (name, value)| start.env(name, value)).ready().await
}

#[tokio::test]
async fn a_request_that_falls_over_shows_none_of_its_secrets_and_ends_alone() {
    [TOKEN, CALLERS_KEY, ADMIN_KEY, APP_SECRET, STORE_KEY, CODE, STATE].into_iter().for_each(hand_out);
    let (sim, data) = (Start::sim().ready().await, TempDir::new().unwrap());
    let up = up(&sim, &data).await;
    let (caller, admin) =
        (format!("Authorization: Bearer {CALLERS_KEY}"), format!("Authorization: Bearer {ADMIN_KEY}"));
    let cookie = format!("Cookie: hubkeeper_session={ADMIN_KEY}");
    let back = format!("/oauth/callback?code={CODE}&state={STATE}&error=fall-over");
    for (address, method, path, headers, way) in [
        (up.url(), "GET", "/crm/v3/objects/contacts/fall-over", vec![&*caller], "Gateway"),
        (up.url(), "POST", "/webhooks/hubspot/fall-over", vec![], "Inbox"),
        (up.admin(), "GET", "/api/v1/fall-over", vec![&*admin, &*cookie], "Admin"),
        (up.admin(), "GET", &back, vec![], "Consent"),
    ] {
        let mut fallen = Conversation::open(address).await;
        let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        fallen
            .say(format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{lines}Content-Length: 2\r\n\r\n[]"))
            .await;
        fallen.ends().await;
        let alive = ask(up.admin(), "GET", "/health", &[], "").await;
        assert_eq!(alive.status, 200, "{way}: the others go on");
    }
    let metrics = ask(up.admin(), "GET", "/metrics", &[&admin], "").await;
    assert_eq!(metrics.status, 200);
    let ended = up.stop().await;
    for way in ["Gateway", "Inbox", "Admin", "Consent"] {
        assert!(ended.stderr.contains(&format!("fell over at {way}")), "{way} did not fall: {ended:#?}");
    }
}
