//! One HTTP exchange, as far as a diagnosis needs it. It never holds a message text: those may name people.

use hubspot::error::ErrorKind;
use serde::{Deserialize, Serialize};

use super::error_kind;

/// One question to HubSpot and what came back.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Exchange {
    /// `None` where no answer came; then `failure` says why.
    pub status: Option<u16>,
    pub failure: Option<Failure>,
    #[serde(with = "error_kind")]
    pub kind: Option<ErrorKind>,
    pub category: Option<String>,
    /// `errors[].code` and its like.
    pub codes: Vec<String>,
    /// Scopes a 403 asked for; any one is enough.
    pub required_scopes: Vec<String>,
    /// The body was an HTML page.
    pub html: bool,
    /// The body was JSON with a mark only HubSpot leaves: a `correlationId`, a `category`, a `portalId`.
    pub hubspot_shaped: bool,
    pub correlation_id: Option<String>,
    pub retry_after_s: Option<u64>,
    /// The certificate was not believed: only the `Date` of this answer is worth reading.
    pub unverified: bool,
    pub via: Option<String>,
    pub cf_ray: Option<String>,
    pub server: Option<String>,
    /// Until the connection stood; `None` where an open one was used again.
    pub connect_ms: Option<u64>,
    /// From the request sent to the first byte of the answer.
    pub first_byte_ms: Option<u64>,
}

/// Why no whole answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    Dns,
    Connect,
    Tls,
    Timeout,
    Reset,
    /// Reset on the first use of a connection that had been idle.
    ResetAfterIdle,
    Truncated,
    /// What came was not HTTP.
    Malformed,
    /// A kind this version has no name for.
    #[serde(other)]
    Unknown,
}

impl Exchange {
    /// A 2xx arrived whole.
    pub fn is_ok(&self) -> bool {
        self.failure.is_none() && self.status.is_some_and(|status| (200..300).contains(&status))
    }

    pub(crate) fn is_kind(&self, kind: ErrorKind) -> bool {
        self.kind == Some(kind)
    }

    /// Something between us and HubSpot's edge wrote this: 407, or a page that came through a named proxy.
    pub(crate) fn is_from_proxy(&self) -> bool {
        self.is_kind(ErrorKind::Proxy)
            || self.status == Some(407)
            || ((!self.is_ok() || self.html)
                && !self.hubspot_shaped
                && self.via.is_some()
                && self.cf_ray.is_none())
    }

    /// HubSpot's edge refused us before its API could answer, or put a page of its own in its place.
    pub(crate) fn is_edge_refusal(&self) -> bool {
        let refused = matches!(self.status, Some(403 | 406 | 429)) || (self.is_ok() && self.cf_ray.is_some());
        refused && !self.hubspot_shaped && self.html && !self.is_from_proxy()
    }

    /// HubSpot, or the edge in front of it, failed: a 5xx, or no whole answer on a connection that stood.
    pub fn is_server_failure(&self) -> bool {
        let broken = matches!(
            self.failure,
            Some(Failure::Timeout | Failure::Reset | Failure::Truncated | Failure::Malformed)
        );
        let status = self.status.is_some_and(|status| (500..600).contains(&status));
        (broken || status) && !self.is_throttle() && !self.is_from_proxy() && !self.is_edge_refusal()
    }

    pub(crate) fn is_throttle(&self) -> bool {
        matches!(
            self.kind,
            Some(
                ErrorKind::BurstLimit
                    | ErrorKind::SearchLimit
                    | ErrorKind::DailyLimit
                    | ErrorKind::OtherLimit
            )
        )
    }

    /// `401 INVALID_AUTHENTICATION`, `no answer (timeout)`, `200`.
    pub(crate) fn describe(&self) -> String {
        let Some(status) = self.status else {
            return self
                .failure
                .map_or_else(|| "no answer".into(), |why| format!("no answer ({})", why.name()));
        };
        let mut text = status.to_string();
        if let Some(category) = &self.category {
            text.push(' ');
            text.push_str(category);
        } else if self.html {
            text.push_str(" with an HTML page");
        }
        if let Some(failure) = self.failure {
            text.push_str(&format!(" ({})", failure.name()));
        }
        text
    }
}

impl Failure {
    /// Its name in evidence.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::ResetAfterIdle => "reset after idle",
            Self::Truncated => "truncated",
            Self::Malformed => "not HTTP",
            Self::Unknown => "unknown",
        }
    }
}
