//! Opens the incident room that `up` runs.

use std::sync::Arc;

use client::accounts::Connection;
use client::stack::Stack;
use client::transport::tls;
use gateway::traffic::Traffic;
use hubspot::secret::Secret;
use store::Store;

use super::{triage, up};
use crate::config::Config;
use crate::failure::Failure;
use crate::incidents::{Acts, Channels, Dependency, Incidents, Opening, Questions, Room, Watch, door};

/// `None` where it is switched off. Without a store, incidents are remembered for as long as the process lives.
pub(super) async fn open(
    config: &Config,
    store: Option<&Store>,
    stack: &Arc<Stack>,
    traffic: &Arc<Traffic>,
    token: Option<&Secret>,
    connections: &[Arc<Connection>],
) -> Result<Option<(Incidents, Room)>, Failure> {
    let section = &config.incidents;
    let tls =
        tls::client_config(up::extra_roots(config.gateway.ca_file.as_deref())?).map_err(Failure::work)?;
    // What is configured wrong is told even where the room is switched off.
    let channels = Channels::open(&config.notify, &tls)?;
    let dependencies = section.dependencies.iter().map(Dependency::new).collect::<Result<Vec<_>, _>>()?;
    if !section.enabled {
        return Ok(None);
    }
    let store = match store {
        Some(store) => store.clone(),
        None => Store::in_memory().map_err(Failure::work)?,
    };
    let options = triage::for_the_room(config, token)?;
    let (incidents, asked) = door(store.clone());
    let room = Room::open(Opening {
        store,
        settings: section.settings(Acts::CAN),
        runbooks: options.runbooks.clone(),
        watch: Watch::new(stack.clone(), traffic.clone(), section.thresholds.p99_ms),
        questions: Questions {
            options,
            stack: stack.clone(),
            traffic: traffic.clone(),
            // A token that was handed over is another's.
            connection: connections.first().filter(|_| token.is_none()).cloned(),
        },
        acts: Acts { stack: stack.clone() },
        channels,
        dependencies,
        door: incidents.clone(),
        clock: stack.clock(),
        seed: rand::random(),
        asked,
    });
    Ok(Some((incidents, room.await?)))
}
