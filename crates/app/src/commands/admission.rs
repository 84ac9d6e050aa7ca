//! Who may call the gateway that `up` runs, and with which connection.

use std::sync::Arc;

use client::accounts::Connection;
use gateway::admit::{Admission, Callers, KeyDigest, Lent, NewCaller};
use tokio::time::Instant;

use crate::config::{CallerSection, Config, Mode};
use crate::connections::TOKEN_VARIABLE;
use crate::failure::Failure;
use crate::secret_reference::SecretReference;
use crate::secrets::{Owner, Secrets, Watched};

pub(super) fn admission(
    config: &Config,
    connections: &[Arc<Connection>],
    secrets: &Secrets,
) -> Result<Admission, Failure> {
    match config.gateway.mode {
        Mode::Passthrough => Ok(Admission::Passthrough),
        Mode::Managed => {
            let mut callers: Vec<NewCaller> = Vec::new();
            for caller in &config.callers {
                let caller = caller.resolve(connections)?;
                if let Some(other) = callers.iter().find(|other| other.key == caller.key) {
                    let (one, other) = (&caller.name, &other.name);
                    return Err(Failure::usage(format!("the callers {other} and {one} have the same key"))
                        .hint("a key tells whose call it is: `hubkeeper callers new-key` makes another"));
                }
                callers.push(caller);
            }
            let lent = Lent::new(connections.to_vec()).ok_or_else(|| {
                Failure::usage("managed mode needs a HubSpot token, and there is none")
                    .hint(format!("set {TOKEN_VARIABLE}, or add [[connections]] with a token reference"))
            })?;
            let callers = Callers::new(callers);
            for section in &config.callers {
                watch_key(section, &callers, secrets)?;
            }
            Ok(Admission::Managed { lent, callers })
        }
    }
}

/// A caller's key may become another; the one before counts for a while.
fn watch_key(section: &CallerSection, callers: &Callers, secrets: &Secrets) -> Result<(), Failure> {
    let Some(reference) = section.key.clone().filter(SecretReference::may_change) else { return Ok(()) };
    let (name, callers) = (section.name.clone(), callers.clone());
    let (owner, now) = (Owner::CallerKey(name.clone()), reference.resolve()?);
    secrets.watch(Watched::new(owner, reference, now, move |key| {
        if !callers.replace_key(&name, KeyDigest::of(key.expose().as_bytes()), Instant::now()) {
            tracing::error!(caller = name, "a caller's new key is not taken: another caller has it");
        }
    }));
    Ok(())
}
