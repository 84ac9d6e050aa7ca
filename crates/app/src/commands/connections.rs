//! `hubkeeper connections`: how connections stand, and what a person does about them.

use std::time::Duration;

use http::{Method, Uri};
use serde_json::{Value, json};
use store::seal::Sealer;

use super::triage;
use crate::admin_api::{self, Refused};
use crate::cli::{ConnectionsAt, ConnectionsCommand};
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::process;

mod scopes;
mod wrapping;

const PATH: &str = "/api/v1/connections";

/// A person who is sent to HubSpot is waited for this long.
const AUTHORISED_WITHIN: Duration = Duration::from_secs(15 * 60);
const LOOK: Duration = Duration::from_secs(1);

pub(super) fn run(
    load: impl FnOnce() -> Result<Config, Failure>,
    command: &ConnectionsCommand,
) -> Result<Exit, Failure> {
    if let ConnectionsCommand::NewKey { json, wrap } = command {
        return new_key(*json, wrap.as_deref());
    }
    let config = load()?;
    process::runtime()?.block_on(async {
        match command {
            ConnectionsCommand::List { at } => list(&config, at).await,
            ConnectionsCommand::Check { name, at } => check(&config, at, name.as_deref()).await,
            ConnectionsCommand::Add { name, no_wait, at } => add(&config, at, name, *no_wait).await,
            ConnectionsCommand::Rotate { name, at } => {
                let told = ask(&config, at, Method::POST, &format!("{}/rotate", path(name))).await?;
                let changed = told["changed"] == true;
                print(at, &told, &format!("{name}: {}", told["detail"].as_str().unwrap_or("-")));
                Ok(if changed { Exit::Fine } else { Exit::Problem })
            }
            ConnectionsCommand::Remove { name, at } => {
                let told = ask(&config, at, Method::DELETE, &path(name)).await?;
                let removed = told["removed"] == true;
                let text = if removed { "what was granted is forgotten" } else { "nothing had been granted" };
                print(at, &told, &format!("{name}: {text}"));
                Ok(Exit::Fine)
            }
            ConnectionsCommand::Rewrap { at } => {
                let told = ask(&config, at, Method::POST, &format!("{PATH}/rewrap")).await?;
                print(at, &told, &format!("{} sealed anew; key_before can go", told["rewrapped"]));
                Ok(Exit::Fine)
            }
            ConnectionsCommand::Scopes { name, at } => scopes::run(&config, at, name.as_deref()).await,
            ConnectionsCommand::NewKey { json, wrap } => new_key(*json, wrap.as_deref()),
        }
    })
}

fn new_key(as_json: bool, wrap: Option<&str>) -> Result<Exit, Failure> {
    let key = Sealer::make().ok_or_else(|| Failure::work("the system gives no random numbers"))?;
    // It is nobody's yet.
    let (name, text) = match wrap {
        Some(command) => ("wrapped_key", wrapping::wrapped(&key, command)?),
        None => ("key", key.expose().to_owned()),
    };
    process::print_line(&if as_json { json!({ name: text }).to_string() } else { text });
    Ok(Exit::Fine)
}

async fn list(config: &Config, at: &ConnectionsAt) -> Result<Exit, Failure> {
    let told = ask(config, at, Method::GET, PATH).await?;
    let all = told["connections"].as_array().map(Vec::as_slice).unwrap_or_default();
    let lines: Vec<String> = all.iter().map(line).collect();
    let text = if lines.is_empty() { "no connection is configured".to_owned() } else { lines.join("\n") };
    print(at, &told, &text);
    let well = all.iter().all(|one| matches!(one["standing"].as_str(), Some("ok" | "expiring")));
    Ok(if well { Exit::Fine } else { Exit::Problem })
}

