//! What became of a delivery, and what its sender is answered.

use http::StatusCode;
use hubspot::signature::Refusal;
use store::failure::StoreError;

use crate::event::NoDelivery;

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// On the disk; `new` of the events had not come before.
    Kept { events: usize, new: usize },
    /// No array of events.
    NoDelivery(NoDelivery),
    /// Nobody we know signed it.
    Forged(Refusal),
    /// It looks like a delivery for one of our apps, but the signature does not fit: more likely our secret or address
    /// is wrong than that somebody knows the app's and the portal's number. HubSpot will try again.
    Doubtful { connection: String, refusal: Refusal },
    /// The path names a connection that takes no webhooks.
    UnknownConnection,
    /// Genuine, and not kept: HubSpot will try again.
    NotKept(StoreError),
}

impl Outcome {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Kept { .. } => "kept",
            Self::NoDelivery(_) => "no_delivery",
            Self::Forged(_) => "forged",
            Self::Doubtful { .. } => "doubtful",
            Self::UnknownConnection => "unknown_connection",
            Self::NotKept(_) => "not_kept",
        }
    }

    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Kept { .. } => StatusCode::OK,
            Self::NoDelivery(_) => StatusCode::BAD_REQUEST,
            Self::Forged(_) => StatusCode::UNAUTHORIZED,
            Self::UnknownConnection => StatusCode::NOT_FOUND,
            Self::Doubtful { .. } | Self::NotKept(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}
