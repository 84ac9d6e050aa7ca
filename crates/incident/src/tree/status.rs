//! What the status page says about what fails for us. It never decides alone: a matching incident only tells a known
//! outage from one nobody has announced, and one that does not match tells nothing (facts §7).

use jiff::SignedDuration;

use super::{Question, Reply};
use crate::facts::Facts;
use crate::facts::probes::{StatusIncident, StatusPage};

/// An incident nobody has touched for a day says little about now.
const STALE: SignedDuration = SignedDuration::from_hours(24);

pub(super) static INCIDENT_OF_OURS: Question = Question {
    asks: "Does HubSpot's status page announce an incident of the API in our region?",
    answer: |facts| match page(facts) {
        None => Reply::could_not_tell("status_page", "the status page did not answer, which says nothing"),
        Some(page) => match matching(facts, page) {
            Some(incident) => Reply::yes("status_page", describe(incident)),
            None => Reply::no("status_page", summary(page)),
        },
    },
};

pub(super) static NO_INCIDENT_OF_OURS: Question = Question {
    asks: "Is the status page silent about the API in our region?",
    answer: |facts| match page(facts) {
        None => Reply::could_not_tell("status_page", "the status page did not answer, which says nothing"),
        Some(page) => match matching(facts, page) {
            Some(incident) => Reply::no("status_page", describe(incident)),
            None => Reply::yes("status_page", summary(page)),
        },
    },
};

/// An incident that names our hosting place, and not every place.
pub(super) fn regional<'a>(facts: &'a Facts, hosting: &str) -> Option<&'a StatusIncident> {
    let page = page(facts)?;
    matching(facts, page).filter(|incident| incident.regions.iter().any(|region| region == hosting))
}

/// Where our portal's data lives.
pub(super) fn our_hosting(facts: &Facts) -> Option<&str> {
    let probed = facts.probes.auth.as_ref().and_then(|auth| auth.hosting.as_deref());
    let seen =
        || facts.traffic.iter().flat_map(|traffic| &traffic.connections).find_map(|c| c.hosting.as_deref());
    probed.or(facts.configured.hosting.as_deref()).or_else(seen)
}

fn page(facts: &Facts) -> Option<&StatusPage> {
    facts.probes.status_page.as_ref().filter(|page| page.reachable)
}

fn matching<'a>(facts: &Facts, page: &'a StatusPage) -> Option<&'a StatusIncident> {
    page.incidents.iter().find(|incident| {
        let fresh = incident.updated_at.is_none_or(|at| facts.configured.now.duration_since(at) <= STALE);
        let here = incident.regions.is_empty()
            || our_hosting(facts)
                .is_none_or(|hosting| incident.regions.iter().any(|region| region == hosting));
        incident.concerns_api && fresh && here
    })
}

fn describe(incident: &StatusIncident) -> String {
    let components = if incident.components.is_empty() { "-".into() } else { incident.components.join(", ") };
    let since = incident.updated_at.map(|at| format!(", updated {at}")).unwrap_or_default();
    format!("\"{}\" on {components}{since}", incident.name)
}

fn summary(page: &StatusPage) -> String {
    if page.incidents.is_empty() {
        return "no open incident".into();
    }
    let names: Vec<String> = page.incidents.iter().map(describe).collect();
    format!("open incidents do not concern the API in our region: {}", names.join("; "))
}
