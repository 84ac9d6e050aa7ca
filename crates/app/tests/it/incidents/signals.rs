//! What a running hubkeeper notices of itself and of what it is sent: each fault under its right name, and nothing while all
//! is well.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use simulator::webhooks::sign;

use super::told::{APP, PORTAL, Told, names};
use super::{fault, incident};
use crate::house::{Program, Start, Upstream, ask, json_answer};

pub(super) const SECRET: &str = "11111111-2222-3333-4444-555555555555";
pub(super) const PUBLIC: &str = "https://hooks.example.com";
const TARGET: &str = "/webhooks/hubspot";

fn now() -> jiff::Timestamp {
    client::clock::WallClock::system().now()
}

/// One app that is known by its numbers. Nobody rings at an address that is not ours.
pub(super) fn webhooks(secret_file: &str, more: &str) -> String {
    webhooks_with(&format!("file:{secret_file}"), more)
}

fn webhooks_with(secret: &str, more: &str) -> String {
    format!(
        "[webhooks]\npublic_url = \"{PUBLIC}\"\ndoorbell_seconds = 0\n{more}\n[[connections]]\nname = \"crm\"\n\
         token = \"env:TOKEN\"\nportal_id = {PORTAL}\napp_id = {APP}\nclient_secret = \"{secret}\"\n"
    )
}

pub(super) fn event(id: u64, age_s: i64) -> Value {
    let occurred_at = now().as_millisecond() - age_s * 1_000;
    json!({"eventId": id, "subscriptionId": 1, "portalId": PORTAL, "appId": APP, "occurredAt": occurred_at,
        "subscriptionType": "contact.creation", "attemptNumber": 0, "objectId": 1_000 + id})
}

/// Delivers as HubSpot does to an address, and tells the status.
pub(super) async fn deliver(up: &Program, secret: &str, address: &str, events: &[Value]) -> u16 {
    let body = Value::from(events.to_vec()).to_string();
    let lines = signed(secret, address, &body);
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    ask(up.url(), "POST", TARGET, &lines, &body).await.status
}

/// The head's lines that HubSpot signs a body with.
pub(super) fn signed(secret: &str, address: &str, body: &str) -> Vec<String> {
    let signed = sign::headers(secret, &format!("{address}{TARGET}"), body.as_bytes(), now());
    signed.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
}

pub(super) async fn ready(start: Start, sim: &Program) -> Program {
    start.env("TOKEN", sim.token()).ready().await
}

#[tokio::test]
async fn while_all_is_well_nobody_is_told() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let secret = told.file("secret", SECRET);
    let up = ready(told.up(sim.url(), &webhooks(&secret, "")), &sim).await;
    for id in 0..12 {
        assert_eq!(deliver(&up, SECRET, PUBLIC, &[event(id, 1)]).await, 200);
    }
    assert_eq!(
        deliver(&up, "a-stranger", PUBLIC, &[event(99, 1)]).await,
        503,
        "one odd delivery is nobody's fault"
    );
    super::calls(&up, &sim, 10).await;
    told.after_a_look(&up).await;
    assert_eq!(names(&up).await, ["a job failed"]);
    up.stop().await;
}

#[tokio::test]
async fn a_secret_that_was_rotated_is_told_from_an_address_that_is_wrong() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let secret = told.file("secret", "22222222-aaaa-bbbb-cccc-555555555555");
    // Commands run every ten minutes.
    let up = ready(told.up(sim.url(), &webhooks_with(&format!("exec:cat {secret}"), "")), &sim).await;
    // Whoever rotated it has put it where we read ours, and we have not looked since.
    told.file("secret", SECRET);
    for id in 0..6 {
        assert_eq!(deliver(&up, SECRET, PUBLIC, &[event(id, 1)]).await, 503);
    }
    told.hears("hook.secret").await;
    let (_, listed) = incident(&up, &["list"]).await;
    let evidence = listed["incidents"][0]["diagnosis"]["evidence"].to_string();
    assert!(evidence.contains("verify with another secret"), "{evidence}");
    up.stop().await;

    let told = Told::new().await;
    let secret = told.file("secret", SECRET);
    let up = ready(told.up(sim.url(), &webhooks(&secret, "")), &sim).await;
    for id in 0..6 {
        assert_eq!(deliver(&up, SECRET, "http://hooks.example.com", &[event(id, 1)]).await, 503);
    }
    told.hears("hook.uri").await;
    assert_eq!(names(&up).await, ["hook.uri"]);
    up.stop().await;
}

