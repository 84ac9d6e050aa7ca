//! `hubkeeper bundle`: what support needs to know, in one archive that is safe to send.
//!
//! Everything goes through the masks that `scan` knows; what people wrote and who they are is left out.

use std::path::PathBuf;
use std::time::Duration;

use client::clock::WallClock;
use http::{Method, Uri};
use jiff::Timestamp;
use ops::scan::redact::Redactor;
use serde_json::{Value, json};

use super::triage;
use crate::cli::BundleOptions;
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::{admin_api, process};

mod tar;

/// The gateway is near; what it does not tell in time is missing, and the manifest says so.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is asked of a running gateway.
const ASKED: [(&str, &str); 5] = [
    ("traffic.json", "/api/v1/traffic"),
    ("quota.json", "/api/v1/quota"),
    ("degraded.json", "/api/v1/degraded"),
    ("incidents.json", "/api/v1/incidents"),
    ("metrics.txt", "/metrics"),
];

/// The one that was asked for by name.
const INCIDENT: &str = "incident.json";

/// One file of the archive.
struct Part {
    name: String,
    text: String,
}

/// What goes in, and what could not be had.
#[derive(Default)]
struct Bundle {
    parts: Vec<Part>,
    missing: Vec<Value>,
}

pub(super) fn run(config: &Config, options: &BundleOptions) -> Result<Exit, Failure> {
    let admin = match &options.admin {
        Some(admin) => triage::uri("--admin", admin)?,
        None => triage::uri("admin.listen", &config.admin.url())?,
    };
    let now = WallClock::system().now();
    let mut bundle = Bundle::default();
    bundle.add("environment.json", &environment(now).to_string());
    bundle.add("config.toml", &toml::to_string_pretty(config).map_err(Failure::work)?);
    process::runtime()?.block_on(async {
        if !options.without_triage {
            let asked = triage::for_the_room(config, None)?;
            let found =
                crate::triage::run(crate::triage::Options { admin: Some(admin.clone()), ..asked }).await;
            bundle.add("triage.json", &serde_json::to_string_pretty(&found).map_err(Failure::work)?);
        }
        for (name, path) in ASKED {
            bundle.ask(&admin, name, path).await;
        }
        if let Some(id) = &options.incident {
            bundle
                .ask(&admin, INCIDENT, &format!("/api/v1/incidents/{}", super::incident::checked(id)?))
                .await;
            bundle.ask(&admin, "facts.json", &format!("/api/v1/incidents/{id}/recordings")).await;
        }
        Ok::<_, Failure>(())
    })?;
    let manifest = bundle.manifest(now);
    let path = options
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("hubkeeper-bundle-{}.tar", now.as_second())));
    std::fs::write(&path, bundle.archive(&manifest, now)).map_err(|error| {
        Failure::work(format!("the bundle cannot be written to {}: {error}", path.display()))
            .hint("name another place with --output")
    })?;
    let line = if options.json { manifest.to_string() } else { path.display().to_string() };
    process::print_line(&line);
    match (&options.incident, bundle.why_missing(INCIDENT)) {
        (Some(id), Some(why)) => {
            Err(Failure::work(format!("the bundle is made, but the incident `{id}` is not in it: {why}"))
                .hint("`hubkeeper incident list --all` shows every incident"))
        }
        (None, _) | (_, None) => Ok(Exit::Fine),
    }
}

/// Names of variables, never their values.
fn environment(now: Timestamp) -> Value {
    let set: Vec<String> =
        process::environment_with("HUBKEEPER__").into_iter().map(|(name, _)| name).collect();
    json!({
        "hubkeeper": env!("CARGO_PKG_VERSION"),
        "system": std::env::consts::OS,
        "machine": std::env::consts::ARCH,
        "made_at": now,
        "variables_set": set,
    })
}

impl Bundle {
    fn add(&mut self, name: &str, text: &str) {
        let text = Redactor::built_in().redact(text).into_owned();
        self.parts.push(Part { name: name.to_owned(), text });
    }

    async fn ask(&mut self, admin: &Uri, name: &str, path: &str) {
        let asked = tokio::time::timeout(PATIENCE, admin_api::ask(admin, Method::GET, path, None)).await;
        let why = match asked {
            Ok(Ok((status, body))) if status.is_success() => {
                let text = String::from_utf8_lossy(&body);
                let told = match serde_json::from_str::<Value>(&text) {
                    Ok(mut value) => {
                        without_people(&mut value);
                        serde_json::to_string_pretty(&value).unwrap_or_default()
                    }
                    Err(_) => text.into_owned(),
                };
                return self.add(name, &told);
            }
            Ok(Ok((status, _))) => format!("the gateway answered {status}"),
            Ok(Err(error)) => error.to_string(),
            Err(_late) => "no answer in time".into(),
        };
        self.missing.push(json!({"name": name, "why": why}));
    }

    fn why_missing(&self, name: &str) -> Option<&str> {
        let missing = self.missing.iter().find(|missing| missing["name"] == name);
        missing.and_then(|missing| missing["why"].as_str())
    }

    fn manifest(&self, now: Timestamp) -> Value {
        let files: Vec<Value> =
            self.parts.iter().map(|part| json!({"name": part.name, "bytes": part.text.len()})).collect();
        json!({
            "schema": 1,
            "made_at": now,
            "hubkeeper": env!("CARGO_PKG_VERSION"),
            "redacted": "secrets and addresses of people are masked; notes and names of people are left out",
            "files": files,
            "missing": self.missing,
        })
    }

    fn archive(&self, manifest: &Value, now: Timestamp) -> Vec<u8> {
        let mut archive = tar::Archive::default();
        let manifest = serde_json::to_string_pretty(manifest).unwrap_or_default();
        archive.add("manifest.json", manifest.as_bytes(), now);
        for part in &self.parts {
            archive.add(&part.name, part.text.as_bytes(), now);
        }
        archive.finish()
    }
}

/// What people wrote, and who they are, is nobody's outside.
fn without_people(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let is_note = fields.get("kind").is_some_and(|kind| kind == "note");
            for (name, field) in fields.iter_mut() {
                let is_person = matches!(name.as_str(), "acknowledged_by" | "resolved_by" | "by")
                    && field.as_str().is_some_and(|by| by != "hubkeeper");
                if is_person {
                    *field = "a person".into();
                } else if is_note && name == "text" {
                    *field = "a note".into();
                } else {
                    without_people(field);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_people),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_secrets_stay_at_home() {
        let mut value = json!({
            "incident": {"acknowledged_by": "ada", "stage": "acknowledged"},
            "timeline": [{"kind": "note", "by": "ada", "text": "called 555-0100"}, {"kind": "opened", "by": "hubkeeper", "text": "opened"}],
        });
        without_people(&mut value);
        let text = value.to_string();
        assert!(!text.contains("ada") && !text.contains("555") && text.contains("opened"), "{text}");
        let mut bundle = Bundle::default();
        bundle.add("x", "Authorization: Bearer pat-na1-11111111-2222-4333-8444-555555555555");
        assert!(!bundle.parts[0].text.contains("11111111-2222"), "{}", bundle.parts[0].text);
    }
}