fn line(one: &Value) -> String {
    let text = |key: &str| one[key].as_str().unwrap_or("-").to_owned();
    let portal =
        one["portal_id"].as_u64().map_or_else(|| "portal unknown".to_owned(), |id| format!("portal {id}"));
    let mut line = format!("{:<24} {:<24} {} ({})", text("name"), text("standing"), portal, text("kind"));
    if let Some(trouble) = one["trouble"].as_str() {
        line.push_str(&format!("; last trouble: {trouble}"));
    }
    let standing = one["standing"].as_str().unwrap_or_default();
    if let Some(reconnect) = one["reconnect"].as_str()
        && matches!(standing, "needs_reauthorisation" | "uninstalled" | "not_authorised")
    {
        line.push_str(&format!("; authorise at {reconnect}"));
    }
    line
}

async fn check(config: &Config, at: &ConnectionsAt, name: Option<&str>) -> Result<Exit, Failure> {
    let names: Vec<String> = match name {
        Some(name) => vec![name.to_owned()],
        None => {
            let told = ask(config, at, Method::GET, PATH).await?;
            let all = told["connections"].as_array().map(Vec::as_slice).unwrap_or_default();
            all.iter().filter_map(|one| one["name"].as_str().map(str::to_owned)).collect()
        }
    };
    let mut checks = Vec::new();
    for name in &names {
        checks.push(ask(config, at, Method::POST, &format!("{}/check", path(name))).await?);
    }
    let lines = checks.iter().map(|check| {
        let verdict = if check["ok"] == true { "ok" } else { "FAILED" };
        let text = |key: &str| check[key].as_str().unwrap_or("-").to_owned();
        format!("{:<24} {verdict:<8} {}", text("connection"), text("detail"))
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    let fine = checks.iter().all(|check| check["ok"] == true);
    print(at, &json!({"schema": 1, "checks": checks}), &text);
    Ok(if fine { Exit::Fine } else { Exit::Problem })
}

async fn add(config: &Config, at: &ConnectionsAt, name: &str, no_wait: bool) -> Result<Exit, Failure> {
    let before = granted_at(config, at, name).await?;
    let told = ask(config, at, Method::POST, &format!("{}/authorize", path(name))).await?;
    let url = told["url"].as_str().unwrap_or_default();
    print(at, &told, url);
    if no_wait {
        return Ok(Exit::Fine);
    }
    tracing::info!("open the address in a browser and choose the account; waiting for it");
    let until = tokio::time::Instant::now() + AUTHORISED_WITHIN;
    while tokio::time::Instant::now() < until {
        tokio::time::sleep(LOOK).await;
        let now = granted_at(config, at, name).await?;
        if now.is_some() && now != before {
            tracing::info!(connection = name, "authorised");
            return Ok(Exit::Fine);
        }
    }
    Err(Failure::work(format!("{name} was not authorised in time"))
        .hint("run the command again for a new address"))
}

/// What changes when somebody consents.
async fn granted_at(config: &Config, at: &ConnectionsAt, name: &str) -> Result<Option<String>, Failure> {
    let told = ask(config, at, Method::GET, PATH).await?;
    let all = told["connections"].as_array().map(Vec::as_slice).unwrap_or_default();
    let one = all.iter().find(|one| one["name"] == name);
    Ok(one.and_then(|one| one["token_ends_at"].as_str().map(str::to_owned)))
}

fn path(name: &str) -> String {
    format!("{PATH}/{}", percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC))
}

async fn ask(config: &Config, at: &ConnectionsAt, method: Method, path: &str) -> Result<Value, Failure> {
    let admin: Uri = match &at.admin {
        Some(admin) => triage::uri("--admin", admin)?,
        None => triage::uri("admin.listen", &config.admin.url())?,
    };
    let body = (method == Method::POST).then(|| json!({}));
    admin_api::ask_json(&admin, method, path, body.as_ref()).await.map_err(|refused| match refused {
        Refused::Nobody(why) => Failure::unsure(format!("no gateway answers at {admin}: {why}"))
            .hint("start it with `hubkeeper up`, or name its admin API with --admin"),
        Refused::Said(message) | Refused::Misunderstood(message) => Failure::work(message),
        Refused::NotSetUp { message, hint } => Failure::usage(message).hint(hint),
    })
}

fn print(at: &ConnectionsAt, told: &Value, text: &str) {
    process::print_line(&if at.json { told.to_string() } else { text.to_owned() });
}