#[tokio::test]
async fn what_was_signed_with_a_rotated_secret_is_taken_once_its_file_holds_it() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let secret = told.file("secret", "22222222-aaaa-bbbb-cccc-555555555555");
    let up = ready(told.up(sim.url(), &webhooks(&secret, "")), &sim).await;
    assert_eq!(deliver(&up, SECRET, PUBLIC, &[event(1, 1)]).await, 503);
    told.file("secret", SECRET);
    let waiting = async {
        loop {
            let shown = ask(up.admin(), "GET", "/api/v1/webhooks", &[], "").await;
            let shown: Value = serde_json::from_str(&shown.text()).unwrap();
            if shown["quarantined"] == 0 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::house::PATIENCE, waiting).await.expect("nobody had to do anything");
    assert_eq!(deliver(&up, SECRET, PUBLIC, &[event(2, 1)]).await, 200);
    let old = "22222222-aaaa-bbbb-cccc-555555555555";
    assert_eq!(deliver(&up, old, PUBLIC, &[event(3, 1)]).await, 200, "it counts for a day more");
    up.stop().await;
}

#[tokio::test]
async fn forged_deliveries_beside_genuine_ones_are_an_attack() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let secret = told.file("secret", SECRET);
    let up = ready(told.up(sim.url(), &webhooks(&secret, "")), &sim).await;
    for id in 0..24 {
        let mut forged = event(id, 1);
        forged["appId"] = json!(999);
        assert_eq!(deliver(&up, "guessed", PUBLIC, &[forged]).await, 401);
        assert_eq!(deliver(&up, SECRET, PUBLIC, &[event(100 + id, 1)]).await, 200);
    }
    told.hears("hook.attack").await;
    assert_eq!(names(&up).await, ["hook.attack"]);
    up.stop().await;
}

#[tokio::test]
async fn old_events_are_a_backlog_and_the_same_ones_again_are_duplicates() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let secret = told.file("secret", SECRET);
    let up = ready(told.up(sim.url(), &webhooks(&secret, "")), &sim).await;
    let old: Vec<Value> = (0..40).map(|id| event(id, 1_200)).collect();
    assert_eq!(deliver(&up, SECRET, PUBLIC, &old).await, 200);
    told.hears("hook.backlog").await;
    assert_eq!(names(&up).await, ["hook.backlog"]);
    up.stop().await;

    let told = Told::new().await;
    let secret = told.file("secret", SECRET);
    let up = ready(told.up(sim.url(), &webhooks(&secret, "")), &sim).await;
    let events: Vec<Value> = (0..20).map(|id| event(id, 1)).collect();
    for _ in 0..3 {
        assert_eq!(deliver(&up, SECRET, PUBLIC, &events).await, 200);
    }
    told.hears("hook.duplicates").await;
    assert_eq!(names(&up).await, ["hook.duplicates"]);
    up.stop().await;
}

