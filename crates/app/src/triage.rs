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
use incident::runbook::Runbooks;
use incident::triage::{Triage, Verdict};

use crate::failure::Exit;

pub(crate) use pages::runbooks;
pub(crate) use tell::for_people;

/// What to diagnose, and with what.
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
    let Options { mut target, admin, portal_id, plan, runbooks, clock } = options;
    let traffic = match &admin {
        Some(admin) => traffic::fetch(admin).await,
        None => None,
    };
    if let Some(traffic) = &traffic {
        target.focus = focus::from(traffic);
    }
    let report = probe::run(&target, &clock).await;
    let facts = Facts {
        configured: configured(&target, portal_id, plan, report.started_at),
        duration_ms: report.duration_ms,
        probes: facts::probes(&report),
        traffic,
        ..Facts::default()
    };
    incident::diagnose(&facts, &runbooks)
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
