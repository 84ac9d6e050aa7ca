//! Two simulators of one seed: the calls that go packed through the one are answered as they are alone by the other.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use client::call::{Answer, Source};
use client::stack::Feature;
use http::{Method, StatusCode, header};
use http_body_util::BodyExt;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::{hubspot, ids};
use crate::virtual_hubspot::Virtual;

#[derive(Debug, Clone)]
struct Asked {
    method: Method,
    path: String,
    body: String,
}

/// What a caller sees.
#[derive(Debug, PartialEq)]
struct Seen {
    status: StatusCode,
    content_type: String,
    body: Bytes,
}

async fn see(answer: Answer) -> (Seen, Source) {
    let source = answer.source;
    let (parts, body) = answer.response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let content_type = parts.headers[header::CONTENT_TYPE].to_str().unwrap().to_owned();
    (Seen { status: parts.status, content_type, body }, source)
}

async fn ask(hubspot: &Virtual, asked: &Asked) -> (Seen, Source) {
    see(hubspot.call(asked.method.clone(), &asked.path, &asked.body).await.unwrap()).await
}

/// All at the same moment.
async fn ask_at_once(hubspot: &Arc<Virtual>, all: &[Asked]) -> Vec<(Seen, Source)> {
    let calls = all.iter().cloned().map(|asked| {
        let hubspot = hubspot.clone();
        tokio::spawn(async move { ask(&hubspot, &asked).await })
    });
    let mut seen = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        seen.push(call.await.unwrap());
    }
    seen
}

