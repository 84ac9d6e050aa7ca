//! The address that HubSpot called, which its signature covers.
//!
//! Behind a proxy the request that arrives names another host, scheme, port or path. None of that is believed: the
//! configured public address is, and of the request only what follows it.

/// How HubSpot reaches us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicAddress {
    /// Scheme and authority, without a slash at the end.
    origin: String,
    /// The path before ours that a proxy takes off, or the whole path that HubSpot calls; without a slash at the end.
    path: String,
}

/// What is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no public address; it looks like https://hooks.example.com")]
pub struct BadAddress(String);

impl PublicAddress {
    /// # Errors
    /// [`BadAddress`] for anything but `http(s)://host[:port][/path]`.
    pub fn new(url: &str) -> Result<Self, BadAddress> {
        let bad = || BadAddress(url.to_owned());
        let uri: http::Uri = url.parse().map_err(|_| bad())?;
        let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "https" | "http")).ok_or_else(bad)?;
        let authority =
            uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(bad)?;
        if uri.query().is_some() {
            return Err(bad());
        }
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok(Self { origin: format!("{scheme}://{authority}"), path })
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Paths that may stand for one that arrived.
    pub(crate) fn paths(&self, path: &str) -> Vec<String> {
        vec![format!("{}{path}", self.path), self.path.clone()]
    }

    /// The addresses that HubSpot may have called when `target` (path and query) arrived: the public one with what
    /// arrived behind it and, where it has a path, with the query alone.
    pub fn called(&self, target: &str) -> Vec<String> {
        let plain = || [&*self.origin, target].concat();
        let behind = || [&*self.origin, &*self.path, target].concat();
        if self.path.is_empty() {
            return vec![plain()];
        }
        if target.starts_with(&self.path) {
            return vec![plain(), behind()];
        }
        let query = target.find('?').map_or("", |at| &target[at..]);
        vec![behind(), [&*self.origin, &*self.path, query].concat()]
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("https://hooks.example.com", "/webhooks/hubspot", &["https://hooks.example.com/webhooks/hubspot"])]
    #[case("https://hooks.example.com/", "/webhooks/hubspot?a=1", &["https://hooks.example.com/webhooks/hubspot?a=1"])]
    #[case("https://x.example:8443/hk", "/webhooks/hubspot",
        &["https://x.example:8443/hk/webhooks/hubspot", "https://x.example:8443/hk"])]
    #[case("https://x.example/hooks/in", "/webhooks/hubspot?a=1",
        &["https://x.example/hooks/in/webhooks/hubspot?a=1", "https://x.example/hooks/in?a=1"])]
    #[case("https://x.example/webhooks/hubspot", "/webhooks/hubspot",
        &["https://x.example/webhooks/hubspot", "https://x.example/webhooks/hubspot/webhooks/hubspot"])]
    fn what_hubspot_may_have_called(#[case] public: &str, #[case] target: &str, #[case] called: &[&str]) {
        assert_eq!(PublicAddress::new(public).unwrap().called(target), called);
    }

    #[rstest]
    #[case("hooks.example.com")]
    #[case("ftp://hooks.example.com")]
    #[case("https://user@hooks.example.com")]
    #[case("https://hooks.example.com/?a=1")]
    #[case("")]
    fn what_is_no_public_address(#[case] url: &str) {
        assert!(PublicAddress::new(url).is_err());
    }
}
