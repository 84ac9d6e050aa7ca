//! The demo's small programs: a shop front that reads, a sync that writes, a report that searches, an import in batches.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

/// The programs and their pauses between two calls, in milliseconds. Together they stay well below the limit.
const PROGRAMS: [(Program, u64); 4] =
    [(Program::ShopFront, 250), (Program::Sync, 700), (Program::Report, 1500), (Program::Import, 3000)];

#[derive(Debug, Clone, Copy)]
enum Program {
    ShopFront,
    Sync,
    Report,
    Import,
}

type Http = Client<hyper_util::client::legacy::connect::HttpConnector, Full<Bytes>>;

/// Works through the gateway until `stop` resolves.
pub(super) async fn run(gateway: String, token: String, stop: impl Future<Output = ()>) {
    let http: Http = Client::builder(TokioExecutor::new()).build_http();
    let mut programs = tokio::task::JoinSet::new();
    for (seed, (program, pause_ms)) in (1..).zip(PROGRAMS) {
        programs.spawn(work(
            program,
            Duration::from_millis(pause_ms),
            seed,
            http.clone(),
            gateway.clone(),
            token.clone(),
        ));
    }
    stop.await;
    programs.shutdown().await;
}

async fn work(program: Program, pause: Duration, seed: u64, http: Http, gateway: String, token: String) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut ids: Vec<String> = Vec::new();
    loop {
        let (method, path, body) = next_call(program, &ids, &mut random);
        let request = Request::builder()
            .method(method)
            .uri(format!("{gateway}{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::from(body.map(|body| body.to_string()).unwrap_or_default()))
            .expect("paths made here are paths");
        // What goes wrong here is what the demo is about: it shows in the traffic report and in triage.
        if let Ok(answer) = http.request(request).await
            && let Ok(body) = answer.into_body().collect().await
        {
            remember(&mut ids, &body.to_bytes());
        }
        tokio::time::sleep(pause).await;
    }
}

/// A few ids that exist, from whatever list came last.
fn remember(ids: &mut Vec<String>, body: &[u8]) {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return };
    let found = body["results"].as_array().into_iter().flatten().filter_map(|record| record["id"].as_str());
    let found: Vec<String> = found.map(str::to_owned).collect();
    if !found.is_empty() {
        *ids = found;
    }
}

fn next_call(program: Program, ids: &[String], random: &mut ChaCha8Rng) -> (Method, String, Option<Value>) {
    let id = (!ids.is_empty()).then(|| ids[random.random_range(0..ids.len())].clone());
    let list = (Method::GET, "/crm/v3/objects/contacts?limit=50".to_owned(), None);
    match (program, id) {
        (Program::ShopFront | Program::Sync | Program::Import, None) => list,
        (Program::ShopFront, Some(id)) => (Method::GET, format!("/crm/v3/objects/contacts/{id}"), None),
        (Program::Sync, Some(id)) => {
            let properties = json!({"properties": {"city": format!("City {}", random.random_range(0..100))}});
            (Method::PATCH, format!("/crm/v3/objects/contacts/{id}"), Some(properties))
        }
        (Program::Report, _) => {
            let filter = json!({"propertyName": "email", "operator": "HAS_PROPERTY"});
            let search = json!({"filterGroups": [{"filters": [filter]}], "limit": 10});
            (Method::POST, "/crm/v3/objects/contacts/search".to_owned(), Some(search))
        }
        (Program::Import, Some(_)) => {
            let inputs: Vec<_> = ids.iter().take(10).map(|id| json!({"id": id})).collect();
            let body = json!({"properties": ["email", "city"], "inputs": inputs});
            (Method::POST, "/crm/v3/objects/contacts/batch/read".to_owned(), Some(body))
        }
    }
}
