//! The way through a configured proxy, held against the direct one.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join;
use http::Uri;
use hubspot::secret::Secret;
use percent_encoding::percent_decode_str;

use super::exchange::Question;
use super::plan::Ways;
use super::report::network::Tls;
use super::report::surroundings::Proxy;
use super::report::{Failure, Finding, Upstream, Why};
use super::way::{ProxyServer, Via, Way, refused_status};
use super::{Run, calls, dns, tls};

/// Where a proxy's address names none.
const DEFAULT_PORT: u16 = 80;

/// Is this host to be reached through the configured proxy? As elsewhere, loopback never is.
pub(super) fn applies(proxy: Option<&Uri>, no_proxy: &[String], host: &str) -> bool {
    let loopback = dns::literal(host).map_or(host == "localhost", |address| address.is_loopback());
    proxy.is_some() && !loopback && !no_proxy.iter().any(|pattern| excludes(pattern.trim(), host))
}

/// Asks through the proxy, and gives the way where HubSpot itself answered along it.
pub(super) async fn probe(run: &Run<'_>, question: &Question) -> (Finding<Proxy>, Option<Way>) {
    let Some(proxy) = run.target.proxy.as_ref() else {
        return (Finding::not_asked(Why::NotConfigured), None);
    };
    if run.ways() == Ways::DirectOnly {
        return (Finding::not_asked(Why::NotApplicable), None);
    }
    let way = match locate(run, proxy).await.and_then(|server| run.way_upstream(Via::Proxy(server))) {
        Ok(way) => way,
        Err(failure) => return (Finding::Failed(failure), None),
    };
    let (tls, answer) = join(shown_through(run, &way), calls::answer(run, question, &way)).await;
    let works = answer.answered().is_some_and(|answer| answer.hubspot_shaped);
    let refused = answer.failure().and_then(refused_status);
    let refused_status =
        refused.or_else(|| answer.answered().map(|a| a.status).filter(|status| *status == 407));
    let found = Proxy { address: address_of(proxy), tls, answer, refused_status, works };
    (Finding::Answered(found), works.then_some(way))
}

/// The way to another host through the proxy, where that is how one goes there.
pub(super) async fn way_to(run: &Run<'_>, host: &Upstream) -> Option<Way> {
    let target = run.target;
    let proxy = target.proxy.as_ref().filter(|proxy| applies(Some(proxy), &target.no_proxy, &host.host))?;
    let server = locate(run, proxy).await.ok()?;
    run.way(&host.scheme, &host.host, host.port, Via::Proxy(server)).ok()
}

async fn locate(run: &Run<'_>, proxy: &Uri) -> Result<ProxyServer, Failure> {
    let addresses = dns::addresses(run.target, proxy.host().unwrap_or_default(), &run.pace).await?;
    let address = *addresses.first().expect("an answer holds at least one address");
    let port = proxy.port_u16().unwrap_or(DEFAULT_PORT);
    Ok(ProxyServer { address: SocketAddr::new(address, port), authorization: authorization(proxy) })
}

async fn shown_through(run: &Run<'_>, way: &Way) -> Finding<Tls> {
    let Some(judges) = run.security.judges().filter(|_| way.tls.is_some()) else {
        return Finding::not_asked(Why::NotApplicable);
    };
    let recorded = async {
        let wire = way.open(run).await?;
        tls::record(wire, &way.host, judges, run).await
    };
    match recorded.await {
        Ok((tls, _connection)) => Finding::Answered(tls),
        Err(failure) => Finding::Failed(failure),
    }
}

/// `*`, `host`, `domain` or `.domain` (with everything below), any of them with a port, which is not looked at.
fn excludes(pattern: &str, host: &str) -> bool {
    let pattern = pattern.rsplit_once(':').map_or(pattern, |(name, _)| name).to_ascii_lowercase();
    let domain = pattern.trim_start_matches("*.").trim_start_matches('.');
    let host = host.to_ascii_lowercase();
    let below = || host.strip_suffix(domain).is_some_and(|head| head.ends_with('.'));
    pattern == "*" || (!domain.is_empty() && (host == domain || below()))
}

/// `Basic …` from the user and password in the proxy's address.
fn authorization(proxy: &Uri) -> Option<Secret> {
    let (user, _) = proxy.authority()?.as_str().rsplit_once('@')?;
    let plain: Vec<u8> = percent_decode_str(user).collect();
    Some(Secret::new(format!("Basic {}", STANDARD.encode(plain))))
}

fn address_of(proxy: &Uri) -> String {
    format!("{}:{}", proxy.host().unwrap_or_default(), proxy.port_u16().unwrap_or(DEFAULT_PORT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("api.hubapi.com", &[], true)]
    #[case("api.hubapi.com", &["*"], false)]
    #[case("api.hubapi.com", &["hubapi.com"], false)]
    #[case("api.hubapi.com", &[".hubapi.com:443"], false)]
    #[case("api.hubapi.com", &["api.com", "pi.hubapi.com", ""], true)]
    #[case("localhost", &[], false)]
    #[case("127.0.0.1", &[], false)]
    fn knows_when_to_go_through_the_proxy(
        #[case] host: &str,
        #[case] except: &[&str],
        #[case] expected: bool,
    ) {
        let except: Vec<String> = except.iter().map(ToString::to_string).collect();
        let proxy = Uri::from_static("http://proxy.example:3128");
        assert_eq!(applies(Some(&proxy), &except, host), expected);
        assert!(!applies(None, &except, host));
    }

    #[test]
    fn credentials_go_to_the_proxy_and_nowhere_else() {
        let proxy = Uri::from_static("http://ann:p%40ss@proxy.example:3128");
        let basic = authorization(&proxy).expect("a user is given");
        assert_eq!(basic.expose(), "Basic YW5uOnBAc3M=");
        assert_eq!(address_of(&proxy), "proxy.example:3128");
    }
}