#[tokio::test]
async fn a_subscriber_that_is_down_is_the_consumers_matter() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let (secret, key) =
        (told.file("secret", SECRET), told.file("key", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="));
    let taker = Upstream::start(|_| vec![json_answer("503 Service Unavailable", "{}")]).await;
    let subscriber = format!(
        "[[webhooks.subscribers]]\nname = \"billing\"\nurl = \"{}/in\"\nsecret = \"file:{key}\"\nallow_private = true\n",
        taker.url
    );
    let up = ready(told.up(sim.url(), &webhooks(&secret, &subscriber)), &sim).await;
    for id in 0..12 {
        assert_eq!(deliver(&up, SECRET, PUBLIC, &[event(id, 1)]).await, 200);
    }
    told.hears("consumer.down").await;
    assert_eq!(names(&up).await, ["consumer.down"]);
    up.stop().await;
}

/// Passes on to a gateway whatever comes, as long as it is open, and counts the connections that have ended.
async fn ingress(to: String) -> (String, Arc<AtomicBool>, tokio::sync::watch::Receiver<usize>) {
    let (count, passed) = tokio::sync::watch::channel(0);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let open = Arc::new(AtomicBool::new(true));
    let is_open = open.clone();
    tokio::spawn(async move {
        while let Ok((mut outside, _)) = listener.accept().await {
            if is_open.load(Ordering::SeqCst)
                && let Ok(mut inside) = tokio::net::TcpStream::connect(&to).await
            {
                let count = count.clone();
                tokio::spawn(async move {
                    let _closed = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
                    count.send_modify(|count| *count += 1);
                });
            }
        }
    });
    (url, open, passed)
}

#[tokio::test]
async fn a_public_address_that_no_longer_answers_is_noticed_from_outside() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let gateway = Upstream::nobody().await.trim_start_matches("http://").to_owned();
    let (public, open, mut passed) = ingress(gateway.clone()).await;
    let secret = told.file("secret", SECRET);
    let file = webhooks(&secret, "")
        .replace(PUBLIC, &public)
        .replace("doorbell_seconds = 0", "doorbell_seconds = 1");
    let up = ready(told.up_on(&gateway, sim.url(), &file), &sim).await;
    // The second rings once the first is known to have arrived; before that nothing would be said.
    passed.wait_for(|passed| *passed >= 2).await.unwrap();
    open.store(false, Ordering::SeqCst);
    told.hears("hook.unreachable").await;
    let (_, listed) = incident(&up, &["list"]).await;
    assert!(listed.to_string().contains("our own delivery did not arrive"), "{listed:#}");
    up.stop().await;
}

#[tokio::test]
async fn a_disk_that_is_nearly_full_and_a_version_that_ends_speak_for_themselves() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    // No disk is wholly free or as large as this, and the version's end is closer.
    let file = "[incidents.thresholds]\nsunset_days = 100000\ndisk_free_bytes = 1000000000000000000\n";
    let up = ready(told.up(sim.url(), file).with_disk_alarm_at("100"), &sim).await;
    let bearer = format!("Authorization: Bearer {}", sim.token());
    ask(up.url(), "GET", "/crm/objects/2099-03/contacts", &[&bearer], "").await;
    told.hears("self.disk").await;
    told.hears("2099-03").await;
    assert_eq!(names(&up).await, ["hubspot.sunset", "self.disk"]);
    up.stop().await;
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_and_one_that_is_old() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let path = told.file("token", sim.token());
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000);
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
    let file = format!("[[connections]]\nname = \"crm\"\ntoken = \"file:{path}\"\n");
    let up = ready(told.up(sim.url(), &file), &sim).await;
    told.hears("a credential is old").await;
    std::fs::remove_file(&path).unwrap();
    told.hears("self.secrets").await;
    assert_eq!(names(&up).await, ["a credential is old", "self.secrets"]);
    let (_, listed) = incident(&up, &["list"]).await;
    assert!(!listed.to_string().contains(sim.token()), "no secret");
    up.stop().await;
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_read_off_hubspots_own() {
    let told = Told::new().await;
    let hubspot = Upstream::saying(
        "HTTP/1.1 401 Unauthorized\r\nDate: Sun, 01 Mar 2020 12:00:00 GMT\r\nContent-Type: application/json\r\n\
         Content-Length: 102\r\n\r\n{\"status\":\"error\",\"message\":\"no\",\"correlationId\":\"1\",\"category\":\"INVALID_AUTHENTICATION\",\"x\":\"12345678901\"}",
    )
    .await;
    let file = "[incidents]\nfront_door_seconds = 1\n";
    let up = told.up(&hubspot.url, file).ready().await;
    told.hears("self.clock").await;
    assert!(names(&up).await.contains(&"self.clock".to_owned()));
    up.stop().await;
}

