//! What is served from memory is what HubSpot would say: never from before a write, and of a record's properties exactly
//! those asked for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use client::cache::CacheSettings;
use client::call::{Call, Source};
use client::stack::Feature;
use http::{HeaderValue, Method, header};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use simulator::Config;
use simulator::config::{Latency, LimitOverrides};
use tokio::time::Instant;

use crate::virtual_hubspot::Virtual;

const RECORDS: u32 = 5;
const READERS: u64 = 12;
const LASTS: Duration = Duration::from_secs(60);

/// What writers have written and been told so: the version of each record, by its id.
type Floors = Arc<Mutex<HashMap<String, u64>>>;

/// How records are named and found.
#[derive(Clone)]
struct Contact {
    id: String,
    email: String,
}

fn hubspot(seed: u64, latency: Latency, cache: CacheSettings) -> Arc<Virtual> {
    let limits =
        LimitOverrides { burst: Some(100_000), daily: Some(100_000_000), ..LimitOverrides::default() };
    let config = Config { seed, latency, contacts: RECORDS, limits, ..Config::default() };
    Arc::new(Virtual::with(config, Feature::On, |settings| settings.cache = cache))
}

/// The route keeps records for a minute.
fn keeping(call: &mut Call) {
    call.handling.keep = Duration::from_secs(60);
}

fn fresh(call: &mut Call) {
    call.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
}

async fn read(hubspot: &Virtual, target: &str, adjust: fn(&mut Call)) -> (Value, Source) {
    let answer = hubspot.call_with(Method::GET, target, "", adjust).await.unwrap();
    let body = answer.response.into_body().collect().await.unwrap().to_bytes();
    (serde_json::from_slice(&body).unwrap(), answer.source)
}

async fn contacts(hubspot: &Virtual) -> Vec<Contact> {
    let (list, _) = read(hubspot, "/crm/v3/objects/contacts?limit=100&properties=email", |_| {}).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let contact =
        |record: &Value| Contact { id: text(&record["id"]), email: text(&record["properties"]["email"]) };
    list["results"].as_array().unwrap().iter().map(contact).collect()
}

/// Writes one version after the other, by all the ways there are.
async fn write(hubspot: Arc<Virtual>, contact: Contact, floors: Floors, seed: u64, ends: Instant) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut version = 0;
    while Instant::now() < ends {
        tokio::time::sleep(Duration::from_millis(random.random_range(0..3_000))).await;
        version += 1;
        let properties = json!({"firstname": version.to_string()});
        let email = contact.email.replace('@', "%40");
        let (method, path, body) = match random.random_range(0..3) {
            0 => (
                Method::PATCH,
                format!("/crm/v3/objects/contacts/{}", contact.id),
                json!({"properties": properties}),
            ),
            1 => {
                let path = format!("/crm/objects/2026-03/0-1/{email}?idProperty=email");
                (Method::PATCH, path, json!({"properties": properties}))
            }
            _ => {
                let inputs = json!({"inputs": [{"id": contact.id, "properties": properties}]});
                (Method::POST, "/crm/v3/objects/contacts/batch/update".to_owned(), inputs)
            }
        };
        let answer = hubspot.call(method, &path, &body.to_string()).await.unwrap();
        assert!(answer.response.status().is_success(), "{path}: {}", answer.response.status());
        floors.lock().insert(contact.id.clone(), version);
    }
}

