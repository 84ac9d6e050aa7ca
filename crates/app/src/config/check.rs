//! What a well-formed configuration may still get wrong.

use http::Uri;
use hubspot::endpoint::ApiFamily;
use hubspot::secret::Secret;
use hubspot::token::TokenShape;

use super::{Config, DailySection, DegradedSection, Mode, journal, quote, treatment};
use crate::failure::Failure;
use crate::logs;

/// A longer name is a text.
const NAME_CHARS_MAX: usize = 64;

/// More often would be load.
const OTEL_INTERVAL_MS_MIN: u64 = 100;

pub(super) fn check(config: &Config) -> Result<(), Failure> {
    let gateway = &config.gateway;
    url("gateway.upstream", &gateway.upstream)?;
    origin("gateway.upstream", &gateway.upstream)?;
    not_ourselves(&gateway.listen, &gateway.upstream)?;
    url("gateway.status_page", &gateway.status_page)?;
    if let Some(public) = &gateway.public_url {
        url("gateway.public_url", public)?;
    }
    for (key, value) in [
        ("gateway.deadline_ms", gateway.deadline_ms),
        ("gateway.deadline_ms_max", gateway.deadline_ms_max),
        ("gateway.attempt_timeout_ms", gateway.attempt_timeout_ms),
        ("gateway.connections_max", gateway.connections_max as u64),
        ("gateway.waiting_max", gateway.waiting_max as u64),
    ] {
        if value == 0 {
            return Err(nothing_through(key));
        }
    }
    for (key, value) in [
        ("limits.burst", config.limits.burst),
        ("limits.search", config.limits.search),
        ("limits.associations", config.limits.associations),
    ] {
        if value == Some(0) {
            return Err(nothing_through(key));
        }
    }
    if config.cache.enabled && config.cache.bytes_max < config.cache.answer_bytes_max {
        return Err(Failure::usage(
            "cache.bytes_max is less than cache.answer_bytes_max: one answer could not be kept",
        )
        .hint("give it room for many answers, or write enabled = false under [cache]"));
    }
    if config.limits.packs > 2 {
        return Err(
            Failure::usage("limits.packs is more than 2").hint("HubSpot sells two limit increases at most")
        );
    }
    config.check_tls()?;
    telemetry(config)?;
    daily(&config.daily)?;
    if let Some(public) = &config.webhooks.public_url {
        url("webhooks.public_url", public)?;
    }
    config.webhooks.check()?;
    journal::check(config)?;
    unique("webhooks.subscribers", config.webhooks.names().iter())?;
    degraded(&config.degraded)?;
    config.incidents.check()?;
    config.notify.complete()?;
    config.check.check()?;
    config.admin.names.iter().try_for_each(|name| host_name("admin.names", name))?;
    unique("connections", config.connections.iter().map(|connection| &connection.name))?;
    unique("callers", config.callers.iter().map(|caller| &caller.name))?;
    config.check_connections()?;
    for (key, value) in
        [("oauth.authorize_url", &config.oauth.authorize_url), ("oauth.public_url", &config.oauth.public_url)]
    {
        value.as_ref().map_or(Ok(()), |value| url(key, value))?;
    }
    for caller in &config.callers {
        caller.check()?;
        treatment::weight(caller.weight).map_err(|(what, hint)| {
            Failure::usage(format!("caller {}: {what}", quote::quoted(&caller.name))).hint(hint)
        })?;
    }
    config.lanes.settings()?;
    config.rules()?;
    config.admin.check()?;
    if gateway.mode == Mode::Managed && config.callers.is_empty() && !is_loopback(&gateway.listen) {
        return Err(Failure::usage(format!(
            "managed mode on {} without [[callers]] would lend your HubSpot token to everyone who can connect",
            gateway.listen
        ))
        .hint("add [[callers]] with keys, or listen on 127.0.0.1 (gateway.listen, or --listen)"));
    }
    Ok(())
}

fn daily(daily: &DailySection) -> Result<(), Failure> {
    for (key, value) in [
        ("daily.reserve_interactive", daily.reserve_interactive),
        ("daily.reserve_sync", daily.reserve_sync),
        ("daily.reserve_probe", daily.reserve_probe),
    ] {
        if !(0.0..1.0).contains(&value) {
            return Err(Failure::usage(format!("{key} is {value}, which is no share of the daily pool"))
                .hint("write a share from 0 to below 1, such as 0.1"));
        }
    }
    if daily.reserve_interactive + daily.reserve_sync + daily.reserve_probe >= 1.0 {
        return Err(Failure::usage("the reserves of [daily] leave nothing of the pool")
            .hint("reserve_interactive, reserve_sync and reserve_probe together must be below 1"));
    }
    Ok(())
}

