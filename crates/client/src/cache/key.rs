//! What must be equal for two calls to share an answer: the account (portal and credential), the caller's rights, the
//! target, and the headers that may vary the answer.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use foldhash::fast::FixedState;
use http::{HeaderMap, header};

use super::target;
use super::wishes::Wishes;
use crate::accounts::Account;

/// Which part of what the credential may see the caller may see. What a caller may not ask never comes here (`gateway::rights`
/// judges calls, not answers): of what it may ask, each sees all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Rights {
    OfCredential,
}

/// A call's place in the cache.
#[derive(Clone, Copy)]
pub(crate) struct Key<'a> {
    pub(crate) account: &'a Arc<Account>,
    pub(crate) rights: Rights,
    /// The headers that may vary the answer, by their digest.
    pub(crate) variant: u64,
    pub(crate) target: &'a str,
    /// A search's question.
    pub(crate) body: &'a [u8],
    /// Of all this but the properties that the target asks for.
    pub(crate) hash: u64,
}

/// What a request's headers say to the cache.
pub(crate) struct Said {
    pub(crate) wishes: Wishes,
    pub(crate) variant: u64,
    /// It asks for a part, or only for what changed: that is between the caller and HubSpot.
    pub(crate) conditional: bool,
}

/// Makes keys. Two seeds, so that two calls that collide in one digest do not in the other.
pub(crate) struct KeyMaker {
    place: FixedState,
    variant: FixedState,
}

impl<'a> Key<'a> {
    /// Everything but the target is the same.
    pub(crate) fn is_beside(&self, account: &Arc<Account>, rights: Rights, variant: u64) -> bool {
        Arc::ptr_eq(self.account, account) && self.rights == rights && self.variant == variant
    }
}

impl KeyMaker {
    pub(crate) fn new(seed: u64) -> Self {
        Self { place: FixedState::with_seed(seed), variant: FixedState::with_seed(!seed) }
    }

    /// Looks once at each header.
    pub(crate) fn read(&self, headers: &HeaderMap) -> Said {
        let mut said = Said { wishes: Wishes::default(), variant: 0, conditional: false };
        for (name, value) in headers {
            match meaning(name.as_str()) {
                Meaning::None => {}
                Meaning::Wish => said.wishes.read(value.as_bytes()),
                Meaning::Pragma => {
                    said.wishes.no_cache |= value.as_bytes().eq_ignore_ascii_case(b"no-cache");
                }
                Meaning::Condition => said.conditional = true,
                Meaning::Varies => {
                    let mut hasher = self.variant.build_hasher();
                    hasher.write(name.as_str().as_bytes());
                    hasher.write_u8(b':');
                    hasher.write(value.as_bytes());
                    // Their order says nothing.
                    said.variant = said.variant.wrapping_add(hasher.finish());
                }
            }
        }
        said
    }

    pub(crate) fn key<'a>(
        &self,
        account: &'a Arc<Account>,
        rights: Rights,
        variant: u64,
        target: &'a str,
        body: &'a [u8],
    ) -> Key<'a> {
        let mut hasher = self.place.build_hasher();
        hasher.write_usize(Arc::as_ptr(account).addr());
        hasher.write_u64(variant);
        if target.contains('?') {
            for part in target::base(target) {
                hasher.write(part.as_bytes());
            }
        } else {
            hasher.write(target.as_bytes());
        }
        hasher.write(body);
        Key { account, rights, variant, target, body, hash: hasher.finish() }
    }
}

/// Does the answer, by its own word (`Vary`), follow from a header that keys leave out, or from more than the request?
pub(super) fn varies_beyond(headers: &HeaderMap) -> bool {
    let names =
        headers.get_all(header::VARY).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    names.map(|name| name.trim_ascii().to_ascii_lowercase()).any(|name| match std::str::from_utf8(&name) {
        // The account is what it is by its credential.
        Ok("authorization" | "") => false,
        Ok("*") | Err(_) => true,
        Ok(name) => match meaning(name) {
            Meaning::Varies | Meaning::Wish | Meaning::Pragma | Meaning::Condition => false,
            Meaning::None => true,
        },
    })
}

/// What one header is to the cache.
enum Meaning {
    None,
    Wish,
    Pragma,
    Condition,
    Varies,
}

/// Whatever is not known to leave the answer alone may vary it. The credential is compared as the account; the others
/// left out here name the program or follow a call through logs and traces, and differ with every call.
fn meaning(name: &str) -> Meaning {
    match name {
        "cache-control" => Meaning::Wish,
        "pragma" => Meaning::Pragma,
        "range" | "if-match" | "if-none-match" | "if-modified-since" | "if-unmodified-since" | "if-range" => {
            Meaning::Condition
        }
        "authorization"
        | "user-agent"
        | "content-type"
        | "content-length"
        | "traceparent"
        | "tracestate"
        | "baggage"
        | "sentry-trace"
        | "b3"
        | "x-request-id"
        | "x-correlation-id"
        | "request-id"
        | "date"
        | "forwarded"
        | "via"
        | "x-real-ip"
        | "referer"
        | "priority"
        | "dnt"
        | "x-amzn-trace-id"
        | "x-cloud-trace-context"
        | "uber-trace-id"
        | "newrelic"
        | "elastic-apm-traceparent"
        | "idempotency-key"
        | "prefer" => Meaning::None,
        _ if ["x-forwarded-", "x-stainless-", "x-datadog-", "x-b3-", "sec-", "x-hubkeeper-"]
            .iter()
            .any(|prefix| name.starts_with(prefix)) =>
        {
            Meaning::None
        }
        _ => Meaning::Varies,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("origin, Accept-Encoding", false)]
    #[case("Authorization", false)]
    #[case("*", true)]
    #[case("Accept, User-Agent", true)]
    fn an_answer_that_follows_from_what_keys_leave_out(#[case] vary: &'static str, #[case] expected: bool) {
        let headers = HeaderMap::from_iter([(header::VARY, HeaderValue::from_static(vary))]);
        assert_eq!(varies_beyond(&headers), expected);
    }
}
