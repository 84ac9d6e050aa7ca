//! Packing before the real simulator: every caller's answer is the single call's, and far fewer calls are made.

mod figures;
mod sameness;

use std::sync::Arc;

use client::stack::Feature;
use simulator::Config;
use simulator::config::{Latency, LimitOverrides};

use crate::virtual_hubspot::Virtual;

const CONTACTS: u32 = 1_000;

/// A professional plan's limit.
const BURST: u32 = 190;

fn hubspot(seed: u64, packing: Feature) -> Arc<Virtual> {
    let limits = LimitOverrides { burst: Some(BURST), ..LimitOverrides::default() };
    let config = Config { seed, contacts: CONTACTS, latency: Latency(20..=60), limits, ..Config::default() };
    Arc::new(Virtual::with(config, Feature::On, |settings| settings.packing = packing))
}

/// The ids of the records there are from the start.
async fn ids(hubspot: &Virtual) -> Vec<u64> {
    let mut ids = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!("/crm/v3/objects/contacts?limit=100{after}");
        let answer = hubspot.call(http::Method::GET, &path, "").await.unwrap();
        let page: serde_json::Value = serde_json::from_slice(answer.response.body().at_hand()).unwrap();
        let results = page["results"].as_array().unwrap();
        ids.extend(results.iter().map(|record| record["id"].as_str().unwrap().parse::<u64>().unwrap()));
        let Some(next) = page["paging"]["next"]["after"].as_str() else { return ids };
        after = format!("&after={next}");
    }
}
