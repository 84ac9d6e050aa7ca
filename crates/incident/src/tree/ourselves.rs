//! Is it ourselves? Asked before anything else, of what our own process knows: its store, disk, strength, shared cache,
//! secret source, and whether it is watching at all.

pub(super) mod blind;
pub(super) mod cache;
pub(super) mod resources;
pub(super) mod secrets;
pub(super) mod store;

use crate::facts::Facts;
use crate::facts::inside::Inside;

fn inside<T>(facts: &Facts, part: impl Fn(&Inside) -> Option<&T>) -> Option<&T> {
    facts.inside.as_ref().and_then(part)
}
