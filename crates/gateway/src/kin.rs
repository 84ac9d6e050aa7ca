//! Programs that no gateway key tells apart take turns all the same: each by its token and by what it says it is.
//!
//! `X-Hubkeeper-Caller` says it outright, else the User-Agent does, which differs from one SDK to the next. Where the
//! program runs is not looked at: behind a proxy or in one cluster all come from one address. It is a matter of good
//! manners and not of safety: who lies gets turns that are not his, as whoever opens more connections would. The
//! names themselves are kept nowhere.

use foldhash::fast::FixedState;
use http::HeaderValue;
use std::hash::{BuildHasher, Hasher};

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
}