/// Reads by all the ways there are; every record shown must be at least as new as what had been written before.
async fn check(hubspot: Arc<Virtual>, all: Vec<Contact>, floors: Floors, seed: u64, ends: Instant) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    while Instant::now() < ends {
        tokio::time::sleep(Duration::from_millis(random.random_range(0..500))).await;
        let contact = all.choose(&mut random).unwrap();
        let email = contact.email.replace('@', "%40");
        let target = match random.random_range(0..5) {
            0 => format!("/crm/v3/objects/contacts/{}?properties=firstname", contact.id),
            1 => format!("/crm/v3/objects/contacts/{}?properties=email,firstname,lastname", contact.id),
            2 => format!("/crm/v3/objects/contacts/{email}?idProperty=email"),
            3 => format!("/crm/objects/2026-03/contacts/{}", contact.id),
            _ => "/crm/v3/objects/contacts?limit=100&properties=firstname".to_owned(),
        };
        let before = floors.lock().clone();
        let (body, source) = read(&hubspot, &target, keeping).await;
        let one = std::slice::from_ref(&body);
        for record in body["results"].as_array().map_or(one, Vec::as_slice) {
            let shown: u64 = record["properties"]["firstname"].as_str().unwrap().parse().unwrap_or(0);
            let written = before.get(record["id"].as_str().unwrap()).copied().unwrap_or(0);
            assert!(shown >= written, "seed {seed}: {target} shows {shown} after {written}, {source:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_reads_after_a_write_reads_what_was_written() {
    for seed in 0..6 {
        let hubspot = hubspot(seed, Latency(20..=400), CacheSettings::default());
        let (all, floors, ends) = (contacts(&hubspot).await, Floors::default(), Instant::now() + LASTS);
        let writers = all.iter().enumerate().map(|(number, contact)| {
            let seed = seed * 1_000 + number as u64;
            tokio::spawn(write(hubspot.clone(), contact.clone(), floors.clone(), seed, ends))
        });
        let mut tasks: Vec<_> = writers.collect();
        tasks.extend((0..READERS).map(|number| {
            let seed = seed * 1_000 + 500 + number;
            tokio::spawn(check(hubspot.clone(), all.clone(), floors.clone(), seed, ends))
        }));
        for task in tasks {
            task.await.unwrap();
        }
        let report = hubspot.stack.cache_report();
        assert!(report.hits > 100 && report.shared > 10, "seed {seed} proves nothing: {report:?}");
    }
}

const POOL: [(&str, &[&str]); 3] = [
    (
        "contacts",
        &[
            "email",
            "firstname",
            "lastname",
            "phone",
            "createdate",
            "lastmodifieddate",
            "hs_object_id",
            "no_such",
        ],
    ),
    (
        "companies",
        &["name", "domain", "city", "createdate", "hs_lastmodifieddate", "hs_object_id", "industry"],
    ),
    ("notes", &["hs_note_body", "hs_timestamp", "hs_createdate", "hs_lastmodifieddate", "hs_object_id"]),
];

/// One read with more properties, one with fewer of them, and what HubSpot itself says to the second.
#[tokio::test(start_paused = true)]
async fn fewer_properties_come_as_hubspot_would_give_them() {
    let hubspot = hubspot(1, Latency(0..=0), CacheSettings::default());
    let id = |body: Value| body["id"].as_str().unwrap().to_owned();
    let mut ids = vec![contacts(&hubspot).await[0].id.clone()];
    for (path, body) in [
        ("/crm/v3/objects/companies", json!({"properties": {"name": "A \"quoted\" \u{e9} name"}})),
        (
            "/crm/v3/objects/notes",
            json!({"properties": {"hs_note_body": "a/b", "hs_timestamp": "2026-01-01T00:00:00Z"}}),
        ),
    ] {
        let answer = hubspot.call(Method::POST, path, &body.to_string()).await.unwrap();
        let body = answer.response.into_body().collect().await.unwrap().to_bytes();
        ids.push(id(serde_json::from_slice(&body).unwrap()));
    }
    let mut random = ChaCha8Rng::seed_from_u64(9);
    let mut served = 0;
    for round in 0..600 {
        let which = round % POOL.len();
        let (kind, names) = POOL[which];
        let more: Vec<&str> = names.iter().copied().filter(|_| random.random_bool(0.7)).collect();
        let fewer: Vec<&str> = more.iter().copied().filter(|_| random.random_bool(0.5)).collect();
        if fewer.is_empty() {
            continue;
        }
        let target =
            |names: &[&str]| format!("/crm/v3/objects/{kind}/{}?properties={}", ids[which], names.join(","));
        read(&hubspot, &target(&more), keeping).await;
        let (from_memory, source) = read(&hubspot, &target(&fewer), keeping).await;
        let (from_hubspot, live) = read(&hubspot, &target(&fewer), fresh).await;
        assert_eq!(live, Source::Live);
        assert_eq!(from_memory, from_hubspot, "{more:?} for {fewer:?}, {source:?}");
        served += u32::from(matches!(source, Source::Cache { .. }));
        // The next round begins with nothing kept.
        tokio::time::sleep(Duration::from_secs(61)).await;
    }
    assert!(served > 400, "only {served} were served from memory");
}

/// A write by an old id of a merged record changes what is kept under the survivor's, whoever merged them.
#[tokio::test(start_paused = true)]
async fn a_write_by_a_merged_id_is_over_under_the_survivors() {
    let ours = hubspot(4, Latency(0..=0), CacheSettings::default());
    let elsewhere = ours.restarted();
    let all = contacts(&ours).await;
    let company = json!({"properties": {"name": "Company"}});
    let company = written(&ours, Method::POST, "/crm/v3/objects/companies", &company).await;
    let company = company["id"].as_str().unwrap();
    for (pair, merging) in all.chunks(2).zip([&ours, &elsewhere]) {
        let old = &pair[0].id;
        let merge = json!({"primaryObjectId": old, "objectIdToMerge": pair[1].id});
        let survivor = written(merging, Method::POST, "/crm/v3/objects/contacts/merge", &merge).await;
        let record = format!("/crm/v3/objects/contacts/{}", survivor["id"].as_str().unwrap());
        let links = format!("{record}?associations=companies");
        let by_old = format!("/crm/v3/objects/contacts/{old}");
        let link = format!("/crm/v4/objects/contacts/{old}/associations/default/companies/{company}");
        let named = json!({"properties": {"firstname": "Merged"}});
        for (method, path, body, target) in
            [(Method::PATCH, &by_old, &named, &record), (Method::PUT, &link, &Value::Null, &links)]
        {
            read(&ours, target, keeping).await;
            let (before, source) = read(&ours, target, keeping).await;
            assert!(matches!(source, Source::Cache { .. }), "{method} {path}");
            written(&ours, method.clone(), path, body).await;
            let (after, source) = read(&ours, target, keeping).await;
            assert_eq!(source, Source::Live, "{method} {path}");
            assert_ne!(after, before, "{method} {path}");
        }
    }
}

async fn written(hubspot: &Virtual, method: Method, path: &str, body: &Value) -> Value {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = hubspot.call(method, path, &body).await.unwrap();
    let status = answer.response.status();
    assert!(status.is_success(), "{path}: {status}");
    let body = answer.response.into_body().collect().await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap_or_default()
}
