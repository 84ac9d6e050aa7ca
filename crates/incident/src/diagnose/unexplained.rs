//! No tree found a cause. Is all well, or is something off that we have no name for? Then three candidates and the one
//! observation that would settle it are more honest than a guess.

use hubspot::error::ErrorKind;

use crate::code::Code;
use crate::facts::Facts;
use crate::facts::configured::TokenKind;
use crate::facts::exchange::Exchange;
use crate::facts::probes::{ChainProblem, FamilyProbe};
use crate::tree::{self, Truth};
use crate::triage::Evidence;

pub(super) enum Unexplained {
    /// Nothing is wrong; this is what was looked at.
    Nothing {
        checked: Vec<Evidence>,
    },
    Something {
        evidence: Vec<Evidence>,
        candidates: [Code; 3],
        settled_by: &'static str,
    },
}

/// Something off, by how it shows.
struct Oddity {
    shows: fn(&Facts) -> Option<(&'static str, String)>,
    candidates: [Code; 3],
    settled_by: &'static str,
}

/// In the order of the ladder; the first that shows is told.
const ODDITIES: &[Oddity] = &[
    Oddity {
        shows: |facts| {
            let tls = facts.probes.tls.as_ref()?;
            (tls.problem == Some(ChainProblem::Handshake))
                .then(|| ("tls", "the TLS handshake fails before any certificate is shown".into()))
        },
        candidates: [Code::TcpBlocked, Code::TlsIntercept, Code::Proxy],
        settled_by: "Try the same call from a machine outside your network: if it works there, something on the way cuts TLS.",
    },
    Oddity {
        shows: |facts| {
            let http = facts.probes.http.as_ref()?;
            (!http.hubspot_shaped && !facts.auth_works())
                .then(|| ("http", format!("without a token: {}", http.describe())))
        },
        candidates: [Code::OutageUnlisted, Code::Proxy, Code::BaseUrl],
        settled_by: "Send one unauthenticated call from another network: HubSpot answers 401 JSON with a correlationId.",
    },
    Oddity {
        shows: |facts| {
            let reached =
                facts.probes.http.is_some() || facts.probes.tcp.is_some() || facts.probes.dns.is_some();
            (!reached && !facts.auth_works() && facts.busy_traffic().is_none())
                .then(|| ("http", "no layer gave an answer in time".into()))
        },
        candidates: [Code::Dns, Code::TcpBlocked, Code::Proxy],
        settled_by: "Run it again: with answers from DNS and TCP the broken rung shows.",
    },
    Oddity {
        shows: |facts| {
            (facts.configured.token == TokenKind::Absent && facts.busy_traffic().is_none()).then(|| {
                ("auth", "no token was given, so nothing behind the front door could be asked".into())
            })
        },
        candidates: [Code::TokenRevoked, Code::DailySelf, Code::MissingScope],
        settled_by: "Set HUBSPOT_ACCESS_TOKEN and run it again: the first authenticated call settles it.",
    },
    Oddity {
        shows: |facts| {
            let unasked = facts.probes.auth.is_none() && facts.probes.without_slot > 0;
            (unasked && facts.busy_traffic().is_none()).then(|| ("limits", no_slot(facts)))
        },
        candidates: [Code::DailySelf, Code::BurstSelf, Code::BurstSplit],
        settled_by: "Run it again in ten seconds: by then every slot of a window has come free once. `hubkeeper quota` tells what takes them.",
    },
    Oddity {
        shows: |facts| {
            let auth = facts.probes.auth.as_ref()?;
            (!auth.exchange.is_ok() && !is_our_pacing(facts, &auth.exchange))
                .then(|| ("auth", format!("account details: {}", auth.exchange.describe())))
        },
        candidates: [Code::TokenRevoked, Code::MissingScope, Code::OutageUnlisted],
        settled_by: "Look the correlationId up with HubSpot support: it says what refused the call.",
    },
    Oddity {
        shows: |facts| {
            let refused = facts.probes.families.iter().find(|probe| probe.exchange.status == Some(401))?;
            let observed =
                format!("{}: {}, while other calls pass", refused.route, refused.exchange.describe());
            facts.auth_works().then_some(("families", observed))
        },
        candidates: [Code::AuthOutage, Code::TokenRevoked, Code::TokenExpired],
        settled_by: "Run it again in a minute: a token that is dead stays dead, a fault of HubSpot's comes and goes.",
    },
    Oddity {
        shows: |facts| {
            let odd: Vec<String> = facts
                .probes
                .families
                .iter()
                .filter(|probe| !probe.exchange.is_ok() && !was_served_then(facts, probe))
                .filter(|probe| !traffic_knows_better(facts, probe))
                .map(|probe| format!("{}: {}", probe.route, probe.exchange.describe()))
                .collect();
            (!odd.is_empty()).then(|| ("families", odd.join("; ")))
        },
        candidates: [Code::Partial, Code::MissingScope, Code::Sunset],
        settled_by: "Repeat the failing call by hand and read the category in its body.",
    },
    Oddity {
        shows: |facts| {
            let tcp = facts.probes.tcp.as_ref()?;
            let slow = tcp.addresses.iter().map(|connect| connect.ms).min().is_some_and(|ms| ms >= 1_000);
            slow.then(|| ("tcp", "connecting takes a second or more".into()))
        },
        candidates: [Code::Ipv6, Code::Proxy, Code::Slow],
        settled_by: "Compare the connect time with that to another host: if it is slow, too, it is the network.",
    },
    Oddity {
        shows: |facts| {
            let silent = tree::silent_webhooks(facts);
            (silent.truth == Truth::Yes).then_some((silent.probe, silent.observed))
        },
        candidates: [Code::HookSubscription, Code::HookUnreachable, Code::Uninstalled],
        settled_by: "Look at the app's webhook settings at HubSpot, then send a delivery of your own to your public address.",
    },
    Oddity {
        shows: traffic_fails,
        candidates: [Code::BadPayload, Code::Partial, Code::MissingScope],
        settled_by: "Take one of the correlation ids below to the log of the program that sent the call and read HubSpot's whole answer.",
    },
];

/// Traffic fails beyond everyday noise when half of at least so many recent calls do.
const FAILED_MIN: u64 = 20;

pub(super) fn look(facts: &Facts) -> Unexplained {
    for oddity in ODDITIES {
        if let Some((probe, observed)) = (oddity.shows)(facts) {
            let evidence = vec![Evidence { probe: probe.into(), observed, supports: true }];
            return Unexplained::Something {
                evidence,
                candidates: oddity.candidates,
                settled_by: oddity.settled_by,
            };
        }
    }
    Unexplained::Nothing { checked: checked(facts) }
}

/// Where traffic never needs a family, not being allowed to read it is no fault; where traffic serves the family well,
/// one failed probe is one bad answer.
fn traffic_knows_better(facts: &Facts, probe: &FamilyProbe) -> bool {
    let Some(traffic) = facts.busy_traffic() else { return false };
    let rights = matches!(
        probe.exchange.kind,
        Some(ErrorKind::MissingScopes | ErrorKind::UserPermissions | ErrorKind::Forbidden)
    );
    let served = traffic.groups.iter().any(|group| group.family == probe.family && group.ok_recent > 0);
    (rights && facts.representative_traffic().is_some())
        || (probe.exchange.is_server_failure() && served)
        || (served && probe.exchange.is_kind(ErrorKind::SearchLimit))
        || is_our_pacing(facts, &probe.exchange)
}

/// It met the limit of one second, which others had just filled, and was served in the next.
fn was_served_then(facts: &Facts, probe: &FamilyProbe) -> bool {
    let same = |other: &&FamilyProbe| other.family == probe.family && other.exchange.is_ok();
    probe.exchange.is_kind(ErrorKind::SearchLimit) && facts.probes.families.iter().any(|it| same(&it))
}

/// A probe that found no room in a window which our own gateway fills and paces.
fn is_our_pacing(facts: &Facts, exchange: &Exchange) -> bool {
    exchange.is_kind(ErrorKind::BurstLimit) && facts.paces_itself()
}

fn no_slot(facts: &Facts) -> String {
    format!("the gateway had no slot in time for {} of our own calls", facts.probes.without_slot)
}

fn traffic_fails(facts: &Facts) -> Option<(&'static str, String)> {
    let traffic = facts.busy_traffic()?;
    // 404 and 409 are everyday answers; the trees know when they are not.
    let expected = |kind: Option<ErrorKind>| {
        matches!(kind, Some(ErrorKind::NotFound | ErrorKind::Conflict | ErrorKind::Partial))
    };
    let errors = traffic.groups.iter().flat_map(|group| &group.errors).filter(|error| !expected(error.kind));
    let failed: u64 = errors.map(|error| error.recent).sum::<u64>()
        + traffic.groups.iter().flat_map(|group| &group.transport).map(|count| count.recent).sum::<u64>();
    let calls: u64 = traffic.groups.iter().map(|group| group.calls_recent).sum();
    (failed >= FAILED_MIN && failed * 2 >= calls)
        .then(|| ("traffic", format!("{failed} of the last minute's {calls} calls failed")))
}

/// What "healthy" rests on.
fn checked(facts: &Facts) -> Vec<Evidence> {
    let mut checked = Vec::new();
    let mut say = |probe: &str, observed: String| {
        checked.push(Evidence { probe: probe.into(), observed, supports: true });
    };
    if let Some(auth) = &facts.probes.auth {
        let portal = auth.portal_id.map(|portal| format!(" for portal {portal}")).unwrap_or_default();
        say("auth", format!("account details: {}{portal}", auth.exchange.describe()));
    }
    let served = facts.probes.families.iter().filter(|probe| probe.exchange.is_ok()).count();
    if served > 0 {
        say("families", format!("{served} API families answered"));
    }
    let failed = facts.probes.families.iter().filter(|probe| !probe.exchange.is_ok());
    for probe in failed {
        let observed = format!("{}: {}, though traffic is well", probe.route, probe.exchange.describe());
        checked.push(Evidence { probe: "families".into(), observed, supports: false });
    }
    if facts.probes.without_slot > 0 {
        checked.push(Evidence { probe: "limits".into(), observed: no_slot(facts), supports: false });
    }
    let mut say = |probe: &str, observed: String| {
        checked.push(Evidence { probe: probe.into(), observed, supports: true });
    };
    if let Some(reading) = facts.probes.limits.readings.last() {
        let burst = reading
            .remaining
            .zip(reading.max)
            .map(|(left, max)| format!("{left} of {max} left in the window"));
        let daily = reading
            .daily_remaining
            .zip(reading.daily)
            .map(|(left, max)| format!("{left} of {max} left today"));
        let both: Vec<String> = [burst, daily].into_iter().flatten().collect();
        if !both.is_empty() {
            say("limits", both.join(", "));
        }
    }
    if let Some(traffic) = facts.busy_traffic() {
        let calls: u64 = traffic.groups.iter().map(|group| group.calls).sum();
        let ok: u64 = traffic.groups.iter().map(|group| group.ok).sum();
        say("traffic", format!("{ok} of {calls} calls in the last 15 minutes worked"));
    }
    if facts.traffic.is_none() && served > 0 {
        say("traffic", "no gateway tells of any: what strikes only some calls can be missed".into());
    }
    if let Some(incident) = facts.probes.status_page.as_ref().and_then(|page| page.incidents.first()) {
        let observed =
            format!("\"{}\" is open on the status page, and does not touch these calls", incident.name);
        checked.push(Evidence { probe: "status_page".into(), observed, supports: false });
    }
    checked
}
