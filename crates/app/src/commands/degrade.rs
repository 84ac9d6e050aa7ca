//! Degraded mode that is on from the start.

use std::sync::Arc;

use client::degraded::{By, Scope, Turned};
use client::stack::Stack;
use hubspot::endpoint::ApiFamily;

use crate::config::DegradedSection;
use crate::failure::Failure;

/// One switch for each connection and family that is named.
pub(super) fn from_the_start(stack: &Stack, section: &DegradedSection) -> Result<(), Failure> {
    if !section.on {
        return Ok(());
    }
    let families = section.families.iter().map(|name| ApiFamily::parse(name));
    for connection in each_or_all(section.connections.iter().map(|name| Some(Arc::from(name.as_str())))) {
        for family in each_or_all(families.clone()) {
            let scope = Scope { connection: connection.clone(), family };
            stack
                .degrade(By::Configuration, scope, Turned::On, section.reason.trim())
                .map_err(Failure::usage)?;
        }
    }
    Ok(())
}

/// Nothing named stands for everything.
fn each_or_all<T>(named: impl Iterator<Item = Option<T>>) -> Vec<Option<T>> {
    let named: Vec<_> = named.collect();
    if named.is_empty() { vec![None] } else { named }
}
