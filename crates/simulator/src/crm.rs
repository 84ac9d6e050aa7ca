//! The customer data half of the simulated HubSpot: records, associations, properties, pipelines, owners.

use jiff::{SignedDuration, Timestamp};

use crate::call::{Applied, Call, Reply};

/// When and where a call is answered: the only clock and identity this half sees.
#[derive(Debug, Clone)]
pub struct Moment {
    pub now: Timestamp,
    pub portal_id: u64,
    pub correlation_id: String,
}

/// One portal's CRM.
#[derive(Debug)]
pub struct Crm {
    log: Vec<Applied>,
}

impl Crm {
    /// An empty portal with HubSpot's stock definitions.
    pub fn new(_seed: u64, _portal_id: u64) -> Self {
        Self { log: Vec::new() }
    }

    /// Adds believable records, the same ones for the same seed.
    pub fn seed(&mut self, _counts: &[(&str, u32)], _now: Timestamp) {}

    /// Answers a call; `None` when the path is not one of the CRM's.
    pub fn handle(&mut self, _call: &Call, _moment: &Moment) -> Option<Reply> {
        None
    }

    /// Everything that took effect, oldest first.
    pub fn applied(&self) -> &[Applied] {
        &self.log
    }

    /// Makes a property vanish from definitions, reads and writes, as a deletion by an admin does.
    pub fn hide_property(&mut self, _object_type: &str, _property: &str) {}

    /// Undoes `hide_property`; the values are still there.
    pub fn show_property(&mut self, _object_type: &str, _property: &str) {}

    /// Takes away a share (0 to 1) of the live records and tells which.
    pub fn remove_records(&mut self, _object_type: &str, _share: f64) -> Vec<String> {
        Vec::new()
    }

    /// Undoes `remove_records`.
    pub fn restore_records(&mut self, _object_type: &str, _ids: &[String]) {}

    /// How long search trails behind writes.
    pub fn set_search_lag(&mut self, _lag: SignedDuration) {}
}
