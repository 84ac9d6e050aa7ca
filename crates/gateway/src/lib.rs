//! The request flow: a program's HubSpot call comes in, is governed, and goes on to HubSpot.
//!
//! ```text
//! listener → connection (strict framing, patience) → forward: admit → resolve → client::stack → respond (rewrite)
//! ```
//!
//! | module | is |
//! |---|---|
//! | `listener` | the accept loop |
//! | `connection` | one client connection |
//! | `forward` | one request's way |
//! | [`admit`] | who may call, with which credential |
//! | [`rights`] | which calls a caller may make |
//! | [`scopes`] | which calls a connection's token can make |
//! | [`rules`] | how a call is to be treated: its lane, its share, what may be kept of it |
//! | `kin` | programs that no key tells apart take turns all the same |
//! | [`OwnHosts`] | no web page may call where everyone is trusted |
//! | `headers` | which headers travel |
//! | [`Intake`] | what comes in and is no call to HubSpot |
//! | `reply` | what goes back, with what we say of it |
//! | `rewrite` | links in answers lead back to us |
//! | [`outbox`] | writes applied later, and keys that make a write count once |
//! | [`grants`] | the tokens of OAuth connections, renewed ahead of their end |
//! | `refusal` | our own errors, in HubSpot's shape |
//! | [`TurnedAway`] | requests that never became calls |
//! | [`traffic`] | what passed through lately |
//! | [`log`] | a line for each call that failed |
//! | [`fuzz`] | what a fuzzer calls |

use std::sync::Arc;
use std::time::Duration;

use client::body::Body;
use client::clock::WallClock;
use client::stack::Stack;
use futures_util::FutureExt;
use futures_util::future::{self, Either};
use http::{Method, Request, Response};
use tokio::net::TcpListener;
use tokio::sync::watch;

pub mod admit;
mod connection;
mod forward;
pub mod fuzz;
pub mod grants;
mod headers;
mod intake;
mod kin;
mod listener;
pub mod log;
pub mod outbox;
mod own_hosts;
mod refusal;
mod reply;
mod rewrite;
pub mod rights;
pub mod rules;
pub mod scopes;
pub mod traffic;
mod turned_away;

pub use connection::Patience;
pub use forward::ForwardSettings;
pub use intake::{Intake, Peer};
pub use listener::{ListenerSettings, ListenerTls};
pub use own_hosts::OwnHosts;
pub use turned_away::TurnedAway;

use admit::Admission;
use connection::Arrived;
use forward::Forwarder;
use outbox::Outbox;
use refusal::Refusal;
use reply::Reply;
use rewrite::{IsTls, Origins};
use rights::Witness;
use rules::Rules;
use scopes::Scopes;

/// How long, once told to stop, calls that wait for a slot may go on waiting.
const DRAIN_WAITING: Duration = Duration::from_secs(5);

/// How long requests under way may take to end after that.
const DRAIN_SENT: Duration = Duration::from_secs(20);

/// Everything the gateway needs.
pub struct Gateway {
    pub stack: Arc<Stack>,
    pub admission: Admission,
    pub rules: Rules,
    /// The upstream's origin, which links in answers begin with.
    pub upstream: String,
    /// How callers reach us, if not as they themselves write it in `Host`.
    pub public_url: Option<String>,
    /// What we may be called; checked where whoever can connect is trusted.
    pub own_hosts: OwnHosts,
    /// Takes webhooks, where they are configured.
    pub intake: Option<Arc<dyn Intake>>,
    /// Keeps writes for later, where there is a store.
    pub outbox: Option<Arc<Outbox>>,
    /// Hears of calls that were denied.
    pub witness: Option<Arc<dyn Witness>>,
    /// Knows what the tokens of connections may do.
    pub scopes: Option<Arc<Scopes>>,
    pub forward: ForwardSettings,
    pub listener: ListenerSettings,
    /// What never became a call, for monitoring.
    pub turned_away: Arc<TurnedAway>,
}

/// Serves any other listener of ours with the same strictness and patience: the admin API, say. Web pages of other
/// sites are refused, but where `is_landing` says that people may be led to a path from there.
pub async fn serve_requests<S, F>(
    listener: TcpListener,
    settings: ListenerSettings,
    own_hosts: OwnHosts,
    is_landing: fn(&Method, &str) -> bool,
    draining: watch::Receiver<bool>,
    clock: WallClock,
    service: S,
) where
    S: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let service = move |arrived| {
        let (service, own_hosts) = (service.clone(), own_hosts.clone());
        async move {
            match arrived {
                Arrived::Request(request) => {
                    let checked = if is_landing(request.method(), request.uri().path()) {
                        own_hosts.check_landing(request.headers())
                    } else {
                        own_hosts.check(request.headers())
                    };
                    match checked {
                        Ok(()) => service(request).await,
                        Err(refusal) => refusal.into_response(),
                    }
                }
                Arrived::Refused(refused) => Refusal::from(refused).into_response(),
            }
        }
    };
    listener::run(listener, settings, draining, clock, service).await;
}

impl Gateway {
    /// Serves until `draining` turns true; then takes nothing new and ends what is under way: calls already sent get
    /// their answer, calls that still wait for a slot are refused with a 503 after a moment.
    pub async fn serve(self, listener: TcpListener, draining: watch::Receiver<bool>) {
        let stack = self.stack.clone();
        let clock = stack.clock();
        let own_hosts = self.admission.trusts_everyone().then_some(self.own_hosts);
        let is_tls = if self.listener.tls.is_some() { IsTls::Yes } else { IsTls::No };
        let forwarder = Arc::new(Forwarder {
            stack: self.stack,
            admission: self.admission,
            rules: self.rules,
            origins: Origins::new(&self.upstream, self.public_url.as_deref())
                .listening(listener.local_addr().ok(), is_tls),
            settings: self.forward,
            unnamed: Arc::from("-"),
            names: kin::Names::default(),
            own_hosts,
            turned_away: self.turned_away,
            outbox: self.outbox.clone(),
            witness: self.witness,
            scopes: self.scopes.clone(),
        });
        let outbox = self.outbox;
        let applied = draining.clone();
        let applying = async move {
            if let Some(outbox) = outbox {
                outbox.run(applied).await;
            }
        };
        let scopes = self.scopes;
        let knowing = async move {
            match scopes {
                Some(scopes) => scopes.run().await,
                None => future::pending().await,
            }
        };
        let intake = self.intake;
        let service = move |arrived| match (&intake, arrived) {
            (Some(intake), Arrived::Request(request)) if intake.takes(request.uri().path()) => {
                Either::Left(intake.take(request).map(Reply::from))
            }
            (_, arrived) => Either::Right(forwarder.clone().answer(arrived)),
        };
        let mut told = draining.clone();
        let drained = async {
            drop(told.wait_for(|draining| *draining).await);
            tokio::time::sleep(DRAIN_WAITING).await;
            stack.close();
            tokio::time::sleep(DRAIN_SENT).await;
        };
        tokio::select! {
            _ = future::join(listener::run(listener, self.listener, draining, clock, service), applying) => {}
            () = knowing => {}
            () = drained => tracing::warn!("requests were still under way when the time to drain was up"),
        }
    }
}
