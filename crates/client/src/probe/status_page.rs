//! Reads a Statuspage `summary.json` tolerantly, and says which of it concerns us.
//!
//! HubSpot promises no such document and no component names (facts §7), so components are matched by configured
//! words, and what cannot be read is "could not tell", never "all is well".

use std::net::SocketAddr;

use serde_json::Value;

use super::answer::{self, bounded, string, time};
use super::exchange::{self, Question, Raw};
use super::report::surroundings::{StatusComponent, StatusIncident, StatusPage};
use super::report::{Failure, FailureKind, Finding, Stage, Upstream, Why};
use super::way::Via;
use super::{Run, dns, proxy};

/// Unresolved incidents read at most.
const INCIDENTS_MAX: usize = 50;

/// Components read at most.
const COMPONENTS_MAX: usize = 200;

/// States that are over.
const RESOLVED: [&str; 2] = ["resolved", "postmortem"];

/// Words for a hosting place, and its short name as `dataHostingLocation` writes it. The first words are HubSpot's
/// own; the others are how a person would write it.
const REGIONS: [(&str, &str); 9] = [
    ("na1", "na1"),
    ("na2", "na2"),
    ("na3", "na3"),
    ("eu1", "eu1"),
    ("ap1", "ap1"),
    ("ca1", "ca1"),
    ("eu", "eu1"),
    ("europe", "eu1"),
    ("frankfurt", "eu1"),
];

/// Fetches the page: straight, for it is a control of everything that is not HubSpot's API, else through the proxy.
pub(super) async fn probe(run: &Run<'_>) -> Finding<StatusPage> {
    let Some(uri) = &run.target.status_page else { return Finding::not_asked(Why::NotConfigured) };
    let page = Upstream::of(uri);
    let question = Question::get(uri.path_and_query().map_or("/", |path| path.as_str()));
    let fetched = match fetch(run, &page, &question).await {
        Ok(raw) => Ok(raw),
        Err(failure) => match proxy::way_to(run, &page).await {
            Some(way) => exchange::ask(&question, &way, run).await,
            None => Err(failure),
        },
    };
    match fetched {
        Ok(raw) => {
            run.notes.clock(answer::clock(&page.host, &raw));
            let summary =
                raw.status.is_success().then(|| read(&raw.body, &run.target.status_words, raw.total_ms));
            summary.flatten().map_or_else(|| Finding::Failed(no_summary(&raw)), Finding::Answered)
        }
        Err(failure) => Finding::Failed(failure),
    }
}

async fn fetch(run: &Run<'_>, page: &Upstream, question: &Question) -> Result<Raw, Failure> {
    let shares_host = page.host == run.upstream.host;
    let given = run.target.resolve_override.as_ref().filter(|_| shares_host);
    let addresses = match given {
        Some(addresses) => addresses.clone(),
        None => dns::addresses(run.target, &page.host, &run.pace).await?,
    };
    let address = *addresses.first().ok_or_else(|| Failure {
        stage: Stage::Dns,
        kind: FailureKind::NameNotFound,
        ms: 0,
        detail: format!("{} has no address", page.host),
    })?;
    let via = Via::Address(SocketAddr::new(address, page.port));
    exchange::ask(question, &run.way(&page.scheme, &page.host, page.port, via)?, run).await
}

fn no_summary(raw: &Raw) -> Failure {
    Failure {
        stage: Stage::Http,
        kind: FailureKind::NotUnderstood,
        ms: raw.total_ms,
        detail: format!("{} without a status summary", raw.status.as_u16()),
    }
}

/// `None` where it is not a summary at all.
fn read(body: &[u8], words: &[String], ms: u64) -> Option<StatusPage> {
    let summary: Value = serde_json::from_slice(body).ok()?;
    let status = summary.get("status");
    let incidents = summary.get("incidents").and_then(Value::as_array);
    if status.is_none() && incidents.is_none() {
        return None;
    }
    let unresolved = incidents.into_iter().flatten().filter(|incident| {
        string(incident, "status").is_none_or(|status| !RESOLVED.contains(&status.as_str()))
    });
    let components = summary.get("components").and_then(Value::as_array);
    let degraded = components.into_iter().flatten().filter_map(|value| component(value, words));
    Some(StatusPage {
        ms,
        indicator: status.and_then(|status| string(status, "indicator")),
        updated_at: summary.get("page").and_then(|page| time(page, "updated_at")),
        incidents: unresolved.take(INCIDENTS_MAX).map(|value| incident(value, words)).collect(),
        degraded: degraded.take(COMPONENTS_MAX).collect(),
    })
}

