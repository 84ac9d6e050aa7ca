//! How many signals a second the incident engine takes on one core, and what it remembers of thirty days.
//!
//! `room rate SIGNALS` takes that many as fast as it can, at 100,000 in each second of its own time, beside a peer that only
//! adds the same counts up by place. `room days DAYS` lives through so many days of a busy house with a fault each day, and
//! prints the process's memory at the end of each. `room days DAYS keep` is the control: it keeps every signal besides, and must
//! be seen to grow. Each prints one line of JSON.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a measuring instrument lives on the real clock and tells what it read"
)]

use std::collections::HashMap;
use std::env;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use incident::engine::{Effect, Engine, Event, Settings};
use incident::facts::Facts;
use incident::runbook::Runbooks;
use incident::signal::{Calls, Deliveries, JobStep, Place, Seen, Signal, Standing, Wellness};
use jiff::{SignedDuration, Timestamp};

/// Of the engine's own time.
const SIGNALS_PER_SECOND: u64 = 100_000;

const CONNECTIONS: u64 = 8;
const CALLERS: u64 = 5;
const FAMILIES: [&str; 6] = ["objects", "search", "associations", "owners", "properties", "pipelines"];

/// Between two looks of a day.
const LOOK: SignedDuration = SignedDuration::from_secs(5);

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u64>().ok().filter(|number| *number > 0);
    let json = match &words[..] {
        ["rate", signals] => number(signals).map(rate),
        ["days", days] => number(days).map(|days| live(days, Keeps::Nothing)),
        ["days", days, "keep"] => number(days).map(|days| live(days, Keeps::Everything)),
        _ => None,
    };
    match json {
        Some(json) => {
            println!("{json}");
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("use: room rate SIGNALS | room days DAYS [keep]");
            ExitCode::from(2)
        }
    }
}

fn engine() -> Engine {
    Engine::new(Settings::default(), Arc::new(Runbooks::embedded()), Vec::new(), 7)
}

fn start() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("a moment")
}

fn signal(number: u64, at: Timestamp) -> Signal {
    let family = FAMILIES[usize::try_from(number % FAMILIES.len() as u64).unwrap_or(0)];
    let place = Place {
        connection: Some(format!("portal-{}", number % CONNECTIONS)),
        caller: Some(format!("caller-{}", number % CALLERS)),
        family: Some(family.to_owned()),
        fault: None,
    };
    let failed = u64::from(number.is_multiple_of(5_000));
    let calls = Calls { calls: 3, sent: 3, good: 3 - failed, failed, broken: failed, ..Calls::default() };
    Signal { at, place, seen: Seen::Calls(calls) }
}

/// The engine and its peer take turns, so that neither has the machine to itself.
fn rate(signals: u64) -> String {
    let (mut engine, mut sums) = (engine(), HashMap::<Place, Calls>::new());
    let (mut ours_s, mut peers_s) = (0.0, 0.0);
    let mut taken = 0;
    for second in 0.. {
        let now = start() + SignedDuration::from_secs(second);
        let batch: Vec<Signal> =
            (0..SIGNALS_PER_SECOND.min(signals - taken)).map(|number| signal(taken + number, now)).collect();
        if batch.is_empty() {
            break;
        }
        taken += batch.len() as u64;
        let copies = batch.clone();
        let began = Instant::now();
        for signal in batch {
            engine.step(Event::Signal(signal), now);
        }
        if second % 5 == 0 {
            engine.step(Event::Tick, now);
        }
        ours_s += began.elapsed().as_secs_f64();
        let began = Instant::now();
        for signal in copies {
            if let Seen::Calls(calls) = signal.seen {
                *sums.entry(signal.place).or_default() += calls;
            }
        }
        peers_s += began.elapsed().as_secs_f64();
    }
    let counted: u64 = sums.values().map(|calls| calls.calls).sum();
    format!(
        r#"{{"signals":{taken},"counted":{counted},"incidents":{},"signals_per_s":{:.0},"peer_signals_per_s":{:.0}}}"#,
        engine.incidents().len(),
        taken as f64 / ours_s,
        taken as f64 / peers_s
    )
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeps {
    Nothing,
    Everything,
}

/// A busy house: calls at a dozen places at every look, and once a day an hour in which all of them fail.
fn live(days: u64, keeps: Keeps) -> String {
    let (mut engine, mut now, mut kept) = (engine(), start(), Vec::new());
    let (mut number, mut rss_kib) = (0, Vec::new());
    let mut opened = 0;
    for day in 0..days {
        for look in 0..17_280_u64 {
            now += LOOK;
            let ill = (8_000..8_720).contains(&look);
            for _ in 0..12 {
                number += 1;
                let mut signal = signal(number, now);
                if ill && let Seen::Calls(calls) = &mut signal.seen {
                    (calls.good, calls.failed, calls.broken) = (0, 3, 3);
                }
                if keeps == Keeps::Everything {
                    kept.push(signal.clone());
                }
                engine.step(Event::Signal(signal), now);
            }
            for seen in others(day, look) {
                engine.step(Event::Signal(Signal { at: now, place: Place::default(), seen }), now);
            }
            for effect in engine.step(Event::Tick, now) {
                match effect {
                    Effect::Diagnose => {
                        let facts = if ill { Facts::default() } else { answered() };
                        opened += opened_by(&engine.step(Event::Facts(Arc::new(facts)), now));
                    }
                    other => opened += opened_by(&[other]),
                }
            }
        }
        rss_kib.push(memory_kib().to_string());
        // A debug build needs a minute for each: nobody should have to guess whether it is at work.
        eprintln!("day {} of {days}: {} KiB, {opened} incidents opened", day + 1, memory_kib());
    }
    format!(
        r#"{{"days":{days},"signals":{number},"kept":{},"opened":{opened},"rss_kib":[{}]}}"#,
        kept.len(),
        rss_kib.join(",")
    )
}

/// What else is observed: jobs and subscribers of ever new names, deliveries, standings that come and go.
fn others(day: u64, look: u64) -> Vec<Seen> {
    let mut seen = vec![Seen::Deliveries(Deliveries { events: 2, ..Deliveries::default() })];
    if look.is_multiple_of(12) {
        seen.push(Seen::Job { name: format!("job-{day}-{look}"), step: JobStep::Finished });
        seen.push(Seen::Standing {
            of: Standing::Subscriber,
            name: format!("subscriber-{day}-{look}"),
            well: Wellness::Well,
            observed: "it takes events".into(),
        });
    }
    seen
}

fn opened_by(effects: &[Effect]) -> u64 {
    let opened =
        |effect: &&Effect| matches!(effect, Effect::Tell { moment: incident::message::Moment::Opened, .. });
    effects.iter().filter(opened).count() as u64
}

/// Nothing is wrong, and a call of our own came back.
fn answered() -> Facts {
    let mut facts = Facts::default();
    facts.configured.token = incident::facts::configured::TokenKind::Static;
    let exchange = incident::facts::exchange::Exchange {
        status: Some(200),
        hubspot_shaped: true,
        ..incident::facts::exchange::Exchange::default()
    };
    facts.probes.http = Some(exchange.clone());
    facts.probes.auth = Some(incident::facts::probes::Auth { exchange, ..Default::default() });
    facts
}

fn memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
