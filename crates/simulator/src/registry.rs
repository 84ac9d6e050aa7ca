//! The apps, tokens and refresh tokens HubSpot knows of.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::limits::allowance::AppKind;
use crate::scope;
use crate::seed::{Purpose, Seed};

/// facts §5.2 [DOC manage-oauth-tokens]: an access token lives 1,800 s.
pub const ACCESS_TOKEN_TTL_S: i64 = 1_800;
/// The app ids of the two apps every simulator starts with.
pub const PRIVATE_APP_ID: u64 = 1_042_217;
pub const OAUTH_APP_ID: u64 = 1_042_218;
const USER_ID: u64 = 9_586_504;

/// What one access token may do.
#[derive(Clone)]
pub struct Grant {
    pub token: String,
    /// Counts tokens in the order they were handed out.
    pub serial: u64,
    pub app_id: u64,
    pub portal_id: u64,
    pub user_id: u64,
    pub kind: AppKind,
    pub scopes: Vec<String>,
    pub issued_at: Timestamp,
    /// `None`: private-app tokens and service keys never expire (facts §5.3).
    pub expires_at: Option<Timestamp>,
}

/// What a refresh token or an authorization code can be traded for.
#[derive(Clone)]
pub struct Install {
    pub app_id: u64,
    pub portal_id: u64,
    pub kind: AppKind,
    pub scopes: Vec<String>,
    pub refresh_token: String,
    pub expires_in_s: i64,
}

/// A token to make known; what is `None` gets a value of its own.
#[derive(Debug)]
pub struct NewToken {
    pub token: Option<String>,
    pub app_id: u64,
    pub portal_id: u64,
    pub kind: AppKind,
    pub scopes: Option<Vec<String>>,
    pub expires_in_s: Option<i64>,
}

/// A registered token with everything its owner may want to use.
pub struct Registered {
    pub grant: Grant,
    /// OAuth apps only.
    pub install: Option<Install>,
    pub authorization_code: Option<String>,
}

pub struct Registry {
    seed: Seed,
    hosting: String,
    issued: u64,
    /// An app is one for good, whoever takes it out.
    apps: BTreeSet<u64>,
    grants: BTreeMap<String, Grant>,
    installs: BTreeMap<String, Install>,
    codes: BTreeMap<String, Code>,
    /// What a refresh token replaced: that one is good until the new one is used.
    replaced: BTreeMap<String, String>,
    rotation: Rotation,
}

/// Whether each renewal brings another refresh token. HubSpot's repeats the token (facts §5.2, one live test; its guide is
/// silent), and clients are told to keep whatever comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rotation {
    #[default]
    Repeats,
    Rotates,
}

/// An authorization code, and what it was asked for with.
#[derive(Clone)]
struct Code {
    install: Install,
    consent: Option<Consent>,
}

/// What the authorize page was called with, to be repeated with the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    pub redirect_uri: String,
    pub challenge: Option<String>,
}

/// What comes with a code.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    pub redirect_uri: Option<&'a str>,
    pub verifier: Option<&'a str>,
}

/// Why a code is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadCode {
    Unknown,
    RedirectUri,
    Verifier,
}

impl Registry {
    /// One private app with `default_token`, and one public OAuth app with a fresh install.
    pub fn new(seed: Seed, hosting: &str, portal_id: u64, now: Timestamp) -> Self {
        let mut registry = Self {
            seed,
            hosting: hosting.to_owned(),
            issued: 0,
            apps: BTreeSet::new(),
            grants: BTreeMap::new(),
            installs: BTreeMap::new(),
            codes: BTreeMap::new(),
            replaced: BTreeMap::new(),
            rotation: Rotation::default(),
        };
        let private = NewToken {
            token: Some(default_token(seed, hosting)),
            app_id: PRIVATE_APP_ID,
            portal_id,
            kind: AppKind::PrivateApp,
            scopes: None,
            expires_in_s: None,
        };
        registry.register(private, now);
        let oauth = NewToken {
            token: None,
            app_id: OAUTH_APP_ID,
            portal_id,
            kind: AppKind::PublicOauth,
            scopes: None,
            expires_in_s: None,
        };
        registry.register(oauth, now);
        registry
    }

