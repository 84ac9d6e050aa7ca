//! Whom a fault strikes: every filter that is given must fit, then the rate decides.

use super::catalogue::Param;
use super::params::{BadParam, Params};
use crate::arrival::Arrival;
use crate::registry::fingerprint;
use crate::route::{Family, object_name};
use crate::seed::Purpose;

/// The parameters every fault takes beside its own.
pub const PARAMS: &[Param] = &[
    Param { name: "rate", meaning: "share of the calls struck, 0 to 1", default: "1" },
    Param {
        name: "family",
        meaning: "API family (objects, search, …) or object type (deals, 0-3)",
        default: "all",
    },
    Param { name: "path_prefix", meaning: "only paths that begin so", default: "all" },
    Param { name: "method", meaning: "only this HTTP method", default: "all" },
    Param { name: "token", meaning: "only this access token, or its fingerprint", default: "all" },
    Param { name: "portal", meaning: "only this portal id", default: "all" },
    Param { name: "for_seconds", meaning: "ends by itself after this long", default: "never" },
    Param { name: "after_seconds", meaning: "begins this much later", default: "0" },
];

#[derive(Debug, Clone, PartialEq)]
pub struct Aim {
    rate: f64,
    family: Option<String>,
    path_prefix: Option<String>,
    method: Option<String>,
    token_fingerprint: Option<String>,
    pub portal_id: Option<u64>,
}

/// What a kind of fault aims at when it is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultAim {
    Everyone,
    DefaultToken,
    DefaultPortal,
}

impl Aim {
    pub fn read(params: Params<'_>) -> Result<Self, BadParam> {
        Ok(Self {
            rate: params.share("rate")?.unwrap_or(1.0),
            family: params.text("family")?.map(family).transpose()?,
            path_prefix: params.text("path_prefix")?.map(str::to_owned),
            method: params.text("method")?.map(str::to_ascii_uppercase),
            token_fingerprint: params.text("token")?.map(token_fingerprint),
            portal_id: params.whole("portal")?,
        })
    }

    #[must_use]
    pub fn or_default(mut self, default: DefaultAim, token: &str, portal_id: u64) -> Self {
        let unaimed = self.token_fingerprint.is_none() && self.portal_id.is_none();
        match default {
            DefaultAim::DefaultToken if unaimed => self.token_fingerprint = Some(fingerprint(token)),
            DefaultAim::DefaultPortal if unaimed => self.portal_id = Some(portal_id),
            DefaultAim::Everyone | DefaultAim::DefaultToken | DefaultAim::DefaultPortal => {}
        }
        self
    }

    /// Leaves the choice of family to the kind, which has its own meaning for it.
    #[must_use]
    pub fn without_family(mut self) -> Self {
        self.family = None;
        self
    }

    pub fn strikes(&self, fault_id: u64, arrival: &Arrival<'_>) -> bool {
        self.fits(arrival) && (self.rate >= 1.0 || arrival.draw(Purpose::FaultRate, fault_id) < self.rate)
    }

    /// Does it aim at this token, whatever the call?
    pub fn covers_token(&self, token_fingerprint: &str, portal_id: u64) -> bool {
        self.token_fingerprint.as_deref().is_none_or(|token| token == token_fingerprint)
            && self.portal_id.is_none_or(|portal| portal == portal_id)
    }

    fn fits(&self, arrival: &Arrival<'_>) -> bool {
        self.family.as_deref().is_none_or(|family| arrival.route.is_about(family))
            && self.path_prefix.as_deref().is_none_or(|prefix| arrival.call.path.starts_with(prefix))
            && self.method.as_deref().is_none_or(|method| arrival.call.method.as_str() == method)
            && self.token_fingerprint.as_deref().is_none_or(|token| arrival.is_from(token))
            && self.portal_id.is_none_or(|portal| arrival.portal_id == Some(portal))
    }
}

/// A token is kept by its fingerprint alone; a fingerprint may be given in its place.
pub fn token_fingerprint(token: &str) -> String {
    let is_fingerprint = |rest: &str| rest.len() == 8 && rest.bytes().all(|byte| byte.is_ascii_hexdigit());
    match token.split_once('-') {
        Some(("pat" | "oauth", rest)) if is_fingerprint(rest) => token.to_owned(),
        _ => fingerprint(token),
    }
}

fn family(text: &str) -> Result<String, BadParam> {
    let is_family = Family::ALL.iter().any(|family| family.name() == text);
    let name = object_name(text);
    let is_type = name != text || name.ends_with('s') || name.starts_with("2-") || name.starts_with("p_");
    if is_family || is_type {
        return Ok(name.to_owned());
    }
    let names: Vec<&str> = Family::ALL.iter().map(|family| family.name()).collect();
    Err(BadParam {
        name: "family".to_owned(),
        wanted: format!("an object type (contacts, deals, 0-3, 2-123) or one of {}", names.join(", ")),
    })
}
