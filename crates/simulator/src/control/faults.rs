//! Making, listing and ending faults.

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::body::object;
use super::{Complaint, ok};
use crate::call::{Call, Reply};
use crate::fault::Fault;
use crate::fault::aim::{Aim, token_fingerprint};
use crate::fault::catalogue::{self, Kind, Scene};
use crate::fault::params::{BadParam, Params};
use crate::simulator::Simulator;

/// Faults at one time; a test that needs more has forgotten to end some.
const FAULTS_MAX: usize = 1_000;
const SEE_KINDS: &str = "GET /_sim/faults/kinds lists what there is";

pub(super) fn kinds() -> Reply {
    ok(&catalogue::documentation())
}

pub(super) fn list(simulator: &Simulator, now: Timestamp) -> Reply {
    let faults: Vec<Value> = simulator.faults.all().iter().map(|fault| describe(fault, now)).collect();
    ok(&json!({"faults": faults}))
}

/// `{"kind":"F22","family":"search","rate":0.5}` → 201 `{"id":1}`.
pub(super) fn add(simulator: &mut Simulator, call: &Call, now: Timestamp) -> Result<Reply, Complaint> {
    let (id, code) = make_known(simulator, object(call)?, now)?;
    Ok(Reply::json(StatusCode::CREATED, &json!({"id": id, "kind": code})))
}

/// Makes one fault of what was asked for; its id and its kind's code.
pub(super) fn make_known(
    simulator: &mut Simulator,
    mut asked: Map<String, Value>,
    now: Timestamp,
) -> Result<(u64, &'static str), Complaint> {
    let Some(name) = asked.get("kind").and_then(Value::as_str) else {
        return Err(Complaint::bad(
            "`kind` is missing",
            r#"write {"kind":"auth.token_revoked"} or {"kind":"F01"}"#,
        ));
    };
    let Some(kind) = catalogue::find(name) else {
        let near = catalogue::near(name).join(", ");
        return Err(Complaint::bad(
            format!("unknown kind `{name}`"),
            format!("near it: {near}; {SEE_KINDS}"),
        ));
    };
    if simulator.faults.all().len() >= FAULTS_MAX {
        return Err(Complaint::bad("there are 1,000 faults already", "DELETE /_sim/faults ends them all"));
    }
    if let Some(family) = kind.family {
        asked.entry("family").or_insert_with(|| family.into());
    }
    let params = Params(&asked);
    if let Some(unknown) = kind.unknown_param(params) {
        return Err(Complaint::bad(format!("`{}` takes no `{unknown}`", kind.code), SEE_KINDS));
    }
    let scene = Scene {
        now,
        hosting: &simulator.config.hosting,
        portal_id: simulator.config.portal_id,
        tokens_issued: simulator.registry.issued(),
    };
    let made = make(kind, params, &scene, &simulator.default_token());
    let fault = made.map_err(|bad| Complaint::bad(bad.to_string(), SEE_KINDS))?;
    let id = simulator.faults.add(fault);
    simulator.settle(now);
    Ok((id, kind.code))
}

pub(super) fn remove(simulator: &mut Simulator, id: &str) -> Result<Reply, Complaint> {
    let fault = id.parse().ok().and_then(|id| simulator.faults.remove(id)).ok_or_else(|| Complaint {
        status: StatusCode::NOT_FOUND,
        message: format!("no fault has the id `{id}`"),
        hint: "GET /_sim/faults lists those there are".to_owned(),
    })?;
    simulator.heal(fault);
    Ok(Reply::no_content())
}

pub(super) fn remove_all(simulator: &mut Simulator) -> Reply {
    for fault in simulator.faults.clear() {
        simulator.heal(fault);
    }
    Reply::no_content()
}

fn make(kind: &'static Kind, params: Params<'_>, scene: &Scene<'_>, token: &str) -> Result<Fault, BadParam> {
    let seconds = |name: &str| -> Result<Option<SignedDuration>, BadParam> {
        let seconds = params.number(name)?.map(|seconds| seconds.min(SECONDS_MAX));
        Ok(seconds.map(SignedDuration::from_secs_f64))
    };
    let from = scene.now + seconds("after_seconds")?.unwrap_or_default();
    Ok(Fault {
        id: 0,
        kind,
        params: masked(params.0),
        aim: Aim::read(params)?.or_default(kind.aims_at, token, scene.portal_id),
        effects: (kind.build)(params, scene)?,
        from,
        until: seconds("for_seconds")?.map(|length| from + length),
        settled: false,
        undo: Vec::new(),
        hook_undo: Vec::new(),
    })
}

/// A fault begins and ends within a century.
const SECONDS_MAX: f64 = 100.0 * 366.0 * 86_400.0;

/// What was asked for, without the secret in it.
fn masked(params: &Map<String, Value>) -> Map<String, Value> {
    let mut params = params.clone();
    params.shift_remove("kind");
    if let Some(token) = params.get_mut("token") {
        *token = token.as_str().map(token_fingerprint).into();
    }
    params
}

fn describe(fault: &Fault, now: Timestamp) -> Value {
    json!({
        "id": fault.id, "kind": fault.kind.code, "code": fault.kind.id, "params": fault.params,
        "active": fault.is_active(now), "from": fault.from.to_string(),
        "until": fault.until.map(|until| until.to_string()),
    })
}
