//! The status page: Statuspage's `summary.json` (facts §7). HubSpot publishes no contract for its component names,
//! so these are plausible ones; match them by part of the name.

use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::call::{Call, Reply};

/// Something the status page admits to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    pub name: String,
    pub body: String,
    pub component: String,
    pub impact: Impact,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Impact {
    Minor,
    Major,
    Critical,
}

impl Impact {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minor => "minor",
            Self::Major => "major",
            Self::Critical => "critical",
        }
    }

    const fn component_status(self) -> &'static str {
        match self {
            Self::Minor => "degraded_performance",
            Self::Major => "partial_outage",
            Self::Critical => "major_outage",
        }
    }

    const fn description(self) -> &'static str {
        match self {
            Self::Minor => "Minor Service Outage",
            Self::Major => "Partial System Outage",
            Self::Critical => "Major Service Outage",
        }
    }
}

/// The components always listed; an incident may name another.
pub const COMPONENTS: [&str; 10] = [
    "APIs",
    "CRM",
    "Authentication",
    "Search",
    "Webhooks",
    "Workflows",
    "Marketing email",
    "Forms",
    "Reporting",
    "Data hosting",
];

/// Answers below `/_status`.
pub fn answer(call: &Call, incidents: &[(u64, Timestamp, Incident)], now: Timestamp) -> Reply {
    if call.method != Method::GET {
        return Reply::json(StatusCode::METHOD_NOT_ALLOWED, &json!({"error": "Method Not Allowed"}));
    }
    let summary = summary(incidents, now);
    let body = match call.segments().as_slice() {
        [_, "api", "v2", "summary.json"] => summary,
        [_, "api", "v2", "status.json"] => json!({"page": summary["page"], "status": summary["status"]}),
        [_, "api", "v2", "components.json"] => {
            json!({"page": summary["page"], "components": summary["components"]})
        }
        [_, "api", "v2", "incidents.json"] | [_, "api", "v2", "incidents", "unresolved.json"] => {
            json!({"page": summary["page"], "incidents": summary["incidents"]})
        }
        [_, "api", "v2", "scheduled-maintenances.json"] => {
            json!({"page": summary["page"], "scheduled_maintenances": []})
        }
        _ => return Reply::json(StatusCode::NOT_FOUND, &json!({"error": "Not Found"})),
    };
    Reply::json(StatusCode::OK, &body)
}

fn summary(incidents: &[(u64, Timestamp, Incident)], now: Timestamp) -> Value {
    let worst = incidents.iter().map(|(_, _, incident)| incident.impact).max();
    let (indicator, description) =
        worst.map_or(("none", "All Systems Operational"), |impact| (impact.name(), impact.description()));
    let extra = incidents.iter().map(|(_, _, incident)| incident.component.as_str());
    let mut names: Vec<&str> = COMPONENTS.to_vec();
    for name in extra {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let components: Vec<Value> =
        names.iter().enumerate().map(|(at, name)| component(at, name, incidents, now)).collect();
    json!({
        "page": {
            "id": PAGE_ID, "name": "HubSpot", "url": "https://status.hubspot.com", "time_zone": "America/New_York",
            "updated_at": stamp(now),
        },
        "status": {"indicator": indicator, "description": description},
        "components": components,
        "incidents": incidents.iter().map(|(id, since, it)| incident(*id, *since, it, &names, incidents, now))
            .collect::<Vec<_>>(),
        "scheduled_maintenances": [],
    })
}

const PAGE_ID: &str = "b3lx31k2ctk8";

fn component(at: usize, name: &str, incidents: &[(u64, Timestamp, Incident)], now: Timestamp) -> Value {
    let hit = incidents.iter().filter(|(_, _, incident)| incident.component == name);
    let worst = hit.map(|(_, since, incident)| (incident.impact, *since)).max_by_key(|(impact, _)| *impact);
    let status = worst.map_or("operational", |(impact, _)| impact.component_status());
    json!({
        "id": format!("cmp{at:09}"), "name": name, "status": status, "position": at + 1, "description": null,
        "showcase": true, "group": false, "group_id": null, "only_show_if_degraded": false,
        "created_at": "2020-01-01T00:00:00.000Z", "updated_at": stamp(worst.map_or(now, |(_, since)| since)),
        "page_id": PAGE_ID,
    })
}

fn incident(
    id: u64,
    since: Timestamp,
    incident: &Incident,
    names: &[&str],
    all: &[(u64, Timestamp, Incident)],
    now: Timestamp,
) -> Value {
    let at = names.iter().position(|name| *name == incident.component).unwrap_or_default();
    let status = incident.impact.component_status();
    json!({
        "id": format!("inc{id:09}"), "name": incident.name, "status": "investigating",
        "impact": incident.impact.name(), "shortlink": format!("https://stspg.io/sim{id}"),
        "created_at": stamp(since), "updated_at": stamp(since), "monitoring_at": null, "resolved_at": null,
        "started_at": stamp(since), "page_id": PAGE_ID,
        "incident_updates": [{
            "id": format!("upd{id:09}"), "status": "investigating", "body": incident.body,
            "incident_id": format!("inc{id:09}"),
            "created_at": stamp(since), "display_at": stamp(since), "updated_at": stamp(since),
            "affected_components": [{
                "code": format!("cmp{at:09}"), "name": incident.component, "old_status": "operational",
                "new_status": status,
            }],
        }],
        "components": [component(at, &incident.component, all, now)],
    })
}

/// ISO 8601 in milliseconds, as Statuspage writes it.
fn stamp(at: Timestamp) -> String {
    format!("{at:.3}")
}
