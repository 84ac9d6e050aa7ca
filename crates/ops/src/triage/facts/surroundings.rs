//! Status page, clock, proxy.

use client::probe::report::surroundings as found;
use client::probe::report::{Finding, Report, Route};
use incident::facts::probes::{Clock, Proxy, StatusIncident, StatusPage};

use super::api;

pub(super) fn status_page(finding: &Finding<found::StatusPage>) -> Option<StatusPage> {
    match finding {
        Finding::Answered(page) => Some(StatusPage {
            reachable: true,
            indicator: page.indicator.clone(),
            incidents: page.incidents.iter().map(incident).collect(),
            ms: page.ms,
        }),
        Finding::Failed(failure) => Some(StatusPage { ms: failure.ms, ..StatusPage::default() }),
        Finding::NotAsked(_) => None,
    }
}

fn incident(incident: &found::StatusIncident) -> StatusIncident {
    StatusIncident {
        name: incident.name.clone(),
        impact: incident.impact.clone(),
        components: incident.components.clone(),
        concerns_api: !incident.matched.is_empty(),
        regions: incident.regions.clone(),
        updated_at: incident.updated_at.or(incident.started_at),
        link: incident.shortlink.clone(),
    }
}

pub(super) fn clock(finding: &Finding<found::Clock>) -> Option<Clock> {
    let clock = finding.answered()?;
    let hosts: Vec<&str> = clock.sources.iter().map(|source| source.host.as_str()).collect();
    Some(Clock { offset_ms: clock.offset_ms, source: hosts.join(" and ") })
}

pub(super) fn proxy(report: &Report) -> Option<Proxy> {
    match &report.proxy {
        Finding::Answered(proxy) => {
            let opens = proxy.tls.answered().is_some() || proxy.answer.answered().is_some();
            Some(Proxy {
                address: proxy.address.clone(),
                refused_status: proxy.refused_status,
                works: Some(proxy.works),
                direct_works: Some(report.http.answered().is_some_and(|http| http.hubspot_shaped)),
                in_use: report.route == Route::Proxied || (report.route == Route::None && opens),
                opens,
                proxied: api::exchange(&proxy.answer),
            })
        }
        Finding::Failed(_) | Finding::NotAsked(_) => None,
    }
}
