//! The apps, tokens and refresh tokens HubSpot knows of.

use std::collections::BTreeMap;

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
    grants: BTreeMap<String, Grant>,
    installs: BTreeMap<String, Install>,
    codes: BTreeMap<String, Install>,
}

impl Registry {
    /// One private app with `default_token`, and one public OAuth app with a fresh install.
    pub fn new(seed: Seed, hosting: &str, portal_id: u64, now: Timestamp) -> Self {
        let mut registry = Self {
            seed,
            hosting: hosting.to_owned(),
            issued: 0,
            grants: BTreeMap::new(),
            installs: BTreeMap::new(),
            codes: BTreeMap::new(),
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
        self.codes.insert(code.clone(), install.clone());
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

    /// The app of a client id, among those that hold tokens.
    pub fn app_of(&self, client_id: &str) -> Option<u64> {
        self.grants.values().map(|grant| grant.app_id).find(|app_id| self.client(*app_id).0 == client_id)
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

    /// Trades in an authorization code; each works once.
    pub fn redeem(&mut self, code: &str) -> Option<Install> {
        self.codes.remove(code)
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

/// A name for a token that does not give it away: its kind and a hash (FNV-1a, folded).
pub fn fingerprint(token: &str) -> String {
    let hash = token.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let kind = if token.starts_with("pat-") { "pat" } else { "oauth" };
    format!("{kind}-{:08x}", (hash >> 32) ^ (hash & 0xffff_ffff))
}
