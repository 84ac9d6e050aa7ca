//! A portal in good health, to be spoilt by tests one fact at a time.

use hubspot::error::ErrorKind;
use jiff::{SignedDuration, Timestamp};

use crate::facts::Facts;
use crate::facts::configured::{Configured, TokenKind, UpstreamKind};
use crate::facts::exchange::{Exchange, Failure};
use crate::facts::probes::{
    Auth, Clock, Connect, ConnectOutcome, Dns, FamilyProbe, Introspection, Layer, LimitReading, Limits,
    Lookup, Probes, StatusIncident, StatusPage, Tcp, Tls, Usage,
};
use crate::facts::traffic::{Change, Connection, ErrorCount, Group, Traffic, TransportCount};

/// As the gateway masks them.
pub(crate) const RECORD: &str = "/crm/v3/objects/contacts/{id}";
pub(crate) const CREATE: &str = "/crm/v3/objects/contacts";

pub(crate) const PORTAL: u64 = 24_601_842;

pub(crate) fn now() -> Timestamp {
    "2026-11-02T03:00:00Z".parse().unwrap()
}

pub(crate) fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

/// Probes only, everything well.
pub(crate) fn healthy() -> Facts {
    Facts {
        configured: Configured {
            now: now(),
            upstream: "https://api.hubapi.com".into(),
            upstream_kind: UpstreamKind::HubSpot,
            token: TokenKind::Static,
            hosting: Some("na1".into()),
            ..Configured::default()
        },
        duration_ms: 412,
        probes: Probes { families: families(), limits: limits(), ..way() },
        traffic: None,
        ..Facts::default()
    }
}

fn way() -> Probes {
    let lookup = |resolver: &str| Lookup {
        resolver: resolver.into(),
        addresses: vec!["104.16.0.1".into()],
        error: None,
        ms: 4,
    };
    Probes {
        dns: Some(Dns {
            system: lookup("system"),
            second: Some(lookup("1.1.1.1")),
            control: Some(lookup("system")),
        }),
        tcp: Some(Tcp {
            addresses: vec![connect("104.16.0.1:443", ConnectOutcome::Connected)],
            control: Some(connect("93.184.215.14:443", ConnectOutcome::Connected)),
        }),
        tls: Some(Tls {
            subject: Some("CN=hubapi.com".into()),
            issuer: Some("CN=WE1, O=Google Trust Services".into()),
            not_before: Some(ago(30 * 86_400)),
            not_after: Some(ago(-60 * 86_400)),
            publicly_known: Some(true),
            ms: 18,
            ..Tls::default()
        }),
        clock: Some(Clock { offset_ms: 200, source: "api.hubapi.com".into() }),
        layers: vec![
            Layer { layer: "dns".into(), ok: Some(true), ms: Some(4), detail: "1 address".into() },
            Layer { layer: "auth".into(), ok: Some(true), ms: Some(40), detail: "portal 24601842".into() },
            Layer { layer: "proxy".into(), ok: None, ms: None, detail: "none configured".into() },
        ],
        ..answers()
    }
}

fn answers() -> Probes {
    Probes {
        http: Some(api(401, Some(ErrorKind::InvalidAuthentication))),
        auth: Some(Auth {
            exchange: api(200, None),
            portal_id: Some(PORTAL),
            time_zone: Some("US/Eastern".into()),
            hosting: Some("na1".into()),
        }),
        usage: Some(Usage {
            exchange: api(200, None),
            limit: Some(650_000),
            used: Some(50_000),
            resets_at: Some(ago(-2 * 3_600)),
        }),
        introspection: Some(Introspection {
            exchange: api(200, None),
            active: Some(true),
            portal_id: Some(PORTAL),
            scopes: vec!["crm.objects.contacts.read".into(), "crm.objects.deals.read".into()],
        }),
        status_page: Some(StatusPage {
            reachable: true,
            indicator: Some("none".into()),
            incidents: Vec::new(),
            ms: 30,
        }),
        correlation_ids: vec!["11111111-1111-4111-8111-111111111111".into()],
        ..Probes::default()
    }
}

fn limits() -> Limits {
    let reading = |i: u32| LimitReading {
        max: Some(190),
        remaining: Some(189 - i),
        daily: Some(650_000),
        daily_remaining: Some(600_000 - u64::from(i)),
        sent: i + 1,
        at_ms: u64::from(i) * 50,
    };
    Limits { readings: (0..5).map(reading).collect(), burst_outside: Some(0), daily_outside: Some(0) }
}

fn families() -> Vec<FamilyProbe> {
    let families = [
        ("objects", "v3", "/crm/v3/objects/contacts?limit=1"),
        ("search", "v3", "/crm/v3/objects/contacts/search"),
        ("objects", "2026-03", "/crm/objects/2026-03/deals?limit=1"),
        ("associations", "v4", "/crm/v4/associations/contacts/companies/labels"),
    ];
    let probe = |(family, version, route): (&str, &str, &str)| FamilyProbe {
        family: family.into(),
        version: Some(version.into()),
        route: route.into(),
        exchange: api(200, None),
        capacities: Vec::new(),
    };
    families.map(probe).into()
}

