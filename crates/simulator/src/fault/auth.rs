//! Tokens, scopes and rights.

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};

use super::aim::DefaultAim;
use super::catalogue::{Kind, Param, Scene};
use super::params::{BadParam, Params};
use super::{Effect, FaultBook, Strike, quota};
use crate::arrival::Arrival;
use crate::auth;
use crate::config::Plan;
use crate::refusal::Refusal;
use crate::registry::{Grant, fingerprint};
use crate::route::{Family, object_name};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    Revoked,
    /// A newer token has taken the place of every one with this serial or a lower one.
    Rotated {
        serial_max: u64,
    },
    /// Every token with this serial or a lower one.
    Expired {
        serial_max: u64,
    },
    /// Scopes that name this object type or feature are gone.
    WithoutScopes {
        family: String,
    },
    /// The token is another account's.
    OfPortal(u64),
    CreatorLostRights,
    /// Features above the plan answer 403.
    TierFeaturesOff,
}

pub const KINDS: &[Kind] = &[
    Kind {
        code: "auth.token_revoked",
        id: Some("F01"),
        seen: "401 INVALID_AUTHENTICATION on every route of one token; other tokens work",
        aims_at: DefaultAim::DefaultToken,
        family: None,
        params: &[],
        build: |_, _| Ok(vec![Effect::Auth(Trouble::Revoked)]),
    },
    Kind {
        code: "auth.token_stale",
        id: Some("F02"),
        seen: "401 INVALID_AUTHENTICATION for tokens handed out before the fault; one handed out since works",
        aims_at: DefaultAim::DefaultPortal,
        family: None,
        params: &[],
        build: |_, scene| Ok(vec![Effect::Auth(Trouble::Rotated { serial_max: scene.tokens_issued })]),
    },
    Kind {
        code: "auth.token_expired",
        id: Some("F03"),
        seen: "401 EXPIRED_AUTHENTICATION for tokens issued before the fault; a refresh gives one that works",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[],
        build: |_, scene| Ok(vec![Effect::Auth(Trouble::Expired { serial_max: scene.tokens_issued })]),
    },
    Kind {
        code: "auth.missing_scope",
        id: Some("F08"),
        seen: "403 MISSING_SCOPES in one family, the scopes named; others answer 200",
        aims_at: DefaultAim::Everyone,
        family: Some("deals"),
        params: &[],
        build: |params, _| {
            let family = object_name(params.text("family")?.unwrap_or("deals")).to_owned();
            Ok(vec![Effect::Auth(Trouble::WithoutScopes { family })])
        },
    },
    Kind {
        code: "auth.user_permissions",
        id: Some("F09"),
        seen: "403 USER_DOES_NOT_HAVE_PERMISSIONS on associations; scopes and token unchanged",
        aims_at: DefaultAim::Everyone,
        family: Some("associations"),
        params: &[],
        build: |_, _| Ok(vec![Effect::Auth(Trouble::CreatorLostRights)]),
    },
    Kind {
        code: "account.tier",
        id: Some("F10"),
        seen: "limit headers drop to those of a lower plan; custom objects and schemas answer 403",
        aims_at: DefaultAim::DefaultPortal,
        family: None,
        params: &[Param { name: "plan", meaning: "the plan the account falls to", default: "free" }],
        build: downgrade,
    },
    Kind {
        code: "auth.wrong_account",
        id: Some("F11"),
        seen: "200s, another portalId in the account details, known ids answer 404",
        aims_at: DefaultAim::DefaultToken,
        family: None,
        params: &[Param {
            name: "to_portal",
            meaning: "the account the token belongs to",
            default: "another",
        }],
        build: |params, scene| {
            let other = params.whole("to_portal")?.unwrap_or(scene.portal_id + 1_117);
            Ok(vec![Effect::Auth(Trouble::OfPortal(other))])
        },
    },
];

fn downgrade(params: Params<'_>, _: &Scene<'_>) -> Result<Vec<Effect>, BadParam> {
    let plan = match params.word("plan", &["free", "starter", "professional"])? {
        Some("professional") => Plan::Professional,
        Some("starter") => Plan::Starter,
        _ => Plan::Free,
    };
    Ok(vec![Effect::Quota(quota::Trouble::Plan(plan)), Effect::Auth(Trouble::TierFeaturesOff)])
}

/// A token's grant as the faults that strike this call leave it.
pub fn alter(grant: Grant, strikes: &[Strike], now: Timestamp) -> Result<Grant, Refusal> {
    strikes.iter().try_fold(grant, |grant, strike| {
        let Effect::Auth(trouble) = &strike.effect else { return Ok(grant) };
        suffer(trouble, strike.since, grant, now)
    })
}

/// The same for somebody who asks about the token instead of using it: introspection.
pub fn look(grant: Grant, faults: &FaultBook, now: Timestamp) -> Option<Grant> {
    let (name, portal_id) = (fingerprint(&grant.token), grant.portal_id);
    let mut troubles =
        faults.active_effects(now).filter(|(fault, _)| fault.aim.covers_token(&name, portal_id));
    troubles.try_fold(grant, |grant, (fault, effect)| {
        let Effect::Auth(trouble) = effect else { return Some(grant) };
        suffer(trouble, fault.from, grant, now).ok()
    })
}

fn suffer(trouble: &Trouble, since: Timestamp, mut grant: Grant, now: Timestamp) -> Result<Grant, Refusal> {
    match trouble {
        Trouble::Revoked => return Err(auth::invalid()),
        Trouble::Rotated { serial_max } if grant.serial <= *serial_max => return Err(auth::invalid()),
        Trouble::Expired { serial_max } if grant.serial <= *serial_max => {
            return Err(auth::expired(since - SignedDuration::from_secs(1), now));
        }
        Trouble::WithoutScopes { family } => {
            let dotted = format!(".{family}.");
            grant.scopes.retain(|scope| scope != family && !scope.contains(&dotted));
        }
        Trouble::OfPortal(portal_id) => grant.portal_id = *portal_id,
        Trouble::Rotated { .. }
        | Trouble::Expired { .. }
        | Trouble::CreatorLostRights
        | Trouble::TierFeaturesOff => {}
    }
    Ok(grant)
}

/// Rights that are missing although the scopes are there.
pub fn forbid(strikes: &[Strike], arrival: &Arrival<'_>) -> Option<Refusal> {
    strikes.iter().find_map(|strike| {
        let Effect::Auth(trouble) = &strike.effect else { return None };
        match trouble {
            Trouble::CreatorLostRights => Some(
                Refusal::new(StatusCode::FORBIDDEN, "User does not have permissions to perform this action.")
                    .category("USER_DOES_NOT_HAVE_PERMISSIONS"),
            ),
            // The category of this 403 is unconfirmed, so none is sent; every field is optional (facts §2.1).
            Trouble::TierFeaturesOff if is_tier_feature(arrival) => Some(Refusal::new(
                StatusCode::FORBIDDEN,
                "This account's subscription does not include custom objects.",
            )),
            Trouble::TierFeaturesOff
            | Trouble::Revoked
            | Trouble::Rotated { .. }
            | Trouble::Expired { .. }
            | Trouble::WithoutScopes { .. }
            | Trouble::OfPortal(_) => None,
        }
    })
}

/// Custom objects and their schemas come with Enterprise (facts §3.7).
fn is_tier_feature(arrival: &Arrival<'_>) -> bool {
    let custom = |name: &str| name.starts_with("2-") || name.starts_with("p_");
    arrival.route.family == Family::Schemas || arrival.route.object_type.as_deref().is_some_and(custom)
}