    pub fn register(&mut self, new: NewToken, now: Timestamp) -> Registered {
        let index = self.next();
        self.apps.insert(new.app_id);
        let scopes = new.scopes.unwrap_or_else(scope::all);
        let expires_in_s = new.expires_in_s.or(new.kind.is_oauth().then_some(ACCESS_TOKEN_TTL_S));
        let token = new.token.unwrap_or_else(|| {
            if new.kind.is_oauth() {
                self.oauth_token(index)
            } else {
                format!("pat-{}-{}", self.hosting, self.seed.uuid(Purpose::AccessToken, index))
            }
        });
        let grant = Grant {
            token,
            serial: index,
            app_id: new.app_id,
            portal_id: new.portal_id,
            user_id: USER_ID,
            kind: new.kind,
            scopes: scopes.clone(),
            issued_at: now,
            expires_at: expires_in_s.map(|seconds| now + SignedDuration::from_secs(seconds)),
        };
        self.grants.insert(grant.token.clone(), grant.clone());
        if !new.kind.is_oauth() {
            return Registered { grant, install: None, authorization_code: None };
        }
        let install = Install {
            app_id: new.app_id,
            portal_id: new.portal_id,
            kind: new.kind,
            scopes,
            refresh_token: format!("{}-{}", self.hosting, self.seed.uuid(Purpose::RefreshToken, index)),
            expires_in_s: expires_in_s.unwrap_or(ACCESS_TOKEN_TTL_S),
        };
        let code = format!("{}-{}", self.hosting, self.seed.uuid(Purpose::AuthorizationCode, index));
        self.installs.insert(install.refresh_token.clone(), install.clone());
        self.codes.insert(code.clone(), Code { install: install.clone(), consent: None });
        Registered { grant, install: Some(install), authorization_code: Some(code) }
    }

    /// A fresh access token for an install.
    pub fn issue(&mut self, install: &Install, now: Timestamp) -> Grant {
        let index = self.next();
        let grant = Grant {
            token: self.oauth_token(index),
            serial: index,
            app_id: install.app_id,
            portal_id: install.portal_id,
            user_id: USER_ID,
            kind: install.kind,
            scopes: install.scopes.clone(),
            issued_at: now,
            expires_at: Some(now + SignedDuration::from_secs(install.expires_in_s)),
        };
        self.grants.insert(grant.token.clone(), grant.clone());
        grant
    }

    /// A token for an app by itself. It opens no account; what it is counted under is the first one of the app's.
    pub fn issue_for_app(&mut self, app_id: u64, scopes: Vec<String>, now: Timestamp) -> Grant {
        let index = self.next();
        let portal_id =
            self.grants.values().find(|grant| grant.app_id == app_id).map(|grant| grant.portal_id);
        let grant = Grant {
            token: self.oauth_token(index),
            serial: index,
            app_id,
            portal_id: portal_id.unwrap_or_default(),
            user_id: USER_ID,
            kind: AppKind::PrivateOauth,
            scopes,
            issued_at: now,
            expires_at: Some(now + SignedDuration::from_secs(ACCESS_TOKEN_TTL_S)),
        };
        self.grants.insert(grant.token.clone(), grant.clone());
        grant
    }

    pub fn grant(&self, token: &str) -> Option<&Grant> {
        self.grants.get(token)
    }

    pub fn install(&self, refresh_token: &str) -> Option<&Install> {
        self.installs.get(refresh_token)
    }

    /// The first refresh token handed out, that of the default OAuth app.
    pub fn default_install(&self) -> Option<&Install> {
        self.installs.values().find(|install| install.app_id == OAUTH_APP_ID)
    }

    /// Trades in an authorization code; each works once, whatever comes of it.
    ///
    /// # Errors
    /// [`BadCode`].
    pub fn redeem(&mut self, code: &str, shown: Shown<'_>) -> Result<Install, BadCode> {
        let Code { install, consent } = self.codes.remove(code).ok_or(BadCode::Unknown)?;
        let Some(consent) = consent else { return Ok(install) };
        if shown.redirect_uri != Some(&consent.redirect_uri) {
            return Err(BadCode::RedirectUri);
        }
        let fits =
            |challenge: &String| shown.verifier.is_some_and(|verifier| challenge_of(verifier) == *challenge);
        if consent.challenge.as_ref().is_some_and(|challenge| !fits(challenge)) {
            return Err(BadCode::Verifier);
        }
        Ok(install)
    }

