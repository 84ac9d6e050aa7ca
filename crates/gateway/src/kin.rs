//! Programs that no gateway key tells apart take turns all the same: each by its token and by what it says it is.
//!
//! `X-Hubkeeper-Caller` says it outright, else the User-Agent does, which differs from one SDK to the next. Where the
//! program runs is not looked at: behind a proxy or in one cluster all come from one address. It is a matter of good
//! manners and not of safety: who lies gets turns that are not his, as whoever opens more connections would.
//!
//! What a program calls itself outright is shown to people, so that they see whose calls fail. No right hangs on it.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use foldhash::fast::FixedState;
use http::HeaderValue;
use parking_lot::Mutex;

use crate::headers::Said;

/// Kins told apart. Ten programs share a turn by chance once in a hundred installations, and whoever invents a new name
/// for each request makes no more than these.
const KINS: u64 = 4096;

/// Never 0, which stands for nobody in particular.
pub(crate) fn of(said: &Said<'_>) -> u16 {
    let mut hasher = FixedState::default().build_hasher();
    hasher.write(said.authorization.map(HeaderValue::as_bytes).unwrap_or_default());
    // The two may not run into each other.
    hasher.write_u8(0);
    hasher.write(said.caller.or(said.user_agent).map(HeaderValue::as_bytes).unwrap_or_default());
    let hash = hasher.finish();
    u16::try_from(1 + hash % KINS).expect("a small number")
}

/// Names shown at one time; whoever invents a new one for each request is shown as nobody in particular.
const NAMES_MAX: usize = 64;

/// Longer ones are no names.
const NAME_BYTES_MAX: usize = 40;

/// The names that programs have called themselves by, each kept once.
#[derive(Debug, Default)]
pub(crate) struct Names(Mutex<Vec<Arc<str>>>);

impl Names {
    /// What the program calls itself, where that is a plain name: it goes into metrics and logs, so nothing that could be a
    /// secret or somebody's address does.
    pub(crate) fn of(&self, said: &Said<'_>) -> Option<Arc<str>> {
        let name = said.caller?.to_str().ok().filter(|name| is_plain(name))?;
        let mut known = self.0.lock();
        if let Some(known) = known.iter().find(|known| ***known == *name) {
            return Some(known.clone());
        }
        if known.len() >= NAMES_MAX {
            return None;
        }
        let name: Arc<str> = name.into();
        known.push(name.clone());
        Some(name)
    }
}

/// Letters, digits, dots, dashes, slashes; no token (`pat-…` and OAuth's are longer, or have digits by the dozen).
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(plain)
        && digits <= 6
        && !name.starts_with("pat-")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn kin(pairs: &[(&'static str, &'static str)]) -> u16 {
        let headers = pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)));
        of(&Said::by(&headers.collect()))
    }

    #[test]
    fn programs_are_told_apart_by_token_and_by_what_they_say() {
        let node = kin(&[("authorization", "Bearer a"), ("user-agent", "hubspot-node/13.5.0")]);
        assert_eq!(node, kin(&[("user-agent", "hubspot-node/13.5.0"), ("authorization", "Bearer a")]));
        let python = kin(&[("authorization", "Bearer a"), ("user-agent", "hubspot-python/12.0.0")]);
        let other = kin(&[("authorization", "Bearer b"), ("user-agent", "hubspot-node/13.5.0")]);
        let named = kin(&[("authorization", "Bearer a"), ("x-hubkeeper-caller", "import")]);
        let both = kin(&[
            ("authorization", "Bearer a"),
            ("x-hubkeeper-caller", "import"),
            ("user-agent", "hubspot-node/13.5.0"),
        ]);
        assert_eq!(named, both, "its own word counts");
        let all = std::collections::BTreeSet::from([node, python, other, named]);
        assert_eq!(all.len(), 4, "{all:?}");
        assert!(!all.contains(&0));
    }

    #[test]
    fn a_plain_name_is_shown_and_nothing_that_might_be_more() {
        let names = Names::default();
        let shown = |name: &'static str| {
            let headers = [("x-hubkeeper-caller", name)]
                .into_iter()
                .map(|(name, value)| (http::HeaderName::from_static(name), HeaderValue::from_static(value)));
            names.of(&Said::by(&headers.collect())).map(|name| name.to_string())
        };
        assert_eq!(shown("lead-form").as_deref(), Some("lead-form"));
        for more in ["ada@example.com", "pat-na1-x", "+49 170 1234567", "4915112345678", "", "a b"] {
            assert_eq!(shown(more), None, "{more}");
        }
        let many: Vec<&'static str> = (0..NAMES_MAX).map(|n| &*format!("p{n}").leak()).collect();
        let all: usize = many.into_iter().filter(|name| shown(name).is_some()).count();
        assert_eq!((all, shown("lead-form").is_some()), (NAMES_MAX - 1, true));
    }
}
