//! From the configuration to the settings of `client::stack`.

use std::time::Duration;

use client::accounts::AccountSettings;
use client::cache::CacheSettings;
use client::governor::{Ceilings, DailySettings, QueueSettings};
use client::stack::{Feature, StackSettings};
use hubspot::limits::Plan;

use crate::config::{CacheSection, Config};
use crate::failure::Failure;

/// Answers up to this size are read whole before they are passed on.
const WHOLE_ANSWER_BYTES_MAX: usize = 64 * 1024;

pub(super) fn stack_settings(config: &Config) -> Result<StackSettings, Failure> {
    let lanes = config.lanes.settings()?;
    let feature = |on: bool| if on { Feature::On } else { Feature::Off };
    Ok(StackSettings {
        accounts: AccountSettings {
            // The smallest limits are safe for every plan, and the first answer's headers tell the true ones.
            plan: config.limits.plan.unwrap_or(Plan::Free),
            kind: config.limits.kind,
            packs: config.limits.packs,
            ceilings: Ceilings {
                burst: config.limits.burst,
                search: config.limits.search,
                associations: config.limits.associations,
            },
            queue: QueueSettings { waiting_max: config.gateway.waiting_max, lanes },
            daily: DailySettings {
                reserves: config.daily.reserves(),
                shedding: feature(config.daily.shedding),
            },
            governed: feature(config.gateway.governor),
        },
        attempt_timeout: Duration::from_millis(config.gateway.attempt_timeout_ms),
        whole_answer_bytes_max: WHOLE_ANSWER_BYTES_MAX,
        retries: feature(config.gateway.retries),
        retry_budget: Feature::On,
        breaker: feature(config.gateway.breaker),
        adaptive: feature(config.gateway.adaptive),
        cache: cache_settings(&config.cache),
        packing: feature(config.gateway.packing),
        seed: rand::random(),
    })
}

fn cache_settings(section: &CacheSection) -> CacheSettings {
    if !section.enabled {
        return CacheSettings::OFF;
    }
    CacheSettings {
        feature: Feature::On,
        definitions: Duration::from_secs(section.definitions_seconds),
        not_found: Duration::from_secs(section.not_found_seconds),
        stale_max: Duration::from_secs(section.max_stale_seconds),
        bytes_max: section.bytes_max,
        answer_bytes_max: section.answer_bytes_max,
    }
}
