//! Puts the planned questions to HubSpot: side by side, the family reads a moment behind the authenticated one, and last
//! what those answers call for.

use std::time::Duration;

use futures_util::future::{join, join_all};
use http::StatusCode;
use hubspot::endpoint::classify;
use hubspot::limits::SEARCH_WINDOW;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::exchange::{self, Question, Raw};
use super::follow_up::{self, First, Next};
use super::pace::ms_since;
use super::plan::Plan;
use super::report::api::{Answer, FamilyAnswer};
use super::report::{Authenticated, Finding, Introspected, Usage, Why};
use super::terrain::Wire;
use super::tls::Unverified;
use super::way::Way;
use super::{Run, answer};

/// HubSpot counts the call at some moment before its answer.
const BLUR: Duration = Duration::from_millis(100);

/// The answers, in the order of the plan.
#[derive(Debug)]
pub(super) struct Calls {
    pub(super) http: Finding<Answer>,
    pub(super) auth: Finding<Authenticated>,
    pub(super) introspection: Finding<Introspected>,
    pub(super) usage: Finding<Usage>,
    pub(super) families: Vec<FamilyAnswer>,
}

impl Calls {
    /// Nothing asked, because no way is open.
    pub(super) fn none(plan: &Plan) -> Self {
        let why = |question: &Option<Question>| match question {
            Some(_) => Why::LowerLayerDown,
            None => Why::NotConfigured,
        };
        let rows = plan.families.iter().map(|read| row(read, Finding::not_asked(Why::LowerLayerDown)));
        Self {
            http: Finding::not_asked(Why::LowerLayerDown),
            auth: Finding::not_asked(why(&plan.authenticated)),
            introspection: Finding::not_asked(why(&plan.introspection)),
            usage: Finding::not_asked(why(&plan.usage)),
            families: rows.collect(),
        }
    }
}

/// Asks everything along one way. `known` is the unauthenticated question's answer, where that was asked already.
pub(super) async fn put(run: &Run<'_>, plan: &Plan, way: &Way, known: Option<Finding<Answer>>) -> Calls {
    let (tell, told) = oneshot::channel();
    let http = async {
        match known {
            Some(known) => known,
            None => answer(run, &plan.unauthenticated, way).await,
        }
    };
    let auth = async {
        let raw = optional(run, plan.authenticated.as_ref(), way).await;
        // Nobody may be listening any more: the family reads wait only so long.
        let _ = tell.send(is_refused(&raw));
        raw.map(|(answer, raw)| Authenticated { account: answer::account(&raw), answer })
    };
    let reads = async {
        let head_start = run.target.timeouts.auth_head_start;
        let refused = matches!(run.pace.within(head_start, told).await, Ok(Ok(true)));
        if refused {
            Vec::new()
        } else {
            join_all(plan.families.iter().map(|read| family(run, read, way))).await
        }
    };
    let ((http, auth), families) = join(join(http, auth), reads).await;
    let why = |question: &Option<Question>| match question {
        Some(_) => Why::NotNeeded,
        None => Why::NotConfigured,
    };
    let mut calls = Calls {
        http,
        auth,
        introspection: Finding::not_asked(why(&plan.introspection)),
        usage: Finding::not_asked(why(&plan.usage)),
        families,
    };
    follow_up(run, plan, way, &mut calls).await;
    calls
}

/// The last calls, chosen by the first answers.
async fn follow_up(run: &Run<'_>, plan: &Plan, way: &Way, calls: &mut Calls) {
    let account = match &calls.auth {
        Finding::Answered(found) => First::of(&Finding::Answered(found.answer.clone())),
        Finding::Failed(failure) => First::of(&Finding::Failed(failure.clone())),
        Finding::NotAsked(_) => return,
    };
    let families: Vec<First> = calls.families.iter().map(|row| First::of(&row.answer)).collect();
    let left = [&plan.usage, &plan.introspection].into_iter().flatten().count();
    let next = follow_up::choose(account, &families, run.notes.daily(), left);
    let asked = |books: Next, question: &Option<Question>| question.clone().filter(|_| next.contains(&books));
    let introspection = asked(Next::Introspection, &plan.introspection);
    let usage = asked(Next::Usage, &plan.usage);
    let again = next.iter().filter_map(|next| match next {
        Next::AccountAgain => Some((plan.authenticated.as_ref()?, Duration::ZERO)),
        Next::FamilyAgain(place) => {
            let is_crowded = families.get(*place) == Some(&First::Crowded);
            Some((plan.families.get(*place)?, if is_crowded { SEARCH_WINDOW + BLUR } else { Duration::ZERO }))
        }
        Next::Introspection | Next::Usage => None,
    });
    let again = join_all(again.map(|(read, after)| once_more(run, read, after, way)));
    let books = join(optional(run, introspection.as_ref(), way), optional(run, usage.as_ref(), way));
    let ((introspected, counted), again) = join(books, again).await;
    if introspection.is_some() {
        calls.introspection =
            introspected.map(|(answer, raw)| Introspected { token: answer::introspection(&raw), answer });
    }
    if usage.is_some() {
        calls.usage = counted.map(|(answer, raw)| Usage { daily: answer::daily_usage(&raw), answer });
    }
    if account == First::CredentialRefused && calls.families.is_empty() {
        (calls.usage, calls.families) = unasked(plan);
    }
    calls.families.extend(again);
}

