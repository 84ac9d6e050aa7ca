//! People are told while the ways to them are slow, busy, broken, or lose their answers: at least once, under one key.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::told::Told;
use super::{OK, body, incident, shows};
use crate::house::{Act, PATIENCE, Program, Upstream, ask, json_answer};

/// Does these things one after the other, and the last one from then on.
async fn by_turns(acts: Vec<Vec<Act>>) -> Upstream {
    let count = AtomicUsize::new(0);
    Upstream::start(move |_| {
        let turn = count.fetch_add(1, Ordering::SeqCst).min(acts.len() - 1);
        acts[turn].clone()
    })
    .await
}

fn busy() -> Vec<Act> {
    let answer = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";
    vec![Act::Say(answer.as_bytes().to_vec())]
}

/// Every message about an incident has arrived, and that it has is kept.
pub(super) async fn all_told(up: &Program, id: &str, channel: &str, moments: &[&str]) -> Value {
    let told = |shown: &Value, moment: &str| {
        let mut notices = shown["notices"].as_array().into_iter().flatten();
        notices.any(|notice| {
            notice["channel"] == channel && notice["moment"] == moment && notice["state"] == "told"
        })
    };
    let all = |shown: &Value| moments.iter().all(|moment| told(shown, moment));
    shows(up, &["show", id], all).await.1
}

