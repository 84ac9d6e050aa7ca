//! One line per layer for people, drawn from the findings.

use super::limits::draws_on_burst;
use super::report::api::{Answer, Limits};
use super::report::network::{Dns, Lookup, Tcp, Tls, Trust};
use super::report::surroundings::{Clock, Proxy, StatusPage};
use super::report::{Authenticated, Finding, Layer, LayerName, Report, Why};
use super::tcp::words;

/// A clock wrong by more is not just drifting: NTP holds a machine within a fraction of a second.
const CLOCK_OFFSET_MS_MAX: u64 = 10_000;

const REFUSED: [u16; 2] = [401, 403];
const TOO_MANY: u16 = 429;

pub(super) fn layers(report: &Report) -> Vec<Layer> {
    vec![
        line(LayerName::Dns, &report.dns, dns),
        line(LayerName::Tcp, &report.tcp, tcp),
        line(LayerName::Tls, &report.tls, tls),
        line(LayerName::Http, &report.http, http),
        line(LayerName::Auth, &report.auth, auth),
        limits(report),
        line(LayerName::StatusPage, &report.status_page, status_page),
        line(LayerName::Clock, &report.clock, clock),
        line(LayerName::Proxy, &report.proxy, proxy),
    ]
}

/// What a finding says: fine or not, after how long, in words.
type Verdict = (Option<bool>, Option<u64>, String);

/// A failure is "no" for the network's layers, whose answer it is; about the others it tells nothing.
fn line<T>(layer: LayerName, finding: &Finding<T>, verdict: impl Fn(&T) -> Verdict) -> Layer {
    let (ok, ms, detail) = match finding {
        Finding::Answered(found) => verdict(found),
        Finding::Failed(failure) => {
            let ok = match layer {
                LayerName::Dns | LayerName::Tcp | LayerName::Tls | LayerName::Http | LayerName::Proxy => {
                    Some(false)
                }
                LayerName::Auth | LayerName::Limits | LayerName::StatusPage | LayerName::Clock => None,
            };
            (ok, Some(failure.ms), failure.detail.clone())
        }
        Finding::NotAsked(not_asked) => (None, None, why(not_asked.why).to_owned()),
    };
    Layer { layer, ok, ms, detail }
}

const fn why(why: Why) -> &'static str {
    match why {
        Why::NotApplicable => "does not apply here",
        Why::NotConfigured => "not configured",
        Why::LowerLayerDown => "not asked: a lower layer is down",
        Why::NotNeeded => "not asked: other questions were more telling",
        Why::CredentialRefused => "not asked: the credential is refused",
        Why::NoSlot => "not asked: the gateway had no slot free in time",
    }
}

fn dns(dns: &Dns) -> Verdict {
    let Some((system, others)) = dns.resolvers.split_first() else {
        return (None, None, "no resolver was asked".to_owned());
    };
    let ok = system.answer.addresses().is_some();
    let mut detail = format!("{}: {}", dns.name, lookup(&system.answer));
    if !ok && let Some(second) = others.iter().find(|other| other.answer.addresses().is_some()) {
        detail.push_str(&format!("; {} answers", second.server));
    }
    (Some(ok), Some(system.ms), detail)
}

fn lookup(answer: &Lookup) -> String {
    match answer {
        Lookup::Addresses { addresses } => match addresses.as_slice() {
            [one] => one.to_string(),
            many => format!("{} addresses", many.len()),
        },
        Lookup::NoSuchName => "no such name (NXDOMAIN)".to_owned(),
        Lookup::NoAddresses => "no address".to_owned(),
        Lookup::ServerFailed => "the resolver failed (SERVFAIL)".to_owned(),
        Lookup::Refused { code } => format!("the resolver refused (code {code})"),
        Lookup::TimedOut => "timed out".to_owned(),
        Lookup::Unusable { detail } => detail.clone(),
    }
}

fn tcp(tcp: &Tcp) -> Verdict {
    let connected = tcp.connected().count();
    let ms = tcp.connected().map(|connect| connect.ms).min();
    let failed: Vec<String> = tcp
        .addresses
        .iter()
        .filter_map(|connect| Some(format!("{} {}", connect.address, words(connect.failure?))))
        .collect();
    let all = tcp.addresses.len();
    let detail = match failed.as_slice() {
        [] => format!("{connected} of {all} connected"),
        failed => format!("{connected} of {all} connected; {}", failed.join(", ")),
    };
    (Some(connected > 0), ms, detail)
}

