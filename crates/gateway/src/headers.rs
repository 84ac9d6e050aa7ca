//! Which headers travel: end-to-end ones both ways, hop-by-hop ones never (RFC 9110 §7.6.1).

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

pub(crate) const DEADLINE_MS: HeaderName = HeaderName::from_static("x-hubkeeper-deadline-ms");
pub(crate) const LANE: HeaderName = HeaderName::from_static("x-hubkeeper-lane");
pub(crate) const SOURCE: HeaderName = HeaderName::from_static("x-hubkeeper-source");
pub(crate) const WAIT_MS: HeaderName = HeaderName::from_static("x-hubkeeper-wait-ms");
pub(crate) const ATTEMPTS: HeaderName = HeaderName::from_static("x-hubkeeper-attempts");

/// What a request's headers say to us, read in one look at each: to ask for every name that might be there costs more.
#[derive(Debug, Default)]
pub(crate) struct Said<'a> {
    pub(crate) host: Option<&'a HeaderValue>,
    pub(crate) authorization: Option<&'a HeaderValue>,
    /// More than one, of which nobody knows which counts.
    pub(crate) is_authorized_twice: bool,
    pub(crate) user_agent: Option<&'a HeaderValue>,
    pub(crate) caller: Option<&'a HeaderValue>,
    /// Which of several connections the call is to be made with.
    pub(crate) connection: Option<&'a HeaderValue>,
    pub(crate) lane: Option<&'a HeaderValue>,
    pub(crate) deadline_ms: Option<&'a HeaderValue>,
    pub(crate) stays_here: Stays,
}

/// What HubSpot does not get to see of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Stays {
    /// As with nearly every request.
    #[default]
    Host,
    More,
}

impl<'a> Said<'a> {
    /// Of what is said twice the first counts.
    pub(crate) fn by(headers: &'a HeaderMap) -> Self {
        let mut said = Self::default();
        for (name, value) in headers {
            let place = match *name {
                header::HOST => &mut said.host,
                header::USER_AGENT => &mut said.user_agent,
                header::AUTHORIZATION => {
                    said.is_authorized_twice = said.authorization.is_some();
                    &mut said.authorization
                }
                _ if !is_for_us(name.as_str()) => continue,
                _ => {
                    said.stays_here = Stays::More;
                    match name.as_str() {
                        "x-hubkeeper-caller" => &mut said.caller,
                        "x-hubkeeper-connection" => &mut said.connection,
                        "x-hubkeeper-lane" => &mut said.lane,
                        "x-hubkeeper-deadline-ms" => &mut said.deadline_ms,
                        _ => continue,
                    }
                }
            };
            place.get_or_insert(value);
        }
        said
    }
}

/// Leaves what a caller gets to see of an answer of HubSpot's.
pub(crate) fn strip_from_answer(headers: &mut HeaderMap) {
    strip(headers, is_ours);
}

/// Whether an answer's header stays here, `Connection` aside: that may name others.
pub(crate) fn stays_here(name: &str) -> bool {
    is_hop_by_hop(name) || is_ours(name)
}

/// `Connection` names headers that concern it alone, as hardly any does.
pub(crate) fn connection_names_others(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::CONNECTION).iter();
    !values.all(|value| {
        ["keep-alive", "close"].iter().any(|word| value.as_bytes().eq_ignore_ascii_case(word.as_bytes()))
    })
}

/// What we say of an answer, HubSpot does not.
fn is_ours(name: &str) -> bool {
    matches!(name, "x-hubkeeper-source" | "x-hubkeeper-wait-ms" | "x-hubkeeper-attempts")
}

/// What HubSpot gets to see of a caller's request: neither our own headers, nor the host we go by, nor framing that
/// is made anew.
pub(crate) fn for_upstream(headers: &mut HeaderMap, stays_here: Stays) {
    headers.remove(header::HOST);
    match stays_here {
        Stays::Host => {}
        Stays::More => strip(headers, is_for_us),
    }
}

fn is_for_us(name: &str) -> bool {
    let is_own = || {
        name.strip_prefix("x-hubkeeper-")
            .is_some_and(|own| matches!(own, "lane" | "deadline-ms" | "caller" | "connection"))
    };
    matches!(name, "expect" | "proxy-authorization") || is_hop_by_hop(name) || is_own()
}

/// Takes out what concerns one connection only, what `Connection` names, and what `also` says. One look at each name
/// costs less than asking the map for every name that might be there.
fn strip(headers: &mut HeaderMap, also: impl Fn(&str) -> bool) {
    let is_out = |name: &HeaderName| is_hop_by_hop(name.as_str()) || also(name.as_str());
    let mut out: Vec<HeaderName> = headers.keys().filter(|name| is_out(name)).cloned().collect();
    if out.contains(&header::CONNECTION) {
        let named = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
        out.extend(named.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok()));
    }
    for name in out {
        headers.remove(name);
    }
}

fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection" | "keep-alive" | "proxy-connection" | "te" | "trailer" | "transfer-encoding" | "upgrade"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_connection_names_goes_and_the_rest_stays() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Private"),
            ("x-private", "1"),
            ("keep-alive", "timeout=5"),
            ("transfer-encoding", "chunked"),
            ("authorization", "Bearer x"),
            ("x-custom", "kept"),
        ] {
            headers.insert(
                HeaderName::from_static(Box::leak(name.to_lowercase().into_boxed_str())),
                HeaderValue::from_static(value),
            );
        }
        strip_from_answer(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["authorization", "x-custom"]);
    }

    #[test]
    fn of_what_is_said_twice_the_first_counts() {
        let mut headers = HeaderMap::new();
        headers.append(header::HOST, HeaderValue::from_static("a"));
        headers.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer 1"));
        let said = Said::by(&headers);
        assert_eq!(
            (said.host.unwrap(), said.is_authorized_twice, said.stays_here),
            (&HeaderValue::from_static("a"), false, Stays::Host)
        );
        headers.append(header::AUTHORIZATION, HeaderValue::from_static("Bearer 2"));
        headers.append(LANE, HeaderValue::from_static("bulk"));
        headers.append(LANE, HeaderValue::from_static("sync"));
        let said = Said::by(&headers);
        assert_eq!(said.authorization.unwrap(), "Bearer 1");
        assert!(said.is_authorized_twice);
        assert_eq!(said.lane.unwrap(), "bulk");
        assert_eq!(said.stays_here, Stays::More);
        for_upstream(&mut headers, Stays::More);
        assert_eq!(headers.keys().collect::<Vec<_>>(), [header::AUTHORIZATION]);
    }

    #[test]
    fn a_connection_that_names_others_is_looked_at() {
        for (value, names_others) in
            [("close", false), ("Keep-Alive", false), ("close, X-Private", true), ("te", true)]
        {
            let headers = HeaderMap::from_iter([(header::CONNECTION, HeaderValue::from_static(value))]);
            assert_eq!(connection_names_others(&headers), names_others, "{value}");
        }
        assert!(!connection_names_others(&HeaderMap::new()));
    }
}
