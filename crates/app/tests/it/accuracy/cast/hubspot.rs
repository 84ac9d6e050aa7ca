//! HubSpot itself: down, in part, in one place, slow, moved, changed.

use incident::code::Code;
use rand::RngExt;
use serde_json::json;

use super::{rate, seconds, simulated};
use crate::accuracy::house::House;
use crate::accuracy::plan::{Plan, Random};
use crate::accuracy::work::Ask;

pub(super) fn shape(code: Code, plan: &mut Plan, random: &mut Random) {
    plan.gateway = random.random_bool(0.85);
    match code {
        Code::OutageKnown | Code::OutageUnlisted => plan.status_page = true,
        Code::Region => {
            (plan.status_page, plan.gateway) = (true, true);
            (plan.installs, plan.regions) = (random.random_range(2..4), vec!["eu1", "eu1", "ap1"]);
        }
        Code::Partial => {
            let ask = if random.random_bool(0.5) { Ask::Search } else { Ask::Owners };
            plan.mix = plan.mix.clone().more(4, ask);
        }
        Code::Sunset => plan.mix = plan.mix.clone().more(3, Ask::Pipelines).more(3, Ask::Owners),
        Code::ValidationChange => {
            plan.gateway = true;
            plan.mix = plan.mix.clone().more(5, Ask::CreateDated);
            plan.wait = seconds(random, 30, 90);
        }
        _ => {}
    }
}

pub(super) async fn strike(code: Code, house: &mut House) {
    match code {
        Code::OutageKnown | Code::OutageUnlisted => {
            let rate = rate(house);
            simulated(house, code, json!({"rate": rate})).await;
        }
        Code::Partial => {
            // The few reads that probes alone make do not ask for owners.
            let families = if house.plan.gateway { 2 } else { 1 };
            let family = ["search", "owners"][house.random.random_range(0..families)];
            let rate = rate(house);
            simulated(house, code, json!({"family": family, "rate": rate})).await;
        }
        Code::Slow => {
            let ms = house.random.random_range(2_000..4_500);
            simulated(house, code, json!({"ms": ms})).await;
        }
        Code::Migration => {
            let retry_after = house.random.random_range(60..7_200);
            simulated(house, code, json!({"retry_after": retry_after})).await;
        }
        Code::Sunset => {
            let paths = ["/crm/v3/objects", "/crm/v3/owners", "/crm/v3/pipelines"];
            let seen = if house.plan.gateway { paths.len() } else { 1 };
            let path = paths[house.random.random_range(0..seen)];
            let body = ["html", "json"][house.random.random_range(0..2)];
            simulated(house, code, json!({"path_prefix": path, "body": body})).await;
        }
        _ => simulated(house, code, json!({})).await,
    }
}
