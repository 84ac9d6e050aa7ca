//! How a call is to be treated: by whoever runs the gateway for the route and the caller, and by the caller's own word.
//!
//! The lane is the header's, else the route's, else the caller's, else the default. A caller with a lane of its own may
//! step back by the header, and not forward.

use std::time::Duration;

use client::handling::Handling;
use client::lane::Lane;
use client::stack::Feature;
use http::{HeaderValue, Method};

use crate::headers;
use crate::outbox::Queue;
use crate::refusal::Refusal;

mod pattern;

pub use pattern::{BadPattern, Pattern};

/// What a rule, or a caller's own entry, changes of how a call is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Treatment {
    pub lane: Option<Lane>,
    /// The caller's share of its lane.
    pub weight: Option<u16>,
    pub packing: Option<Feature>,
    /// How long an answer may be served again.
    pub keep: Option<Duration>,
    /// The oldest answer that is better than none; zero where an error is better.
    pub stale_max: Option<Duration>,
    /// When writes are kept for later.
    pub queue: Option<Queue>,
}

/// What is done on a route.
#[derive(Debug, Clone)]
pub struct Rule {
    /// `None` for any.
    pub method: Option<Method>,
    pub path: Pattern,
    /// `None` for any.
    pub caller: Option<String>,
    pub treatment: Treatment,
}

/// All rules, in order: the first that matches is the one.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    pub rules: Vec<Rule>,
    /// Where no rule and no caller's entry says otherwise.
    pub default: Handling,
}

/// Whose call it is, and what its entry says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Who<'a> {
    pub(crate) caller: &'a str,
    pub(crate) treatment: Treatment,
}

impl Rules {
    /// How to treat a call whose headers ask for `lane`. What `Cache-Control` asks for is the cache's to read, and is laid over this.
    ///
    /// # Errors
    /// The lane's header names no lane.
    pub(crate) fn handling(
        &self,
        method: &Method,
        path: &str,
        who: Who<'_>,
        lane: Option<&HeaderValue>,
    ) -> Result<(Handling, Queue), Refusal> {
        let rule = self.rules.iter().find(|rule| rule.matches(method, path, who.caller));
        let mut handling = who.treatment.over(self.default);
        if let Some(rule) = rule {
            handling = rule.treatment.over(handling);
        }
        if let Some(asked) = lane.map(asked_lane).transpose()? {
            handling.lane = who.treatment.lane.map_or(asked, |own| asked.max(own));
        }
        let queue = rule.and_then(|rule| rule.treatment.queue).or(who.treatment.queue).unwrap_or_default();
        Ok((handling, queue))
    }
}

impl Rule {
    fn matches(&self, method: &Method, path: &str, caller: &str) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted == method)
            && self.caller.as_ref().is_none_or(|wanted| wanted == caller)
            && self.path.matches(path)
    }
}

impl Treatment {
    fn over(self, handling: Handling) -> Handling {
        Handling {
            lane: self.lane.unwrap_or(handling.lane),
            weight: self.weight.unwrap_or(handling.weight),
            packing: self.packing.unwrap_or(handling.packing),
            keep: self.keep.unwrap_or(handling.keep),
            stale_max: self.stale_max.or(handling.stale_max),
            ..handling
        }
    }
}

fn asked_lane(value: &HeaderValue) -> Result<Lane, Refusal> {
    let lane = value.to_str().ok().and_then(|name| Lane::of_caller(name.trim()));
    let hint = "It holds `interactive`, `sync` or `bulk`.";
    lane.ok_or_else(|| Refusal::bad_header(headers::LANE.as_str(), hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn rule(method: Option<Method>, path: &str, caller: Option<&str>, lane: Lane) -> Rule {
        Rule {
            method,
            path: Pattern::new(path).expect("a good pattern"),
            caller: caller.map(str::to_owned),
            treatment: Treatment { lane: Some(lane), ..Treatment::default() },
        }
    }

    fn rules() -> Rules {
        let rules = vec![
            rule(Some(Method::POST), "/crm/v3/objects/{}/batch/*", None, Lane::Bulk),
            rule(None, "/crm/v3/objects/{}/**", Some("nightly"), Lane::Sync),
            rule(None, "/crm/v3/objects/**", Some("nightly"), Lane::Bulk),
        ];
        Rules { rules, default: Handling::default() }
    }

    #[rstest]
    #[case::default("GET", "/crm/v3/objects/contacts/1", "shop", None, None, Lane::Interactive)]
    #[case::of_the_caller("GET", "/crm/v3/owners", "shop", Some(Lane::Sync), None, Lane::Sync)]
    #[case::of_the_route(
        "POST",
        "/crm/v3/objects/deals/batch/read",
        "shop",
        Some(Lane::Sync),
        None,
        Lane::Bulk
    )]
    #[case::of_the_first("GET", "/crm/v3/objects/contacts/1", "nightly", None, None, Lane::Sync)]
    #[case::of_the_header(
        "GET",
        "/crm/v3/objects/contacts/1",
        "nightly",
        None,
        Some("Interactive"),
        Lane::Interactive
    )]
    #[case::a_step_back("GET", "/crm/v3/owners", "shop", Some(Lane::Sync), Some("bulk"), Lane::Bulk)]
    #[case::no_step_forward(
        "GET",
        "/crm/v3/owners",
        "shop",
        Some(Lane::Sync),
        Some("interactive"),
        Lane::Sync
    )]
    fn the_lane_is_the_headers_the_routes_the_callers_or_the_default(
        #[case] method: Method,
        #[case] path: &str,
        #[case] caller: &str,
        #[case] own: Option<Lane>,
        #[case] asked: Option<&'static str>,
        #[case] lane: Lane,
    ) {
        let asked = asked.map(HeaderValue::from_static);
        let who = Who { caller, treatment: Treatment { lane: own, ..Treatment::default() } };
        let (handling, _) = rules().handling(&method, path, who, asked.as_ref()).expect("a good header");
        assert_eq!(handling.lane, lane);
    }

    #[rstest]
    #[case("urgent")]
    #[case("probe")]
    #[case("")]
    fn a_lane_that_is_none_is_refused(#[case] asked: &'static str) {
        let asked = HeaderValue::from_static(asked);
        let who = Who { caller: "-", treatment: Treatment::default() };
        assert!(rules().handling(&Method::GET, "/crm/v3/owners", who, Some(&asked)).is_err());
    }

    /// The route's word goes before the caller's, and the caller's before the house's.
    #[rstest]
    #[case::of_the_house(None, None, Feature::On)]
    #[case::of_the_caller(Some(Feature::Off), None, Feature::Off)]
    #[case::of_the_route(None, Some(Feature::Off), Feature::Off)]
    #[case::of_both(Some(Feature::Off), Some(Feature::On), Feature::On)]
    fn packing_is_opted_out_of_by_caller_and_by_route(
        #[case] caller: Option<Feature>,
        #[case] route: Option<Feature>,
        #[case] packing: Feature,
    ) {
        let mut rule = rule(None, "/crm/v3/objects/**", None, Lane::Sync);
        rule.treatment = Treatment { packing: route, ..Treatment::default() };
        let rules = Rules { rules: vec![rule], default: Handling::default() };
        let who = Who { caller: "shop", treatment: Treatment { packing: caller, ..Treatment::default() } };
        let handling = rules.handling(&Method::GET, "/crm/v3/objects/contacts/1", who, None);
        assert_eq!(handling.expect("no header").0.packing, packing);
    }
}
