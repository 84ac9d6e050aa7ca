//! HubSpot carries a create out and its answer is lost, three times in ten: with a stamp nothing is there twice, without one
//! nothing is there twice without a word.

use std::io;
use std::time::Duration;

use serde_json::json;

use crate::histories::KEY;
use crate::http::Client;
use crate::load::Load;
use crate::report::Report;
use crate::town::{Plan, Town};
use crate::{Rig, check::Verdict, scratch};

/// The property that makes a create repeatable.
const STAMP: &str = "hubkeeper_stamp";

/// Writes a second: one in ten is a create.
const WRITES_PER_S: u64 = 400;

pub(crate) fn run(rig: &Rig) -> io::Result<Report> {
    let stamped = round(rig, &format!("[outbox]\nstamp_property = \"{STAMP}\"\n"))?;
    let plain = round(rig, "")?;
    Ok(Report::new("lost_answers")
        .with("seconds_each", rig.n)
        .with("stamped_writes", stamped.writes)
        .with("stamped_given_up", stamped.given_up)
        .with("stamped_lost", stamped.lost_writes.len())
        .with("stamped_twice", stamped.twice_undeclared.len())
        .with("plain_writes", plain.writes)
        .with("plain_given_up", plain.given_up)
        .with("plain_lost", plain.lost_writes.len())
        .with("plain_twice_undeclared", plain.twice_undeclared.len())
        .with("plain_examples", plain.twice_undeclared.iter().take(5).cloned().collect::<Vec<_>>())
        .with("stamped_examples", stamped.twice_undeclared.iter().take(5).cloned().collect::<Vec<_>>())
        .must(
            "with the stamp nothing is lost, double or given up",
            stamped.is_good() && stamped.given_up == 0,
        )
        .must("without it nothing is lost, and nothing double without a word", plain.is_good())
        .must("the control: without the stamp something had to be given up as unknown", plain.given_up > 0))
}

fn round(rig: &Rig, configuration: &str) -> io::Result<Verdict> {
    let places = scratch::Places::new("lost")?;
    let plan = Plan { configuration, writes_per_s: WRITES_PER_S, ..Plan::quiet(rig, &rig.binary, &places) };
    let town = Town::found(&plan)?;
    make_stamp(&town)?;
    let program = town.up().ready()?;
    for instead in ["reset", "504", "502"] {
        let fault = json!({"kind": "lost_answer", "rate": 0.1, "instead": instead});
        if town.control("POST", "/_sim/faults", &fault)?.status() != 201 {
            return Err(io::Error::other("the simulator loses no answers"));
        }
    }
    let load = Load::start(&town.load);
    std::thread::sleep(Duration::from_secs(rig.n));
    load.end();
    town.control("DELETE", "/_sim/faults", &json!({}))?;
    let found = town.judge_creates();
    program.kill()?;
    found
}

/// A property whose values are unique, as an administrator would make it.
fn make_stamp(town: &Town) -> io::Result<()> {
    let authorization = format!("Bearer {}", town.load.token);
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
    let property = json!({"name": STAMP, "label": "Stamp", "type": "string", "fieldType": "text",
        "groupName": "contactinformation", "hasUniqueValue": true});
    let mut client = Client::new(town.sim.address("sim"));
    let made =
        client.ask("POST", "/crm/v3/properties/contacts", &headers, property.to_string().as_bytes())?;
    let known = made.status() == 201 && !KEY.is_empty();
    if known { Ok(()) } else { Err(io::Error::other(format!("no stamp property: {}", made.json()))) }
}
