//! What a proxy of ours says about how it was called. Anybody can write these headers, so they are believed only from
//! addresses that the configuration names.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, header};

const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// A network, `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// What is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no network; it looks like 10.0.0.0/8 or 192.0.2.1")]
pub struct BadNetwork(String);

impl Network {
    /// # Errors
    /// [`BadNetwork`].
    pub fn parse(text: &str) -> Result<Self, BadNetwork> {
        let bad = || BadNetwork(text.to_owned());
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(most), |bits| bits.parse().map_err(|_| bad()))?;
        if bits > most { Err(bad()) } else { Ok(Self { address, bits }) }
    }

    pub fn contains(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                network.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// What HubSpot called, as a proxy tells it; the first of several is what the first proxy saw.
pub fn told(headers: &HeaderMap, target: &str) -> Option<String> {
    let first = |name: &HeaderName| {
        let value = headers.get(name)?.to_str().ok()?.split(',').next()?.trim();
        let plain = value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']' | '/' | '_'));
        Some(value).filter(|value| plain && !value.is_empty())
    };
    let host = first(&FORWARDED_HOST).or_else(|| first(&header::HOST))?;
    let scheme = first(&PROTO).unwrap_or("https");
    let usual = if scheme == "https" { "443" } else { "80" };
    let has_port =
        host.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let port = first(&PORT).filter(|port| *port != usual && !has_port);
    let prefix = first(&PREFIX).map_or("", |prefix| prefix.trim_end_matches('/'));
    Some(format!(
        "{scheme}://{host}{}{prefix}{target}",
        port.map(|port| format!(":{port}")).unwrap_or_default()
    ))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("10.0.0.0/8", "10.255.0.1", true)]
    #[case("10.0.0.0/8", "11.0.0.1", false)]
    #[case("10.0.0.0/8", "::ffff:10.1.1.1", true)]
    #[case("192.0.2.1", "192.0.2.1", true)]
    #[case("192.0.2.1", "192.0.2.2", false)]
    #[case("0.0.0.0/0", "8.8.8.8", true)]
    #[case("fd00::/8", "fd12::1", true)]
    #[case("fd00::/8", "fe80::1", false)]
    fn networks(#[case] network: &str, #[case] address: &str, #[case] inside: bool) {
        assert_eq!(Network::parse(network).unwrap().contains(address.parse().unwrap()), inside);
    }

    #[rstest]
    #[case("10.0.0.0/33")]
    #[case("proxy.example.com")]
    #[case("")]
    fn what_is_no_network(#[case] text: &str) {
        assert!(Network::parse(text).is_err());
    }

    #[rstest]
    #[case(&[("x-forwarded-host", "a.example"), ("x-forwarded-proto", "https")], "https://a.example/in?x=1")]
    #[case(&[("host", "b.example:8443")], "https://b.example:8443/in?x=1")]
    #[case(&[("x-forwarded-host", "a.example, inner"), ("x-forwarded-port", "8443")], "https://a.example:8443/in?x=1")]
    #[case(&[("x-forwarded-host", "a.example"), ("x-forwarded-port", "443")], "https://a.example/in?x=1")]
    #[case(&[("x-forwarded-host", "a.example"), ("x-forwarded-prefix", "/hk/")], "https://a.example/hk/in?x=1")]
    fn what_a_proxy_tells(#[case] headers: &[(&'static str, &'static str)], #[case] url: &str) {
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        assert_eq!(told(&headers, "/in?x=1").as_deref(), Some(url));
    }
}
