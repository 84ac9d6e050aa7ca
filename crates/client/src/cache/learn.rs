//! What an answer adds to memory, and what it ends.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use hubspot::endpoint::ApiFamily;
use hubspot::error::ErrorKind;

use super::kept::{Facts, Kept, Use};
use super::key::{Rights, varies_beyond};
use super::kind::Kind;
use super::needs::{Needs, id_of_answer};
use super::{Arrival, Asked, Cache, Flight, Touch};
use crate::accounts::Account;
use crate::body::Body;
use crate::call::Call;

impl Cache {
    /// An answer has come: keeps it, or drops what it shows to be over.
    pub(crate) fn learn(
        &self,
        asked: &Asked,
        call: &Call,
        account: &Arc<Account>,
        flight: &Flight,
        arrival: &Arrival<'_>,
    ) {
        if !asked.keeps {
            return;
        }
        let key = self.keys.key(account, Rights::OfCredential, asked.variant, call.target.as_str(), &[]);
        let Arrival { response, error, took, now } = *arrival;
        let status = response.status();
        let absent = status == StatusCode::NOT_FOUND
            && error == Some(ErrorKind::NotFound)
            && !asked.lifetime.fresh.min(self.settings.not_found).is_zero();
        let mut state = self.state.lock();
        match status.as_u16() {
            // Whole, final and HubSpot's own: no part (206), no promise (202).
            200 | 203 | 204 => {}
            401 | 403 | 404 | 410 => {
                self.counters.dropped(state.store.remove_beside(&key));
                if status == StatusCode::UNAUTHORIZED {
                    // A token that is refused reads nothing from memory either.
                    let at = self.next_moment();
                    account.marks.note(&Touch { everything: true, ..Touch::default() }, at);
                }
                if !absent {
                    return;
                }
            }
            _ => return,
        }
        let body: &[u8] = match response.body() {
            Body::Whole(body) => body,
            Body::Empty => &[],
            Body::Streamed(_) | Body::Continued(..) | Body::Boxed(_) => return,
        };
        if body.len() > self.settings.answer_bytes_max || !may_be_kept(response.headers()) {
            return;
        }
        let is_record = call.endpoint.family == ApiFamily::Objects;
        let needs =
            if absent { flight.needs.of_absence() } else { flight.needs.with_answer(is_record, body) };
        let needs = match needs {
            // What is linked to a record is told without its id.
            Needs::Record { kind, id, links, .. } if !is_record => {
                Needs::Record { kind, id, also: state.aliases.own(kind, id), links }
            }
            other => other,
        };
        if let Needs::Record { kind, id, also, .. } = needs {
            state.aliases.note(kind, id, also);
        }
        if !account.marks.stands(needs, flight.since) {
            return;
        }
        let names = state.store.names(response.headers());
        let took_ms = u32::try_from(took.as_millis()).unwrap_or(u32::MAX);
        let use_of = if asked.lifetime.fresh.is_zero() { Use::Stale } else { Use::Fresh };
        let facts = Facts { needs, since: flight.since, at: now, took_ms, use_of };
        let kept = Kept::new(&key, facts, response, body, names);
        if let Some(kept) = kept {
            state.store.keep(&key, kept);
        }
    }

    /// What was written under these ids is one record, as the answer says: which, if it has another id than they.
    pub(super) fn learn_own_id(&self, records: &[(Kind, u64)], answer: &[u8]) -> Option<(Kind, u64)> {
        let (kind, _) = records.first()?;
        let own = id_of_answer(answer)?;
        let mut state = self.state.lock();
        for (kind, id) in records {
            state.aliases.note(*kind, *id, own);
        }
        Some((*kind, own)).filter(|own| !records.contains(own))
    }

    /// Looks through an account's answers for those that no longer stand.
    pub(super) fn sweep(&self, account: &Arc<Account>) {
        let mut state = self.state.lock();
        let now = self.next_moment();
        let fallen = state.store.sweep(account, |kept| {
            let stands = account.marks.stands(kept.needs, kept.since);
            // Looked at now, it need not be held against older writes again.
            kept.since = now;
            stands
        });
        account.marks.forget_records(now);
        self.counters.dropped(fallen);
    }
}

/// What HubSpot says of an answer (RFC 9111 §3): it is not to be stored, it belongs to a session, or it follows from what keys
/// leave out.
fn may_be_kept(headers: &HeaderMap) -> bool {
    let says_no_store = |value: &HeaderValue| {
        let mut directives = value.as_bytes().split(|byte| *byte == b',');
        directives.any(|directive| directive.trim_ascii().eq_ignore_ascii_case(b"no-store"))
    };
    !headers.get_all(header::CACHE_CONTROL).iter().any(says_no_store)
        && headers.get_all(header::SET_COOKIE).iter().all(is_of_the_edge)
        && !varies_beyond(headers)
        && !is_a_page(headers)
}

/// HubSpot's API answers JSON. A page with status 200 is somebody else's: of a proxy, or of an edge that is being looked after.
fn is_a_page(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    kind.get(..9).is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/html"))
}

/// Cloudflare, which stands before all of HubSpot, hands out cookies of its own whatever the answer
/// (<https://developers.cloudflare.com/fundamentals/reference/policies-compliances/cloudflare-cookies/>). They are not kept.
fn is_of_the_edge(cookie: &HeaderValue) -> bool {
    const NAMES: [&[u8]; 4] = [b"__cf_bm=", b"__cflb=", b"__cfruid=", b"_cfuvid="];
    NAMES.iter().any(|name| cookie.as_bytes().starts_with(name))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("cache-control", "max-age=0, No-Store", false)]
    #[case("cache-control", "max-age=0", true)]
    #[case("set-cookie", "session=1; Path=/", false)]
    #[case("set-cookie", "__cf_bm=1; Path=/", true)]
    #[case("content-type", "application/json;charset=utf-8", true)]
    #[case("content-type", "Text/HTML; charset=utf-8", false)]
    #[case("vary", "Accept-Encoding", true)]
    #[case("vary", "*", false)]
    fn what_hubspot_says_of_keeping(
        #[case] name: &'static str,
        #[case] value: &'static str,
        #[case] kept: bool,
    ) {
        let headers =
            HeaderMap::from_iter([(http::HeaderName::from_static(name), HeaderValue::from_static(value))]);
        assert_eq!(may_be_kept(&headers), kept);
    }
}
