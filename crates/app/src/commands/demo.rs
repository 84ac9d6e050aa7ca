//! `hubkeeper demo`: a simulated portal, the gateway before it, and a small workload through the gateway.

use std::sync::Arc;

use serde_json::json;
use simulator::{Shell, Simulator};
use tokio::sync::watch;

use super::up::House;
use super::{bind, workload};
use crate::cli::DemoOptions;
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::process;

/// Contacts in the simulated portal.
const CONTACTS: u32 = 1_000;

pub(super) fn run(options: &DemoOptions) -> Result<Exit, Failure> {
    process::runtime()?.block_on(serve(options))
}

async fn serve(options: &DemoOptions) -> Result<Exit, Failure> {
    let sim_listener = bind::bind(&options.sim_listen, "--sim-listen").await?;
    let sim = bind::url(&sim_listener);
    let simulator = Simulator::new(simulator::Config {
        contacts: CONTACTS,
        latency: simulator::config::Latency(20..=60),
        base_time: client::clock::WallClock::system().now(),
        ..simulator::Config::default()
    });
    let token = simulator.default_token();
    let shell = Arc::new(Shell::new(simulator));

    let mut config = Config::default();
    config.gateway.listen.clone_from(&options.listen);
    config.gateway.upstream.clone_from(&sim);
    config.gateway.status_page = format!("{sim}/_status/api/v2/summary.json");
    config.admin.listen.clone_from(&options.admin_listen);
    let house = House::open(&config.checked()?).await?;
    let (gateway, admin) = (house.gateway_url(), house.admin_url());

    let ready = json!({"event": "ready", "gateway": gateway, "admin": admin, "sim": sim, "token": token});
    let asked_to_stop = process::asked_to_stop();
    process::print_line(&ready.to_string());
    anstream::eprintln!("{}", guide(&gateway, &admin, &sim, &token));

    let (stop, draining) = watch::channel(false);
    let simulated = tokio::spawn(simulator::serve(sim_listener, shell, until(draining.clone())));
    let serving = tokio::spawn(house.serve(draining.clone()));
    let working = tokio::spawn(workload::run(gateway, token, until(draining)));
    asked_to_stop.await;
    let _nobody_listens = stop.send(true);
    for task in [working, serving, simulated] {
        task.await.map_err(|error| Failure::work(format!("a part of the demo broke: {error}")))?;
    }
    Ok(Exit::Fine)
}

async fn until(mut draining: watch::Receiver<bool>) {
    let _sender_gone = draining.wait_for(|draining| *draining).await;
}

/// What to try next.
fn guide(gateway: &str, admin: &str, sim: &str, token: &str) -> String {
    format!(
        "
A simulated HubSpot account with {CONTACTS} contacts runs at {sim},
hubkeeper's gateway before it at {gateway}, and four small programs work through it.

In another terminal:

  export HUBSPOT_ACCESS_TOKEN={token}

  # call HubSpot as always, only through the gateway
  curl -H \"Authorization: Bearer $HUBSPOT_ACCESS_TOKEN\" '{gateway}/crm/v3/objects/contacts?limit=2'

  # what passes through, and what is left of the limits
  curl {admin}/api/v1/traffic
  curl {admin}/metrics

  # break something, and ask what it is
  curl -X POST {sim}/_sim/faults -d '{{\"kind\":\"auth.token_revoked\"}}'
  hubkeeper triage --upstream {sim} --admin {admin} --status-page {sim}/_status/api/v2/summary.json
  curl -X DELETE {sim}/_sim/faults

  # every fault there is
  curl {sim}/_sim/faults/kinds

Ctrl-C ends it.
"
    )
}
