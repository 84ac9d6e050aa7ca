//! From a probe report to the facts of a diagnosis.

mod api;
mod network;
mod surroundings;

pub(super) use network::connects;

use client::probe::report::{LayerName, Report};
use incident::facts::probes::{Layer, Probes};

/// Everything the report tells.
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
        layers: report.layers.iter().map(layer).collect(),
        calls: report.calls_made,
        without_slot: u32::try_from(report.without_slot()).unwrap_or(u32::MAX),
        correlation_ids: report.correlation_ids.clone(),
    }
}

fn layer(line: &client::probe::report::Layer) -> Layer {
    let name = match line.layer {
        LayerName::Dns => "dns",
        LayerName::Tcp => "tcp",
        LayerName::Tls => "tls",
        LayerName::Http => "http",
        LayerName::Auth => "auth",
        LayerName::Limits => "limits",
        LayerName::StatusPage => "status_page",
        LayerName::Clock => "clock",
        LayerName::Proxy => "proxy",
    };
    Layer { layer: name.into(), ok: line.ok, ms: line.ms, detail: line.detail.clone() }
}
