//! Triage: ask the gateway what its traffic shows, probe every layer, name the cause.
//!
//! The only place that knows both the probes (`client`) and the diagnosis (`incident`): each has its own words, and
//! [`facts`] translates.

mod facts;
mod focus;
mod pages;
mod tell;
mod traffic;

use client::clock::WallClock;
use client::probe::{self, target::Target};
use http::Uri;
use hubspot::limits::Plan;
use incident::facts::Facts;
use incident::facts::configured::{Configured, TokenKind, UpstreamKind};
use incident::facts::traffic::Traffic;
use incident::runbook::Runbooks;
use incident::triage::{Triage, Verdict};

use crate::failure::Exit;

pub(crate) use pages::runbooks;
pub(crate) use tell::for_people;

/// What to diagnose, and with what.
#[derive(Clone)]
pub(crate) struct Options {
    /// What to probe; its `focus` is set from traffic.
    pub(crate) target: Target,
    /// A running gateway's admin API; nothing there is simply no evidence.
    pub(crate) admin: Option<Uri>,
    /// The portal the token should belong to.
    pub(crate) portal_id: Option<u64>,
    /// The plan the portal should have; leave it out unless a person has said so.
    pub(crate) plan: Option<Plan>,
    pub(crate) runbooks: Runbooks,
    pub(crate) clock: WallClock,
}

/// Asks everything and names the cause. Never fails: what could not be asked is missing from the evidence.
pub(crate) async fn run(options: Options) -> Triage {
    let traffic = match &options.admin {
        Some(admin) => traffic::fetch(admin).await,
        None => None,
    };
    let facts = facts(&options, traffic).await;
    incident::diagnose(&facts, &options.runbooks)
}

/// Everything that probes and traffic tell at this moment.
pub(crate) async fn facts(options: &Options, traffic: Option<Traffic>) -> Facts {
    let mut target = options.target.clone();
    if let Some(traffic) = &traffic {
        target.focus = focus::from(traffic);
    }
    let report = probe::run(&target, &options.clock).await;
    Facts {
        configured: configured(&target, options.portal_id, options.plan, report.started_at),
        duration_ms: report.duration_ms,
        probes: facts::probes(&report),
        traffic,
        ..Facts::default()
    }
}

/// The exit code of a verdict: 0 healthy, 1 a problem was found, 3 could not tell.
pub(crate) fn exit(triage: &Triage) -> Exit {
    match triage.verdict {
        Verdict::Healthy => Exit::Fine,
        Verdict::Degraded | Verdict::Down => Exit::Problem,
        Verdict::Unknown => Exit::Unsure,
    }
}

fn configured(
    target: &Target,
    portal_id: Option<u64>,
    plan: Option<Plan>,
    now: jiff::Timestamp,
) -> Configured {
    use hubspot::token::TokenShape;
    let host = target.upstream.host().unwrap_or_default();
    let port = target.upstream.port().map(|port| format!(":{port}")).unwrap_or_default();
    let scheme = target.upstream.scheme_str().unwrap_or("https");
    let shape = target.token.as_ref().map(TokenShape::of);
    Configured {
        now,
        upstream: format!("{scheme}://{host}{port}"),
        upstream_kind: UpstreamKind::of(host),
        portal_id,
        plan,
        token: match shape {
            None => TokenKind::Absent,
            Some(TokenShape::Static { .. }) => TokenKind::Static,
            Some(TokenShape::Access) => TokenKind::OAuth,
            Some(TokenShape::Refresh { .. } | TokenShape::Uuid | TokenShape::Unknown) => {
                TokenKind::Unrecognised
            }
        },
        hosting: shape.and_then(TokenShape::hublet).map(|hublet| hublet.as_str().to_owned()),
    }
}
