//! `hubkeeper sim`: the simulator alone.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;
use serde_json::json;
use simulator::config::{LimitOverrides, Plan};
use simulator::history::History;
use simulator::{Config, Shell, Simulator};
use tokio::net::UdpSocket;

use super::{bind, scenario};
use crate::cli::{SimOptions, SimPlan};
use crate::failure::{Exit, Failure};
use crate::process;

pub(super) fn run(options: &SimOptions) -> Result<Exit, Failure> {
    let time_zone = TimeZone::get(&options.time_zone).map_err(|_| {
        Failure::usage(format!("`{}` is not a time zone", options.time_zone))
            .hint("use an IANA name such as Europe/Berlin")
    })?;
    let config = Config {
        seed: options.seed,
        plan: plan(options.plan),
        contacts: options.contacts,
        latency: options.latency_ms.clone(),
        limits: LimitOverrides { burst: options.burst, daily: options.daily, ..LimitOverrides::default() },
        time_zone,
        base_time: client::clock::WallClock::system().now(),
        ..Config::default()
    };
    process::runtime()?.block_on(serve(options, config))
}

async fn serve(options: &SimOptions, config: Config) -> Result<Exit, Failure> {
    let listener = bind::bind(&options.listen, "--listen").await?;
    let simulator = Simulator::new(config);
    let (token, client_secret) = (simulator.default_token(), simulator.client_secret());
    let shell = match &options.history {
        Some(path) => Shell::new(simulator).writing(history(path)?),
        None => Shell::new(simulator),
    };
    let shell = Arc::new(shell);
    let client_id = shell.with(|simulator| simulator.client_id());
    let mut ready = json!({"event": "ready", "sim": bind::url(&listener), "token": token, "client_id": client_id,
        "client_secret": client_secret});
    if let Some(address) = &options.dns_listen {
        let socket = UdpSocket::bind(address)
            .await
            .map_err(|error| Failure::usage(format!("cannot answer DNS on {address}: {error}")))?;
        if let Ok(address) = socket.local_addr() {
            ready["dns"] = json!(address.to_string());
        }
        let behaviour = shell.clone();
        let address = std::net::Ipv4Addr::LOCALHOST;
        tokio::spawn(simulator::dns::serve(Arc::new(socket), address, move || behaviour.dns_behaviour()));
    }
    if let Some(path) = &options.scenario {
        scenario::play(path, &shell).await?;
    }
    let asked_to_stop = process::asked_to_stop();
    process::print_line(&ready.to_string());
    simulator::serve(listener, shell, asked_to_stop).await;
    Ok(Exit::Fine)
}

fn history(path: &Path) -> Result<History, Failure> {
    let opened = File::options().create(true).append(true).open(path);
    let file = opened.map_err(|error| {
        Failure::usage(format!("{} cannot be written: {error}", path.display()))
            .hint("name a file that this user may write, with --history")
    })?;
    Ok(History::new(Box::new(file)))
}

fn plan(plan: SimPlan) -> Plan {
    match plan {
        SimPlan::Free => Plan::Free,
        SimPlan::Starter => Plan::Starter,
        SimPlan::Professional => Plan::Professional,
        SimPlan::Enterprise => Plan::Enterprise,
    }
}
