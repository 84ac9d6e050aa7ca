//! `hubkeeper triage`: what is wrong, whose fault it is, what to do first.

use client::clock::WallClock;
use client::probe::target::{OAuthApp, Target};
use http::Uri;
use hubspot::secret::Secret;
use ops::triage::Asked;

use super::up;
use crate::cli::TriageOptions;
use crate::config::Config;
use crate::failure::{Exit, Failure};
use crate::{process, triage};

pub(super) fn run(config: &Config, options: &TriageOptions) -> Result<Exit, Failure> {
    let options = gather(config, options)?;
    let json = options.json;
    let triage = process::runtime()?.block_on(triage::run(options.triage));
    let text = if json {
        serde_json::to_string(&triage).map_err(Failure::work)?
    } else {
        triage::for_people(&triage)
    };
    process::print_line(text.trim_end());
    Ok(triage::exit(&triage))
}

/// What the incident room asks, as configured. `token` goes before the configuration; without any, only the way to
/// HubSpot is probed.
pub(super) fn for_the_room(config: &Config, token: Option<&Secret>) -> Result<triage::Options, Failure> {
    let without_token = token.is_some() || up::token(config)?.is_none();
    let mut gathered = gather(config, &TriageOptions { without_token, ..TriageOptions::default() })?.triage;
    if let Some(token) = token {
        gathered.asked.target.token = Some(token.clone());
    }
    Ok(gathered)
}

struct Gathered {
    triage: triage::Options,
    json: bool,
}

/// The command line goes before the configuration, which goes before the environment.
fn gather(config: &Config, options: &TriageOptions) -> Result<Gathered, Failure> {
    let connection = config.connections.first();
    let mut target =
        Target::new(uri("--upstream", options.upstream.as_ref().unwrap_or(&config.gateway.upstream))?);
    let status_page = options.status_page.as_ref().unwrap_or(&config.gateway.status_page);
    target.status_page = Some(uri("--status-page", status_page)?);
    target.token = token(config, options)?;
    target.oauth_app = match connection.map(|connection| (&connection.client_id, &connection.client_secret)) {
        Some((Some(client_id), Some(secret))) => {
            Some(OAuthApp { client_id: client_id.clone(), client_secret: secret.resolve()? })
        }
        _ => None,
    };
    target.dns_servers.clone_from(if options.dns_servers.is_empty() {
        &config.triage.dns_servers
    } else {
        &options.dns_servers
    });
    let system_dns =
        if options.system_dns.is_empty() { &config.triage.system_dns } else { &options.system_dns };
    target.system_dns = (!system_dns.is_empty()).then(|| system_dns.clone());
    target.resolve_override = (!options.resolve.is_empty()).then(|| options.resolve.clone());
    target.control_host.clone_from(&config.triage.control_host);
    let ca_file = options.ca_file.as_ref().or(config.gateway.ca_file.as_ref());
    if let Some(file) = ca_file {
        up::extra_roots(Some(file))?;
        target.extra_roots = Some(std::fs::read(file).map_err(Failure::usage)?);
    }
    let secure = target.upstream.scheme_str() == Some("https");
    target.proxy = proxy(secure)?;
    target.no_proxy = ["NO_PROXY", "no_proxy"]
        .iter()
        .find_map(|name| process::environment(name))
        .map(|hosts| hosts.split(',').map(|host| host.trim().to_owned()).collect())
        .unwrap_or_default();
    let admin = match &options.admin {
        Some(admin) => uri("--admin", admin)?,
        None => uri("admin.listen", &config.admin.url())?,
    };
    let runbooks = options.runbooks.as_deref().or(config.triage.runbooks.as_deref());
    Ok(Gathered {
        triage: triage::Options {
            asked: Asked {
                target,
                portal_id: options.portal_id.or(connection.and_then(|connection| connection.portal_id)),
                plan: connection.and_then(|connection| connection.plan).or(config.limits.plan),
            },
            admin: Some(admin),
            runbooks: triage::runbooks(runbooks)?,
            clock: WallClock::system(),
        },
        json: options.json,
    })
}

fn token(config: &Config, options: &TriageOptions) -> Result<Option<Secret>, Failure> {
    if options.without_token {
        return Ok(None);
    }
    let missing = || {
        Failure::usage("triage needs a HubSpot token, and there is none")
            .hint("set HUBSPOT_ACCESS_TOKEN, or check only the way to HubSpot with --without-token")
    };
    up::token(config)?.map(Some).ok_or_else(missing)
}

fn proxy(secure: bool) -> Result<Option<Uri>, Failure> {
    let names: &[&str] = if secure { &["HTTPS_PROXY", "https_proxy"] } else { &["http_proxy", "HTTP_PROXY"] };
    names
        .iter()
        .find_map(|name| Some((name, process::environment(name)?)))
        .map(|(name, value)| {
            let value = if value.contains("://") { value } else { format!("http://{value}") };
            // The value may hold a password: it is not repeated.
            value
                .parse()
                .map_err(|_| Failure::usage(format!("the environment variable {name} is not a proxy's URL")))
        })
        .transpose()
}

pub(super) fn uri(what: &str, text: &str) -> Result<Uri, Failure> {
    let uri: Option<Uri> = text.parse().ok();
    uri.filter(|uri| uri.host().is_some() && uri.scheme().is_some()).ok_or_else(|| {
        Failure::usage(format!("{what} is `{text}`, which is not a URL"))
            .hint("write it with its scheme, such as https://api.hubapi.com")
    })
}