fn telemetry(config: &Config) -> Result<(), Failure> {
    logs::filter(&config.log.level)?;
    let otel = &config.otel;
    if let Some(endpoint) = &otel.endpoint {
        url("otel.endpoint", endpoint)?;
    }
    if !(0.0..=1.0).contains(&otel.sample_ratio) {
        return Err(Failure::usage(format!("otel.sample_ratio is {}", otel.sample_ratio))
            .hint("write the share of traces to export, from 0.0, which is none at all, to 1.0"));
    }
    if otel.interval_ms < OTEL_INTERVAL_MS_MIN {
        return Err(Failure::usage(format!("otel.interval_ms is {}", otel.interval_ms))
            .hint(format!("{OTEL_INTERVAL_MS_MIN} or more; 10000 is usual")));
    }
    Ok(())
}

fn url(key: &str, text: &str) -> Result<(), Failure> {
    let uri: Option<Uri> = text.parse().ok();
    let is_http = |uri: &Uri| {
        let host = uri.authority().map(http::uri::Authority::as_str);
        matches!(uri.scheme_str(), Some("http" | "https")) && host.is_some_and(|host| !host.contains('@'))
    };
    if uri.is_some_and(|uri| is_http(&uri)) {
        return Ok(());
    }
    Err(Failure::usage(format!("{key} is `{}`, which is not a URL", quote::quoted(text)))
        .hint("write it with its scheme, such as https://api.hubapi.com"))
}

/// A name as it stands in a `Host` header, without the port. Wildcards would open the door to any page.
fn host_name(key: &str, name: &str) -> Result<(), Failure> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if !name.is_empty() && name.chars().all(fits) {
        return Ok(());
    }
    Err(Failure::usage(format!("{key} has `{}`, which is not the name of a host", quote::quoted(name)))
        .hint("write bare names, without scheme, port or wildcard, such as hubkeeper.internal.example"))
}

/// Callers' own paths follow it, so that it has none.
fn origin(key: &str, text: &str) -> Result<(), Failure> {
    let uri: Option<Uri> = text.parse().ok();
    if uri.is_none_or(|uri| uri.path_and_query().is_none_or(|path| path == "/")) {
        return Ok(());
    }
    Err(Failure::usage(format!("{key} is `{}`, which goes on after the host", quote::quoted(text)))
        .hint("leave out the path; callers' paths are added to it, as in https://api.hubapi.com"))
}

/// A call would go round and round until its deadline.
fn not_ourselves(listen: &str, upstream: &str) -> Result<(), Failure> {
    let uri: Option<Uri> = upstream.parse().ok();
    let (host, port) = listen.rsplit_once(':').unwrap_or((listen, ""));
    let at_home = is_loopback(listen) || ["0.0.0.0", "[::]"].contains(&host);
    let same = uri.as_ref().and_then(Uri::authority).is_some_and(|upstream| {
        is_loopback(upstream.as_str()) && upstream.port_u16().is_some_and(|other| port.parse() == Ok(other))
    });
    if !(at_home && same) {
        return Ok(());
    }
    Err(Failure::usage(format!("gateway.upstream is where the gateway itself listens, {listen}"))
        .hint("name HubSpot, https://api.hubapi.com, or a simulator, which listens on port 8410"))
}

fn nothing_through(key: &str) -> Failure {
    Failure::usage(format!("{key} is 0, which would let nothing through"))
        .hint("leave it out for the default")
}

fn degraded(section: &DegradedSection) -> Result<(), Failure> {
    if let Some(unknown) = section.families.iter().find(|name| ApiFamily::parse(name).is_none()) {
        let names: Vec<_> = ApiFamily::ALL.map(ApiFamily::name).into();
        return Err(Failure::usage(format!("degraded.families names `{}`", quote::quoted(unknown)))
            .hint(format!("there are {}", names.join(", "))));
    }
    if section.on && section.reason.trim().is_empty() {
        return Err(Failure::usage("degraded.on is true without degraded.reason")
            .hint("callers are told why; write a line"));
    }
    Ok(())
}

pub(super) fn unique<'a>(section: &str, names: impl Iterator<Item = &'a String>) -> Result<(), Failure> {
    let mut seen = std::collections::HashSet::new();
    for name in names {
        if name.is_empty() || !seen.insert(name) {
            return Err(Failure::usage(format!("[[{section}]] has an empty name, or `{name}` twice"))
                .hint("names tell them apart in reports; give each its own"));
        }
        presentable(section, name)?;
    }
    Ok(())
}

