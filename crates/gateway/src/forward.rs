//! The request flow: admit → resolve → call → respond.

use std::sync::Arc;
use std::time::Duration;

use client::body::Body;
use client::call::{Answer, Call, CallFailed};
use client::stack::Stack;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Method, Request, Response, header};
use http_body::Body as _;
use http_body_util::Limited;
use hubspot::endpoint::Endpoint;
use store::fall;
use tokio::time::Instant;

use crate::admit::{Admission, Admitted, NotAdmitted};
use crate::connection::Arrived;
use crate::headers::{self, Said};
use crate::kin;
use crate::outbox::wish::Wished;
use crate::outbox::{self, Outbox};
use crate::own_hosts::OwnHosts;
use crate::refusal::Refusal;
use crate::reply::{self, Reply, Told};
use crate::rewrite::{self, Origins};
use crate::rights::{Asked, BodyRule, Missing, Witness, unreadable_body};
use crate::rules::{Rules, Who};
use crate::scopes::Scopes;
use crate::turned_away::TurnedAway;

mod keep;
mod scopes;

/// Request bodies up to this size are held, so that the call can be sent again.
const HELD_BODY_BYTES_MAX: u64 = 256 * 1024;

/// A held body must be here by then; a larger one streams, with only its pauses bounded.
const HELD_BODY_TIME_MAX: Duration = Duration::from_secs(60);

/// How requests are taken and passed on.
#[derive(Debug, Clone, Copy)]
pub struct ForwardSettings {
    /// For callers who name no deadline.
    pub deadline: Duration,
    /// The longest a caller may ask for.
    pub deadline_max: Duration,
    pub body_bytes_max: u64,
}

/// Everything a request needs on its way.
pub(crate) struct Forwarder {
    pub(crate) stack: Arc<Stack>,
    pub(crate) admission: Admission,
    pub(crate) rules: Rules,
    pub(crate) origins: Origins,
    pub(crate) settings: ForwardSettings,
    pub(crate) unnamed: Arc<str>,
    pub(crate) names: kin::Names,
    /// Where whoever can connect is trusted, browsers must not be.
    pub(crate) own_hosts: Option<OwnHosts>,
    pub(crate) turned_away: Arc<TurnedAway>,
    pub(crate) outbox: Option<Arc<Outbox>>,
    pub(crate) witness: Option<Arc<dyn Witness>>,
    pub(crate) scopes: Option<Arc<Scopes>>,
}

/// What becomes of a request.
enum Way {
    Call(Prepared),
    /// Kept, or answered, by ourselves.
    Ours(BoxFuture<'static, Response<Body>>),
}

/// A call that is ready to be made, once its body is here.
struct Prepared<C = Arc<Call>> {
    call: C,
    incoming: Body,
    /// What the caller itself calls us.
    host: Option<HeaderValue>,
    /// What of the caller's rights only the body tells.
    rule: Option<BodyRule>,
    /// Scopes of which the token seems to have none.
    doubt: Option<&'static [&'static str]>,
}

impl Forwarder {
    /// Answers whatever arrives. What can be done at once is done at once, outside of the future: that holds for as long
    /// as a call waits only what its call needs.
    pub(crate) fn answer(self: Arc<Self>, arrived: Arrived) -> impl Future<Output = Reply> + Send {
        let prepared = match arrived {
            Arrived::Request(request) => self.prepare(request),
            Arrived::Refused(refused) => Err(Refusal::from(refused)),
        };
        async move {
            let Prepared { call, incoming, host, rule, doubt } = match prepared {
                Ok(Way::Call(prepared)) => prepared,
                Ok(Way::Ours(ours)) => return ours.await.into(),
                Err(refusal) => return self.turn_away(refusal).into(),
            };
            if let Some(any_of) = doubt
                // Boxed: rare, and no part of what every call waits with.
                && let Err(refusal) = Box::pin(self.check_scopes(&call, any_of)).await
            {
                return self.turn_away(refusal).into();
            }
            let body = match self.body(incoming).await {
                Ok(body) => body,
                Err(refusal) => return self.turn_away(refusal).into(),
            };
            if let Some(rule) = rule
                && let Err(refusal) = self.hold(&rule, &body, &call)
            {
                return self.turn_away(refusal).into();
            }
            match self.stack.call(call.clone(), body).await {
                Ok(answer) => {
                    self.hear(&call, &answer);
                    self.respond(answer, call.endpoint.paged, host.as_ref())
                }
                Err(failed) => self.failed(&failed, &call.endpoint).into(),
            }
        }
    }