/// Some records archived, merged away and erased; the same in both.
async fn unsettle(hubspot: &Virtual, ids: &[u64]) {
    for id in &ids[..20] {
        let path = format!("/crm/v3/objects/contacts/{id}");
        hubspot.call(Method::DELETE, &path, "").await.unwrap();
    }
    for pair in ids[20..40].chunks(2) {
        let body = json!({"primaryObjectId": pair[0].to_string(), "objectIdToMerge": pair[1].to_string()});
        let answer = hubspot.call(Method::POST, "/crm/v3/objects/contacts/merge", &body.to_string()).await;
        assert_eq!(answer.unwrap().response.status(), 200);
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
}

fn a_read(random: &mut ChaCha8Rng, ids: &[u64], emails: &[String]) -> Asked {
    let id = match random.random_range(0..40) {
        0 => random.random_range(1..u64::from(u32::MAX)).to_string(),
        1 => ["0", "007", "abc", "9999999999999999999", "-1"].choose(random).unwrap().to_string(),
        2..=5 => ids[random.random_range(0..45)].to_string(),
        6..=9 => ids[random.random_range(40..50)].to_string(),
        _ => ids.choose(random).unwrap().to_string(),
    };
    let collection = ["/crm/v3/objects/contacts", "/crm/objects/2026-03/contacts", "/crm/v3/objects/0-1"]
        .choose(random)
        .unwrap();
    let selection = [
        "",
        "?properties=email,firstname,lastname",
        "?properties=email&properties=firstname&properties=lastname",
        "?properties=email,no_such_property",
        "?properties=email&propertiesWithHistory=firstname",
        "?properties=email,firstname&archived=true",
        "?archived=false",
        "?associations=companies",
    ];
    let path = match random.random_range(0..10) {
        0 => {
            let email = emails.choose(random).unwrap();
            let email = if random.random() { email.to_uppercase() } else { email.clone() };
            let rest =
                ["", "&properties=email,city", "&properties=city", "&archived=true"].choose(random).unwrap();
            format!("{collection}/{email}?idProperty=email{rest}")
        }
        _ => format!("{collection}/{id}{}", selection.choose(random).unwrap()),
    };
    Asked { method: Method::GET, path, body: String::new() }
}

async fn emails(hubspot: &Virtual, ids: &[u64]) -> Vec<String> {
    let mut emails = vec!["nobody@example.com".to_owned(), "no email".replace(' ', "%20")];
    for id in ids.iter().step_by(50) {
        let path = format!("/crm/v3/objects/contacts/{id}?properties=email");
        let answer = hubspot.call(Method::GET, &path, "").await.unwrap();
        let record: Value = serde_json::from_slice(answer.response.body().at_hand()).unwrap();
        emails.extend(record["properties"]["email"].as_str().map(|email| email.replace('@', "%40")));
    }
    emails
}

/// Each error answer has a correlation id of its own.
fn without_correlation(mut seen: Seen) -> Seen {
    if !seen.status.is_success() {
        let mut body: Value = serde_json::from_slice(&seen.body).unwrap();
        body.as_object_mut().unwrap().remove("correlationId");
        seen.body = Bytes::from(body.to_string());
    }
    seen
}

#[tokio::test(start_paused = true)]
async fn packed_reads_are_answered_byte_for_byte_as_single_ones() {
    let mut sources = [0, 0];
    for seed in 0..6 {
        let (packed, alone) = (hubspot(seed, Feature::On), hubspot(seed, Feature::Off));
        // Side by side, so that the same happens at the same time in both.
        let ids = tokio::join!(ids(&packed), ids(&alone)).0;
        tokio::join!(unsettle(&packed, &ids), unsettle(&alone, &ids));
        let emails = emails(&alone, &ids).await;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let asked: Vec<_> = (0..600).map(|_| a_read(&mut random, &ids, &emails)).collect();
        let through_packs = ask_at_once(&packed, &asked).await;
        for (asked, (seen, source)) in asked.iter().zip(through_packs) {
            sources[usize::from(source == Source::Packed)] += 1;
            let (expected, _) = ask(&alone, asked).await;
            assert_eq!(without_correlation(seen), without_correlation(expected), "seed {seed}: {asked:?}");
        }
    }
    let [live, packed] = sources;
    assert!(packed > live, "{packed} packed and {live} alone: the test tests too little");
}

fn an_update(random: &mut ChaCha8Rng, ids: &[u64], emails: &[String], number: usize) -> Asked {
    // Each of a record of its own, so that the order does not matter.
    let id = ids[number];
    let properties = match random.random_range(0..12) {
        0 => json!({"no_such_property": "x"}),
        1 => json!({"hs_object_id": "1"}),
        2 => json!({"email": "not an address"}),
        3 => json!({"email": emails[3].replace("%40", "@")}),
        4 => json!({}),
        5 => json!({"firstname": "", "city": null}),
        6 => json!({"lastname": "Ünï \"quoted\" \\ \u{1F600}"}),
        _ => json!({"firstname": format!("F{}", random.random_range(0..100)), "city": "Köln"}),
    };
    let body = match random.random_range(0..20) {
        0 => "{\"properties\":".to_owned(),
        1 => json!({"properties": properties, "extra": 1}).to_string(),
        2 => format!("{{ \"properties\" : {properties} }}"),
        _ => json!({"properties": properties}).to_string(),
    };
    let id = if random.random_range(0..30) == 0 { 77_000_000 + number as u64 } else { id };
    Asked { method: Method::PATCH, path: format!("/crm/v3/objects/contacts/{id}"), body }
}

/// When something was changed differs between two runs.
fn without_times(seen: Seen) -> (StatusCode, String, Value) {
    let mut body: Value = serde_json::from_slice(&seen.body).unwrap();
    let fields = body.as_object_mut().unwrap();
    for time in ["updatedAt", "archivedAt", "correlationId"] {
        fields.remove(time);
    }
    if let Some(properties) = fields.get_mut("properties") {
        properties.as_object_mut().unwrap().remove("lastmodifieddate");
    }
    (seen.status, seen.content_type, body)
}

#[tokio::test(start_paused = true)]
async fn packed_updates_do_and_tell_what_single_ones_do_and_tell() {
    let mut sources = [0, 0];
    for seed in 0..4 {
        let (packed, alone) = (hubspot(seed, Feature::On), hubspot(seed, Feature::Off));
        // Side by side, so that the same happens at the same time in both.
        let ids = tokio::join!(ids(&packed), ids(&alone)).0;
        tokio::join!(unsettle(&packed, &ids), unsettle(&alone, &ids));
        let emails = emails(&alone, &ids).await;
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        // Of two that were merged the one that is left has two ids.
        let numbers = (0..400).filter(|number| !(20..40).contains(number) || number % 2 == 1);
        let asked: Vec<_> = numbers.map(|number| an_update(&mut random, &ids, &emails, number)).collect();
        let through_packs = ask_at_once(&packed, &asked).await;
        for (asked, (seen, source)) in asked.iter().zip(through_packs) {
            sources[usize::from(source == Source::Packed)] += 1;
            let (expected, _) = ask(&alone, asked).await;
            assert_eq!(without_times(seen), without_times(expected), "seed {seed}: {asked:?}");
        }
        for id in &ids[..450] {
            let path = format!("/crm/v3/objects/contacts/{id}?properties=email,firstname,lastname,city");
            let read = Asked { method: Method::GET, path, body: String::new() };
            let [(after, _), (expected, _)] = [ask(&packed, &read).await, ask(&alone, &read).await];
            assert_eq!(without_times(after), without_times(expected), "seed {seed}: {read:?}");
        }
    }
    let [live, packed] = sources;
    assert!(packed > live, "{packed} packed and {live} alone: the test tests too little");
}