/// A name stands in logs and metrics, where everyone may read.
pub(super) fn presentable(section: &str, name: &str) -> Result<(), Failure> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/' | ' ');
    if TokenShape::of(&Secret::new(name)) != TokenShape::Unknown {
        return Err(Failure::usage(format!("a name in [[{section}]] looks like a token"))
            .hint("names stand in logs and metrics; if this is a token, it is no secret any more"));
    }
    if name.chars().count() > NAME_CHARS_MAX || !name.chars().all(fits) {
        return Err(Failure::usage(format!("[[{section}]] has the name `{}`", quote::quoted(name))).hint(format!(
            "names stand in logs and metrics: letters, digits, spaces and -_.:/ only, at most {NAME_CHARS_MAX}, nobody's address"
        )));
    }
    Ok(())
}

/// `localhost` counts; anything that is not surely loopback does not.
pub(crate) fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managed_without_callers_stays_at_home() {
        let mut config = Config::default();
        config.gateway.mode = Mode::Managed;
        assert!(check(&config).is_ok());
        config.gateway.listen = "0.0.0.0:8400".into();
        assert!(check(&config).is_err());
        config.gateway.listen = "[::1]:8400".into();
        assert!(check(&config).is_ok());
    }

    #[test]
    fn an_open_admin_api_stays_at_home() {
        let mut config = Config::default();
        config.admin.listen = "0.0.0.0:8401".into();
        assert!(check(&config).is_err());
        config.admin.key_sha256 = Some("0".repeat(64));
        assert!(check(&config).is_ok());
        config.admin.key_sha256 = Some("0".repeat(63));
        assert!(check(&config).is_err());
    }

    #[test]
    fn names_are_fit_to_be_read_by_everyone() {
        let refused = |name: &str| presentable("callers", name).is_err();
        for name in ["billing", "Köln/sync 2", "eu-1:a.b_c"] {
            assert!(!refused(name), "{name}");
        }
        let long = "a long name ".repeat(10);
        for name in
            ["jane.doe@example.com", "pat-na1-c0ffee00-1111-2222-3333-444455556666", "a\nb", "a\"b", &long]
        {
            assert!(refused(name), "{name}");
        }
        let told = format!("{:?}", presentable("callers", "pat-na1-c0ffee00-1111-2222-3333-444455556666"));
        assert!(!told.contains("c0ffee00"), "{told}");
    }

    #[test]
    fn a_cache_has_room_for_an_answer() {
        let mut config = Config::default();
        config.cache.bytes_max = 1024;
        assert!(check(&config).is_err());
        config.cache.enabled = false;
        assert!(check(&config).is_ok());
    }

    #[test]
    fn degraded_mode_has_a_reason_and_families_that_exist() {
        let mut config = Config::default();
        config.degraded.on = true;
        assert!(check(&config).is_err());
        config.degraded.reason = "HubSpot maintenance".into();
        assert!(check(&config).is_ok());
        config.degraded.families = vec!["serach".into()];
        assert!(check(&config).is_err());
    }

    #[test]
    fn the_admin_names_are_bare_host_names() {
        let checked = |name: &str| {
            let mut config = Config::default();
            config.admin.names = vec![name.into()];
            check(&config)
        };
        for name in ["hubkeeper.internal.example", "hub_keeper", "HUB-1"] {
            assert!(checked(name).is_ok(), "{name}");
        }
        for name in ["", "*", "*.internal.example", "hubkeeper:8401", "http://hubkeeper", "a b"] {
            assert!(checked(name).is_err(), "{name}");
        }
    }

    #[test]
    fn an_upstream_without_scheme_is_refused() {
        let mut config = Config::default();
        config.gateway.upstream = "api.hubapi.com".into();
        assert!(check(&config).is_err());
    }
    #[test]
    fn the_gateway_does_not_call_itself() {
        let checked = |listen: &str, upstream: &str| {
            let mut config = Config::default();
            config.gateway.listen = listen.into();
            config.gateway.upstream = upstream.into();
            check(&config).is_ok()
        };
        assert!(!checked("127.0.0.1:8400", "http://localhost:8400"));
        assert!(!checked("[::1]:8400", "http://[::1]:8400/"));
        assert!(checked("127.0.0.1:8400", "http://127.0.0.1:8410"));
        assert!(checked("127.0.0.1:0", "http://127.0.0.1:8400"));
        assert!(checked("10.0.0.1:8400", "http://127.0.0.1:8400"));
    }
}
