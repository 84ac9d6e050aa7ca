//! Which headers travel: end-to-end ones both ways, hop-by-hop ones never (RFC 9110 §7.6.1).

use http::header::{self, HeaderMap, HeaderName};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

pub(crate) const LANE: HeaderName = HeaderName::from_static("x-hubkeeper-lane");
pub(crate) const DEADLINE_MS: HeaderName = HeaderName::from_static("x-hubkeeper-deadline-ms");
pub(crate) const SOURCE: HeaderName = HeaderName::from_static("x-hubkeeper-source");
pub(crate) const WAIT_MS: HeaderName = HeaderName::from_static("x-hubkeeper-wait-ms");
pub(crate) const ATTEMPTS: HeaderName = HeaderName::from_static("x-hubkeeper-attempts");

/// Those that concern one connection only, besides those that `Connection` names.
const HOP_BY_HOP: [HeaderName; 7] = [
    header::CONNECTION,
    KEEP_ALIVE,
    PROXY_CONNECTION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// Leaves the end-to-end headers.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(header::CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| name.trim().parse().ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// What HubSpot gets to see of a caller's request: neither our own headers, nor the host we go by, nor framing that
/// is made anew.
pub(crate) fn for_upstream(headers: &mut HeaderMap) {
    strip_hop_by_hop(headers);
    for name in [header::HOST, header::EXPECT, header::PROXY_AUTHORIZATION, LANE, DEADLINE_MS] {
        headers.remove(name);
    }
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
        let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(left, ["authorization", "x-custom"]);
    }
}
