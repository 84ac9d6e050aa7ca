//! OAuth as HubSpot speaks it: where a person consents, what is sent for a token, and what the answers mean.
//!
//! facts §5.2 [DOC manage-oauth-tokens; SPEC Oauth/279897/2026-03].

use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::error::{ApiError, ErrorKind};
use crate::secret::Secret;

pub mod introspect;

/// Where people consent.
pub const AUTHORIZE_URL: &str = "https://app.hubspot.com/oauth/authorize";
/// v1 stops on 2027-02-16 [CL v1-oauth-api-deprecation].
pub const TOKEN_PATH: &str = "/oauth/2026-03/token";

/// An app, as HubSpot knows it.
#[derive(Debug, Clone)]
pub struct Client {
    pub id: String,
    pub secret: Secret,
}

/// What a token is asked for with.
#[derive(Debug, Clone, Copy)]
pub enum Exchange<'a> {
    Refresh { refresh_token: &'a Secret },
    Code { code: &'a Secret, redirect_url: &'a str, verifier: &'a Secret },
}

/// A person's way to consent.
#[derive(Debug, Clone, Copy)]
pub struct Consent<'a> {
    /// [`AUTHORIZE_URL`], or a simulator's.
    pub authorize_url: &'a str,
    pub client_id: &'a str,
    pub redirect_url: &'a str,
    pub scopes: &'a [String],
    pub optional_scopes: &'a [String],
    pub state: &'a str,
    pub verifier: &'a Secret,
}

/// What a trade brings.
#[derive(Debug)]
pub struct Traded {
    pub access_token: Secret,
    /// Mostly the one that was sent. What comes back is what counts.
    pub refresh_token: Option<Secret>,
    /// How long the access token lives: 1,800 s at the time of writing, and never taken for granted.
    pub lives: Duration,
    pub portal_id: Option<u64>,
    pub scopes: Vec<String>,
}

/// Why there was no trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// This account's refresh token is dead: revoked, or the app was taken out. Concerns one account.
    RefreshTokenDead,
    /// The account itself is gone.
    AccountGone,
    /// Client id or secret are wrong. Concerns every account of the app, and is ours to mend.
    ClientUnknown,
    /// The endpoint throttles.
    Throttled { retry_after: Option<Duration> },
    /// No answer, or one that says nothing about the token.
    Unavailable,
    /// Anything else that was said no to.
    Refused,
}

impl Exchange<'_> {
    /// The form to send. It is wiped when it is dropped; the copy that goes on the wire is not ours to wipe.
    pub fn form(&self, client: &Client) -> Zeroizing<String> {
        let mut form = Zeroizing::new(String::with_capacity(1024));
        let mut put = |name: &str, value: &str| {
            if !form.is_empty() {
                form.push('&');
            }
            form.push_str(name);
            form.push('=');
            encode(value, &mut form);
        };
        match self {
            Self::Refresh { refresh_token } => {
                put("grant_type", "refresh_token");
                put("refresh_token", refresh_token.expose());
            }
            Self::Code { code, redirect_url, verifier } => {
                put("grant_type", "authorization_code");
                put("code", code.expose());
                put("redirect_uri", redirect_url);
                put("code_verifier", verifier.expose());
            }
        }
        put("client_id", &client.id);
        put("client_secret", client.secret.expose());
        form
    }
}

impl Consent<'_> {
    pub fn url(&self) -> String {
        let mut url = self.authorize_url.to_owned();
        let mut separator = '?';
        let mut put = |name: &str, value: &str| {
            url.push(std::mem::replace(&mut separator, '&'));
            url.push_str(name);
            url.push('=');
            encode(value, &mut url);
        };
        put("client_id", self.client_id);
        put("redirect_uri", self.redirect_url);
        put("scope", &self.scopes.join(" "));
        if !self.optional_scopes.is_empty() {
            put("optional_scope", &self.optional_scopes.join(" "));
        }
        put("state", self.state);
        put("code_challenge", &challenge(self.verifier));
        put("code_challenge_method", "S256");
        url
    }
}

/// RFC 7636: what of the verifier is shown before the code is.
pub fn challenge(verifier: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.expose().as_bytes()))
}

impl Traded {
    /// `None` for what is no token reply.
    pub fn read(body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Reply {
            access_token: String,
            refresh_token: Option<String>,
            expires_in: u64,
            hub_id: Option<u64>,
            #[serde(default)]
            scopes: Vec<String>,
        }
        let reply: Reply = serde_json::from_slice(body).ok()?;
        Some(Self {
            access_token: Secret::new(reply.access_token),
            refresh_token: reply.refresh_token.filter(|token| !token.is_empty()).map(Secret::new),
            lives: Duration::from_secs(reply.expires_in),
            portal_id: reply.hub_id,
            scopes: reply.scopes,
        })
    }
}

impl Trouble {
    /// Branches on `status`: the HTTP status is 400 for nearly all of them.
    pub fn of(error: &ApiError) -> Self {
        let said = |code: &str| error.codes.iter().any(|known| known == code);
        match error.kind {
            _ if said("BAD_HUB") => Self::AccountGone,
            ErrorKind::BadRefreshToken => Self::RefreshTokenDead,
            ErrorKind::BadClient => Self::ClientUnknown,
            kind if kind.is_throttle() => Self::Throttled { retry_after: error.retry_after },
            _ if error.status.is_server_error() || error.html => Self::Unavailable,
            _ => Self::Refused,
        }
    }

    /// Its name in logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RefreshTokenDead => "refresh_token_dead",
            Self::AccountGone => "account_gone",
            Self::ClientUnknown => "client_unknown",
            Self::Throttled { .. } => "throttled",
            Self::Unavailable => "unavailable",
            Self::Refused => "refused",
        }
    }

    /// Says that this one account is lost.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::RefreshTokenDead | Self::AccountGone)
    }
}

fn encode(value: &str, into: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            into.push('%');
            for digit in [byte >> 4, byte & 15] {
                into.extend(char::from_digit(u32::from(digit), 16).map(|digit| digit.to_ascii_uppercase()));
            }
        }
    }
}

#[cfg(test)]
mod tests;
