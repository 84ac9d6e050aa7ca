//! A connection that cannot be called with, or is not there.

use std::time::Duration;

use client::accounts::Lack;
use http::StatusCode;

use super::Refusal;

/// A renewal is tried again within seconds.
const RENEWAL: Duration = Duration::from_secs(10);

impl Refusal {
    pub(super) fn no_token(connection: &str, lack: &Lack, outcome: &str) -> Self {
        match lack {
            Lack::Authorisation { at } => {
                let message = format!(
                    "The connection `{connection}` has to be authorised in HubSpot again: a person opens {at}. {outcome}"
                );
                Self::new(StatusCode::UNAUTHORIZED, "HUBKEEPER_NOT_AUTHORISED", message)
            }
            Lack::Renewal => {
                let message = format!(
                    "HubSpot does not renew the access token of the connection `{connection}` at the moment; it is being \
                     asked again. {outcome}"
                );
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "HUBKEEPER_TOKEN_RENEWAL", message).after(RENEWAL)
            }
        }
    }

    pub(crate) fn no_such_connection() -> Self {
        let hint = "It names none of the [[connections]] in the configuration.";
        Self::bad_header("X-Hubkeeper-Connection", hint)
    }
}
