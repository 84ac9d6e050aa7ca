//! A program that calls HubSpot through a stack.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use client::accounts::{AccountSettings, Credential};
use client::body::Body;
use client::cache::CacheSettings;
use client::call::{Answer, Call, CallFailed};
use client::clock::WallClock;
use client::governor::{Ceilings, DailySettings, LaneSettings, QueueSettings};
use client::handling::Handling;
use client::stack::{Feature, Stack, StackSettings};
use client::telemetry::Silence;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, header};
use hubspot::limits::{AppKind, Plan};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::server::{Server, Wire};

/// What a program may ask.
#[derive(Clone)]
pub(crate) struct Question {
    pub(crate) method: Method,
    pub(crate) path: Cow<'static, str>,
}

/// Draws on burst.
pub(crate) static READ: Question = Question::get("/crm/v3/objects/contacts/1");
/// Draws on burst, of another family.
pub(crate) static OWNERS: Question = Question::get("/crm/v3/owners");
/// Not to be sent twice.
pub(crate) static CREATE: Question = Question::post("/crm/v3/objects/contacts");
pub(crate) static SEARCH: Question = Question::post("/crm/v3/objects/contacts/search");
/// Draws on associations alone.
pub(crate) static ASSOCIATION_BATCH: Question =
    Question::post("/crm/v4/associations/contacts/deals/batch/read");
/// Draws on associations and on burst.
pub(crate) static ASSOCIATION: Question = Question::get("/crm/v4/objects/contacts/1/associations/deals");
/// Draws on no budget we keep.
pub(crate) static JOURNAL: Question = Question::get("/webhooks-journal/subscriptions/2026-03");
/// Has a limit of its own besides burst.
pub(crate) static IMPORT: Question = Question::post("/crm/v3/imports");

/// More patience than any of the laws needs.
pub(crate) const PATIENT: Duration = Duration::from_secs(300);

pub(crate) type Outcome = Result<Answer, CallFailed>;

/// One program: a stack and the credential it calls with.
#[derive(Clone)]
pub(crate) struct Program {
    pub(crate) stack: Arc<Stack>,
    authorization: &'static str,
}

/// Who calls, and how it is to be treated.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) name: Arc<str>,
    pub(crate) handling: Handling,
}

impl Question {
    pub(crate) const fn get(path: &'static str) -> Self {
        Self { method: Method::GET, path: Cow::Borrowed(path) }
    }

    pub(crate) const fn get_owned(path: String) -> Self {
        Self { method: Method::GET, path: Cow::Owned(path) }
    }

    pub(crate) const fn post(path: &'static str) -> Self {
        Self { method: Method::POST, path: Cow::Borrowed(path) }
    }

    pub(crate) const fn patch(path: &'static str) -> Self {
        Self { method: Method::PATCH, path: Cow::Borrowed(path) }
    }

    pub(crate) const fn put(path: &'static str) -> Self {
        Self { method: Method::PUT, path: Cow::Borrowed(path) }
    }

    pub(crate) const fn delete(path: &'static str) -> Self {
        Self { method: Method::DELETE, path: Cow::Borrowed(path) }
    }
}

/// A new stack over `server`, all features on but packing, which has laws of its own, on the smallest plan: 100 per ten seconds.
pub(crate) fn stack(server: &Arc<Server>, adjust: impl FnOnce(&mut StackSettings)) -> Arc<Stack> {
    let mut settings = StackSettings {
        accounts: AccountSettings {
            plan: Plan::Free,
            kind: AppKind::PrivateApp,
            packs: 0,
            ceilings: Ceilings::default(),
            queue: QueueSettings { waiting_max: 10_000, lanes: LaneSettings::default() },
            daily: DailySettings::default(),
            governed: Feature::On,
        },
        attempt_timeout: Duration::from_secs(60),
        whole_answer_bytes_max: 65_536,
        retries: Feature::On,
        retry_budget: Feature::On,
        breaker: Feature::On,
        adaptive: Feature::On,
        // Most laws are about what is sent.
        cache: CacheSettings::OFF,
        packing: Feature::Off,
        seed: 1,
    };
    adjust(&mut settings);
    let clock = WallClock::from("2026-10-01T12:00:00Z".parse::<jiff::Timestamp>().expect("a timestamp"));
    Arc::new(Stack::new(Arc::new(Wire(server.clone())), Arc::new(Silence), clock, settings))
}

