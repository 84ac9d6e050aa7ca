//! Who calls, and with which credential the call goes on.

use std::collections::HashMap;
use std::sync::Arc;

use client::accounts::{Connection, Credential};
use http::{HeaderMap, HeaderValue, header};
use hubspot::secret::Secret;

use crate::refusal::Refusal;
use crate::rules::Treatment;

/// Who may call, and how calls are signed.
pub enum Admission {
    /// The caller's own token is used; whoever has one may call.
    Passthrough,
    /// Callers present a gateway key; we hold the token.
    Managed { connection: Arc<Connection>, callers: Callers },
}

/// The known callers by their key.
#[derive(Default)]
pub struct Callers(HashMap<[u8; 32], Known>);

/// A caller, and how its calls are to be treated.
struct Known {
    name: Arc<str>,
    treatment: Treatment,
}

/// An admitted request's identity.
pub(crate) struct Admitted {
    pub(crate) credential: Credential,
    pub(crate) caller: Arc<str>,
    /// What the caller's entry says; nothing where callers are not told apart.
    pub(crate) treatment: Treatment,
}

impl Callers {
    pub fn new(keys: impl IntoIterator<Item = (String, Secret, Treatment)>) -> Self {
        let known = |(name, key, treatment): (String, Secret, Treatment)| {
            (digest(key.expose().as_bytes()), Known { name: Arc::from(name), treatment })
        };
        Self(keys.into_iter().map(known).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Keys are looked up by their digest: no comparison ever runs along the key itself.
fn digest(key: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key);
    digest.as_ref().try_into().expect("SHA-256 gives 32 bytes")
}

impl Admission {
    /// Lends our token to whoever can connect.
    pub(crate) fn trusts_everyone(&self) -> bool {
        match self {
            Self::Passthrough => false,
            Self::Managed { connection: _, callers } => callers.is_empty(),
        }
    }

    pub(crate) fn admit(&self, headers: &HeaderMap, unnamed: &Arc<str>) -> Result<Admitted, Refusal> {
        let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
        let authorization = authorizations.next();
        if authorizations.next().is_some() {
            let hint = "It is there twice; send it once, so that it is clear whose call this is.";
            return Err(Refusal::bad_header("Authorization", hint));
        }
        match self {
            Self::Passthrough => {
                let credential = authorization.map_or(Credential::Anonymous, |_| Credential::Passthrough);
                Ok(Admitted { credential, caller: unnamed.clone(), treatment: Treatment::default() })
            }
            Self::Managed { connection, callers } if callers.is_empty() => Ok(Admitted {
                credential: Credential::Connection(connection.clone()),
                caller: unnamed.clone(),
                treatment: Treatment::default(),
            }),
            Self::Managed { connection, callers } => {
                let key = authorization.and_then(bearer).ok_or_else(Refusal::unknown_caller)?;
                let Known { name, treatment } =
                    callers.0.get(&digest(key)).ok_or_else(Refusal::unknown_caller)?;
                let credential = Credential::Connection(connection.clone());
                Ok(Admitted { credential, caller: name.clone(), treatment: *treatment })
            }
        }
    }
}

fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let value = value.as_bytes();
    let (scheme, key) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(key)
}
