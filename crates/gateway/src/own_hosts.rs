//! Keeps browsers out where whoever can connect is trusted. A web page may make its visitor's browser call us: by
//! asking another site than its own (cross-site), or by pointing its own name at our address (DNS rebinding). Both
//! show in the request's headers, which the page cannot forge.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::refusal::Refusal;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The names by which we may be called, besides `localhost` and IP addresses: those cannot be pointed elsewhere.
#[derive(Debug, Clone, Default)]
pub struct OwnHosts(Arc<[String]>);

impl OwnHosts {
    /// Takes the hosts of `addresses`, each a URL or `HOST:PORT`.
    pub fn new<'a>(addresses: impl IntoIterator<Item = &'a str>) -> Self {
        Self(addresses.into_iter().map(|address| host_of(address).to_ascii_lowercase()).collect())
    }

    /// # Errors
    /// A 403 for what only a browser sends on behalf of a page that is not ours.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        // No browser leaves out the host; HTTP/1.0 health checks do.
        let host = headers.get(header::HOST).map(|host| host_of(text(host)));
        if host.is_some_and(|host| !self.is_own(host)) {
            return Err(Refusal::unknown_host());
        }
        let is_cross_site = headers.get(SEC_FETCH_SITE).is_some_and(|site| site == "cross-site");
        let is_ours =
            |origin: &str| host.is_some_and(|host| origin.eq_ignore_ascii_case(host)) || self.names(origin);
        let is_foreign = headers.get(header::ORIGIN).is_some_and(|origin| !is_ours(host_of(text(origin))));
        if is_cross_site || is_foreign { Err(Refusal::cross_site()) } else { Ok(()) }
    }

    /// The same for a path that people are led to from elsewhere in a browser: whatever site they come from. What is done
    /// there must not depend on who leads them.
    ///
    /// # Errors
    /// A 403.
    pub(crate) fn check_landing(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = headers.get(header::HOST).map(|host| host_of(text(host)));
        if host.is_some_and(|host| !self.is_own(host)) { Err(Refusal::unknown_host()) } else { Ok(()) }
    }

    fn is_own(&self, host: &str) -> bool {
        let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        address.parse::<IpAddr>().is_ok() || host.eq_ignore_ascii_case("localhost") || self.names(host)
    }

    fn names(&self, host: &str) -> bool {
        self.0.iter().any(|own| host.eq_ignore_ascii_case(own))
    }
}

/// The host of a URL, or of `HOST:PORT`.
fn host_of(address: &str) -> &str {
    let authority = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or_default();
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// What is not plain text names nobody.
fn text(value: &HeaderValue) -> &str {
    value.to_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn is_let_in(headers: &[(&'static str, &'static str)]) -> bool {
        let own = OwnHosts::new(["https://HubSpot.internal.example/", "gateway.lan:8400", "[::1]:8401"]);
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        own.check(&headers).is_ok()
    }

    #[rstest]
    #[case::no_host(&[])]
    #[case::localhost(&[("host", "LocalHost:8400")])]
    #[case::ipv4(&[("host", "127.0.0.1:8400")])]
    #[case::ipv6(&[("host", "[::1]:8400")])]
    #[case::ipv6_without_port(&[("host", "[::1]")])]
    #[case::public(&[("host", "hubspot.internal.example")])]
    #[case::listen(&[("host", "gateway.lan")])]
    #[case::typed_by_a_person(&[("host", "localhost"), ("sec-fetch-site", "none")])]
    #[case::own_page(&[("host", "localhost:8401"), ("origin", "http://localhost:8401"), ("sec-fetch-site", "same-origin")])]
    #[case::own_page_behind_a_proxy(&[("host", "127.0.0.1:8400"), ("origin", "https://hubspot.internal.example")])]
    fn programs_and_own_pages_are_let_in(#[case] headers: &[(&'static str, &'static str)]) {
        assert!(is_let_in(headers));
    }

    #[rstest]
    #[case::rebound(&[("host", "evil.example:8400")])]
    #[case::rebound_own_origin(&[("host", "evil.example"), ("origin", "http://evil.example")])]
    #[case::looks_like_localhost(&[("host", "localhost.evil.example")])]
    #[case::looks_like_an_address(&[("host", "127.0.0.1.evil.example")])]
    #[case::looks_like_ours(&[("host", "gateway.lan.evil.example")])]
    #[case::empty(&[("host", "")])]
    #[case::cross_site(&[("host", "127.0.0.1:8400"), ("sec-fetch-site", "cross-site")])]
    #[case::foreign_origin(&[("host", "localhost:8400"), ("origin", "https://evil.example")])]
    #[case::foreign_address(&[("host", "localhost:8400"), ("origin", "http://192.0.2.7")])]
    #[case::hidden_origin(&[("host", "localhost:8400"), ("origin", "null")])]
    fn what_another_site_made_a_browser_send_is_refused(#[case] headers: &[(&'static str, &'static str)]) {
        assert!(!is_let_in(headers));
    }
}
