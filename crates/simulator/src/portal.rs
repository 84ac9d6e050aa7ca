//! One HubSpot account: its settings and its records.

use jiff::tz::TimeZone;

use crate::config::{Config, Plan};
use crate::crm::Crm;

#[derive(Debug)]
pub struct Portal {
    pub id: u64,
    pub plan: Plan,
    pub zone: TimeZone,
    /// `na1`, `eu1`, …
    pub hosting: String,
    pub crm: Crm,
}

impl Portal {
    /// A portal with the settings of the default one and no records.
    pub fn empty(config: &Config, id: u64) -> Self {
        Self {
            id,
            plan: config.plan,
            zone: config.time_zone.clone(),
            hosting: config.hosting.clone(),
            crm: Crm::new(config.seed, id),
        }
    }
}
