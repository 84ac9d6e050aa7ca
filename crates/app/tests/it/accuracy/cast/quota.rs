//! Limits spent, by us or by others; too much at once; locks.

use std::time::Duration;

use incident::code::Code;
use rand::RngExt;
use serde_json::json;

use super::{seconds, simulated};
use crate::accuracy::house::House;
use crate::accuracy::plan::{Plan, Random};
use crate::accuracy::work::Ask;

pub(super) fn shape(code: Code, plan: &mut Plan, random: &mut Random) {
    match code {
        Code::DailySelf => {
            plan.per_second = random.random_range(3.0..6.0);
            plan.installs = plan.installs.min(1);
            plan.daily = random.random_bool(0.5).then(|| random.random_range(300..500));
        }
        Code::BurstSelf => {
            plan.governed = random.random_bool(0.6);
            plan.patience = Duration::from_secs(random.random_range(2..5));
            plan.per_second = 6.0;
        }
        Code::BurstSplit => {
            plan.governed = random.random_bool(0.8);
            plan.per_second = random.random_range(1.0..3.0);
        }
        Code::SearchLimit => {
            plan.governed = random.random_bool(0.5);
            plan.mix = plan.mix.clone().more(10, Ask::Search);
        }
        Code::Processing => {
            plan.mix = plan.mix.clone().more(12, Ask::BatchUpdate).more(8, Ask::BatchRead);
            plan.per_second = random.random_range(3.0..6.0);
            plan.wait = seconds(random, 30, 80);
        }
        Code::Locked => plan.mix = plan.mix.clone().more(8, Ask::UpdateHot).more(6, Ask::BatchUpdate),
        _ => {}
    }
}

pub(super) async fn strike(code: Code, house: &mut House) {
    match code {
        // Where the pool was drawn small, the programs have emptied it by themselves or soon will.
        Code::DailySelf if house.plan.daily.is_some() => house.passes(Duration::from_secs(90)).await,
        Code::DailyNeighbour => {
            let start = house.random.random_range(0.85..0.97);
            simulated(house, code, json!({"start": start})).await;
        }
        Code::BurstSelf => {
            let limit = house.random.random_range(1..9);
            simulated(house, code, json!({"limit": limit})).await;
        }
        Code::BurstSplit => {
            let from = house.random.random_range(0.45..0.7);
            simulated(house, code, json!({"from": from, "to": 0.95})).await;
        }
        Code::Processing => {
            let threshold = house.random.random_range(0.2..0.4);
            simulated(house, code, json!({"threshold": threshold})).await;
        }
        _ => simulated(house, code, json!({})).await,
    }
}
