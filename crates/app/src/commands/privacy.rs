//! `hubkeeper privacy`: what is kept here of a person, and that it goes.

use http::{Method, Uri};
use serde_json::{Value, json};

use super::triage;
use crate::admin_api::{self, Refused};
use crate::cli::{PersonOptions, PrivacyCommand, PrivacyOptions};
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::process;

const FIND: &str = "/api/v1/privacy/find";
const FORGET: &str = "/api/v1/privacy/forget";

/// What is kept, as it is counted and as people are told.
const KINDS: [(&str, &str); 6] = [
    ("deliveries", "webhook deliveries with values of theirs"),
    ("letters", "dead letters of subscribers"),
    ("quarantine", "deliveries that did not verify"),
    ("operations", "accepted writes, and what came of them"),
    ("answers", "answers kept for Idempotency-Keys"),
    ("incidents", "lines of incidents with their address"),
];

pub(super) fn run(config: &Config, options: &PrivacyOptions) -> Result<Exit, Failure> {
    let admin = match &options.admin {
        Some(admin) => triage::uri("--admin", admin)?,
        None => triage::uri("admin.listen", &config.admin.url())?,
    };
    process::runtime()?.block_on(async {
        match &options.command {
            PrivacyCommand::Find(person) => {
                let told = ask(&admin, FIND, person).await?;
                print(options, &told, &text(&told, "people"));
                Ok(Exit::Fine)
            }
            PrivacyCommand::Forget { person, yes: false } => {
                let told = ask(&admin, FIND, person).await?;
                print(options, &told, &text(&told, "people"));
                Err(Failure::usage("nothing was forgotten: it cannot be undone").hint("say it with --yes"))
            }
            PrivacyCommand::Forget { person, yes: true } => {
                let told = ask(&admin, FORGET, person).await?;
                print(options, &told, &text(&told, "forgotten"));
                Ok(Exit::Fine)
            }
        }
    })
}

async fn ask(admin: &Uri, path: &str, person: &PersonOptions) -> Result<Value, Failure> {
    let body = json!({"who": person.who, "portal": person.portal});
    admin_api::ask_json(admin, Method::POST, path, Some(&body)).await.map_err(|refused| match refused {
        Refused::Nobody(why) => Failure::unsure(format!("no gateway answers at {admin}: {why}"))
            .hint("start it with `hubkeeper up`, or name its admin API with --admin"),
        Refused::Misunderstood(message) => {
            Failure::usage(message).hint("`hubkeeper privacy find` tells which; --portal names one")
        }
        Refused::Said(message) => Failure::work(message),
        Refused::NotSetUp { message, hint } => Failure::usage(message).hint(hint),
    })
}

fn text(told: &Value, name: &str) -> String {
    let people = told[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut lines: Vec<String> = people.iter().flat_map(|one| person(one, name == "forgotten")).collect();
    if lines.is_empty() {
        lines.push("Nothing is kept here of them.".to_owned());
    }
    lines.push(String::new());
    lines.extend(
        told["stays"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(|line| format!("- {line}")),
    );
    lines.extend(told["hubspot"].as_str().map(|line| format!("- {line}")));
    lines.join("\n")
}

fn person(one: &Value, is_gone: bool) -> Vec<String> {
    let known = |key: &str| one[key].as_str().unwrap_or("unknown").to_owned();
    let mut lines = vec![format!("portal {}, contact {}", known("portal_id"), known("contact_id"))];
    if is_gone {
        lines[0].push_str(": forgotten");
    }
    for (kind, what) in KINDS {
        lines.push(format!("  {kind:<12} {:>6}  {what}", one["kept"][kind]));
    }
    if let Some(name) = one["in_the_audit_log"].as_str() {
        lines.push(format!("  the audit log knows them as {name}"));
    }
    if let Some(at) = one["forgotten_before"].as_str() {
        lines.push(format!("  forgotten before, at {at}"));
    }
    lines
}

fn print(options: &PrivacyOptions, told: &Value, text: &str) {
    process::print_line(&if options.json { told.to_string() } else { text.to_owned() });
}
