//! Questions to every layer between us and HubSpot, and what they answered.
//!
//! Probes name no cause: they gather evidence, and diagnosis reads it. At most [`target::HUBSPOT_CALLS_MAX`] calls,
//! reads only, and an end within [`target::Timeouts::overall`] whatever hangs.
//!
//! | module | is |
//! |---|---|
//! | [`target`] | what to probe, with what, for how long |
//! | [`report`] | what was found |
//! | `ladder` | the direct way: `dns`, `tcp`, `tls` (with `trust`, `certificate`) |
//! | `way`, `proxy` | the ways a call can travel |
//! | `plan`, `family`, `follow_up` | which eight questions |
//! | `calls`, `exchange`, `answer` | putting them, one exchange, reading it |
//! | [`gate`] | whose leave each call needs |
//! | `notes`, `limits`, `clock_offset` | what the answers say beside themselves |
//! | `connects` | the first rungs alone, again and again |
//! | [`terrain`] | another network than the machine's own |
//! | `status_page` | what HubSpot says of itself |
//! | `layers` | one line per layer |

mod answer;
mod calls;
mod certificate;
mod clock_offset;
mod connects;
mod dns;
mod exchange;
mod family;
mod follow_up;
pub mod gate;
mod ladder;
mod layers;
mod limits;
mod notes;
mod pace;
mod plan;
mod proxy;
pub mod report;
mod status_page;
pub mod target;
mod tcp;
pub mod terrain;
#[cfg(test)]
mod tests;
mod tls;
mod trust;
mod way;

use std::sync::Arc;

use futures_util::future::join;
use http::Uri;
use rustls::ClientConfig;

use crate::clock::WallClock;
use calls::Calls;
pub use certificate::validity;
pub use connects::connects;
use ladder::End;
use notes::Notes;
use pace::Pace;
use plan::Ways;
use report::network::{Dns, Tcp, Tls};
use report::surroundings::Proxy;
use report::{Failure, FailureKind, Finding, Report, Route, Stage, Upstream, Why};
use target::Target;
use trust::Judges;
use way::{Via, Way};

/// HubSpot's API host for everybody (facts §5.1).
const API_HOST: &str = "api.hubapi.com";

const HTTPS_PORT: u16 = 443;
const HTTP_PORT: u16 = 80;

/// Asks everything and waits for all answers, or for the end of the time. Never fails: what could not be asked or did
/// not answer is in the report.
pub async fn run(target: &Target, wall: &WallClock) -> Report {
    let started_at = wall.now();
    let run = Run::begin(target, wall).await;
    let (found, status_page) = join(ask_hubspot(&run), status_page::probe(&run)).await;
    let clock = clock_offset::read(run.notes.clocks());
    let mut report = Report {
        started_at,
        duration_ms: run.pace.elapsed_ms(),
        layers: Vec::new(),
        dns: found.dns,
        tcp: found.tcp,
        tls: found.tls,
        http: found.calls.http,
        auth: found.calls.auth,
        introspection: found.calls.introspection,
        usage: found.calls.usage,
        families: found.calls.families,
        limits: limits::read(run.notes.readings()),
        status_page,
        clock: clock.map_or(Finding::not_asked(Why::LowerLayerDown), Finding::Answered),
        proxy: found.proxy,
        route: found.route,
        calls_made: run.notes.calls_made(),
        correlation_ids: Vec::new(),
        upstream: run.upstream,
    };
    report.correlation_ids =
        report.every_answer().filter_map(|answer| answer.correlation_id.clone()).collect();
    report.layers = layers::layers(&report);
    report
}

/// The share of a report that comes from the way to HubSpot.
struct Found {
    dns: Finding<Dns>,
    tcp: Finding<Tcp>,
    tls: Finding<Tls>,
    calls: Calls,
    proxy: Finding<Proxy>,
    route: Route,
}

/// What every part of one run needs.
struct Run<'a> {
    target: &'a Target,
    wall: &'a WallClock,
    pace: Pace,
    upstream: Upstream,
    notes: Notes,
    security: Security,
}

/// Who is to be believed, where anything here is HTTPS.
enum Security {
    NotNeeded,
    Ready(Judges, Arc<ClientConfig>),
    Unavailable(String),
}

impl<'a> Run<'a> {
    async fn begin(target: &'a Target, wall: &'a WallClock) -> Self {
        let pace = Pace::begin(target.timeouts.overall);
        let upstream = Upstream::of(&target.upstream);
        let security = Security::prepare(target, &upstream, wall, &pace).await;
        Self { target, wall, pace, upstream, notes: Notes::default(), security }
    }