async fn fail_a_job(up: &Program) -> String {
    let path = "/api/v1/jobs/nightly/fail";
    assert_eq!(ask(up.admin(), "POST", path, &["content-type: application/json"], "").await.status, 201);
    loop {
        let (_, listed) = incident(up, &["list"]).await;
        if let Some(id) = listed["incidents"][0]["id"].as_str() {
            return id.to_owned();
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_pager_that_loses_its_answer_is_busy_and_breaks_hears_one_key() {
    let told = Told::new().await;
    let well = vec![json_answer("202 Accepted", r#"{"status":"success"}"#)];
    let broken = vec![json_answer("500 Internal Server Error", "{}")];
    let pager = by_turns(vec![vec![Act::Reset], busy(), broken, well]).await;
    let up = told
        .up(&Upstream::nobody().await, "")
        .env("HUBKEEPER__NOTIFY__PAGERDUTY__URL", &format!("{}/v2/enqueue", pager.url))
        .env("HUBKEEPER__NOTIFY__PAGERDUTY__ROUTING_KEY", "env:PAGER_KEY")
        .env("PAGER_KEY", "R0123456789")
        .ready()
        .await;
    let id = fail_a_job(&up).await;
    all_told(&up, &id, "pagerduty", &["opened"]).await;
    incident(&up, &["ack", &id, "--by", "ada"]).await;
    incident(&up, &["resolve", &id, "--by", "ada"]).await;
    all_told(&up, &id, "pagerduty", &["opened", "acknowledged", "resolved"]).await;
    let events: Vec<Value> = pager.heard().iter().map(body).collect();
    let keys: BTreeSet<String> = events.iter().map(|event| event["dedup_key"].to_string()).collect();
    assert_eq!(keys, BTreeSet::from([format!("\"{id}\"")]), "{events:#?}");
    let actions: Vec<&str> = events.iter().map(|event| event["event_action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["trigger", "trigger", "trigger", "trigger", "acknowledge", "resolve"]);
    up.stop().await;
}

#[tokio::test]
async fn a_chat_that_never_answers_is_asked_again() {
    let told = Told::new().await;
    let chat = by_turns(vec![vec![Act::Stall], vec![Act::Say(OK.into())]]).await;
    let up = told
        .up(&Upstream::nobody().await, "")
        .env("HUBKEEPER__NOTIFY__SLACK__URL", &format!("{}/services/x", chat.url))
        .ready()
        .await;
    let id = fail_a_job(&up).await;
    let shown = all_told(&up, &id, "slack", &["opened"]).await;
    assert_eq!(shown["notices"][0]["attempts"], 2, "{shown:#}");
    up.stop().await;
}

#[tokio::test]
async fn whoever_fails_three_times_gets_a_stand_in() {
    let told = Told::new().await;
    let pager = Upstream::start(|_| vec![json_answer("503 Service Unavailable", "{}")]).await;
    // The chat is told of the gravest only; and of what another channel could not tell.
    let up = told
        .up(&Upstream::nobody().await, "")
        .env("HUBKEEPER__NOTIFY__SLACK__MILDEST", "P1")
        .env("HUBKEEPER__NOTIFY__PAGERDUTY__URL", &format!("{}/v2/enqueue", pager.url))
        .env("HUBKEEPER__NOTIFY__PAGERDUTY__ROUTING_KEY", "env:PAGER_KEY")
        .env("PAGER_KEY", "R0123456789")
        .ready()
        .await;
    let id = fail_a_job(&up).await;
    told.hears("nightly").await;
    let shown = all_told(&up, &id, "slack", &["opened"]).await;
    assert!(shown["timeline"].to_string().contains("pagerduty was not told"), "{shown:#}");
    assert!(pager.heard().len() >= 3);
    up.stop().await;
}

/// A Statuspage that keeps what it is told, and loses the answer to the first creation.
async fn statuspage() -> (Upstream, Arc<Mutex<Vec<Value>>>) {
    let kept: Arc<Mutex<Vec<Value>>> = Arc::default();
    let all = kept.clone();
    let lost = AtomicUsize::new(0);
    let page = Upstream::start(move |heard| {
        let line = heard.request_line();
        let mut all = all.lock();
        if line.starts_with("GET ") {
            let open: Vec<Value> = all.iter().filter(|it| it["status"] != "resolved").cloned().collect();
            return vec![json_answer("200 OK", &Value::from(open).to_string())];
        }
        let mut told = body(heard)["incident"].clone();
        if line.starts_with("POST ") {
            told["id"] = json!(format!("page-{}", all.len()));
            all.push(told.clone());
            if lost.fetch_add(1, Ordering::SeqCst) == 0 {
                return vec![Act::Reset];
            }
            return vec![json_answer("201 Created", &told.to_string())];
        }
        let id = line.split(['/', ' ']).find(|part| part.starts_with("page-")).unwrap().to_owned();
        let known = all.iter_mut().find(|known| known["id"] == id.as_str()).unwrap();
        told["id"] = json!(id);
        *known = told.clone();
        vec![json_answer("200 OK", &told.to_string())]
    })
    .await;
    (page, kept)
}

#[tokio::test]
async fn a_status_page_shows_one_incident_from_its_creation_to_its_end() {
    let told = Told::new().await;
    let (page, kept) = statuspage().await;
    let file = "[notify.statuspage]\npage_id = \"kctbh9vrtdwd\"\ntoken = \"env:PAGE_TOKEN\"\ncomponents = [\"8kbf7d35c070\"]\n\
                mildest = \"P2\"\n";
    let up = told
        .up(&Upstream::nobody().await, file)
        .env("HUBKEEPER__NOTIFY__STATUSPAGE__URL", &page.url)
        .env("PAGE_TOKEN", "secret-token")
        .ready()
        .await;
    let id = fail_a_job(&up).await;
    all_told(&up, &id, "statuspage", &["opened"]).await;
    {
        let all = kept.lock();
        assert_eq!(all.len(), 1, "the answer was lost, and it was found again: {all:#?}");
        assert_eq!(all[0]["components"]["8kbf7d35c070"], "partial_outage");
        assert!(!all[0].to_string().contains("nightly"), "customers read no evidence: {:#}", all[0]);
    }
    incident(&up, &["resolve", &id, "--by", "ada"]).await;
    all_told(&up, &id, "statuspage", &["opened", "resolved"]).await;
    let all = kept.lock().clone();
    assert_eq!((all.len(), all[0]["status"].as_str()), (1, Some("resolved")), "{all:#?}");
    assert_eq!(all[0]["components"]["8kbf7d35c070"], "operational");
    let first = &page.heard()[0];
    assert!(first.head.to_lowercase().contains("authorization: oauth secret-token"), "{first:?}");
    up.stop().await;
}

/// A mail server that ends its first conversation when it has taken the message, without saying so.
async fn mail_server() -> (String, Arc<Mutex<Vec<String>>>, Arc<Notify>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let (mails, arrived): (Arc<Mutex<Vec<String>>>, Arc<Notify>) = Default::default();
    let (kept, bell) = (mails.clone(), arrived.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            converse(BufReader::new(stream), &kept, &bell).await;
        }
    });
    (url, mails, arrived)
}

async fn converse(mut stream: BufReader<tokio::net::TcpStream>, kept: &Mutex<Vec<String>>, bell: &Notify) {
    stream.write_all(b"220 mail.example\r\n").await.unwrap();
    let (mut mail, mut in_data) = (String::new(), false);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let answer = match line.trim_end() {
            "." if in_data => {
                in_data = false;
                let first = kept.lock().is_empty();
                kept.lock().push(std::mem::take(&mut mail));
                bell.notify_one();
                if first {
                    return;
                }
                "250 taken\r\n"
            }
            _ if in_data => {
                mail.push_str(&line);
                continue;
            }
            "DATA" => {
                in_data = true;
                "354 go on\r\n"
            }
            "QUIT" => return,
            _ => "250 fine\r\n",
        };
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn a_mail_whose_receipt_was_lost_is_sent_again_as_the_same() {
    let told = Told::new().await;
    let (url, mails, arrived) = mail_server().await;
    let file = "[notify.email]\nfrom = \"hubkeeper@example.com\"\nto = [\"oncall@example.com\"]\n";
    let up =
        told.up(&Upstream::nobody().await, file).env("HUBKEEPER__NOTIFY__EMAIL__SMTP", &url).ready().await;
    let id = fail_a_job(&up).await;
    let both = async {
        while mails.lock().len() < 2 {
            arrived.notified().await;
        }
    };
    tokio::time::timeout(PATIENCE, both).await.expect("it is sent twice");
    all_told(&up, &id, "email", &["opened"]).await;
    let ids: BTreeSet<String> = mails
        .lock()
        .iter()
        .map(|mail| mail.lines().find(|line| line.starts_with("Message-ID:")).unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 1, "a mailbox shows one: {ids:?}");
    up.stop().await;
}
