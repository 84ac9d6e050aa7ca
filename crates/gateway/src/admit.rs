//! Who calls, and with which credential the call goes on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use aws_lc_rs::{constant_time, digest, rand};
use client::accounts::{Connection, Credential};
use http::HeaderValue;
use hubspot::secret::Secret;
use tokio::time::Instant;

use crate::headers::Said;
use crate::refusal::Refusal;
use crate::rights::{Missing, Rights};
use crate::rules::Treatment;

/// Who may call, and how calls are signed.
pub enum Admission {
    /// The caller's own token is used; whoever has one may call.
    Passthrough,
    /// Callers present a gateway key; we hold the tokens.
    Managed { lent: Lent, callers: Callers },
}

/// The connections that callers may call with; there is at least one.
pub struct Lent(Vec<Arc<Connection>>);

/// The known callers by their key. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub struct Callers(Arc<ArcSwap<Keys>>);

type Keys = HashMap<KeyDigest, (Arc<Known>, Validity)>;

/// A caller, how its calls are to be treated, which it may make, and with which connection if not with any.
struct Known {
    name: Arc<str>,
    treatment: Treatment,
    rights: Arc<Rights>,
    connection: Option<Arc<Connection>>,
}

/// For how long a key counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Validity {
    Now,
    /// Replaced: until callers have had the time to change over.
    Until(Instant),
}

/// A key that was replaced counts for this long.
const KEY_OVERLAP: Duration = Duration::from_secs(3600);

/// A caller as it is configured.
pub struct NewCaller {
    pub name: String,
    pub key: KeyDigest,
    pub treatment: Treatment,
    pub rights: Rights,
    /// `None`: any that is lent.
    pub connection: Option<Arc<Connection>>,
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

/// Why a request goes no further.
pub(crate) enum NotAdmitted {
    Refused(Refusal),
    /// It is known whose call it is, and the right it lacks: that is told.
    Denied {
        caller: Arc<str>,
        missing: Missing,
    },
}

impl From<Refusal> for NotAdmitted {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Callers {
    pub fn new(callers: impl IntoIterator<Item = NewCaller>) -> Self {
        let known = |caller: NewCaller| {
            let NewCaller { name, key, treatment, rights, connection } = caller;
            let (name, rights) = (Arc::from(name), Arc::new(rights));
            (key, (Arc::new(Known { name, treatment, rights, connection }), Validity::Now))
        };
        Self(Arc::new(ArcSwap::from_pointee(callers.into_iter().map(known).collect())))
    }

    pub fn is_empty(&self) -> bool {
        self.0.load().is_empty()
    }

    /// A caller has another key from now on; the one before counts for an hour more. `false` where that changes nothing, or
    /// where the key is another caller's.
    pub fn replace_key(&self, caller: &str, key: KeyDigest, now: Instant) -> bool {
        let old = self.0.load();
        if old.get(&key).is_some_and(|(known, validity)| *known.name != *caller || *validity == Validity::Now)
        {
            return false;
        }
        let Some((known, _)) = old.values().find(|(known, _)| *known.name == *caller) else { return false };
        let mut keys = HashMap::clone(&old);
        keys.retain(|_, (known, validity)| match validity {
            _ if *known.name != *caller => true,
            Validity::Until(_) => false,
            Validity::Now => {
                *validity = Validity::Until(now + KEY_OVERLAP);
                true
            }
        });
        keys.insert(key, (known.clone(), Validity::Now));
        self.0.store(Arc::new(keys));
        true
    }

    /// Keys are looked up by their digest: no comparison ever runs along the key itself. Nobody can choose the digest of a key,
    /// so that the time a look-up takes tells nothing; what is found is compared in constant time all the same.
    fn find(&self, key: &[u8]) -> Option<Arc<Known>> {
        let asked = KeyDigest::of(key);
        let keys = self.0.load();
        let (digest, (known, validity)) = keys.get_key_value(&asked)?;
        let counts = match validity {
            Validity::Now => true,
            Validity::Until(end) => Instant::now() < *end,
        };
        let same = constant_time::verify_slices_are_equal(&digest.0, &asked.0).is_ok();
        (same && counts).then(|| known.clone())
    }
}

impl Lent {
    /// `None`: there is nothing to lend.
    pub fn new(connections: Vec<Arc<Connection>>) -> Option<Self> {
        (!connections.is_empty()).then_some(Self(connections))
    }

    /// The caller's own connection, or the one it asks for, or the first.
    fn choose(
        &self,
        asked: Option<&HeaderValue>,
        known: Option<&Known>,
    ) -> Result<Arc<Connection>, NotAdmitted> {
        let own = known.and_then(|known| known.connection.as_ref());
        let Some(asked) = asked else {
            return Ok(own.unwrap_or(&self.0[0]).clone());
        };
        let is_asked = |connection: &&Arc<Connection>| connection.name.as_bytes() == asked.as_bytes();
        let found = self.0.iter().find(is_asked).ok_or_else(Refusal::no_such_connection)?;
        match (known, own) {
            (Some(known), Some(own)) if own.name != found.name => {
                let right = format!("connection:{}", found.name);
                let hint = format!(
                    "It calls with `{}` and no other: leave X-Hubkeeper-Connection out, or change its `connection`.",
                    own.name
                );
                Err(NotAdmitted::Denied { caller: known.name.clone(), missing: Missing { right, hint } })
            }
            _ => Ok(found.clone()),
        }
    }
}

impl KeyDigest {
    pub fn of(key: &[u8]) -> Self {
        let digest = digest::digest(&digest::SHA256, key);
        Self(digest.as_ref().try_into().expect("SHA-256 gives 32 bytes"))
    }