#[tokio::test]
async fn accepted_writes_that_are_given_up_are_told() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let file = "[[connections]]\nname = \"crm\"\ntoken = \"env:TOKEN\"\n";
    let up = ready(told.up(sim.url(), file), &sim).await;
    told.after_a_look(&up).await;
    let bearer = format!("Authorization: Bearer {}", sim.token());
    let body = r#"{"properties":{"no_such_property":"x"}}"#;
    let headers = [bearer.as_str(), "content-type: application/json", "Prefer: respond-async"];
    assert_eq!(ask(up.url(), "POST", "/crm/v3/objects/contacts", &headers, body).await.status, 202);
    told.hears("accepted work was given up").await;
    up.stop().await;
}

#[tokio::test]
async fn a_family_that_is_left_alone_keeps_its_incident_open() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let file = "[incidents.thresholds]\nbreaker_seconds = 1\nserver_errors_per_minute = 1000\n\
                nothing_works_calls = 1000\nerror_calls_min = 1000\n";
    let up = ready(told.up(sim.url(), file).env("HUBSPOT_ACCESS_TOKEN", sim.token()), &sim).await;
    fault(&sim, "hubspot.outage_unlisted").await;
    super::calls(&up, &sim, 12).await;
    told.hears("hubspot.outage").await;
    // Nobody calls any more; that it is left alone keeps it open.
    let shows = async {
        while !incident(&up, &["list"]).await.1.to_string().contains("breaker_open") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::house::PATIENCE, shows).await.expect("the breaker is a symptom");
    up.stop().await;
}

#[tokio::test]
async fn a_grant_that_has_ended_is_told_with_its_cause() {
    let (sim, told) = (Start::sim().ready().await, Told::new().await);
    let app =
        ask(sim.url(), "POST", "/_sim/tokens", &[], r#"{"kind":"public-oauth","app_id":7}"#).await.json();
    let (client_id, secret) = (app["client_id"].as_str().unwrap(), app["client_secret"].as_str().unwrap());
    let file = format!(
        "[gateway]\nmode = \"managed\"\n[store]\nkey = \"env:STORE_KEY\"\n[incidents.thresholds]\ngrant_seconds = 1\n\
         [[connections]]\nname = \"crm\"\nclient_id = \"{client_id}\"\nclient_secret = \"env:SECRET\"\n\
         scopes = [\"oauth\", \"crm.objects.contacts.read\"]\n"
    );
    let up = told.up(sim.url(), &file).env("STORE_KEY", &"5".repeat(64)).env("SECRET", secret).ready().await;
    let api = async |path: &str| {
        ask(up.admin(), "POST", &format!("/api/v1/connections/crm/{path}"), &[], "{}").await
    };
    let path_of = |url: &str| url.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap();
    let consent = api("authorize").await.json();
    let at_hubspot = ask(sim.url(), "GET", &path_of(consent["url"].as_str().unwrap()), &[], "").await;
    let back = path_of(at_hubspot.header("location").unwrap());
    assert_eq!(ask(up.admin(), "GET", &back, &[], "").await.status, 200);
    told.after_a_look(&up).await;
    assert_eq!(names(&up).await, ["a job failed"], "all is well with it");
    // The account takes the app out, and HubSpot says so twice.
    assert_eq!(ask(up.url(), "DELETE", "/appinstalls/v3/external-install", &[], "").await.status, 204);
    for _ in 0..2 {
        assert_eq!(api("rotate").await.json()["trouble"], "refresh_token_dead");
    }
    told.hears("auth.refresh_revoked").await;
    let (_, listed) = incident(&up, &["list"]).await;
    let evidence = listed["incidents"].to_string();
    assert!(evidence.contains("1 install(s) refused: crm"), "{evidence}");
    up.stop().await;
}
