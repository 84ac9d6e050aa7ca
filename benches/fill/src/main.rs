//! Accept and claim rates of the store while it is empty, then with so many operations pending and so many events stored.
//!
//! `fill sqlite:PATH OPERATIONS EVENTS` prints one line of JSON, and leaves the store full: how long a start takes then is for
//! whoever called to see.
//!
//! `fill audit sqlite:PATH ENTRIES` writes so many entries into an audit log and prints the key that signed them.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a measuring instrument lives on the real clock and tells what it read"
)]

use std::env;
use std::process::ExitCode;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use store::Store;
use store::audit::key::AuditKey;
use store::audit::{Act, NewEntry, Outcome, Subject};
use store::deliveries::{EventKey, NewDelivery};
use store::failure::StoreError;
use store::outbox::{Claim, Line, NewOperation};
use uuid::Uuid;

const USAGE: &str = "use: fill sqlite:PATH OPERATIONS EVENTS | fill audit sqlite:PATH ENTRIES";

/// Callers at once.
const CALLERS: u64 = 16;

/// Operations in one measured round: a second or so.
const ROUND: u64 = 20_000;

/// A claim takes as many as a batch call carries.
const CLAIM_MAX: usize = 100;

const EVENTS_PER_DELIVERY: u64 = 100;

/// An event as HubSpot words it, more or less.
const EVENT_BYTES: usize = 220;

struct Rates {
    accepted_per_s: f64,
    claimed_per_s: f64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [first, second, third] = &arguments[..] else { return complain("") };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let told = match (first.as_str(), second.parse(), third.parse()) {
        ("audit", _, Ok(entries)) => runtime.block_on(audit(second, entries)),
        (url, Ok(operations), Ok(events)) => runtime.block_on(run(url, operations, events)),
        (_, _, _) => return complain("a number is missing"),
    };
    match told {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(why) => complain(&why),
    }
}

fn complain(why: &str) -> ExitCode {
    eprintln!("{why}\n{USAGE}");
    ExitCode::from(2)
}

async fn run(url: &str, operations: u64, events: u64) -> Result<String, String> {
    let store = Store::open(url).await.map_err(|error| error.to_string())?;
    let unable = |error: StoreError| error.to_string();
    let mut made = 0;
    // The first round warms up.
    rates(&store, &mut made).await.map_err(unable)?;
    let empty = rates(&store, &mut made).await.map_err(unable)?;
    accept(&store, &mut made, operations).await.map_err(unable)?;
    receive(&store, events).await.map_err(unable)?;
    rates(&store, &mut made).await.map_err(unable)?;
    let full = rates(&store, &mut made).await.map_err(unable)?;
    let told = |rates: &Rates| {
        format!(
            r#"{{"accepted_per_s":{:.0},"claimed_per_s":{:.0}}}"#,
            rates.accepted_per_s, rates.claimed_per_s
        )
    };
    Ok(format!(
        r#"{{"operations":{operations},"events":{events},"empty":{},"full":{}}}"#,
        told(&empty),
        told(&full)
    ))
}

async fn rates(store: &Store, made: &mut u64) -> Result<Rates, StoreError> {
    let began = Instant::now();
    accept(store, made, ROUND).await?;
    let accepted_per_s = ROUND as f64 / began.elapsed().as_secs_f64();
    let began = Instant::now();
    let mut claimed = 0;
    while claimed < ROUND {
        let found = store.claim(claim()).await?;
        if found.operations.is_empty() {
            break;
        }
        claimed += found.operations.len() as u64;
    }
    Ok(Rates { accepted_per_s, claimed_per_s: claimed as f64 / began.elapsed().as_secs_f64() })
}

fn claim() -> Claim {
    let now = Timestamp::now();
    let line = Line { connection: "default".into(), family: "objects".into(), lane: "bulk".into() };
    Claim { line, now, until: now + SignedDuration::from_hours(1), owner: Uuid::nil(), max: CLAIM_MAX }
}

/// Each of an own record: nothing waits for another.
async fn accept(store: &Store, made: &mut u64, count: u64) -> Result<(), StoreError> {
    let first = *made;
    *made += count;
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in (first + caller..first + count).step_by(usize::try_from(CALLERS).expect("few"))
                {
                    store.accept(operation(number)).await?;
                }
                Ok::<(), StoreError>(())
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("a caller does not panic")?;
    }
    Ok(())
}

fn operation(number: u64) -> NewOperation {
    NewOperation {
        id: Uuid::now_v7(),
        accepted_at: Timestamp::now(),
        connection: "default".into(),
        caller: "import".into(),
        family: "objects".into(),
        lane: "bulk".into(),
        method: "PATCH".into(),
        target: format!("/crm/v3/objects/contacts/{number}"),
        headers: Vec::new(),
        body: br#"{"properties":{"lifecyclestage":"customer","firstname":"Ada"}}"#.to_vec(),
        record: Some(format!("contacts/{number}")),
        stamp: None,
    }
}

/// Of callers at once, each waiting for its own; the key in its written form.
async fn audit(url: &str, entries: u64) -> Result<String, String> {
    let store = Store::open(url).await.map_err(|error| error.to_string())?;
    let text = AuditKey::make().ok_or("the system has no randomness")?;
    let key = AuditKey::of_text(&text).ok_or("a key of its own is none")?;
    store.begin_audit(&key, Timestamp::now()).await.map_err(|error| error.to_string())?;
    // The log begins with an entry of its own.
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (store, key) = (store.clone(), key.clone());
            tokio::spawn(async move {
                for number in (1 + caller..entries).step_by(usize::try_from(CALLERS).expect("few")) {
                    store.audit(&key, denied(number)).await?;
                }
                Ok::<(), StoreError>(())
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("a caller does not panic").map_err(|error| error.to_string())?;
    }
    Ok(text)
}

/// What is written most.
fn denied(number: u64) -> NewEntry {
    NewEntry {
        at: Timestamp::now(),
        actor: "reports".into(),
        act: Act::CallDenied,
        subject: Subject::Person(format!("contacts/{number}")),
        outcome: Outcome::Refused,
        request_id: Some(Uuid::now_v7().to_string()),
        detail: "PATCH /crm/v3/objects/contacts/{id}: the role reader may not write contacts".into(),
    }
}

/// A hundred events in each delivery.
async fn receive(store: &Store, events: u64) -> Result<(), StoreError> {
    let began = Timestamp::now();
    let key = |event: u64| {
        let mut digest = [0; 10];
        digest[..8].copy_from_slice(&event.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
        // A thousand events a second for as long as it takes.
        let at = i64::try_from(event / 1_000).expect("an age of the world");
        EventKey::new(began - SignedDuration::from_hours(3) + SignedDuration::from_secs(at), digest)
    };
    for delivery in 0..events / EVENTS_PER_DELIVERY {
        let first = delivery * EVENTS_PER_DELIVERY;
        store
            .receive(NewDelivery {
                received_at: began,
                connection: "default".into(),
                body: vec![b'x'; EVENT_BYTES * usize::try_from(EVENTS_PER_DELIVERY).expect("a hundred")],
                keys: (first..first + EVENTS_PER_DELIVERY).map(key).collect(),
            })
            .await?;
    }
    Ok(())
}
