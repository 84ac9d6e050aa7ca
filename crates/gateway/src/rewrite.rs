//! Links in answers lead back through the gateway: `Location`, and `paging.next.link` in JSON.

use std::net::SocketAddr;
use std::sync::LazyLock;

use bytes::Bytes;
use client::body::Body;
use http::{HeaderMap, HeaderValue, Response, header};
use memchr::memmem;

mod links;
mod stream;

use links::LinkRewriter;
use stream::Rewritten;

/// The origin that HubSpot itself writes into links, whatever address it was called by (hubspot-facts §5.1).
const HUBSPOT: &str = "https://api.hubapi.com";

/// Most answers have no such member; made once, as it is looked for in every one that may.
static PAGING: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"\"paging\""));

/// Which origins are replaced, and by what.
#[derive(Debug, Clone)]
pub(crate) struct Origins {
    /// `https://api.hubapi.com`, or the simulator's address.
    upstream: String,
    ours: Ours,
}

/// Whether callers speak TLS with our listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IsTls {
    Yes,
    No,
}

/// How callers reach us.
#[derive(Debug, Clone)]
enum Ours {
    /// As configured.
    Public(String),
    /// By what the caller itself wrote as `Host`; who wrote none, as HTTP/1.0 allows, by the address we listen on.
    Called { scheme: &'static str, listens: Option<String> },
}

impl Origins {
    pub(crate) fn new(upstream: &str, public: Option<&str>) -> Self {
        let ours = public
            .map_or(Ours::Called { scheme: "http", listens: None }, |public| Ours::Public(bare(public)));
        Self { upstream: bare(upstream), ours }
    }

    /// Where no public address is configured: links lead to this listener.
    pub(crate) fn listening(mut self, address: Option<SocketAddr>, is_tls: IsTls) -> Self {
        if let Ours::Called { scheme, listens } = &mut self.ours {
            *listens = address.filter(|address| !address.ip().is_unspecified()).map(|own| own.to_string());
            *scheme = match is_tls {
                IsTls::Yes => "https",
                IsTls::No => "http",
            };
        }
        self
    }

    /// What replaces the upstream's origin in answers to this caller.
    pub(crate) fn ours(&self, host: Option<&HeaderValue>) -> Option<String> {
        match &self.ours {
            Ours::Public(public) => Some(public.clone()),
            Ours::Called { scheme, listens } => {
                let host = host.and_then(|host| host.to_str().ok()).filter(|host| !host.is_empty());
                host.or(listens.as_deref()).map(|host| format!("{scheme}://{host}"))
            }
        }
    }

    /// The part of a link after an origin that is to be replaced.
    fn tail<'a>(&self, link: &'a [u8]) -> Option<&'a [u8]> {
        let tail = |origin: &str| link.strip_prefix(origin.as_bytes());
        tail(&self.upstream)
            .or_else(|| tail(HUBSPOT))
            .filter(|tail| matches!(tail.first(), None | Some(b'/' | b'?')))
    }
}

fn bare(origin: &str) -> String {
    origin.trim_end_matches('/').to_owned()
}

/// Rewrites `Location`.
pub(crate) fn location(headers: &mut HeaderMap, origins: &Origins, host: Option<&HeaderValue>) {
    let Some(location) = headers.get(header::LOCATION) else { return };
    let rewritten = origins
        .tail(location.as_bytes())
        .and_then(|tail| HeaderValue::from_bytes(&[origins.ours(host)?.as_bytes(), tail].concat()).ok());
    if let Some(rewritten) = rewritten {
        headers.insert(header::LOCATION, rewritten);
    }
}

/// Rewrites the paging links of a JSON body, whole or as it streams. A compressed body passes as it is.
pub(crate) fn body(
    response: Response<Body>,
    origins: &Origins,
    host: Option<&HeaderValue>,
) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let body = of_json(&mut parts.headers, body, origins, host);
    Response::from_parts(parts, body)
}

fn of_json(headers: &mut HeaderMap, body: Body, origins: &Origins, host: Option<&HeaderValue>) -> Body {
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    if !is_json || headers.contains_key(header::CONTENT_ENCODING) {
        return body;
    }
    match body {
        Body::Whole(bytes) if PAGING.find(&bytes).is_none() => Body::Whole(bytes),
        Body::Whole(bytes) => {
            let Some(ours) = origins.ours(host) else { return Body::Whole(bytes) };
            let mut out = Vec::with_capacity(bytes.len() + ours.len());
            LinkRewriter::new(origins.clone(), ours).push(&bytes, &mut out);
            headers.remove(header::CONTENT_LENGTH);
            Body::Whole(Bytes::from(out))
        }
        Body::Empty => Body::Empty,
        streaming => {
            let Some(ours) = origins.ours(host) else { return streaming };
            headers.remove(header::CONTENT_LENGTH);
            Body::boxed(Rewritten::new(streaming, LinkRewriter::new(origins.clone(), ours)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_where_the_caller_came_from() {
        let ours = |public: Option<&str>, address: &str, is_tls, host: Option<&'static str>| {
            let origins = Origins::new("https://api.hubapi.com", public);
            let origins = origins.listening(Some(address.parse().unwrap()), is_tls);
            origins.ours(host.map(HeaderValue::from_static).as_ref())
        };
        let (here, anywhere) = ("127.0.0.1:8400", "0.0.0.0:8400");
        let written = |origin: &str| Some(origin.to_owned());
        assert_eq!(ours(None, here, IsTls::No, Some("gateway:80")), written("http://gateway:80"));
        assert_eq!(ours(None, here, IsTls::Yes, Some("gateway")), written("https://gateway"));
        assert_eq!(ours(None, here, IsTls::No, None), written("http://127.0.0.1:8400"), "HTTP/1.0");
        assert_eq!(ours(None, anywhere, IsTls::No, None), None, "no address that leads anywhere");
        assert_eq!(ours(Some("https://x/"), here, IsTls::No, Some("gateway")), written("https://x"));
    }
}