    /// Is it that of this key? In constant time.
    pub fn is_of(&self, key: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&self.0, &Self::of(key).0).is_ok()
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
            Self::Managed { lent: _, callers } => callers.is_empty(),
        }
    }

    pub(crate) fn admit(&self, said: &Said<'_>, unnamed: &Arc<str>) -> Result<Admitted, NotAdmitted> {
        let authorization = said.authorization;
        if said.is_authorized_twice {
            let hint = "It is there twice; send it once, so that it is clear whose call this is.";
            return Err(Refusal::bad_header("Authorization", hint).into());
        }
        match self {
            Self::Passthrough => {
                let credential = authorization.map_or(Credential::Anonymous, |_| Credential::Passthrough);
                let (caller, treatment) = (unnamed.clone(), Treatment::default());
                Ok(Admitted { credential, caller, treatment, rights: None, portal: None })
            }
            Self::Managed { lent, callers } if callers.is_empty() => {
                let connection = lent.choose(said.connection, None)?;
                Ok(Admitted {
                    caller: unnamed.clone(),
                    treatment: Treatment::default(),
                    rights: None,
                    portal: connection.portal_id(),
                    credential: Credential::Connection(connection),
                })
            }
            Self::Managed { lent, callers } => {
                let key = authorization.and_then(bearer).ok_or_else(Refusal::unknown_caller)?;
                let known = callers.find(key).ok_or_else(Refusal::unknown_caller)?;
                let connection = lent.choose(said.connection, Some(&known))?;
                Ok(Admitted {
                    caller: known.name.clone(),
                    treatment: known.treatment,
                    rights: Some(known.rights.clone()),
                    portal: connection.portal_id(),
                    credential: Credential::Connection(connection),
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
    use hubspot::limits::AppKind;

    use super::*;

    fn caller(name: &str, key: KeyDigest) -> NewCaller {
        NewCaller {
            name: name.into(),
            key,
            treatment: Treatment::default(),
            rights: Rights::default(),
            connection: None,
        }
    }

    #[test]
    fn a_new_key_is_known_by_its_digest_and_never_the_same() {
        let (one, other) = (NewKey::make().unwrap(), NewKey::make().unwrap());
        assert_ne!(one.digest, other.digest);
        assert!(one.key.expose().starts_with(KEY_PREFIX) && one.key.expose().len() == KEY_PREFIX.len() + 64);
        assert_eq!(KeyDigest::parse(&one.digest.to_string()), Some(one.digest));
        let callers = Callers::new([caller("billing", one.digest)]);
        let found = callers.find(one.key.expose().as_bytes());
        assert_eq!(found.map(|known| known.name.to_string()), Some("billing".to_owned()));
        assert!(callers.find(other.key.expose().as_bytes()).is_none());
        assert!(callers.find(one.digest.to_string().as_bytes()).is_none(), "the hash opens nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn a_replaced_key_counts_for_an_hour_and_only_the_last_one_does() {
        let [one, two, three] = [b"one", b"two", b"tri"].map(|key| KeyDigest::of(key));
        let callers = Callers::new([caller("a", one), caller("b", three)]);
        let counts = |keys: [&[u8]; 2]| keys.map(|key| callers.find(key).is_some());
        assert!(!callers.replace_key("a", one, Instant::now()), "it is the same");
        assert!(!callers.replace_key("a", three, Instant::now()), "it is another caller's");
        assert!(callers.replace_key("a", two, Instant::now()));
        assert_eq!(counts([b"one", b"two"]), [true, true]);
        tokio::time::advance(KEY_OVERLAP).await;
        assert_eq!(counts([b"one", b"two"]), [false, true]);
        assert!(callers.replace_key("a", one, Instant::now()), "it may come back");
        assert_eq!(counts([b"one", b"two"]), [true, true]);
    }

    #[test]
    fn a_call_is_made_with_the_connection_that_was_asked_for_and_may_be() {
        let connection = |name: &str| {
            Arc::new(Connection::new(name.into(), &Secret::new("t"), AppKind::PrivateApp).unwrap())
        };
        let (sales, service) = (connection("sales"), connection("service"));
        let lent = Lent::new(vec![sales.clone(), service.clone()]).unwrap();
        let known = |connection| Known {
            name: "c".into(),
            treatment: Treatment::default(),
            rights: Arc::default(),
            connection,
        };
        let choose = |asked: Option<&'static str>, own: Option<&Arc<Connection>>| {
            let asked = asked.map(HeaderValue::from_static);
            let chosen = lent.choose(asked.as_ref(), Some(&known(own.cloned())));
            chosen.map(|chosen| chosen.name.clone()).map_err(|not| match not {
                NotAdmitted::Refused(refusal) => refusal.status().to_string(),
                NotAdmitted::Denied { caller: _, missing } => missing.right,
            })
        };
        assert_eq!(choose(None, None), Ok("sales".into()));
        assert_eq!(choose(Some("service"), None), Ok("service".into()));
        assert_eq!(choose(Some("nobody"), None), Err("400 Bad Request".into()));
        assert_eq!(choose(Some("nobody"), Some(&service)), Err("400 Bad Request".into()));
        assert_eq!(choose(None, Some(&service)), Ok("service".into()));
        assert_eq!(choose(Some("service"), Some(&service)), Ok("service".into()));
        assert_eq!(choose(Some("sales"), Some(&service)), Err("connection:sales".into()));
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        for text in ["", "ab", &"g".repeat(64), &"0".repeat(63), &"0".repeat(65), &"+0".repeat(32)] {
            assert_eq!(KeyDigest::parse(text), None, "{text}");
        }
    }
}
