//! Triage: ask the gateway what its traffic shows, probe every layer within the limits it guards, name the cause.

mod pages;
mod slots;
mod tell;
mod traffic;

use std::sync::Arc;

use client::clock::WallClock;
use http::Uri;
use incident::facts::Facts;
use incident::runbook::Runbooks;
use incident::triage::{PathStep, Triage, Verdict};
use ops::triage::Asked;
use tokio::time::Instant;

use traffic::Told;

use crate::admin_api;
use crate::failure::Exit;

pub(crate) use pages::runbooks;
pub(crate) use tell::for_people;

/// Asked of a gateway that answers, and that we have no key of.
const LOCKED: &str = "Does the gateway that runs here tell what it sees?";

/// What to diagnose, and with what.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) asked: Asked,
    /// A running gateway's admin API; nothing there is simply no evidence.
    pub(crate) admin: Option<Uri>,
    pub(crate) runbooks: Runbooks,
    pub(crate) clock: WallClock,
}

/// Asks everything and names the cause. Never fails: what could not be asked is missing from the evidence.
pub(crate) async fn run(options: Options) -> Triage {
    let runbooks = options.runbooks.clone();
    let (facts, gateway) = look(options).await;
    let mut triage = incident::diagnose(&facts, &runbooks);
    match gateway {
        Gateway::Locked => triage.path.push(PathStep {
            question: LOCKED.to_owned(),
            answer: format!(
                "could not tell: it wants its admin key. Set {} and ask again: without it, what only traffic shows is missing \
                 here, and these probes took no slots of the limits that the gateway guards",
                admin_api::KEY_VARIABLE
            ),
        }),
        Gateway::Asked | Gateway::None => {}
    }
    triage
}

/// Everything that probes and traffic tell at this moment.
pub(crate) async fn facts(options: Options) -> Facts {
    look(options).await.0
}

/// Whether there was a gateway to ask.
enum Gateway {
    Asked,
    Locked,
    None,
}

async fn look(options: Options) -> (Facts, Gateway) {
    let began = Instant::now();
    let mut asked = options.asked;
    let mut traffic = None;
    let mut gateway = Gateway::None;
    if let Some(admin) = &options.admin {
        let told = traffic::fetch(admin).await;
        gateway = match &told {
            Told::Traffic(_) => Gateway::Asked,
            Told::Locked => Gateway::Locked,
            Told::Nothing => Gateway::None,
        };
        traffic = told.traffic();
        // Where a gateway spends the same limits, it says when our calls may go.
        if let (Some(_), Some(token)) = (&traffic, &asked.target.token) {
            asked.target.gate = Some(Arc::new(slots::GatewaysSlots::new(admin.clone(), token)));
        }
    }
    let timeouts = &mut asked.target.timeouts;
    timeouts.overall = timeouts.overall.saturating_sub(began.elapsed());
    let mut facts = ops::triage::facts(&asked, traffic, &options.clock).await;
    // What the gateway sent while we asked is its own, and stands in no earlier report.
    if let Some(admin) = options.admin.as_ref().filter(|_| facts.traffic.is_some())
        && let Some(later) = traffic::fetch(admin).await.traffic()
    {
        facts.traffic = Some(later);
    }
    (facts, gateway)
}

/// The exit code of a verdict: 0 healthy, 1 a problem was found, 3 could not tell.
pub(crate) fn exit(triage: &Triage) -> Exit {
    match triage.verdict {
        Verdict::Healthy => Exit::Fine,
        Verdict::Degraded | Verdict::Down => Exit::Problem,
        Verdict::Unknown => Exit::Unsure,
    }
}
