//! Who calls, and with which credential the call goes on.

use std::collections::HashMap;
use std::sync::Arc;

use aws_lc_rs::{constant_time, digest, rand};
use client::accounts::{Connection, Credential};
use http::{HeaderMap, HeaderValue, header};
use hubspot::secret::Secret;

use crate::refusal::Refusal;
use crate::rights::Rights;
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
pub struct Callers(HashMap<KeyDigest, Known>);

/// A caller, how its calls are to be treated, and which it may make.
struct Known {
    name: Arc<str>,
    treatment: Treatment,
    rights: Arc<Rights>,
}

/// A caller as it is configured.
pub struct NewCaller {
    pub name: String,
    pub key: KeyDigest,
    pub treatment: Treatment,
    pub rights: Rights,
}

/// SHA-256 of a gateway key: all that needs to be known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyDigest([u8; 32]);

/// A gateway key that nobody has seen yet.
pub struct NewKey {
    pub key: Secret,
    pub digest: KeyDigest,
}

/// Leaked keys are found by it.
const KEY_PREFIX: &str = "hubkeeper_";

/// An admitted request's identity.
pub(crate) struct Admitted {
    pub(crate) credential: Credential,
    pub(crate) caller: Arc<str>,
    /// What the caller's entry says; nothing where callers are not told apart.
    pub(crate) treatment: Treatment,
    pub(crate) rights: Option<Arc<Rights>>,
    /// Where its calls go, where that is known.
    pub(crate) portal: Option<u64>,
}

impl Callers {
    pub fn new(callers: impl IntoIterator<Item = NewCaller>) -> Self {
        let known = |NewCaller { name, key, treatment, rights }: NewCaller| {
            (key, Known { name: Arc::from(name), treatment, rights: Arc::new(rights) })
        };
        Self(callers.into_iter().map(known).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keys are looked up by their digest: no comparison ever runs along the key itself. Nobody can choose the digest of a key,
    /// so that the time a look-up takes tells nothing; what is found is compared in constant time all the same.
    fn find(&self, key: &[u8]) -> Option<&Known> {
        let asked = KeyDigest::of(key);
        let (digest, known) = self.0.get_key_value(&asked)?;
        constant_time::verify_slices_are_equal(&digest.0, &asked.0).ok().map(|()| known)
    }
}

impl KeyDigest {
    pub fn of(key: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, key);
        Self(digest.as_ref().try_into().expect("SHA-256 gives 32 bytes"))
    }

    /// From 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let digits = text.as_bytes();
        if digits.len() != 2 * bytes.len() || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl std::fmt::Display for KeyDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl NewKey {
    /// 32 random bytes. `None`: the system has no randomness.
    pub fn make() -> Option<Self> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).ok()?;
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let key = Secret::new(format!("{KEY_PREFIX}{digits}"));
        let digest = KeyDigest::of(key.expose().as_bytes());
        Some(Self { key, digest })
    }
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
                let (caller, treatment) = (unnamed.clone(), Treatment::default());
                Ok(Admitted { credential, caller, treatment, rights: None, portal: None })
            }
            Self::Managed { connection, callers } if callers.is_empty() => Ok(Admitted {
                credential: Credential::Connection(connection.clone()),
                caller: unnamed.clone(),
                treatment: Treatment::default(),
                rights: None,
                portal: connection.portal_id,
            }),
            Self::Managed { connection, callers } => {
                let key = authorization.and_then(bearer).ok_or_else(Refusal::unknown_caller)?;
                let known = callers.find(key).ok_or_else(Refusal::unknown_caller)?;
                Ok(Admitted {
                    credential: Credential::Connection(connection.clone()),
                    caller: known.name.clone(),
                    treatment: known.treatment,
                    rights: Some(known.rights.clone()),
                    portal: connection.portal_id,
                })
            }
        }
    }
}

fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let value = value.as_bytes();
    let (scheme, key) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_known_by_its_digest_and_never_the_same() {
        let (one, other) = (NewKey::make().unwrap(), NewKey::make().unwrap());
        assert_ne!(one.digest, other.digest);
        assert!(one.key.expose().starts_with(KEY_PREFIX) && one.key.expose().len() == KEY_PREFIX.len() + 64);
        assert_eq!(KeyDigest::parse(&one.digest.to_string()), Some(one.digest));
        let caller = |name: &str, key| NewCaller {
            name: name.into(),
            key,
            treatment: Treatment::default(),
            rights: Rights::default(),
        };
        let callers = Callers::new([caller("billing", one.digest)]);
        assert_eq!(callers.find(one.key.expose().as_bytes()).map(|known| &*known.name), Some("billing"));
        assert!(callers.find(other.key.expose().as_bytes()).is_none());
        assert!(callers.find(one.digest.to_string().as_bytes()).is_none(), "the hash opens nothing");
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        for text in ["", "ab", &"g".repeat(64), &"0".repeat(63), &"0".repeat(65), &"+0".repeat(32)] {
            assert_eq!(KeyDigest::parse(text), None, "{text}");
        }
    }
}
