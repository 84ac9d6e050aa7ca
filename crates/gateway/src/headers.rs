//! Which headers travel: end-to-end ones both ways, hop-by-hop ones never (RFC 9110 §7.6.1).

use http::header::{self, HeaderMap, HeaderName};

pub(crate) const DEADLINE_MS: HeaderName = HeaderName::from_static("x-hubkeeper-deadline-ms");
/// Where callers are not told apart by a key, a program may say which it is.
pub(crate) const CALLER: HeaderName = HeaderName::from_static("x-hubkeeper-caller");
/// Which of several connections a call is to be made with.
pub(crate) const CONNECTION: HeaderName = HeaderName::from_static("x-hubkeeper-connection");
pub(crate) const LANE: HeaderName = HeaderName::from_static("x-hubkeeper-lane");
pub(crate) const SOURCE: HeaderName = HeaderName::from_static("x-hubkeeper-source");
pub(crate) const WAIT_MS: HeaderName = HeaderName::from_static("x-hubkeeper-wait-ms");
pub(crate) const ATTEMPTS: HeaderName = HeaderName::from_static("x-hubkeeper-attempts");

/// Leaves the end-to-end headers.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    strip(headers, |_| false);
}

/// What HubSpot gets to see of a caller's request: neither our own headers, nor the host we go by, nor framing that
/// is made anew.
pub(crate) fn for_upstream(headers: &mut HeaderMap) {
    strip(headers, |name| {
        matches!(
            name,
            "host"
                | "expect"
                | "proxy-authorization"
                | "x-hubkeeper-lane"
                | "x-hubkeeper-deadline-ms"
                | "x-hubkeeper-caller"
                | "x-hubkeeper-connection"
        )
    });
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
    use http::HeaderValue;

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
        strip_hop_by_hop(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["authorization", "x-custom"]);
    }
}
