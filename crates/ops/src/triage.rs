//! What is wrong: probe every layer, and lay what was found beside what traffic shows. The diagnosis of it is `incident`'s.
//!
//! The only place that knows both the probes (`client`) and the facts of a diagnosis (`incident`): each has its own words,
//! and [`facts`](self::facts()) translates.

mod facts;
mod focus;

use client::clock::WallClock;
use client::probe::{self, target::Target};
use hubspot::limits::Plan;
use hubspot::token::TokenShape;
use incident::facts::Facts;
use incident::facts::configured::{Configured, TokenKind, UpstreamKind};
use incident::facts::probes::Tcp;
use incident::facts::traffic::Traffic;

/// What to look at.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What to probe; its `focus` is set from traffic.
    pub target: Target,
    /// The portal the token should belong to.
    pub portal_id: Option<u64>,
    /// The plan the portal should have; leave it out unless a person has said so.
    pub plan: Option<Plan>,
}

/// Everything that probes and traffic tell at this moment. Never fails: what could not be asked is missing.
pub async fn facts(asked: &Asked, traffic: Option<Traffic>, clock: &WallClock) -> Facts {
    let mut target = asked.target.clone();
    if let Some(traffic) = &traffic {
        target.focus = focus::from(traffic);
    }
    let report = probe::run(&target, clock).await;
    Facts {
        configured: configured(&target, asked.portal_id, asked.plan, report.started_at),
        duration_ms: report.duration_ms,
        probes: facts::probes(&report),
        traffic,
        ..Facts::default()
    }
}

/// Whether each address of the upstream takes connections, and no more: no call is made.
pub async fn connects(target: &Target) -> Option<Tcp> {
    probe::connects(target).await.as_ref().map(facts::connects)
}

fn configured(
    target: &Target,
    portal_id: Option<u64>,
    plan: Option<Plan>,
    now: jiff::Timestamp,
) -> Configured {
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
