//! Addresses that HubSpot may have called, other than the one we expect.

use std::collections::BTreeSet;

use http::{HeaderMap, Uri, header};

use crate::address::PublicAddress;
use crate::proxy;

/// Schemes, hosts, ports, paths, a slash at the end, escapes: every combination once, the likely first.
pub(super) fn variants(public: &PublicAddress, target: &str, headers: &HeaderMap) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for origin in origins(public, headers) {
        for path in paths(public, target) {
            let address = format!("{origin}{path}");
            if seen.insert(address.clone()) {
                all.push(address);
            }
        }
    }
    all
}

/// What to configure, so that this address is expected.
pub(super) fn public_url_for(address: &str, target: &str) -> String {
    let path = target.split('?').next().unwrap_or(target);
    let bare = address.split('?').next().unwrap_or(address);
    bare.strip_suffix(path).unwrap_or(bare).to_owned()
}

fn origins(public: &PublicAddress, headers: &HeaderMap) -> Vec<String> {
    let uri: Uri = public.origin().parse().unwrap_or_default();
    let mut authorities: Vec<String> = uri.authority().map(ToString::to_string).into_iter().collect();
    for name in [header::HOST.as_str(), "x-forwarded-host", "x-original-host"] {
        let hosts = headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .into_iter()
            .flat_map(|hosts| hosts.split(','));
        authorities.extend(hosts.map(|host| host.trim().to_owned()));
    }
    if let Some(told) = proxy::told(headers, "/")
        && let Ok(uri) = told.parse::<Uri>()
    {
        authorities.extend(uri.authority().map(ToString::to_string));
    }
    let mut origins = Vec::new();
    for authority in authorities.iter().filter(|authority| !authority.is_empty()) {
        let bare =
            authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        let bare = bare.map_or(authority.as_str(), |(bare, _)| bare);
        for scheme in ["https", "http"] {
            origins.push(format!("{scheme}://{authority}"));
            origins.push(format!("{scheme}://{bare}"));
            origins.extend([443, 80, 8443, 8080, 8400].map(|port| format!("{scheme}://{bare}:{port}")));
            origins.push(format!("{scheme}://{}", authority.to_lowercase()));
        }
    }
    origins
}

fn paths(public: &PublicAddress, target: &str) -> Vec<String> {
    let (path, query) =
        target.split_once('?').map_or((target, String::new()), |(path, query)| (path, format!("?{query}")));
    let mut bare: Vec<String> = public.paths(path);
    bare.push(path.to_owned());
    // A proxy may have put something before it.
    let segments: Vec<usize> = path.match_indices('/').map(|(at, _)| at).skip(1).collect();
    bare.extend(segments.iter().map(|at| path[*at..].to_owned()));
    bare.push(String::new());
    let mut all = Vec::new();
    for path in bare {
        let without = path.trim_end_matches('/').to_owned();
        for path in [path, format!("{without}/"), without] {
            for query in [query.clone(), unescaped(&query), escaped(&query), String::new()] {
                all.push(format!("{path}{query}"));
            }
        }
    }
    all
}

/// Every escape undone, as many frameworks do.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail.get(..2).filter(|_| *first == b'%').and_then(|code| std::str::from_utf8(code).ok());
        if let Some(byte) = code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// Spaces and the like escaped again.
fn escaped(text: &str) -> String {
    text.replace([' ', '+'], "%20").replace('|', "%7C").replace('"', "%22")
}