impl Program {
    pub(crate) fn new(stack: &Arc<Stack>, authorization: &'static str) -> Self {
        Self { stack: stack.clone(), authorization }
    }

    /// A program that has called before, so that its account is known and its windows are empty again.
    pub(crate) async fn warm(stack: &Arc<Stack>, authorization: &'static str) -> Self {
        let program = Self::new(stack, authorization);
        assert!(program.call(&READ, PATIENT).await.is_ok(), "the first call is answered");
        tokio::time::sleep(Duration::from_secs(30)).await;
        program
    }

    pub(crate) async fn call(&self, question: &Question, patience: Duration) -> Outcome {
        call(&self.stack, self.authorization, question, patience).await
    }

    /// As a caller of a name, a lane and a weight.
    pub(crate) async fn call_as(&self, caller: &Caller, question: &Question, patience: Duration) -> Outcome {
        send(&self.stack, self.authorization, caller, question, patience).await
    }

    /// The same call `count` times at the same moment.
    pub(crate) fn at_once(
        &self,
        count: usize,
        question: &'static Question,
        patience: Duration,
    ) -> Vec<JoinHandle<Outcome>> {
        let one = |_| {
            let program = self.clone();
            tokio::spawn(async move { program.call(question, patience).await })
        };
        (0..count).map(one).collect()
    }

    /// Calls, waits for the answer, and calls again, for as long as the test lasts.
    pub(crate) fn keeps_calling(&self, question: &'static Question, first_after: Duration) {
        let program = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(first_after).await;
            loop {
                if program.call(question, PATIENT).await.is_err() {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        });
    }
}

/// One call with any credential.
pub(crate) async fn call(
    stack: &Arc<Stack>,
    authorization: &str,
    question: &Question,
    patience: Duration,
) -> Outcome {
    call_with(stack, authorization, question, patience, "", |_| {}).await
}

/// The same by a caller of its own.
async fn send(
    stack: &Arc<Stack>,
    authorization: &str,
    caller: &Caller,
    question: &Question,
    patience: Duration,
) -> Outcome {
    let by_caller = |call: &mut Call| {
        call.caller = caller.name.clone();
        call.handling = caller.handling;
    };
    call_with(stack, authorization, question, patience, "", by_caller).await
}

/// The same with a body, and whatever else is to be said.
pub(crate) async fn call_with(
    stack: &Arc<Stack>,
    authorization: &str,
    question: &Question,
    patience: Duration,
    body: &'static str,
    adjust: impl FnOnce(&mut Call),
) -> Outcome {
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, HeaderValue::from_str(authorization).expect("a plain header"));
    let target: PathAndQuery = question.path.parse().expect("a plain path");
    let mut call = Call {
        endpoint: hubspot::endpoint::classify(&question.method, target.path()),
        method: question.method.clone(),
        target,
        headers,
        credential: Credential::Passthrough,
        caller: Arc::from("-"),
        calls_itself: None,
        deadline: Instant::now() + patience,
        handling: Handling::default(),
    };
    adjust(&mut call);
    stack.call(call, Body::from(Bytes::from_static(body.as_bytes()))).await
}

/// How many were answered well, once all have ended.
pub(crate) async fn answered(calls: Vec<JoinHandle<Outcome>>) -> usize {
    let mut good = 0;
    for call in calls {
        let outcome = call.await.expect("a call does not panic");
        good += usize::from(outcome.is_ok_and(|answer| answer.response.status().is_success()));
    }
    good
}
