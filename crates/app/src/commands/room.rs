//! Opens the incident room that `up` runs.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use client::accounts::Connection;
use client::stack::Stack;
use gateway::outbox::Outbox;
use gateway::traffic::Traffic;
use hubspot::secret::Secret;
use rustls::ClientConfig;
use store::Store;

use super::triage;
use crate::audit::Audit;
use crate::config::Config;
use crate::failure::Failure;
use crate::incidents::{
    Acts, Addresses, Channels, Dependency, Doorbell, FrontDoor, Heard, Incidents, Installs, Latest, Opening,
    Parts, Questions, Room, Watch, door,
};
use crate::ledgers::Ledgers;
use crate::own_version::OwnVersion;
use crate::secrets::Secrets;
use crate::webhooks::Running;

/// The running parts that a room looks at, and acts on.
pub(super) struct Around<'a> {
    pub(super) store: Option<&'a Store>,
    pub(super) stack: &'a Arc<Stack>,
    pub(super) traffic: &'a Arc<Traffic>,
    pub(super) ledgers: &'a Arc<Ledgers>,
    pub(super) audit: &'a Audit,
    pub(super) webhooks: Option<&'a Running>,
    pub(super) outbox: Option<&'a Arc<Outbox>>,
    pub(super) connections: &'a [Arc<Connection>],
    pub(super) secrets: &'a Secrets,
    pub(super) tls: &'a ClientConfig,
    pub(super) installs: &'a Installs,
}

/// `None` where it is switched off. Without a store, incidents are remembered for as long as the process lives.
pub(super) async fn open(
    (config, data): (&Config, Option<&Path>),
    around: Around<'_>,
    token: Option<&Secret>,
) -> Result<Option<(Incidents, Room)>, Failure> {
    let Around { stack, traffic, ledgers, tls, .. } = around;
    let section = &config.incidents;
    // What is configured wrong is told even where the room is switched off.
    let channels = Channels::open(&config.notify, tls)?;
    let dependencies = section.dependencies.iter().map(Dependency::new).collect::<Result<Vec<_>, _>>()?;
    if !section.enabled {
        return Ok(None);
    }
    let store = match around.store {
        Some(store) => store.clone(),
        None => Store::in_memory().map_err(Failure::work)?,
    };
    let options = triage::for_the_room(config, token)?;
    let (incidents, asked) = door(store.clone());
    // A token that was handed over is another's.
    let connection = around.connections.first().filter(|_| token.is_none()).cloned();
    let acts = Acts {
        stack: stack.clone(),
        outbox: around.outbox.cloned(),
        secrets: around.secrets.clone(),
        audit: around.audit.clone(),
    };
    let parts = Parts::new(
        stack.clone(),
        traffic.clone(),
        ledgers.clone(),
        around.webhooks.cloned(),
        around.outbox.cloned(),
        around.installs.clone(),
    );
    let every = Duration::from_secs(section.front_door_seconds);
    let (target, latest) = (options.asked.target.clone(), Latest::default());
    let addresses = Addresses { target, every, latest: latest.clone() };
    let front_door = FrontDoor::new(&options.asked.target.upstream, every, tls)?;
    let doorbell = match config.webhooks.public_url.as_ref().filter(|_| around.webhooks.is_some()) {
        Some(url) => Doorbell::new(url, Duration::from_secs(config.webhooks.doorbell_seconds), ledgers, tls)?,
        None => None,
    };
    let room = Room::open(Opening {
        store,
        settings: section.settings(&acts.able()),
        runbooks: options.runbooks.clone(),
        watch: Watch::new(stack.clone(), traffic.clone(), section.thresholds.p99_ms),
        parts,
        questions: Questions {
            options,
            stack: stack.clone(),
            traffic: traffic.clone(),
            ledgers: ledgers.clone(),
            webhooks: around.webhooks.cloned(),
            secrets: around.secrets.clone(),
            installs: around.installs.clone(),
            version: OwnVersion::open(data, traffic, stack.clock().now()),
            connection,
            connects: latest,
            heard: Heard::default(),
        },
        acts,
        channels,
        dependencies,
        ledgers: ledgers.clone(),
        secrets: around.secrets.clone(),
        addresses,
        front_door,
        doorbell,
        door: incidents.clone(),
        clock: stack.clock(),
        seed: rand::random(),
        asked,
    });
    Ok(Some((incidents, room.await?)))
}