/// The same question, when the second is over whose limit was full.
async fn once_more(run: &Run<'_>, read: &Question, after: Duration, way: &Way) -> FamilyAnswer {
    tokio::time::sleep(run.pace.left_of_the_run().min(after)).await;
    family(run, read, way).await
}

/// One question's answer, its marks only.
pub(super) async fn answer(run: &Run<'_>, question: &Question, way: &Way) -> Finding<Answer> {
    ask(run, question, way).await.map(|raw| answer::read(question, &raw))
}

/// On a connection whose certificate has the wrong dates, the time of day is asked for, and nothing secret said: it
/// tells a clock that is wrong from a certificate that is.
pub(super) async fn ask_the_time(
    run: &Run<'_>,
    question: &Question,
    way: &Way,
    connection: Unverified,
) -> Finding<Answer> {
    let raw = noting(run, question, way, connection.0).await;
    raw.map(|raw| Answer { unverified: true, ..answer::read(question, &raw) })
}

/// A call with the token needs the leave of whoever guards its limits. Waiting for it is no part of what is measured.
async fn ask(run: &Run<'_>, question: &Question, way: &Way) -> Finding<Raw> {
    let Some(gate) = run.target.gate.as_ref().filter(|_| question.credential.is_some()) else {
        return ask_at_once(run, question, way).await;
    };
    let patience = run.pace.left_of(run.target.timeouts.slot);
    let Some(pass) = gate.enter(&question.method, question.bare_path(), patience).await else {
        return Finding::not_asked(Why::NoSlot);
    };
    let finding = ask_at_once(run, question, way).await;
    pass.ended().await;
    finding
}

async fn ask_at_once(run: &Run<'_>, question: &Question, way: &Way) -> Finding<Raw> {
    let began = Instant::now();
    match way.open_verified(run).await {
        Ok(wire) => {
            let connect_ms = ms_since(began);
            noting(run, question, way, wire).await.map(|raw| Raw { connect_ms, ..raw })
        }
        Err(failure) => Finding::Failed(failure),
    }
}

/// Every call to HubSpot passes here, and is counted.
async fn noting(run: &Run<'_>, question: &Question, way: &Way, wire: impl Wire + 'static) -> Finding<Raw> {
    let departure = run.notes.leaving();
    match exchange::ask_on(question, wire, way, run).await {
        Ok(raw) => {
            run.notes.arrived(departure, question, &raw, &run.pace);
            run.notes.clock(answer::clock(&way.host, &raw));
            Finding::Answered(raw)
        }
        Err(failure) => Finding::Failed(failure),
    }
}

async fn optional(run: &Run<'_>, question: Option<&Question>, way: &Way) -> Finding<(Answer, Raw)> {
    match question {
        Some(question) => ask(run, question, way).await.map(|raw| (answer::read(question, &raw), raw)),
        None => Finding::not_asked(Why::NotConfigured),
    }
}

async fn family(run: &Run<'_>, read: &Question, way: &Way) -> FamilyAnswer {
    match ask(run, read, way).await {
        Finding::Answered(raw) => FamilyAnswer {
            capacities: answer::capacities(&raw),
            property_names: if is_properties(read) { answer::property_names(&raw) } else { Vec::new() },
            ..row(read, Finding::Answered(answer::read(read, &raw)))
        },
        Finding::Failed(failure) => row(read, Finding::Failed(failure)),
        Finding::NotAsked(not_asked) => row(read, Finding::NotAsked(not_asked)),
    }
}

fn unasked(plan: &Plan) -> (Finding<Usage>, Vec<FamilyAnswer>) {
    let rows = plan.families.iter().map(|read| row(read, Finding::not_asked(Why::CredentialRefused)));
    (Finding::not_asked(Why::CredentialRefused), rows.collect())
}

fn row(read: &Question, answer: Finding<Answer>) -> FamilyAnswer {
    let path = read.bare_path();
    FamilyAnswer {
        family: classify(&read.method, path).family.name().to_owned(),
        version: super::family::version_of(path).map(str::to_owned),
        method: read.method.to_string(),
        path: read.path.clone(),
        answer,
        capacities: Vec::new(),
        property_names: Vec::new(),
    }
}

fn is_properties(read: &Question) -> bool {
    read.path.contains("/properties/")
}

fn is_refused(auth: &Finding<(Answer, Raw)>) -> bool {
    auth.answered().is_some_and(|(_, raw)| raw.status == StatusCode::UNAUTHORIZED)
}
