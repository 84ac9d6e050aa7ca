//! The control API below `/_sim/`: what a test or a drill does to the simulated HubSpot.

mod body;
mod faults;
mod scenario;
mod stats;
mod tokens;
mod webhooks;

use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::config::LimitOverrides;
use crate::simulator::{Simulator, portal};
use body::object;

/// A request that cannot be carried out, with one hint.
#[derive(Debug)]
struct Complaint {
    status: StatusCode,
    message: String,
    hint: String,
}

impl Complaint {
    fn bad(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into(), hint: hint.into() }
    }

    fn reply(self) -> Reply {
        Reply::json(self.status, &json!({"error": self.message, "hint": self.hint}))
    }
}

/// How far one call may move the clock: a century.
const ADVANCE_S_MAX: f64 = 100.0 * 366.0 * 86_400.0;
/// Room left before the end of time, for everything that is reckoned from now: a thousand years.
const MARGIN: SignedDuration = SignedDuration::from_hours(1_000 * 366 * 24);

/// Answers a control call. `rest` is the path after `_sim`, `wall` the time before `/_sim/clock/advance`.
pub fn answer(simulator: &mut Simulator, call: &Call, rest: &[&str], wall: Timestamp) -> Reply {
    route(simulator, call, rest, wall).unwrap_or_else(Complaint::reply)
}

fn route(simulator: &mut Simulator, call: &Call, rest: &[&str], wall: Timestamp) -> Result<Reply, Complaint> {
    let now = wall + simulator.advanced;
    simulator.settle(now);
    match (&call.method, rest) {
        (&Method::POST, ["reset"]) => Ok(reset(simulator, wall)),
        (&Method::POST, ["seed"]) => seed(simulator, call, now),
        (&Method::POST, ["limits"]) => limits(simulator, call),
        (&Method::GET, ["faults"]) => Ok(faults::list(simulator, now)),
        (&Method::GET, ["faults", "kinds"]) => Ok(faults::kinds()),
        (&Method::POST, ["faults"]) => faults::add(simulator, call, now),
        (&Method::DELETE, ["faults"]) => Ok(faults::remove_all(simulator)),
        (&Method::DELETE, ["faults", id]) => faults::remove(simulator, id),
        (&Method::POST, ["scenario"]) => scenario::play(simulator, call, now),
        (&Method::GET, ["scenario"]) => Ok(scenario::shown(simulator)),
        (&Method::POST, ["tokens"]) => tokens::register(simulator, call, now),
        (&Method::POST, ["oauth"]) => tokens::oauth(simulator, call),
        (&Method::DELETE, ["tokens", token]) => tokens::revoke(simulator, token),
        (&Method::GET, ["stats"]) => Ok(stats::stats(simulator, now)),
        (&Method::GET, ["log"]) => log(simulator, call),
        (&Method::POST, ["clock", "advance"]) => advance(simulator, call, wall),
        (&Method::GET, ["clock"]) => Ok(ok(&json!({"now": now.to_string()}))),
        (method, ["webhooks", rest @ ..]) => webhooks::answer(simulator, call, method, rest, now),
        _ => Err(Complaint {
            status: StatusCode::NOT_FOUND,
            message: format!("no such control call: {} /_sim/{}", call.method, rest.join("/")),
            hint: "there are POST reset, seed, limits, faults, scenario, tokens, oauth, clock/advance, webhooks/target, webhooks/emit, webhooks/workflow, webhooks/disorder; GET faults, faults/kinds, scenario, stats, \
                   log, clock, webhooks, webhooks/log; DELETE faults, faults/{id}, tokens/{token}"
                .to_owned(),
        }),
    }
}

fn ok(body: &Value) -> Reply {
    Reply::json(StatusCode::OK, body)
}

/// Back to the beginning; only the clock goes on, since time never runs backwards.
fn reset(simulator: &mut Simulator, wall: Timestamp) -> Reply {
    let advanced = simulator.advanced;
    let now = wall + advanced;
    *simulator = Simulator::starting_at(now, simulator.config.clone());
    simulator.advanced = advanced;
    ok(&json!({"reset": true, "now": now.to_string()}))
}

