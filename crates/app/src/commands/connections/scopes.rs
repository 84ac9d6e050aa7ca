//! `hubkeeper connections scopes`: what is granted, held against what calls needed.

use http::Method;
use ops::scopes::{ConnectionScopes, GrantedScope, ScopeStanding};
use serde_json::json;

use super::{PATH, ask, print};
use crate::cli::ConnectionsAt;
use crate::config::Config;
use crate::failure::{Exit, Failure};

/// 0: all fits; 1: a scope is missing or unused; 3: HubSpot did not tell.
pub(super) async fn run(config: &Config, at: &ConnectionsAt, name: Option<&str>) -> Result<Exit, Failure> {
    let told = ask(config, at, Method::GET, &format!("{PATH}/scopes")).await?;
    let mut all: Vec<ConnectionScopes> = serde_json::from_value(told["connections"].clone())
        .map_err(|error| Failure::work(format!("the gateway's report cannot be read: {error}")))?;
    if let Some(name) = name {
        all.retain(|one| one.connection == name);
        if all.is_empty() {
            return Err(Failure::usage(format!("there is no connection {name}"))
                .hint("`hubkeeper connections list` names them"));
        }
    }
    let lines: Vec<String> = all.iter().flat_map(lines).collect();
    let text = if lines.is_empty() {
        "no connection's token is ours: callers bring their own".to_owned()
    } else {
        lines.join("\n")
    };
    print(at, &json!({"schema": 1, "connections": all}), &text);
    let is_problem = |one: &ConnectionScopes| {
        !one.missing.is_empty() || one.granted.iter().any(|scope| scope.standing == ScopeStanding::NeverUsed)
    };
    Ok(match (all.iter().any(is_problem), all.iter().all(|one| one.is_known)) {
        (true, _) => Exit::Problem,
        (false, false) => Exit::Unsure,
        (false, true) => Exit::Fine,
    })
}

fn lines(one: &ConnectionScopes) -> Vec<String> {
    let observed = match one.observed_since {
        Some(since) => {
            format!("calls counted since {} ({} days)", since.strftime("%Y-%m-%d"), one.observed_days)
        }
        None => "no call counted yet".to_owned(),
    };
    let known = match one.told_seconds_ago {
        Some(ago) => format!("HubSpot told its scopes {ago} s ago"),
        None => "HubSpot does not tell its scopes".to_owned(),
    };
    let mut lines = vec![format!("{}: {known}; {observed}", one.connection)];
    lines.extend(one.granted.iter().map(of_scope));
    for missing in &one.missing {
        let any_of = missing.any_of.join(" or ");
        lines.push(format!(
            "  MISSING    {any_of:<44} {} calls, {} of them refused here; {}",
            missing.calls, missing.refused, missing.advice
        ));
    }
    for (family, calls) in &one.calls_of_unknown_need {
        lines.push(format!("  unknown    {calls} {family} calls: which scope they need is not known"));
    }
    lines
}

fn of_scope(scope: &GrantedScope) -> String {
    let standing = match scope.standing {
        ScopeStanding::Used | ScopeStanding::UsedWithOthers => "used",
        ScopeStanding::NeverUsed => "UNUSED",
        ScopeStanding::Always => "always",
        ScopeStanding::TooEarly => "not yet",
    };
    let last = scope.last_used_at.map_or_else(
        || "never".to_owned(),
        |at| format!("{} calls, last {}", scope.calls, at.strftime("%Y-%m-%d %H:%M")),
    );
    let advice = scope.advice.as_deref().map_or_else(String::new, |advice| format!("; {advice}"));
    format!("  {standing:<10} {:<44} {last}{advice}", scope.scope)
}
