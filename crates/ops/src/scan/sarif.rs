//! The report as SARIF 2.1.0, the form that code hosts take.

use serde_json::{Value, json};

use super::look::UNIGNORED;
use super::report::{Finding, ScanReport};
use super::rules::{Kind, Level, Rule, RuleSet};

/// `version` is the program's own.
pub fn sarif(report: &ScanReport, version: &str) -> Value {
    let mut rules: Vec<Value> = RuleSet::built_in().rules().iter().map(rule).collect();
    rules.push(unignored());
    let index = |id: &str| rules.iter().position(|rule| rule["id"] == id).unwrap_or_default();
    let results: Vec<Value> = report.findings.iter().map(|found| result(found, index(&found.rule))).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "hubkeeper scan",
                "informationUri": "https://github.com/hubkeeper/hubkeeper",
                "semanticVersion": version,
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(rule: &Rule) -> Value {
    let security = match rule.kind {
        Kind::Secret => Some("9.0"),
        Kind::Practice if rule.id.starts_with("practice.signature") => Some("5.0"),
        Kind::Practice | Kind::Ending(_) | Kind::Association(_) => None,
    };
    described(&rule.id, &rule.title, &rule.why, &rule.fix, rule.level, security)
}

fn unignored() -> Value {
    let why = "the next `git add .` puts its credentials into the history, for good";
    let fix = "put it into .gitignore";
    described(
        UNIGNORED,
        "settings with HubSpot's credentials that git does not ignore",
        why,
        fix,
        Level::Warning,
        Some("7.0"),
    )
}

fn described(id: &str, title: &str, why: &str, fix: &str, level: Level, security: Option<&str>) -> Value {
    let mut properties = json!({
        "tags": [id.split('.').next().unwrap_or_default(), "hubspot"],
        "precision": match level { Level::Error => "very-high", Level::Warning => "high", Level::Note => "medium" },
        "problem.severity": match level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Note => "recommendation",
        },
    });
    if let Some(security) = security {
        properties["tags"] = json!(["security", "hubspot"]);
        properties["security-severity"] = json!(security);
    }
    json!({
        "id": id,
        "name": id.replace('.', "_"),
        "shortDescription": { "text": title },
        "fullDescription": { "text": format!("{title}: {why}") },
        "help": { "text": fix, "markdown": format!("{why}\n\n**{fix}**") },
        "defaultConfiguration": { "level": level.name() },
        "properties": properties,
    })
}

fn result(finding: &Finding, rule: usize) -> Value {
    let past = finding.commit.as_ref().map(|commit| format!(" (no longer in the files; commit {commit})"));
    let message = format!("{}{}: {}. {}", finding.what, past.unwrap_or_default(), finding.why, finding.fix);
    json!({
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": finding.level.name(),
        "message": { "text": message },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&finding.path), "uriBaseId": "%SRCROOT%" },
            "region": {
                "startLine": finding.line,
                "startColumn": finding.column,
                "endLine": finding.line,
                "endColumn": finding.column_end,
            },
        }}],
        "partialFingerprints": { "hubkeeper/v1": finding.fingerprint },
    })
}

/// A path as a relative reference.
fn uri(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    path.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