/// `{"contacts":10000,"companies":500}`, optionally with `"portal"`.
fn seed(simulator: &mut Simulator, call: &Call, now: Timestamp) -> Result<Reply, Complaint> {
    let hint = r#"write {"contacts":10000}, with "portal" for another account"#;
    let mut asked = object(call)?;
    let portal_id = match asked.shift_remove("portal") {
        None => simulator.config.portal_id,
        Some(id) => id.as_u64().ok_or_else(|| Complaint::bad("`portal` must be an id", hint))?,
    };
    let counts = asked
        .iter()
        .map(|(name, count)| {
            let count = count.as_u64().and_then(|count| u32::try_from(count).ok());
            let count = count.filter(|count| *count <= SEED_MAX);
            let bad = || Complaint::bad(format!("`{name}` must be a whole number up to {SEED_MAX}"), hint);
            count.map(|count| (name.as_str(), count)).ok_or_else(bad)
        })
        .collect::<Result<Vec<(&str, u32)>, Complaint>>()?;
    portal(&mut simulator.portals, &simulator.config, portal_id).crm.seed(&counts, now);
    Ok(ok(&json!({"seeded": asked, "portal": portal_id})))
}

/// Records of one type made by one call: what a laptop holds in memory.
const SEED_MAX: u32 = 2_000_000;

/// `{"burst":50}`; `null` gives a limit back to the plan, a limit not named stays.
fn limits(simulator: &mut Simulator, call: &Call) -> Result<Reply, Complaint> {
    let mut merged = match serde_json::to_value(simulator.config.limits) {
        Ok(Value::Object(current)) => current,
        Ok(_) | Err(_) => serde_json::Map::new(),
    };
    merged.extend(object(call)?);
    let overrides: LimitOverrides = serde_json::from_value(Value::Object(merged)).map_err(|error| {
        Complaint::bad(
            format!("not limits: {error}"),
            "burst, search, associations and daily take a whole number or null",
        )
    })?;
    simulator.config.limits = overrides;
    Ok(ok(&json!({"limits": overrides})))
}

/// What took effect, oldest first. `after` is the number of entries known already.
fn log(simulator: &Simulator, call: &Call) -> Result<Reply, Complaint> {
    let number = |name: &str| {
        let bad = || Complaint::bad(format!("`{name}` must be a whole number"), "write /_sim/log?after=120");
        call.query(name).map(|text| text.parse::<u64>().map_err(|_| bad())).transpose()
    };
    let after = number("after")?.unwrap_or_default();
    let portal_id = number("portal")?.unwrap_or(simulator.config.portal_id);
    let applied = simulator.portals.get(&portal_id).map_or(&[][..], |portal| portal.crm.applied());
    let start = usize::try_from(after).unwrap_or(usize::MAX).min(applied.len());
    Ok(ok(&json!({"applied": applied[start..], "next": applied.len()})))
}

/// `{"seconds":3600}`: the clock jumps forward, never back.
fn advance(simulator: &mut Simulator, call: &Call, wall: Timestamp) -> Result<Reply, Complaint> {
    let seconds = object(call)?.get("seconds").and_then(Value::as_f64);
    let usable = seconds.filter(|seconds| (0.0..=ADVANCE_S_MAX).contains(seconds));
    let bad = || Complaint::bad("`seconds` must be a number, zero or more", r#"write {"seconds":3600}"#);
    let advanced = simulator.advanced + SignedDuration::from_secs_f64(usable.ok_or_else(bad)?);
    let too_far = |_| Complaint::bad("that is beyond the end of time", "advance by less");
    wall.checked_add(advanced + MARGIN).map_err(too_far)?;
    simulator.advanced = advanced;
    let now = wall + advanced;
    simulator.settle(now);
    Ok(ok(&json!({"now": now.to_string()})))
}
