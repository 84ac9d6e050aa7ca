//! Links in answers lead back through the gateway: `Location`, and `paging.next.link` in JSON.

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
    /// How callers reach us, where it is configured; else what the caller itself wrote as `Host`.
    public: Option<String>,
}

impl Origins {
    pub(crate) fn new(upstream: &str, public: Option<&str>) -> Self {
        let bare = |origin: &str| origin.trim_end_matches('/').to_owned();
        Self { upstream: bare(upstream), public: public.map(bare) }
    }

    /// What replaces the upstream's origin in answers to this caller.
    pub(crate) fn ours(&self, host: Option<&HeaderValue>) -> Option<String> {
        let host = || host?.to_str().ok().filter(|host| !host.is_empty());
        self.public.clone().or_else(|| Some(format!("http://{}", host()?)))
    }

    /// The part of a link after an origin that is to be replaced.
    fn tail<'a>(&self, link: &'a [u8]) -> Option<&'a [u8]> {
        let tail = |origin: &str| link.strip_prefix(origin.as_bytes());
        tail(&self.upstream)
            .or_else(|| tail(HUBSPOT))
            .filter(|tail| matches!(tail.first(), None | Some(b'/' | b'?')))
    }
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
