//! The token endpoint refusing to trade, and HubSpot's authentication failing as a whole.

use super::aim::DefaultAim;
use super::catalogue::Kind;
use super::{Effect, FaultBook, Strike};
use crate::auth;
use crate::refusal::Refusal;
use crate::registry::Install;
use jiff::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The customer's refresh token is no longer good; access tokens live out their time.
    RefreshRevoked,
    /// The customer took the app out: neither tokens nor events any more.
    Uninstalled,
    /// The app's secret is not the one HubSpot has.
    SecretWrong,
    /// Client id and secret are of different apps.
    ClientUnknown,
    /// HubSpot knows no token of anyone's, and cannot be asked about one.
    NobodyKnown,
}

/// Why a trade is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TradeRefused {
    RefreshToken,
    ClientSecret,
    ClientId,
}

pub const KINDS: &[Kind] = &[
    Kind {
        code: "auth.refresh_revoked",
        id: Some("F04"),
        seen: "400 BAD_REFRESH_TOKEN for one account's install; others refresh, access tokens live out their time",
        aims_at: DefaultAim::DefaultPortal,
        family: None,
        params: &[],
        build: |_, _| Ok(vec![Effect::Grants(Trouble::RefreshRevoked)]),
    },
    Kind {
        code: "auth.uninstalled",
        id: Some("F05"),
        seen: "400 BAD_REFRESH_TOKEN and 401 for one account's install, and its webhooks stop",
        aims_at: DefaultAim::DefaultPortal,
        family: None,
        params: &[],
        build: |_, _| Ok(vec![Effect::Grants(Trouble::Uninstalled)]),
    },
    Kind {
        code: "auth.client_secret",
        id: Some("F06"),
        seen: "400 invalid_client (BAD_CLIENT_SECRET) to every trade; access tokens live out their time",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[],
        build: |_, _| Ok(vec![Effect::Grants(Trouble::SecretWrong)]),
    },
    Kind {
        code: "auth.client_mismatch",
        id: Some("F07"),
        seen: "400 invalid_client (BAD_CLIENT_ID) to every trade",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[],
        build: |_, _| Ok(vec![Effect::Grants(Trouble::ClientUnknown)]),
    },
    Kind {
        code: "hubspot.auth_outage",
        id: Some("F12"),
        seen: "401 INVALID_AUTHENTICATION to every token of every account; introspection answers 500",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[],
        build: |_, _| Ok(vec![Effect::Grants(Trouble::NobodyKnown)]),
    },
];

/// Why this install may not trade now.
pub fn trade_refused(faults: &FaultBook, install: &Install, now: Timestamp) -> Option<TradeRefused> {
    faults.active_effects(now).find_map(|(fault, effect)| {
        let Effect::Grants(trouble) = effect else { return None };
        if fault.aim.portal_id.is_some_and(|portal_id| portal_id != install.portal_id) {
            return None;
        }
        match trouble {
            Trouble::RefreshRevoked | Trouble::Uninstalled => Some(TradeRefused::RefreshToken),
            Trouble::SecretWrong => Some(TradeRefused::ClientSecret),
            Trouble::ClientUnknown => Some(TradeRefused::ClientId),
            Trouble::NobodyKnown => None,
        }
    })
}

/// The 401 to a call whose token is good.
pub fn unknown_to_hubspot(strikes: &[Strike]) -> Option<Refusal> {
    let struck = strikes
        .iter()
        .any(|strike| matches!(strike.effect, Effect::Grants(Trouble::NobodyKnown | Trouble::Uninstalled)));
    struck.then(auth::invalid)
}

/// Does this account's install get no events any more?
pub fn hears_nothing(faults: &FaultBook, portal_id: u64, now: Timestamp) -> bool {
    faults.active_effects(now).any(|(fault, effect)| {
        matches!(effect, Effect::Grants(Trouble::Uninstalled))
            && fault.aim.portal_id.is_none_or(|aimed| aimed == portal_id)
    })
}

/// Can nobody ask about a token?
pub fn introspection_is_down(strikes: &[Strike]) -> bool {
    strikes.iter().any(|strike| matches!(strike.effect, Effect::Grants(Trouble::NobodyKnown)))
}
