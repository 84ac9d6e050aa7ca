//! What became of a delivery, and what its sender is answered.

use http::StatusCode;
use hubspot::signature::Refusal;
use store::failure::StoreError;

use super::verify::{is_untimely, may_be_our_mistake};
use crate::event::NoDelivery;
use crate::workflow::Sender;

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// On the disk; `new` of the events had not come before.
    Kept { events: usize, new: usize },
    /// Neither an array of events nor what a workflow sends.
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

    pub const fn status(&self, sender: Sender) -> StatusCode {
        match self {
            Self::Kept { .. } => StatusCode::OK,
            Self::NoDelivery(_) => StatusCode::BAD_REQUEST,
            Self::Forged(refusal) if may_be_our_mistake(*refusal) || is_untimely(*refusal) => {
                refused(sender, StatusCode::UNAUTHORIZED)
            }
            Self::Forged(_) => StatusCode::UNAUTHORIZED,
            Self::UnknownConnection => refused(sender, StatusCode::NOT_FOUND),
            Self::Doubtful { .. } | Self::NotKept(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// Our secret, address, clock or configuration may be to blame: it is to be sent again. A workflow never repeats what is answered
/// with such a 4xx. hubspot-facts §6.5.
const fn refused(sender: Sender, status: StatusCode) -> StatusCode {
    match sender {
        Sender::App => status,
        Sender::Workflow => StatusCode::SERVICE_UNAVAILABLE,
    }
}
