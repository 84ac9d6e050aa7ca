//! Writes that are kept, and keys that make a write count once.

use std::time::Duration;

use http::StatusCode;
use store::failure::{Refusing, StoreError};

use super::Refusal;

impl Refusal {
    pub(crate) fn key_used_otherwise() -> Self {
        let message = "This Idempotency-Key was sent before with another method, path or body. Nothing was sent to \
                       HubSpot. Send each write with a key of its own.";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "HUBKEEPER_KEY_USED_OTHERWISE", message)
    }

    pub(crate) fn key_in_progress() -> Self {
        let message = "The write with this Idempotency-Key is still under way. Send it again for its answer.";
        Self::new(StatusCode::CONFLICT, "HUBKEEPER_KEY_IN_PROGRESS", message).after(Duration::from_secs(1))
    }

    pub(crate) fn key_in_doubt() -> Self {
        let message = "The write with this Idempotency-Key was sent, and its answer was lost: it may have been applied. It \
                       was not sent again. Look into HubSpot before you send it with a new key.";
        Self::new(StatusCode::CONFLICT, "HUBKEEPER_OUTCOME_UNKNOWN", message)
    }

    pub(crate) fn key_not_settled() -> Self {
        let message = "The write with this Idempotency-Key was sent, and its answer was lost. HubSpot could not be asked now \
                       whether it was applied. Send it again: it is looked for first.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "HUBKEEPER_NOT_SETTLED", message)
            .after(Duration::from_secs(5))
    }

    pub(crate) fn too_large_to_keep(max: usize) -> Self {
        let message = format!(
            "The request's body is larger than {max} bytes, which is what can be kept with an Idempotency-Key. Send it in parts."
        );
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "HUBKEEPER_BODY_TOO_LARGE", message).closing()
    }

    /// The store did not take it.
    pub(crate) fn not_kept(error: &StoreError) -> Self {
        let message = match error {
            StoreError::NotAccepted(Refusing::DiskFull) => {
                "The gateway's disk is full: the write was not accepted, and nothing was sent to HubSpot. What was accepted \
                 before is still being applied. Make room, or send it without Prefer and Idempotency-Key."
            }
            StoreError::NotAccepted(Refusing::Unreachable(_)) => {
                "The gateway's store cannot be reached at the moment: the write was not accepted, and nothing was sent to \
                 HubSpot. Send it again."
            }
            StoreError::NotAccepted(Refusing::Broken(_) | Refusing::Closed) => {
                "The gateway's store cannot be written: the write was not accepted, and nothing was sent to HubSpot. Send it \
                 again later; the gateway's log says what is wrong with its store."
            }
            StoreError::OutcomeUnknown(_) | StoreError::Unreadable(_) | StoreError::Damaged { .. } => {
                "Whether the write was accepted is not known: the gateway's store failed on it. With an Idempotency-Key it \
                 can be sent again safely; without one, look before you do."
            }
        };
        let after = Duration::from_secs(10);
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "HUBKEEPER_NOT_KEPT", message).after(after)
    }

    /// The store does not tell how an operation stands.
    pub(crate) fn not_told() -> Self {
        let message =
            "The gateway's store failed, so that it is not known how the operation stands. Ask again.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "HUBKEEPER_NOT_KEPT", message)
            .after(Duration::from_secs(5))
    }

    pub(crate) fn unknown_reader() -> Self {
        let message = "Whose operation this is cannot be told. Ask with the token that the write was sent with, as \
                       `Authorization: Bearer TOKEN`.";
        Self::new(StatusCode::UNAUTHORIZED, "HUBKEEPER_UNKNOWN_CALLER", message)
    }

    pub(crate) fn no_such_operation() -> Self {
        let message = "There is no such operation, or it is another caller's.";
        Self::new(StatusCode::NOT_FOUND, "HUBKEEPER_NO_SUCH_OPERATION", message)
    }

    pub(crate) fn operation_method() -> Self {
        let message = "Operations are read with GET, and taken back with DELETE while they wait.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "HUBKEEPER_BAD_REQUEST", message)
    }

    pub(crate) fn too_late_to_cancel() -> Self {
        let message = "The operation is being sent, or has ended already: it cannot be taken back.";
        Self::new(StatusCode::CONFLICT, "HUBKEEPER_TOO_LATE", message)
    }
}
