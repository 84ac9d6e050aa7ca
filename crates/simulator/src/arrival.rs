//! One call on its way through the simulator, with everything the stages ask about it.

use std::time::Duration;

use jiff::Timestamp;

use crate::call::Call;
use crate::registry::fingerprint;
use crate::route::Route;
use crate::seed::{Purpose, Seed};

/// The server tells here how long the connection had been idle; what a caller sends under this name is dropped.
pub const CONNECTION_IDLE_MS: &str = "x-sim-connection-idle-ms";

#[derive(Debug)]
pub struct Arrival<'a> {
    /// Counts calls to HubSpot from 1; the index of every draw made for this call.
    pub number: u64,
    pub now: Timestamp,
    pub call: &'a Call,
    pub route: Route,
    /// Whose token it seems to be: not yet checked.
    pub fingerprint: Option<String>,
    pub portal_id: Option<u64>,
    pub hosting: Option<String>,
    pub correlation_id: String,
    pub seed: Seed,
}

impl Arrival<'_> {
    /// A share in `0.0 .. 1.0`, the same whenever it is asked for this call and fault.
    pub fn draw(&self, purpose: Purpose, fault_id: u64) -> f64 {
        self.seed.share(purpose, (fault_id << 32) | (self.number & 0xffff_ffff))
    }

    /// How long the connection had been idle before this call; `None` for a new one.
    pub fn idle(&self) -> Option<Duration> {
        let text = self.call.headers.get(CONNECTION_IDLE_MS)?.to_str().ok()?;
        text.parse().ok().map(Duration::from_millis)
    }

    pub fn is_from(&self, token_fingerprint: &str) -> bool {
        self.fingerprint.as_deref() == Some(token_fingerprint)
    }
}

/// The fingerprint of a bearer token, where there is one.
pub fn caller_fingerprint(call: &Call) -> Option<String> {
    match crate::auth::credential(&call.headers) {
        crate::auth::Credential::Bearer(token) => Some(fingerprint(token)),
        crate::auth::Credential::Absent => None,
    }
}