/// The same with a gateway that sees everyday traffic: mostly fine, a lone 5xx, expected 404 and 409.
pub(crate) fn busy() -> Facts {
    let mut facts = healthy();
    let mut reads = group("objects", "GET", 400);
    let record = || RECORD.to_owned();
    reads.errors.push(ErrorCount { route: record(), ..error(404, ErrorKind::NotFound, 6) });
    reads.errors.push(ErrorCount { route: record(), ..error(500, ErrorKind::Internal, 1) });
    let mut creates = group("objects", "POST", 100);
    creates.errors.push(ErrorCount {
        subjects: 4,
        route: CREATE.into(),
        ..error(409, ErrorKind::Conflict, 4)
    });
    facts.traffic = Some(Traffic {
        since: Some(ago(3 * 86_400)),
        now: Some(now()),
        governed: true,
        connections: vec![Connection {
            name: "default".into(),
            portal_id: Some(PORTAL),
            configured_portal_id: Some(PORTAL),
            hosting: Some("na1".into()),
            burst_max: Some(190),
            daily_max: Some(650_000),
            burst_sent_peak: 120,
            daily_sent: 48_000,
            daily_used: Some(50_000),
            ..Connection::default()
        }],
        groups: vec![reads, creates],
        changes: Vec::new(),
        known_ids_gone: 1,
    });
    facts
}

/// An answer in HubSpot's own shape.
pub(crate) fn api(status: u16, kind: Option<ErrorKind>) -> Exchange {
    let category = match kind {
        Some(ErrorKind::InvalidAuthentication) => Some("INVALID_AUTHENTICATION"),
        Some(ErrorKind::ExpiredAuthentication) => Some("EXPIRED_AUTHENTICATION"),
        Some(ErrorKind::MissingScopes) => Some("MISSING_SCOPES"),
        Some(ErrorKind::UserPermissions) => Some("USER_DOES_NOT_HAVE_PERMISSIONS"),
        _ => None,
    };
    Exchange {
        status: Some(status),
        kind,
        category: category.map(Into::into),
        hubspot_shaped: true,
        correlation_id: Some("22222222-2222-4222-8222-222222222222".into()),
        connect_ms: Some(12),
        first_byte_ms: Some(40),
        server: Some("cloudflare".into()),
        cf_ray: Some("8f00baa".into()),
        ..Exchange::default()
    }
}

/// A page by somebody else.
pub(crate) fn page(status: u16, kind: ErrorKind) -> Exchange {
    Exchange {
        status: Some(status),
        kind: Some(kind),
        html: true,
        first_byte_ms: Some(40),
        ..Exchange::default()
    }
}

pub(crate) fn no_answer(failure: Failure) -> Exchange {
    Exchange { failure: Some(failure), ..Exchange::default() }
}

pub(crate) fn connect(address: &str, outcome: ConnectOutcome) -> Connect {
    let loopback = address.starts_with("127.") || address.starts_with("[::1]");
    Connect { address: address.into(), ipv6: address.starts_with('['), loopback, outcome, ms: 12 }
}

/// Every authenticated call ends so, and the one without a token, too.
pub(crate) fn all_calls(facts: &mut Facts, exchange: &Exchange) {
    facts.probes.http = Some(exchange.clone());
    authenticated_calls(facts, exchange);
}

pub(crate) fn authenticated_calls(facts: &mut Facts, exchange: &Exchange) {
    facts.probes.auth = Some(Auth { exchange: exchange.clone(), ..Auth::default() });
    facts.probes.usage = None;
    facts.probes.introspection = None;
    facts.probes.limits = Limits::default();
    for family in &mut facts.probes.families {
        family.exchange = exchange.clone();
    }
}

pub(crate) fn incident(component: &str, concerns_api: bool) -> StatusIncident {
    StatusIncident {
        name: format!("Trouble with {component}"),
        impact: Some("major".into()),
        components: vec![component.into()],
        concerns_api,
        regions: Vec::new(),
        updated_at: Some(ago(600)),
        link: None,
    }
}

/// A group in which calls just worked.
pub(crate) fn group(family: &str, method: &str, calls: u64) -> Group {
    Group {
        connection: "default".into(),
        caller: "crm-sync".into(),
        family: family.into(),
        method: method.into(),
        version: Some("v3".into()),
        calls,
        ok: calls,
        attempts: calls,
        first_at: Some(ago(880)),
        last_at: Some(ago(2)),
        p50_ms: 60,
        p99_ms: 300,
        last_ok_at: Some(ago(2)),
        calls_recent: calls / 15,
        ok_recent: calls / 15,
        sent_recent_per_s: 1.0,
        ..Group::default()
    }
}

/// Errors that came, the last of them 20 s ago.
pub(crate) fn error(status: u16, kind: ErrorKind, count: u64) -> ErrorCount {
    ErrorCount {
        status,
        kind: Some(kind),
        count,
        recent: count.min(20),
        first_at: Some(ago(200)),
        last_at: Some(ago(20)),
        correlation_ids: vec![format!("33333333-3333-4333-8333-{status:012}")],
        subjects: count,
        ..ErrorCount::default()
    }
}

/// Puts one more group into the traffic, its errors on one route; where `share` of it fails, nothing works any more in it from 1.
pub(crate) fn failing_group(facts: &mut Facts, mut group: Group, route: &str, error: ErrorCount) {
    group.ok = group.calls.saturating_sub(error.count);
    if group.ok == 0 {
        group.last_ok_at = None;
        group.ok_recent = 0;
    }
    group.errors.push(ErrorCount { route: route.into(), ..error });
    traffic(facts).groups.push(group);
}

pub(crate) fn transport(kind: Failure, count: u64) -> TransportCount {
    TransportCount { kind, count, recent: count, last_at: Some(ago(5)) }
}

pub(crate) fn change(kind: &str, seconds_ago: i64) -> Change {
    Change {
        at: ago(seconds_ago),
        kind: kind.into(),
        what: "crm-sync 1.8.0".into(),
        // Only a deploy is of one program.
        caller: (kind == "deploy").then(|| "crm-sync".into()),
    }
}

pub(crate) fn traffic(facts: &mut Facts) -> &mut Traffic {
    facts.traffic.as_mut().unwrap()
}
