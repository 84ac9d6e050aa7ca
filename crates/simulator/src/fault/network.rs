//! The line, and what stands on it between caller and HubSpot. None of these answers comes from HubSpot, so none has
//! HubSpot's headers.

use std::time::Duration;

use http::{HeaderValue, StatusCode, header};
use jiff::{SignedDuration, Timestamp};

use super::aim::DefaultAim;
use super::catalogue::{Kind, Param, Scene};
use super::params::{BadParam, Params};
use super::{Effect, FaultBook, Strike};
use crate::arrival::Arrival;
use crate::call::Reply;
use crate::dns::Behaviour;
use crate::outcome::Transport;
use crate::refusal::page;

#[derive(Debug, Clone, PartialEq)]
pub enum Trouble {
    /// A proxy answers in HubSpot's place.
    Proxy { status: StatusCode },
    /// The base URL leads to some other web server.
    WrongHost,
    /// The edge refuses this caller's address.
    Blocked,
    /// The line breaks.
    Broken { line: Line, when: When },
    /// HubSpot carries a write out, and its answer never comes.
    LostAnswer(Instead),
    /// The DNS stub misbehaves; calls that arrive are served.
    Dns(Behaviour),
    /// Every `Date` is this many seconds off: how a wrong clock of the caller's looks from here.
    Clock { offset_s: i64 },
}

/// What comes in place of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instead {
    Reset,
    Hang,
    /// The edge's own error: 502, 503 or 504.
    Page(StatusCode),
}

/// How the line breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    Reset { after_idle: Option<Duration> },
    Hang,
    Truncate { bytes: usize },
    SlowBody { over: Duration },
}

/// Does HubSpot see the call before the line breaks?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// It never arrives: nothing is counted or applied.
    Before,
    /// It is counted and applied; only the answer is lost.
    After,
}

pub const KINDS: &[Kind] = &[
    Kind {
        code: "net.dns",
        id: Some("F29"),
        seen: "the simulator's DNS stub answers NXDOMAIN or SERVFAIL, or not at all",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[Param { name: "behaviour", meaning: "nxdomain, servfail or silent", default: "nxdomain" }],
        build: |params, _| {
            let word = params.word("behaviour", &["nxdomain", "servfail", "silent"])?;
            let behaviour = match word {
                Some("servfail") => Behaviour::ServFail,
                Some("silent") => Behaviour::Silent,
                _ => Behaviour::NxDomain,
            };
            Ok(vec![Effect::Network(Trouble::Dns(behaviour))])
        },
    },
    Kind {
        code: "net.tcp_blocked",
        id: Some("F30"),
        seen: "the simulator's DNS stub gives an address that nobody answers at; open connections go on",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[],
        build: |_, _| Ok(vec![Effect::Network(Trouble::Dns(Behaviour::DeadAddress))]),
    },
    Kind {
        code: "net.stale_pool",
        id: Some("F34"),
        seen: "the connection is reset on its first call after it had been idle",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[Param { name: "after_idle_ms", meaning: "idle this long", default: "5000" }],
        build: |params, _| {
            let idle = Duration::from_millis(params.whole("after_idle_ms")?.unwrap_or(5_000));
            let line = Line::Reset { after_idle: Some(idle) };
            Ok(vec![Effect::Network(Trouble::Broken { line, when: When::Before })])
        },
    },
    Kind {
        code: "self.clock",
        id: Some("F35"),
        seen: "the Date of every answer disagrees with the caller's clock; webhooks are signed at another time",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[
            Param { name: "ahead_s", meaning: "seconds that HubSpot's time is ahead", default: "600" },
            Param { name: "behind_s", meaning: "seconds that it is behind", default: "0" },
        ],
        build: clock,
    },
    Kind {
        code: "net.proxy",
        id: Some("F36"),
        seen: "407 or 502 with HTML and a Via header, no HubSpot headers",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[Param { name: "status", meaning: "407 or 502", default: "407" }],
        build: proxy,
    },
    Kind {
        code: "self.base_url",
        id: Some("F37"),
        seen: "404 HTML to every call, no HubSpot headers",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[],
        build: |_, _| Ok(vec![Effect::Network(Trouble::WrongHost)]),
    },
    Kind {
        code: "net.ipv6",
        id: Some("F38"),
        seen: "the simulator's DNS stub gives an IPv6 address that leads nowhere beside one that works",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[],
        build: |_, _| Ok(vec![Effect::Network(Trouble::Dns(Behaviour::DeadIpv6))]),
    },
    Kind {
        code: "net.edge_block",
        id: Some("F39"),
        seen: "403 with Cloudflare's block page, also for calls without a token",
        aims_at: DefaultAim::Everyone,
        family: None,
        params: &[],
        build: |_, _| Ok(vec![Effect::Network(Trouble::Blocked)]),
    },
];

/// A skew that no repair of a clock would leave.
const SKEW_S_MAX: u64 = 10 * 366 * 86_400;

