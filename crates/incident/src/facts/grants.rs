//! OAuth installs: what became of refreshing their tokens. One line per account that installed the app.

pub mod ledger;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Grants {
    pub installs: Vec<Install>,
}

/// One account's install, as far as we know it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Install {
    pub connection: String,
    pub portal_id: Option<u64>,
    /// The last refresh that gave a token, since we started.
    pub refreshed_at: Option<Timestamp>,
    /// The last refresh that did not, since the last that did.
    pub refused_at: Option<Timestamp>,
    /// Why not, since the last that did.
    pub refusal: Option<Refusal>,
    /// Refreshes refused in a row.
    pub refusals: u64,
    /// When the access token we hold ends.
    pub expires_at: Option<Timestamp>,
    /// The customer took the app out, and HubSpot said so: its journal, or the list of installs.
    pub uninstalled_at: Option<Timestamp>,
}

/// How the token endpoint refused, or why it could not be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// `BAD_REFRESH_TOKEN`, `invalid_grant`.
    RefreshToken,
    /// `BAD_CLIENT_SECRET`, `BAD_CLIENT_ID`, `invalid_client`.
    Client,
    /// HubSpot did not answer as a token endpoint does: 5xx, a page, no answer.
    NotServed,
    /// Our own secret source did not give what a refresh needs.
    NoSecret,
    /// A kind this version has no name for.
    #[serde(other)]
    Other,
}

impl Install {
    /// The latest refresh was refused in this way.
    pub(crate) fn is_refused_as(&self, refusal: Refusal) -> bool {
        self.refusal == Some(refusal)
    }
}