    /// Answers what has not become a call.
    fn turn_away(&self, refusal: Refusal) -> Response<Body> {
        self.turned_away.count(refusal.category());
        refusal.into_response()
    }

    fn failed(&self, failed: &CallFailed, endpoint: &Endpoint) -> Response<Body> {
        let refusal = Refusal::of_call(failed, endpoint, self.settings.body_bytes_max);
        let mut response = refusal.into_response();
        reply::insert_effort(&mut response, failed.effort);
        response
    }

    /// Admits and resolves: who calls, and what the call is.
    fn prepare(self: &Arc<Self>, request: Request<Body>) -> Result<Way, Refusal> {
        let (mut parts, incoming) = request.into_parts();
        fall::over(fall::Way::Gateway, &parts);
        if let Some(own_hosts) = &self.own_hosts {
            own_hosts.check(&parts.headers)?;
        }
        let target = parts.uri.path_and_query().filter(|_| parts.uri.authority().is_none());
        let target = target.cloned().ok_or_else(Refusal::bad_target)?;
        let said = Said::by(&parts.headers);
        let deadline = Instant::now() + self.deadline(said.deadline_ms)?;
        let admitted = self.admission.admit(&said, &self.unnamed).map_err(|not| match not {
            NotAdmitted::Refused(refusal) => refusal,
            NotAdmitted::Denied { caller, missing } => {
                self.deny(&missing, &caller, &parts.method, target.path())
            }
        });
        let Admitted { credential, caller, treatment, rights, portal } = admitted?;
        if let Some(outbox) = &self.outbox
            && let Some(id) = target.path().strip_prefix(outbox::PATH)
        {
            let reader = outbox.writer(&credential, &parts.headers).ok_or_else(Refusal::unknown_reader)?;
            let told = outbox.clone().tell(parts.method, id.to_owned(), reader, caller);
            return Ok(Way::Ours(Box::pin(told)));
        }
        let (method, path) = (&parts.method, target.path());
        let asked = Asked { method, path, query: target.query(), headers: &parts.headers, portal };
        let rule = rights.map_or(Ok(None), |rights| rights.check(asked));
        let rule = rule.map_err(|missing| self.deny(&missing, &caller, method, path))?;
        let who = Who { caller: &caller, treatment };
        let (mut handling, queue) = self.rules.handling(method, path, who, said.lane)?;
        let mut calls_itself = None;
        if Arc::ptr_eq(&caller, &self.unnamed) {
            handling.kin = kin::of(&said);
            calls_itself = self.names.of(&said);
        }
        let (host, stays_here) = (said.host.cloned(), said.stays_here);
        let wished = self.outbox.as_ref().map(|_| Wished::take(&mut parts.headers)).unwrap_or_default();
        let endpoint = hubspot::endpoint::classify(&parts.method, target.path());
        let doubt = self.scopes.as_ref();
        let doubt = doubt.and_then(|scopes| scopes.doubt(&credential, method, path, endpoint.family));
        headers::for_upstream(&mut parts.headers, stays_here);
        if endpoint.paged {
            // Links can only be found in plain text.
            parts.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        let call = Call {
            method: parts.method,
            target,
            headers: parts.headers,
            endpoint,
            credential,
            caller,
            calls_itself,
            deadline,
            handling,
        };
        if let Some(outbox) = &self.outbox
            && let Some(wish) = outbox.wish(&call, &wished, queue)?
        {
            let prepared = Prepared { call, incoming, host, rule, doubt };
            return Ok(Way::Ours(Box::pin(self.clone().keep(outbox.clone(), prepared, wish))));
        }
        // Shared from here on: whoever handles it holds a pointer, and not the whole of it once more.
        Ok(Way::Call(Prepared { call: Arc::new(call), incoming, host, rule, doubt }))
    }

    /// A call outside of its caller's rights costs HubSpot nothing, and is told of.
    fn deny(&self, missing: &Missing, caller: &str, method: &Method, path: &str) -> Refusal {
        let refusal = Refusal::missing_right(caller, missing);
        if let Some(witness) = &self.witness {
            let route = hubspot::endpoint::route(method, path);
            witness.denied(caller, &missing.right, route, refusal.correlation_id());
        }
        refusal
    }

    /// A body that is not held cannot be looked into.
    fn hold(&self, rule: &BodyRule, body: &Body, call: &Call) -> Result<(), Refusal> {
        let checked = match body {
            Body::Empty => rule.check(&[]),
            Body::Whole(bytes) => rule.check(bytes),
            Body::Streamed(_) | Body::Continued(..) | Body::Boxed(_) => Err(unreadable_body()),
        };
        checked.map_err(|missing| self.deny(&missing, &call.caller, &call.method, call.target.path()))
    }

    fn respond(&self, answer: Answer, paged: bool, host: Option<&HeaderValue>) -> Reply {
        let Answer { mut response, effort, source, error: _ } = answer;
        rewrite::location(response.headers_mut(), &self.origins, host);
        if paged && response.status().is_success() {
            response = rewrite::body(response, &self.origins, host);
        }
        Reply { response, told: Some(Told { source, effort }) }
    }

    fn deadline(&self, asked: Option<&HeaderValue>) -> Result<Duration, Refusal> {
        let Some(value) = asked else { return Ok(self.settings.deadline) };
        let milliseconds = value.to_str().ok().and_then(|text| text.trim().parse().ok());
        let hint = "It holds the milliseconds the caller will wait, as a whole number.";
        let milliseconds =
            milliseconds.ok_or_else(|| Refusal::bad_header(headers::DEADLINE_MS.as_str(), hint))?;
        Ok(Duration::from_millis(milliseconds).min(self.settings.deadline_max))
    }

    /// A small body is held, a large one streams, one over the limit is refused, before it is read where its length
    /// is told.
    async fn body(&self, incoming: Body) -> Result<Body, Refusal> {
        if incoming.is_end_stream() {
            return Ok(Body::Empty);
        }
        self.check_length(&incoming)?;
        let max = self.settings.body_bytes_max;
        match incoming.size_hint().exact() {
            Some(length) if length > HELD_BODY_BYTES_MAX => Ok(incoming),
            // Boxed: reading weighs on the future of every call, and most have no body.
            Some(_) | None => Box::pin(held_body(incoming, max)).await,
        }
    }

    /// By what the caller told of it, before any of it is read.
    fn check_length(&self, incoming: &Body) -> Result<(), Refusal> {
        let max = self.settings.body_bytes_max;
        let is_longer = incoming.size_hint().exact().is_some_and(|length| length > max);
        if is_longer { Err(Refusal::body_too_large(max)) } else { Ok(()) }
    }
}

/// Reads a body as far as it is held. One that turns out larger, as only a chunked one can, goes on as it comes, up to
/// `max` bytes; where less than that is held, it is refused before HubSpot sees any of it.
async fn held_body(incoming: Body, max: u64) -> Result<Body, Refusal> {
    let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    let reading = incoming.read_ahead(size(HELD_BODY_BYTES_MAX.min(max)));
    let read = tokio::time::timeout(HELD_BODY_TIME_MAX, reading).await;
    match read.ok().and_then(Result::ok).ok_or_else(Refusal::body_unreadable)? {
        Body::Continued(..) if max <= HELD_BODY_BYTES_MAX => Err(Refusal::body_too_large(max)),
        longer @ Body::Continued(..) => Ok(Body::boxed(Limited::new(longer, size(max)))),
        whole => Ok(whole),
    }
}
