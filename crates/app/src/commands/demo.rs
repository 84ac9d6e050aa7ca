//! `hubkeeper demo`: a simulated portal, the gateway before it, and a small workload through the gateway.

use std::path::Path;
use std::sync::Arc;

use hubspot::secret::Secret;
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
    let house = House::open(&config.checked()?, None, None, Some(&Secret::new(&token))).await?;
    let house = house.with_drill(shell.clone());
    let (gateway, admin) = (house.gateway_url(), house.admin_url());

    let ready = json!({"event": "ready", "gateway": gateway, "admin": admin, "sim": sim, "token": token});
    let asked_to_stop = process::asked_to_stop();
    process::print_line(&ready.to_string());
    anstream::eprintln!(
        "{}",
        guide(&Places { program: program(), gateway: &gateway, admin: &admin, sim: &sim, token: &token })
    );

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

/// What the guide's commands name.
struct Places<'a> {
    program: String,
    gateway: &'a str,
    admin: &'a str,
    sim: &'a str,
    token: &'a str,
}

/// How another terminal starts this very program, whatever directory it is in: by its name alone where it was found on
/// the PATH, else by its place.
fn program() -> String {
    let called = std::env::args_os().next().unwrap_or_default();
    let called = Path::new(&called);
    let by_name = called.file_name().is_some_and(|name| name == called.as_os_str());
    let path = if by_name { called.to_owned() } else { std::env::current_exe().unwrap_or(called.to_owned()) };
    let path = path.display().to_string();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+".contains(letter);
    if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// What to try next.
fn guide(places: &Places) -> String {
    let Places { program, gateway, admin, sim, token } = places;
    format!(
        r#"
A simulated HubSpot account with {CONTACTS} contacts is at {sim},
hubkeeper's gateway in front of it at {gateway}. Four small programs work through it.

The console is at {admin}/ and its drill page breaks things: {admin}/drill

In another terminal (the commands use curl; Debian has it as the package `curl`):

  export HUBSPOT_ACCESS_TOKEN={token}

  # call HubSpot as always, only through the gateway
  curl -i -H "Authorization: Bearer $HUBSPOT_ACCESS_TOKEN" '{gateway}/crm/v3/objects/contacts?limit=2'

  # what passes through, and what is left of the limits
  curl {admin}/api/v1/traffic
  curl {admin}/metrics

  # break something, ask what it is, and mend it
  curl -X POST {sim}/_sim/faults -d '{{"kind":"auth.token_revoked"}}'
  {program} triage --upstream {sim} --admin {admin} \
      --status-page {sim}/_status/api/v2/summary.json
  curl -X DELETE {sim}/_sim/faults

  # other kinds to try: hubspot.outage_unlisted, hubspot.partial, hubspot.slow, quota.daily_self, quota.burst_split,
  # net.edge_block, self.bad_payload, account.tier; with what each does and takes, all of them:
  curl {sim}/_sim/faults/kinds

Give a fault ten seconds to show in the programs' calls, and the mending as long to show in triage. Triage ends with exit
code 1 when it finds a problem; --json prints the diagnosis for machines. Ctrl-C here ends it all.
"#
    )
}
