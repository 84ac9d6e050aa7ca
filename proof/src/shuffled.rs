//! Events that come one to ten times each, in any order: the subscriber gets each once, and those of one object in the order
//! in which they occurred.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use simulator::webhooks::sign;

use crate::http::Client;
use crate::random::Random;
use crate::report::Report;
use crate::town::{Plan, Town};
use crate::{Rig, check::Verdict, scratch};

/// Events shuffled with each other: how far HubSpot's disorder reaches.
const REACH: u64 = 2_000;

/// Longer than it takes to send what reaches so far; hubkeeper is told so.
const SETTLE: &str = "settle_ms = 3000\n";
const WINDOW_MAX: Duration = Duration::from_millis(2_500);

const OBJECTS: u64 = 500;
const CONNECTIONS: u64 = 4;

pub(crate) fn run(rig: &Rig) -> io::Result<Report> {
    let (found, sent, slow) = round(rig, rig.n, SETTLE)?;
    // Without time for the earlier ones to come, some must go out in the wrong order.
    let (control, ..) = round(rig, 20_000, "")?;
    Ok(Report::new("shuffled")
        .with("distinct", rig.n)
        .with("sent", sent)
        .with("windows_too_slow", slow)
        .verdict(&found)
        .with("control_disordered", control.disordered_events.len())
        .must("each is got, once and in order", found.is_good() && found.repeated_events == 0)
        .must("all were acknowledged", found.events as u64 == rig.n)
        .must("the control, which waits for nobody, is out of order", !control.disordered_events.is_empty()))
}

fn round(rig: &Rig, n: u64, subscriber: &str) -> io::Result<(Verdict, u64, u64)> {
    let places = scratch::Places::new("shuffled")?;
    let town = Town::found(&Plan { subscriber, ..Plan::quiet(rig, &rig.binary, &places) })?;
    let program = town.up().ready()?;
    let mut random = Random::new(rig.seed, 6_000);
    let begun = Timestamp::now().as_millisecond();
    let (mut sent, mut slow) = (0, 0);
    // Copies that come in later windows than the first.
    let mut later: Vec<Value> = Vec::new();
    for window in 0..n.div_ceil(REACH) {
        let mut events = std::mem::take(&mut later);
        for number in window * REACH..n.min((window + 1) * REACH) {
            let event = event(number, begun);
            for copy in 0..random.below(10) {
                if random.chance(0.5) {
                    events.push(event.clone());
                } else {
                    later.push(with_attempt(&event, copy));
                }
            }
            events.push(event);
        }
        random.shuffle(&mut events);
        sent += events.len() as u64;
        let began = Instant::now();
        send(&town, &events)?;
        slow += u64::from(began.elapsed() > WINDOW_MAX);
    }
    send(&town, &later)?;
    let found = town.judge();
    program.kill()?;
    Ok((found?, sent + later.len() as u64, slow))
}

fn event(number: u64, begun: i64) -> Value {
    json!({
        "eventId": number, "subscriptionId": 1, "portalId": 1, "appId": 1, "attemptNumber": 0,
        "occurredAt": begun + i64::try_from(number).unwrap_or(0), "subscriptionType": "contact.propertyChange",
        "objectId": 9_007_199_254_740_993_u64 + number % OBJECTS, "propertyName": "a", "propertyValue": number.to_string(),
    })
}

fn with_attempt(event: &Value, attempt: u64) -> Value {
    let mut event = event.clone();
    event["attemptNumber"] = json!(attempt);
    event
}

/// Over a few connections at a time, a hundred in each delivery.
fn send(town: &Town, events: &[Value]) -> io::Result<()> {
    let next = AtomicU64::new(0);
    let deliveries: Vec<&[Value]> = events.chunks(100).collect();
    let hook = &town.load.hook;
    let work = || -> io::Result<()> {
        let mut client = Client::new(town.gateway);
        loop {
            let place = usize::try_from(next.fetch_add(1, Ordering::SeqCst)).unwrap_or(usize::MAX);
            let Some(delivery) = deliveries.get(place) else { return Ok(()) };
            let body = Value::Array(delivery.to_vec()).to_string();
            let signed = sign::headers(&hook.secret, &hook.signed_url, body.as_bytes(), Timestamp::now());
            let headers: Vec<(&str, &str)> = signed
                .iter()
                .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()))
                .collect();
            let answer = client.ask("POST", &hook.target, &headers, body.as_bytes())?;
            if answer.status() != 200 {
                return Err(io::Error::other(format!("a delivery was answered {}", answer.status())));
            }
            let receipts: Vec<Value> = delivery
                .iter()
                .map(|event| {
                    json!({"what": "event", "id": event["eventId"], "object": event["objectId"], "place": event["eventId"]})
                })
                .collect();
            town.load.receipts.write(&receipts);
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("senders do not panic"))
    })
}
