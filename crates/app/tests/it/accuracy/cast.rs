//! The faults, each with what it needs around it and how it strikes. What it is called stays here: the diagnosis sees facts.

mod content;
mod credentials;
mod hubspot;
mod network;
mod ourselves;
mod quota;
mod webhooks;

use std::time::Duration;

use incident::code::Code;
use rand::RngExt;
use serde_json::{Value, json};

use super::house::House;
use super::plan::{Plan, Random};

/// Where a fault's story is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Family {
    Auth,
    Quota,
    HubSpot,
    Network,
    Content,
    Webhooks,
    Ourselves,
}

impl Family {
    pub(super) const ALL: [Self; 7] = [
        Self::Auth,
        Self::Quota,
        Self::HubSpot,
        Self::Network,
        Self::Content,
        Self::Webhooks,
        Self::Ourselves,
    ];

    /// By the number in the catalogue.
    pub(super) fn of(code: Code) -> Self {
        let number: u32 = code.fault().trim_start_matches('F').parse().unwrap_or_default();
        match number {
            1..=12 => Self::Auth,
            13..=19 => Self::Quota,
            20..=28 => Self::HubSpot,
            29..=39 => Self::Network,
            40..=45 => Self::Content,
            46..=54 => Self::Webhooks,
            _ => Self::Ourselves,
        }
    }
}

/// Every fault of the catalogue that has a code.
pub(super) fn faults() -> impl Iterator<Item = Code> {
    Code::ALL.iter().copied().filter(|code| !code.fault().is_empty())
}

/// Draws the surroundings this fault needs.
pub(super) fn shape(code: Code, plan: &mut Plan, random: &mut Random) {
    match Family::of(code) {
        Family::Auth => credentials::shape(code, plan, random),
        Family::Quota => quota::shape(code, plan, random),
        Family::HubSpot => hubspot::shape(code, plan, random),
        Family::Network => network::shape(code, plan, random),
        Family::Content => content::shape(code, plan),
        Family::Webhooks => webhooks::shape(code, plan, random),
        Family::Ourselves => ourselves::shape(code, plan),
    }
}

/// Strikes.
pub(super) async fn strike(code: Code, house: &mut House) {
    match Family::of(code) {
        Family::Auth => credentials::strike(code, house).await,
        Family::Quota => quota::strike(code, house).await,
        Family::HubSpot => hubspot::strike(code, house).await,
        Family::Network => network::strike(code, house).await,
        Family::Content => content::strike(code, house).await,
        Family::Webhooks => webhooks::strike(code, house).await,
        Family::Ourselves => ourselves::strike(code, house).await,
    }
}

/// A rate at which the fault is worth an alarm.
fn rate(house: &mut House) -> f64 {
    if house.random.random_bool(0.5) { 1.0 } else { house.random.random_range(0.5..1.0) }
}

fn seconds(random: &mut Random, from: u64, to: u64) -> Duration {
    Duration::from_secs(random.random_range(from..to))
}

/// A fault of the simulator's own catalogue, by its code, with these parameters.
async fn simulated(house: &House, code: Code, params: Value) {
    let mut fault = params;
    fault["kind"] = json!(code.id());
    house.fault(fault).await;
}