    /// A person of an account consents to an app: the code to send back.
    pub fn consent(
        &mut self,
        app_id: u64,
        portal_id: u64,
        kind: AppKind,
        scopes: Vec<String>,
        consent: Consent,
    ) -> String {
        let index = self.next();
        let install = Install {
            app_id,
            portal_id,
            kind,
            scopes,
            refresh_token: format!("{}-{}", self.hosting, self.seed.uuid(Purpose::RefreshToken, index)),
            expires_in_s: ACCESS_TOKEN_TTL_S,
        };
        self.installs.insert(install.refresh_token.clone(), install.clone());
        let code = format!("{}-{}", self.hosting, self.seed.uuid(Purpose::AuthorizationCode, index));
        self.codes.insert(code.clone(), Code { install, consent: Some(consent) });
        code
    }

    pub fn set_rotation(&mut self, rotation: Rotation) {
        self.rotation = rotation;
    }

    /// The refresh token to answer a renewal with. Whoever comes with a token has surely got it, so that the one before it
    /// ends.
    pub fn renew(&mut self, install: &Install) -> Install {
        if let Some(before) = self.replaced.remove(&install.refresh_token) {
            self.installs.remove(&before);
        }
        match self.rotation {
            Rotation::Repeats => install.clone(),
            Rotation::Rotates => {
                let index = self.next();
                let refresh_token =
                    format!("{}-{}", self.hosting, self.seed.uuid(Purpose::RefreshToken, index));
                let next = Install { refresh_token, ..install.clone() };
                self.installs.insert(next.refresh_token.clone(), next.clone());
                self.replaced.insert(next.refresh_token.clone(), install.refresh_token.clone());
                next
            }
        }
    }

    /// The account takes an app out: none of its tokens is good any more.
    pub fn uninstall(&mut self, app_id: u64, portal_id: u64) {
        let of_it = |app: u64, portal: u64| app == app_id && portal == portal_id;
        self.grants.retain(|_, grant| !of_it(grant.app_id, grant.portal_id));
        self.installs.retain(|_, install| !of_it(install.app_id, install.portal_id));
        self.codes.retain(|_, code| !of_it(code.install.app_id, code.install.portal_id));
    }

    /// The app that goes by a client id.
    pub fn app_of_client(&self, client_id: &str) -> Option<u64> {
        self.apps.iter().copied().find(|app_id| self.client(*app_id).0 == client_id)
    }

    /// Forgets an access token or a refresh token; true where there was one.
    pub fn revoke(&mut self, token: &str) -> Revoked {
        if self.grants.remove(token).is_some() || self.installs.remove(token).is_some() {
            Revoked::Known
        } else {
            Revoked::Unknown
        }
    }

    /// The serial of the youngest token.
    pub const fn issued(&self) -> u64 {
        self.issued
    }

    pub fn grants(&self) -> impl Iterator<Item = &Grant> {
        self.grants.values()
    }

    /// The client id and secret of an app.
    pub fn client(&self, app_id: u64) -> (String, String) {
        client(self.seed, app_id)
    }

    fn next(&mut self) -> u64 {
        self.issued += 1;
        self.issued
    }

    /// OAuth access tokens are opaque and change size (facts §5.2); this is as long as the usual ones.
    fn oauth_token(&self, index: u64) -> String {
        format!("C{}", self.seed.hex(Purpose::AccessToken, index, 180))
    }
}

/// Was there such a token?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    Known,
    Unknown,
}

/// `pat-na1-…`: the private-app token every simulator of this seed knows.
pub fn default_token(seed: Seed, hosting: &str) -> String {
    format!("pat-{hosting}-{}", seed.uuid(Purpose::AccessToken, 0))
}

/// The client id and secret of an app.
pub fn client(seed: Seed, app_id: u64) -> (String, String) {
    (seed.uuid(Purpose::ClientId, app_id), seed.uuid(Purpose::ClientSecret, app_id))
}

/// RFC 7636, S256.
fn challenge_of(verifier: &str) -> String {
    use base64::Engine;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)
}

/// A name for a token that does not give it away: its kind and a hash (FNV-1a, folded).
pub fn fingerprint(token: &str) -> String {
    let hash = token.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let kind = if token.starts_with("pat-") { "pat" } else { "oauth" };
    format!("{kind}-{:08x}", (hash >> 32) ^ (hash & 0xffff_ffff))
}