fn tls(tls: &Tls) -> Verdict {
    let issuer = tls.chain.first().map_or("nobody", |leaf| leaf.issuer.as_str());
    let until = tls.chain.first().and_then(|leaf| leaf.not_after).map(|end| end.to_string());
    let judgement = match &tls.trust {
        Trust::Trusted => "trusted".to_owned(),
        Trust::UnknownIssuer if tls.ca_outdated => "issuer unknown here, though publicly known".to_owned(),
        Trust::UnknownIssuer => "unknown issuer".to_owned(),
        Trust::Expired => "expired by our clock".to_owned(),
        Trust::NotYetValid => "not yet valid by our clock".to_owned(),
        Trust::WrongName => "for another name".to_owned(),
        Trust::Revoked => "revoked".to_owned(),
        Trust::Other { detail } => detail.clone(),
    };
    let until = until.unwrap_or_else(|| "an unknown date".to_owned());
    let detail = format!("{judgement}; issued by {issuer}, valid until {until}");
    (Some(tls.trust == Trust::Trusted), Some(tls.ms), detail)
}

fn http(answer: &Answer) -> Verdict {
    let speaker = match (answer.hubspot_shaped, answer.html) {
        (true, _) => "in HubSpot's shape",
        (false, true) => "an HTML page, not HubSpot's API",
        (false, false) => "not in HubSpot's shape",
    };
    let ok = (!answer.unverified).then_some(answer.hubspot_shaped && answer.status < 500);
    (ok, Some(answer.first_byte_ms), format!("{} {speaker}", answer.status))
}

fn auth(found: &Authenticated) -> Verdict {
    let status = found.answer.status;
    let ms = Some(found.answer.first_byte_ms);
    match &found.account {
        Some(account) => {
            let hosting = account.hosting.as_deref().unwrap_or("an unknown place");
            (Some(true), ms, format!("portal {} in {hosting}", account.portal_id))
        }
        None if REFUSED.contains(&status) && found.answer.hubspot_shaped => {
            let category = found.answer.error.as_ref().and_then(|error| error.category.as_deref());
            (Some(false), ms, format!("{status} {}", category.unwrap_or("refused")))
        }
        None => (None, ms, format!("{status}: says nothing about the credential")),
    }
}

fn limits(report: &Report) -> Layer {
    let Limits { readings, .. } = &report.limits;
    let throttled = report.authenticated_answers().any(|answer| answer.status == TOO_MANY);
    let nothing = report.authenticated_answers().next().is_none();
    let last = readings.iter().rev().find(|reading| draws_on_burst(reading));
    let used_up = last.is_some_and(|last| last.remaining == Some(0) || last.daily_remaining == Some(0));
    let (ok, detail) = match (throttled || used_up, last) {
        (true, _) => (Some(false), "a limit is reached".to_owned()),
        (false, Some(last)) => {
            (Some(true), remaining(last.remaining, last.max, last.daily_remaining, last.daily))
        }
        (false, None) if nothing => (None, "no authenticated answer".to_owned()),
        (false, None) => (None, "no limit headers".to_owned()),
    };
    Layer { layer: LayerName::Limits, ok, ms: None, detail }
}

fn remaining(burst: Option<u32>, max: Option<u32>, daily: Option<u64>, daily_max: Option<u64>) -> String {
    let of = |left: Option<u64>, max: Option<u64>| match (left, max) {
        (Some(left), Some(max)) => Some(format!("{left} of {max}")),
        (Some(left), None) => Some(left.to_string()),
        (None, Some(_) | None) => None,
    };
    let burst = of(burst.map(u64::from), max.map(u64::from)).map(|left| format!("{left} left in the window"));
    let daily = of(daily, daily_max).map(|left| format!("{left} left today"));
    let parts: Vec<String> = burst.into_iter().chain(daily).collect();
    if parts.is_empty() { "limits not said".to_owned() } else { parts.join(", ") }
}

fn status_page(page: &StatusPage) -> Verdict {
    let ours = page.incidents.iter().filter(|incident| !incident.matched.is_empty()).count();
    let degraded = page.degraded.iter().filter(|component| !component.matched.is_empty()).count();
    let detail = match (page.incidents.len(), page.degraded.len()) {
        (0, 0) => "no incident".to_owned(),
        (incidents, components) => format!(
            "{incidents} unresolved incidents ({ours} matching), {components} degraded components ({degraded} matching)"
        ),
    };
    (Some(ours == 0 && degraded == 0), Some(page.ms), detail)
}

fn clock(clock: &Clock) -> Verdict {
    let off = clock.offset_ms.unsigned_abs().saturating_sub(clock.uncertainty_ms);
    let side = if clock.offset_ms < 0 { "behind" } else { "ahead" };
    let detail =
        format!("{} ms {side}, give or take {} ms", clock.offset_ms.unsigned_abs(), clock.uncertainty_ms);
    (Some(off <= CLOCK_OFFSET_MS_MAX), None, detail)
}

fn proxy(proxy: &Proxy) -> Verdict {
    let (ok, ms, said) = line_of(&proxy.answer);
    let ok = if proxy.works { Some(true) } else { ok.map(|_| false) };
    (ok, ms, format!("{}: {said}", proxy.address))
}

fn line_of(answer: &Finding<Answer>) -> Verdict {
    let Layer { ok, ms, detail, .. } = line(LayerName::Proxy, answer, http);
    (ok, ms, detail)
}