fn clock(params: Params<'_>, _: &Scene<'_>) -> Result<Vec<Effect>, BadParam> {
    let seconds = |name: &str| {
        let given = params.whole(name)?;
        let wanted = || BadParam { name: name.to_owned(), wanted: "seconds, ten years at most".to_owned() };
        given
            .map(|seconds| i64::try_from(seconds.min(SKEW_S_MAX + 1)).unwrap_or(i64::MAX))
            .map(|seconds| if seconds > SKEW_S_MAX.cast_signed() { Err(wanted()) } else { Ok(seconds) })
            .transpose()
    };
    let behind = seconds("behind_s")?.unwrap_or(0);
    let ahead = seconds("ahead_s")?.unwrap_or(if behind > 0 { 0 } else { 600 });
    Ok(vec![Effect::Network(Trouble::Clock { offset_s: ahead - behind })])
}

/// How far HubSpot's time seems off.
pub fn skew(faults: &FaultBook, now: Timestamp) -> SignedDuration {
    let offsets = faults.active_effects(now).filter_map(|(_, effect)| {
        let Effect::Network(Trouble::Clock { offset_s }) = effect else { return None };
        Some(SignedDuration::from_secs(*offset_s))
    });
    offsets.last().unwrap_or_default()
}

fn proxy(params: Params<'_>, _: &Scene<'_>) -> Result<Vec<Effect>, BadParam> {
    let status = match params.whole("status")? {
        None | Some(407) => StatusCode::PROXY_AUTHENTICATION_REQUIRED,
        Some(502) => StatusCode::BAD_GATEWAY,
        Some(_) => return Err(BadParam { name: "status".to_owned(), wanted: "407 or 502".to_owned() }),
    };
    Ok(vec![Effect::Network(Trouble::Proxy { status })])
}

fn troubles(strikes: &[Strike]) -> impl Iterator<Item = &Trouble> {
    strikes.iter().filter_map(|strike| {
        let Effect::Network(trouble) = &strike.effect else { return None };
        Some(trouble)
    })
}

/// The answer of whoever stands in HubSpot's place.
pub fn intercept(strikes: &[Strike]) -> Option<Reply> {
    troubles(strikes).find_map(|trouble| match trouble {
        Trouble::Proxy { status } => Some(proxy_page(*status)),
        Trouble::WrongHost => {
            let text = "The requested URL was not found on this server.";
            Some(signed(page(StatusCode::NOT_FOUND, "404 Not Found", text), "nginx"))
        }
        Trouble::Blocked => {
            let text = "Sorry, you have been blocked. You are unable to access hubapi.com. Cloudflare Ray ID shown below.";
            Some(signed(page(StatusCode::FORBIDDEN, "Attention Required! | Cloudflare", text), "cloudflare"))
        }
        Trouble::Broken { .. } | Trouble::LostAnswer(_) | Trouble::Dns(_) | Trouble::Clock { .. } => None,
    })
}

/// What the edge answers in place of HubSpot, which has carried the write out.
pub fn instead(strikes: &[Strike], arrival: &Arrival<'_>) -> Option<Reply> {
    troubles(strikes).find_map(|trouble| match trouble {
        Trouble::LostAnswer(Instead::Page(status)) if arrival.route.action.is_write() => {
            let text = "The server took too long to answer.";
            Some(signed(page(*status, status.canonical_reason().unwrap_or("Error"), text), "cloudflare"))
        }
        Trouble::LostAnswer(_)
        | Trouble::Proxy { .. }
        | Trouble::WrongHost
        | Trouble::Blocked
        | Trouble::Broken { .. }
        | Trouble::Dns(_)
        | Trouble::Clock { .. } => None,
    })
}

/// How the line treats this call, and whether HubSpot gets to see it.
pub fn line(strikes: &[Strike], arrival: &Arrival<'_>) -> Option<(Transport, When)> {
    troubles(strikes).find_map(|trouble| match trouble {
        Trouble::Broken { line, when } => {
            let transport = match line {
                Line::Reset { after_idle: Some(least) }
                    if arrival.idle().is_none_or(|idle| idle < *least) =>
                {
                    return None;
                }
                Line::Reset { .. } => Transport::Reset,
                Line::Hang => Transport::Hang,
                Line::Truncate { bytes } => Transport::Truncate { bytes: *bytes },
                Line::SlowBody { over } => Transport::SlowBody { over: *over },
            };
            Some((transport, *when))
        }
        Trouble::LostAnswer(instead) if arrival.route.action.is_write() => match instead {
            Instead::Reset => Some((Transport::Reset, When::After)),
            Instead::Hang => Some((Transport::Hang, When::After)),
            Instead::Page(_) => None,
        },
        Trouble::LostAnswer(_)
        | Trouble::Proxy { .. }
        | Trouble::WrongHost
        | Trouble::Blocked
        | Trouble::Dns(_)
        | Trouble::Clock { .. } => None,
    })
}

fn proxy_page(status: StatusCode) -> Reply {
    let (title, text) = if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        ("407 Proxy Authentication Required", "Access to the requested site requires proxy authentication.")
    } else {
        ("502 Bad Gateway", "The proxy could not reach the requested site.")
    };
    let mut reply = signed(page(status, title, text), "squid/6.6");
    reply.headers.insert(header::VIA, HeaderValue::from_static("1.1 proxy.corp.example (squid/6.6)"));
    if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
        let challenge = HeaderValue::from_static("Basic realm=\"proxy\"");
        reply.headers.insert(header::PROXY_AUTHENTICATE, challenge);
    }
    reply
}

fn signed(mut reply: Reply, server: &'static str) -> Reply {
    reply.headers.insert(header::SERVER, HeaderValue::from_static(server));
    reply
}
