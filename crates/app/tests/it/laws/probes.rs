//! L1, while somebody runs a diagnosis beside programs that use all there is: its calls take the connections of their own
//! that they are measured on, and slots all the same.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use client::clock::WallClock;
use client::handling::Handling;
use client::lane::Lane;
use client::probe::report::network::Lookup;
use client::probe::target::Target;
use client::probe::terrain::{Coming, Roots, Terrain, Wire};
use client::slot::OwnGate;
use client::stack::Feature;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hubspot::secret::Secret;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rstest::rstest;
use simulator::config::{Latency, LimitOverrides};
use simulator::{Config, Shell};
use tokio::time::Instant;

use crate::virtual_hubspot::{Manner, Virtual};

const PROGRAMS: u64 = 40;
const LASTS: Duration = Duration::from_secs(150);

/// From one diagnosis to the next: no divisor of a window, so that each meets it at another moment.
const EVERY: Duration = Duration::from_millis(7_300);

/// Connections of their own to the simulator; nothing here has a name or a certificate.
struct Wires(Arc<Shell>);

impl Terrain for Wires {
    fn connect(&self, _: SocketAddr) -> Coming<'_, io::Result<Box<dyn Wire>>> {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let shell = self.0.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let shell = shell.clone();
                async move {
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
                    let answered = shell.exchange(Request::from_parts(parts, body)).await;
                    answered.map(|answer| answer.map(Full::new)).map_err(io::Error::other)
                }
            });
            let server = hyper::server::conn::http1::Builder::new();
            let _ended = server.serve_connection(TokioIo::new(far), service).await;
        });
        Box::pin(async { Ok(Box::new(near) as Box<dyn Wire>) })
    }

    fn look_up<'a>(&'a self, _: Option<SocketAddr>, _: &'a str) -> Coming<'a, Lookup> {
        Box::pin(async { Lookup::NoSuchName })
    }

    fn roots(&self) -> Roots {
        Roots::default()
    }
}

#[derive(Debug, Default)]
struct Seen {
    rejected: u64,
    diagnoses: u32,
    /// Of them, those whose call with the token was made and answered.
    told: u32,
}

async fn run(seed: u64, lane: Lane, gate: Feature) -> Seen {
    let hubspot = Arc::new(Virtual::new(
        Config {
            seed,
            contacts: 5,
            latency: Latency(20..=400),
            limits: LimitOverrides {
                burst: Some(100),
                daily: Some(100_000_000),
                ..LimitOverrides::default()
            },
            ..Config::default()
        },
        Feature::On,
    ));
    let ends = Instant::now() + LASTS;
    for program in 0..PROGRAMS {
        tokio::spawn(work(hubspot.clone(), lane, seed * 1_000 + program));
    }
    let token = Secret::new(hubspot.token());
    let mut target = Target::new("http://203.0.113.10".parse().expect("an address"));
    target.terrain = Some(Arc::new(Wires(hubspot.shell.clone())));
    if gate == Feature::On {
        target.gate = Some(Arc::new(OwnGate::new(hubspot.stack.clone(), &token, "triage")));
    }
    target.token = Some(token);
    let mut seen = Seen::default();
    while Instant::now() < ends {
        tokio::time::sleep(EVERY).await;
        let report = client::probe::run(&target, &WallClock::from(jiff::Timestamp::UNIX_EPOCH)).await;
        seen.diagnoses += 1;
        seen.told += u32::from(report.auth.answered().is_some_and(|auth| auth.account.is_some()));
    }
    seen.rejected = hubspot.stats().await["statuses"]["429"].as_u64().unwrap_or(0);
    seen
}

/// One program that never rests.
async fn work(hubspot: Arc<Virtual>, lane: Lane, seed: u64) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let manner = Manner { handling: Handling { lane, ..Handling::default() }, ..Manner::default() };
    loop {
        let (method, path, body) = match random.random_range(0..10) {
            0 => (Method::POST, "/crm/v3/objects/contacts/search", r#"{"limit":1}"#),
            1 => (Method::GET, "/crm/v4/associations/contacts/companies/labels", ""),
            _ => (Method::GET, "/crm/v3/objects/contacts?limit=1", ""),
        };
        let _whatever = hubspot.call_as(manner, method, path, body).await;
    }
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn a_diagnosis_costs_nobody_a_429(
    #[values(1, 2)] seed: u64,
    #[values(Lane::Interactive, Lane::Bulk)] lane: Lane,
) {
    let seen = run(seed, lane, Feature::On).await;
    assert_eq!(seen.rejected, 0, "seed {seed}: {seen:?}");
    assert!(seen.told * 2 > seen.diagnoses, "seed {seed}: most diagnoses still see something, {seen:?}");
}

#[rstest]
#[tokio::test(start_paused = true)]
async fn control_past_the_gate_it_does(#[values(Lane::Interactive, Lane::Bulk)] lane: Lane) {
    let seen = run(1, lane, Feature::Off).await;
    assert!(seen.rejected > 0, "{seen:?}");
}
