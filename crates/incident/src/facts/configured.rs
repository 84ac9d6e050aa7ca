//! What we were told to expect.

use hubspot::limits::Plan;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Settings and the moment of asking.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Configured {
    /// When the diagnosis began, by our own clock.
    pub now: Timestamp,
    /// The address we call, without credentials.
    pub upstream: String,
    pub upstream_kind: UpstreamKind,
    /// The portal we should be talking to.
    pub portal_id: Option<u64>,
    /// The subscription the portal should have.
    pub plan: Option<Plan>,
    pub token: TokenKind,
    /// Where the portal's data lives (`na1`, `eu1`, …), where the token or the configuration says so.
    pub hosting: Option<String>,
}

/// What sort of host the upstream is. A custom one is legitimate in tests and development: only its answers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamKind {
    /// `api.hubapi.com`, the only API host for every region (facts §5.1 [SPEC scan]).
    #[default]
    HubSpot,
    /// Under a HubSpot domain, but no API host that is documented: `api-eu1.hubapi.com`.
    HubSpotLookalike,
    Loopback,
    Custom,
}

/// The credential the probes used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// None was given: nothing behind the front door can be judged.
    #[default]
    Absent,
    /// `pat-…`: a private app or service key. It does not expire (facts §5.3).
    Static,
    /// An OAuth access token, good for 30 minutes (facts §5.2).
    OAuth,
    /// Not the form of any HubSpot token.
    Unrecognised,
}

impl UpstreamKind {
    /// Judges a host name or address literal.
    pub fn of(host: &str) -> Self {
        let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        let under = |domain: &str| host == domain || host.ends_with(&format!(".{domain}"));
        let loopback = host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
        if loopback || under("localhost") {
            Self::Loopback
        } else if host == "api.hubapi.com" {
            Self::HubSpot
        } else if under("hubapi.com") || under("hubspot.com") {
            Self::HubSpotLookalike
        } else {
            Self::Custom
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("api.hubapi.com", UpstreamKind::HubSpot)]
    #[case("API.hubapi.com.", UpstreamKind::HubSpot)]
    #[case("api-eu1.hubapi.com", UpstreamKind::HubSpotLookalike)]
    #[case("app.hubspot.com", UpstreamKind::HubSpotLookalike)]
    #[case("nothubapi.com", UpstreamKind::Custom)]
    #[case("127.0.0.1", UpstreamKind::Loopback)]
    #[case("[::1]", UpstreamKind::Loopback)]
    #[case("localhost", UpstreamKind::Loopback)]
    #[case("hubspot.internal", UpstreamKind::Custom)]
    fn hosts_are_judged(#[case] host: &str, #[case] kind: UpstreamKind) {
        assert_eq!(UpstreamKind::of(host), kind);
    }
}