fn incident(value: &Value, words: &[String]) -> StatusIncident {
    let name = string(value, "name").unwrap_or_default();
    let components = value.get("components").and_then(Value::as_array);
    let components: Vec<String> = components
        .into_iter()
        .flatten()
        .filter_map(|each| string(each, "name").or_else(|| each.as_str().map(bounded)))
        .take(COMPONENTS_MAX)
        .collect();
    let matched =
        if components.is_empty() { matches(&name, words) } else { matches(&components.join(" / "), words) };
    StatusIncident {
        regions: regions(&format!("{name} {}", components.join(" "))),
        matched,
        components,
        status: string(value, "status"),
        impact: string(value, "impact"),
        started_at: time(value, "started_at").or_else(|| time(value, "created_at")),
        updated_at: time(value, "updated_at"),
        shortlink: string(value, "shortlink"),
        name,
    }
}

fn component(value: &Value, words: &[String]) -> Option<StatusComponent> {
    let status = string(value, "status").filter(|status| status != "operational")?;
    let name = string(value, "name")?;
    Some(StatusComponent { matched: matches(&name, words), name, status })
}

/// The configured words that some word of the text begins with, whatever the case: "Auth" finds "Authentication",
/// "API" does not find "Capital".
fn matches(text: &str, words: &[String]) -> Vec<String> {
    let text = text.to_lowercase();
    let found = |word: &&String| {
        let word = word.to_lowercase();
        !word.is_empty()
            && text
                .match_indices(&word)
                .any(|(at, _)| !text[..at].chars().next_back().is_some_and(char::is_alphanumeric))
    };
    words.iter().filter(found).cloned().collect()
}

/// Whole words only: "EU" is a region, "queue" holds none.
fn regions(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
    let mut found: Vec<String> = Vec::new();
    for (word, region) in REGIONS {
        if words.contains(&word) && !found.iter().any(|known| known == region) {
            found.push(region.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Vec<String> {
        ["API", "CRM", "Auth"].map(String::from).to_vec()
    }

    #[rstest::rstest]
    #[case("CRM API (EU)", &["API", "CRM"])]
    #[case("Authentication", &["Auth"])]
    #[case("Public APIs", &["API"])]
    #[case("Capital reports, rapid queue", &[])]
    #[case("Marketing Email", &[])]
    fn matches_words_by_their_beginning(#[case] text: &str, #[case] expected: &[&str]) {
        assert_eq!(matches(text, &words()), expected);
    }

    #[rstest::rstest]
    #[case("Slow API in EU1", &["eu1"])]
    #[case("EU data centre (Frankfurt)", &["eu1"])]
    #[case("NA1 and NA2", &["na1", "na2"])]
    #[case("queue delays", &[])]
    fn names_regions_by_whole_words(#[case] text: &str, #[case] expected: &[&str]) {
        assert_eq!(regions(text), expected);
    }

    #[test]
    fn reads_unresolved_incidents_and_degraded_components() {
        let body = serde_json::json!({
            "page": {"name": "HubSpot", "updated_at": "2026-11-20T10:00:00.000-05:00"},
            "status": {"indicator": "major", "description": "Partial outage"},
            "components": [
                {"name": "CRM API", "status": "partial_outage"},
                {"name": "Blogs", "status": "operational"},
            ],
            "incidents": [
                {"name": "Elevated errors", "status": "investigating", "impact": "major",
                 "created_at": "2026-11-20T14:50:00Z", "updated_at": "2026-11-20T14:55:00Z",
                 "components": [{"name": "CRM API"}, {"name": "Workflows"}]},
                {"name": "Old trouble", "status": "resolved"},
                {"name": "Emails late in Europe"},
            ],
        });
        let page = read(body.to_string().as_bytes(), &words(), 12).expect("a summary");
        let told: Vec<String> = page.incidents.iter().map(|incident| format!("{incident:?}")).collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        StatusIncident { name: "Elevated errors", status: Some("investigating"), impact: Some("major"), components: ["CRM API", "Workflows"], started_at: Some(2026-11-20T14:50:00Z), updated_at: Some(2026-11-20T14:55:00Z), shortlink: None, matched: ["API", "CRM"], regions: [] }
        StatusIncident { name: "Emails late in Europe", status: None, impact: None, components: [], started_at: None, updated_at: None, shortlink: None, matched: [], regions: ["eu1"] }
        "#);
        assert_eq!((page.indicator.as_deref(), page.degraded.len()), (Some("major"), 1));
        assert_eq!(page.degraded[0].matched, ["API", "CRM"]);
    }

    #[rstest::rstest]
    #[case("<html>down</html>")]
    #[case("[]")]
    #[case("{}")]
    fn what_is_no_summary_is_not_read_as_health(#[case] body: &str) {
        assert_eq!(read(body.as_bytes(), &words(), 0), None);
    }
}
