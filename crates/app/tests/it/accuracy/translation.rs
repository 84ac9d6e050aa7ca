//! The program's own translation of a probe report, taken from its source: a binary lends its modules to nobody.

#[path = "../../../src/triage/facts/api.rs"]
mod api;
#[path = "../../../src/triage/focus.rs"]
mod focus;
#[path = "../../../src/triage/facts/network.rs"]
mod network;
#[path = "../../../src/triage/facts/surroundings.rs"]
mod surroundings;

use client::probe::report::Report;
use client::probe::target::Focus;
use incident::facts::probes::Probes;
use incident::facts::traffic::Traffic;

pub(super) fn probes(report: &Report) -> Probes {
    Probes {
        dns: network::dns(report),
        tcp: network::tcp(report),
        tls: network::tls(report),
        http: api::exchange(&report.http),
        auth: api::auth(&report.auth),
        limits: api::limits(&report.limits),
        usage: api::usage(&report.usage),
        introspection: api::introspection(&report.introspection),
        families: report.families.iter().filter_map(api::family).collect(),
        status_page: surroundings::status_page(&report.status_page),
        clock: surroundings::clock(&report.clock),
        proxy: surroundings::proxy(report),
        layers: Vec::new(),
        correlation_ids: report.correlation_ids.clone(),
    }
}

pub(super) fn worth_asking(traffic: &Traffic) -> Vec<Focus> {
    focus::from(traffic)
}