    /// The way of a call: HTTPS exactly where the scheme says so.
    fn way(&self, scheme: &str, host: &str, port: u16, via: Via) -> Result<Way, Failure> {
        let tls = match (scheme, &self.security) {
            ("http", _) => None,
            (_, Security::Ready(_, config)) => Some(Arc::clone(config)),
            (_, Security::Unavailable(detail)) => return Err(no_trust(detail.clone())),
            (_, Security::NotNeeded) => return Err(no_trust("no roots were loaded".to_owned())),
        };
        Ok(Way { host: host.to_owned(), port, via, tls })
    }

    fn way_upstream(&self, via: Via) -> Result<Way, Failure> {
        self.way(&self.upstream.scheme, &self.upstream.host, self.upstream.port, via)
    }

    fn ways(&self) -> Ways {
        let target = self.target;
        if proxy::applies(target.proxy.as_ref(), &target.no_proxy, &self.upstream.host) {
            Ways::DirectAndProxied
        } else {
            Ways::DirectOnly
        }
    }
}

impl Security {
    async fn prepare(target: &Target, upstream: &Upstream, wall: &WallClock, pace: &Pace) -> Self {
        let status_page = target.status_page.as_ref().map(Upstream::of);
        if upstream.scheme == "http" && status_page.is_none_or(|page| page.scheme == "http") {
            return Self::NotNeeded;
        }
        let extra = target.extra_roots.clone();
        if let Some(terrain) = &target.terrain {
            return match Judges::of(&terrain.roots(), extra.as_deref()) {
                Ok(judges) => Self::believing(judges, wall),
                Err(error) => Self::Unavailable(error.to_string()),
            };
        }
        let load = tokio::task::spawn_blocking(move || Judges::load(extra.as_deref()));
        match pace.within(target.timeouts.tls, load).await {
            Ok(Ok(Ok(judges))) => Self::believing(judges, wall),
            Ok(Ok(Err(error))) => Self::Unavailable(error.to_string()),
            Ok(Err(panic)) => Self::Unavailable(panic.to_string()),
            Err(pace::TimedOut) => Self::Unavailable("reading the trusted roots timed out".to_owned()),
        }
    }

    fn believing(judges: Judges, wall: &WallClock) -> Self {
        let config = tls::verifying(&judges, wall);
        Self::Ready(judges, config)
    }

    const fn judges(&self) -> Option<&Judges> {
        match self {
            Self::Ready(judges, _) => Some(judges),
            Self::NotNeeded | Self::Unavailable(_) => None,
        }
    }
}

/// The direct way is climbed while the proxied one is tried. Calls go direct where that is open, else through the
/// proxy where HubSpot answered there, else not at all.
async fn ask_hubspot(run: &Run<'_>) -> Found {
    let plan = plan::plan(run.target, run.ways());
    let direct = async {
        let ladder = ladder::climb(run).await;
        let calls = match &ladder.end {
            End::Open(way) => Some(calls::put(run, &plan, way, None).await),
            End::DatesWrong(..) | End::Closed => None,
        };
        (ladder, calls)
    };
    let ((ladder, calls), (proxy, proxied_way)) =
        join(direct, proxy::probe(run, &plan.unauthenticated)).await;
    let (route, calls) = match (calls, ladder.end, proxied_way) {
        (Some(calls), _, _) => (Route::Direct, calls),
        (None, _, Some(way)) => {
            let known = proxy.answered().map(|proxy| proxy.answer.clone());
            (Route::Proxied, calls::put(run, &plan, &way, known).await)
        }
        (None, End::DatesWrong(way, connection), None) => {
            let http = calls::ask_the_time(run, &plan.unauthenticated, &way, connection).await;
            (Route::None, Calls { http, ..Calls::none(&plan) })
        }
        (None, End::Open(_) | End::Closed, None) => (Route::None, Calls::none(&plan)),
    };
    Found { dns: ladder.dns, tcp: ladder.tcp, tls: ladder.tls, calls, proxy, route }
}

fn no_trust(detail: String) -> Failure {
    Failure { stage: Stage::Tls, kind: FailureKind::Other, ms: 0, detail }
}

impl Upstream {
    fn of(uri: &Uri) -> Self {
        let scheme = uri.scheme_str().unwrap_or("https").to_owned();
        let host = uri.host().unwrap_or_default().to_owned();
        let port = uri.port_u16().unwrap_or(if scheme == "http" { HTTP_PORT } else { HTTPS_PORT });
        let official = host.eq_ignore_ascii_case(API_HOST);
        Self { scheme, host, port, official }
    }
}
