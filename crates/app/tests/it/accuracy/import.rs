//! A planned import that keeps within its limits, looked at again and again by probes that know of no gateway: now and then
//! a search of theirs meets a second that the import's searches have filled, and that is nobody's fault.

use std::time::Duration;

use hubspot::error::ErrorKind;
use incident::code::Code;
use rand::SeedableRng;

use super::house::House;
use super::look::look;
use super::plan::{Plan, Random};
use super::work::{Ask, Mix};

const SEEDS: std::ops::Range<u64> = 1_000 + 9_100_000..1_000 + 9_100_003;
const LOOKS: usize = 15;

/// What was named, and whether a search of ours was refused at the first try.
async fn looked_at(house: &House) -> (Code, bool) {
    let looked = look(house).await;
    let refused =
        |exchange: &incident::facts::exchange::Exchange| exchange.kind == Some(ErrorKind::SearchLimit);
    let met = looked.facts.probes.families.iter().any(|probe| refused(&probe.exchange));
    (looked.triage.diagnosis.code, met)
}

async fn looks(seed: u64) -> Vec<(Code, bool)> {
    let mut plan = Plan::draw(&mut Random::seed_from_u64(seed));
    plan.mix = Mix::usual().more(1, Ask::Search);
    (plan.governed, plan.gateway, plan.patience) = (true, false, Duration::from_secs(600));
    let mut house = House::build(seed, plan).await;
    let (mix, token) = (house.mix.clone(), house.token.clone());
    house.program("import", 25.0, mix, move || token.lock().clone(), 40);
    house.passes(Duration::from_secs(30)).await;
    let mut all = Vec::new();
    for _ in 0..LOOKS {
        house.passes(Duration::from_secs(15)).await;
        all.push(looked_at(&house).await);
    }
    all
}

#[test]
fn a_second_full_of_an_imports_searches_is_no_search_limit() {
    let seeds: Vec<u64> = SEEDS.collect();
    let all: Vec<(Code, bool)> = super::each(&seeds, async |seed| looks(*seed).await).concat();
    let met = all.iter().filter(|(_, met)| *met).count();
    let told = all.iter().filter(|(code, _)| *code == Code::SearchLimit).count();
    assert!(met > 0, "of {} looks none met it: there is nothing to mistake", all.len());
    assert_eq!(told, 0, "of {} looks {met} met it", all.len());
}
