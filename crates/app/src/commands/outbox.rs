//! `hubkeeper outbox`: accepted writes, and what to do with those that need a person.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use http::{Method, Uri};
use serde_json::{Map, Value, json};

use super::triage;
use crate::admin_api;
use crate::cli::{At, OutboxChange, OutboxCommand, OutboxFilter, OutboxOptions};
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::process;

mod tell;

/// A hundred thousand changes take a while.
const PATIENCE: Duration = Duration::from_secs(300);

const PATH: &str = "/api/v1/outbox";

pub(super) fn run(config: &Config, options: &OutboxOptions) -> Result<Exit, Failure> {
    let OutboxOptions { at, command } = options;
    let admin = match &at.admin {
        Some(admin) => triage::uri("--admin", admin)?,
        None => triage::uri("admin.listen", &config.admin.url())?,
    };
    let asked = |method: Method, path: &str, body: &Value| ask(&admin, method, path, body);
    let look = |path: &str| asked(Method::GET, path, &Value::Null);
    match command {
        OutboxCommand::List { filter, after, max } => {
            let standing = look(PATH)?;
            let query = query(filter, *after, *max);
            let list = look(&format!("{PATH}/operations?{query}"))?;
            print(at, &list, || tell::list(&standing, &list))?;
            Ok(exit(&standing))
        }
        OutboxCommand::Show { id } => {
            let shown = look(&format!("{PATH}/operations/{id}"))?;
            print(at, &shown, || tell::one(&shown))?;
            Ok(Exit::Fine)
        }
        OutboxCommand::Edit { id, change } => {
            let change = changed(change)?;
            if change.as_object().is_none_or(Map::is_empty) {
                return Err(Failure::usage("nothing is to be changed").hint("name --target, --body or both"));
            }
            let told = asked(Method::PATCH, &format!("{PATH}/operations/{id}"), &change)?;
            print(at, &told, || tell::done(&told))?;
            Ok(Exit::Fine)
        }
        OutboxCommand::Replay { ids, filter, change } => {
            let change = changed(change)?;
            act(&admin, at, "replay", ids, filter, &change)
        }
        OutboxCommand::Cancel { ids, filter } => act(&admin, at, "cancel", ids, filter, &Value::Null),
        OutboxCommand::Drop { ids, filter } => act(&admin, at, "drop", ids, filter, &Value::Null),
    }
}

/// Does it to those that are named, or to all that a filter lets through.
fn act(
    admin: &Uri,
    at: &At,
    deed: &str,
    ids: &[String],
    filter: &OutboxFilter,
    change: &Value,
) -> Result<Exit, Failure> {
    let by_filter = !filter.is_empty();
    if ids.is_empty() != by_filter {
        return Err(Failure::usage("name operations by their ids, or by a filter").hint(
            "hubkeeper outbox list tells the ids; a filter is --state, --caller, --connection or --record",
        ));
    }
    if by_filter {
        if change.as_object().is_some_and(|change| !change.is_empty()) {
            return Err(Failure::usage("what is changed is changed one by one").hint("name one id"));
        }
        let told = ask(admin, Method::POST, &format!("{PATH}/{deed}"), &filter.as_json())?;
        print(at, &told, || tell::done(&told))?;
        return Ok(Exit::Fine);
    }
    let mut told = Vec::new();
    for id in ids {
        let path = format!("{PATH}/operations/{id}");
        told.push(match deed {
            "drop" => ask(admin, Method::DELETE, &path, &Value::Null)?,
            deed => ask(admin, Method::POST, &format!("{path}/{deed}"), change)?,
        });
    }
    let told = Value::Array(told);
    print(at, &told, || tell::done(&told))?;
    Ok(Exit::Fine)
}

/// What a gateway answers; what it refuses is a failure with its own words.
fn ask(admin: &Uri, method: Method, path: &str, body: &Value) -> Result<Value, Failure> {
    let asked = process::runtime()?.block_on(async {
        tokio::time::timeout(
            PATIENCE,
            admin_api::ask(admin, method, path, Some(body).filter(|body| !body.is_null())),
        )
        .await
    });
    let (status, body) = match asked {
        Ok(Ok(told)) => told,
        Ok(Err(why)) => return Err(nobody(admin, &why.to_string())),
        Err(_late) => return Err(nobody(admin, "no answer in time")),
    };
    let body: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    if status.is_success() {
        return Ok(body);
    }
    let said = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let message = said("message").unwrap_or_else(|| "it was refused".into());
    if let Some(hint) = said("hint") {
        return Err(Failure::usage(message).hint(hint));
    }
    Err(if status == http::StatusCode::BAD_REQUEST {
        Failure::usage(message)
    } else {
        Failure::work(message)
    })
}

fn nobody(admin: &Uri, why: &str) -> Failure {
    Failure::unsure(format!("no gateway tells about its outbox at {admin}: {why}"))
        .hint("start one with `hubkeeper up --data DIR`, or name its admin API with --admin")
}

fn print(at: &At, json: &Value, text: impl FnOnce() -> String) -> Result<(), Failure> {
    let text = if at.json { serde_json::to_string(json).map_err(Failure::work)? } else { text() };
    process::print_line(text.trim_end());
    Ok(())
}

fn query(filter: &OutboxFilter, after: Option<i64>, max: usize) -> String {
    let encode = |text: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte);
        text.bytes()
            .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
            .collect::<String>()
    };
    let mut pairs = vec![format!("max={max}")];
    pairs.extend(after.map(|after| format!("after={after}")));
    if let Value::Object(named) = filter.as_json() {
        pairs.extend(
            named.iter().filter_map(|(name, value)| Some(format!("{name}={}", encode(value.as_str()?)))),
        );
    }
    pairs.join("&")
}

fn changed(change: &OutboxChange) -> Result<Value, Failure> {
    let mut changed = Map::new();
    if let Some(target) = &change.target_path {
        changed.insert("target".into(), json!(target));
    }
    if let Some(file) = &change.body {
        let text = read(file)?;
        let body = serde_json::from_str(&text).map_err(|error| {
            Failure::usage(format!("the body is no JSON: {error}")).hint("HubSpot takes JSON")
        })?;
        changed.insert("body".into(), body);
    }
    Ok(Value::Object(changed))
}

fn read(file: &Path) -> Result<String, Failure> {
    let failed =
        |error: std::io::Error| Failure::usage(format!("{} cannot be read: {error}", file.display()));
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(failed)?;
        return Ok(text);
    }
    std::fs::read_to_string(file).map_err(failed)
}

/// Dead and unknown ones wait for a person.
fn exit(standing: &Value) -> Exit {
    let count = |state: &str| standing.pointer(&format!("/operations/{state}")).and_then(Value::as_u64);
    if count("dead").unwrap_or(0) + count("unknown").unwrap_or(0) > 0 { Exit::Problem } else { Exit::Fine }
}
