//! From `[lanes]`, `[[callers]]` and `[[routes]]` to what the gateway and the governor go by.

use std::time::Duration;

use client::governor::{Floors, LaneSettings};
use client::handling::Handling;
use client::lane::Lane;
use client::stack::Feature;
use gateway::outbox::Queue;
use gateway::rules::{Pattern, Rule, Rules, Treatment};
use http::Method;

use super::{CallerSection, Config, LaneName, LanesSection, OnOutage, RouteSection, quote};
use crate::failure::Failure;

impl Config {
    /// The rules of the routes.
    ///
    /// # Errors
    /// A usage failure that points at the rule, with one hint.
    pub(crate) fn rules(&self) -> Result<Rules, Failure> {
        let default = Handling { lane: self.lanes.default.lane(), ..Handling::default() };
        let rule = |(index, route): (usize, &RouteSection)| {
            rule(route, self).map_err(|(what, hint)| {
                let number = index + 1;
                Failure::usage(format!("rule {number} of [[routes]], {}: {what}", quote::quoted(&route.path)))
                    .hint(hint)
            })
        };
        let rules = self.routes.iter().enumerate().map(rule).collect::<Result<_, _>>()?;
        Ok(Rules { rules, default })
    }
}

impl CallerSection {
    /// How the caller's calls are to be treated.
    pub(crate) fn treatment(&self) -> Treatment {
        Treatment {
            lane: self.lane.map(LaneName::lane),
            weight: self.weight,
            packing: self.packing.map(feature),
            ..Treatment::default()
        }
    }
}

impl LanesSection {
    /// # Errors
    /// A usage failure where the floors cannot all be kept.
    pub(crate) fn settings(&self) -> Result<LaneSettings, Failure> {
        let floors =
            Floors::new(self.interactive_floor_percent, self.sync_floor_percent, self.bulk_floor_percent);
        let floors = floors.map_err(|bad| {
            Failure::usage(format!("in [lanes], {bad}"))
                .hint("lower one; what a lane does not use, the others have anyway")
        })?;
        Ok(LaneSettings { lanes: feature(self.enabled), floors })
    }
}

impl LaneName {
    fn lane(self) -> Lane {
        match self {
            Self::Interactive => Lane::Interactive,
            Self::Sync => Lane::Sync,
            Self::Bulk => Lane::Bulk,
        }
    }
}

pub(super) fn weight(weight: Option<u16>) -> Result<(), (String, &'static str)> {
    if weight == Some(0) {
        return Err(("weight is 0, which is no share at all".into(), "1 is the usual share; leave it out"));
    }
    Ok(())
}

fn rule(route: &RouteSection, config: &Config) -> Result<Rule, (String, &'static str)> {
    let path = Pattern::new(&route.path).map_err(|bad| {
        (
            format!("path cannot be used: {bad}"),
            "write it as in /crm/v3/objects/{}/batch/* or /crm/v3/objects/**",
        )
    })?;
    weight(route.weight)?;
    if let Some(caller) = &route.caller
        && !config.callers.iter().any(|known| known.name == *caller)
    {
        let what = format!("there is no caller `{}`", quote::quoted(caller));
        return Err((what, "write a name from [[callers]]; other callers are not told apart"));
    }
    let treatment = Treatment {
        lane: route.lane.map(LaneName::lane),
        weight: route.weight,
        packing: route.packing.map(feature),
        keep: route.cache_seconds.map(Duration::from_secs),
        stale_max: stale_max(route, config.cache.max_stale_seconds)?,
        queue: queue(route),
    };
    if treatment == Treatment::default() {
        return Err((
            "it changes nothing".into(),
            "add lane, weight, packing, cache_seconds, on_outage, max_stale_seconds or respond_async",
        ));
    }
    Ok(Rule { method: method(route)?, path, caller: route.caller.clone(), treatment })
}

/// HTTP spells methods in capitals, and so must a rule that is to match.
fn method(route: &RouteSection) -> Result<Option<Method>, (String, &'static str)> {
    let Some(name) = &route.method else { return Ok(None) };
    let known = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD];
    known.into_iter().find(|method| method.as_str() == name).map(Some).ok_or_else(|| {
        let what = format!("method `{}` is not one that HubSpot knows", quote::quoted(name));
        (what, "write GET, POST, PUT, PATCH or DELETE, or leave it out for any")
    })
}

/// `house` is how many seconds an answer may be old where nobody says more.
fn stale_max(route: &RouteSection, house: u64) -> Result<Option<Duration>, (String, &'static str)> {
    let told = route.max_stale_seconds.map(Duration::from_secs);
    match (route.on_outage, told) {
        (Some(OnOutage::Fail), Some(_)) => Err((
            "on_outage = \"fail\" and max_stale_seconds contradict each other".into(),
            "leave out one of them",
        )),
        (Some(OnOutage::Fail), None) => Ok(Some(Duration::ZERO)),
        (Some(OnOutage::Stale), None) => Ok(Some(Duration::from_secs(house))),
        (Some(OnOutage::Stale | OnOutage::Queue) | None, told) => Ok(told),
    }
}

/// When the route's writes are kept for later.
fn queue(route: &RouteSection) -> Option<Queue> {
    match (route.respond_async, route.on_outage) {
        (Some(true), _) => Some(Queue::Always),
        (_, Some(OnOutage::Queue)) => Some(Queue::OnOutage),
        (Some(false), _) => Some(Queue::Never),
        (None, Some(OnOutage::Stale | OnOutage::Fail) | None) => None,
    }
}

fn feature(on: bool) -> Feature {
    if on { Feature::On } else { Feature::Off }
}
