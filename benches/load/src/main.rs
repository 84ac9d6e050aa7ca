//! A load generator for the benchmarks, for what wrk cannot do: a fixed rate far below saturation, where latency means
//! something, and callers that wait minutes for their turn.
//!
//! One thread for each keep-alive connection, blocking. Prints one line of JSON.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a measuring instrument lives on the real clock and tells what it read"
)]

mod connection;
mod pace;
mod requests;
mod summary;

use std::env;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use connection::Connection;
use pace::Pace;
use requests::Requests;
use summary::{Answer, Ending, Outcome, Summary};

const USAGE: &str = "use: load --address IP:PORT (--path PATH | --requests FILE) --connections N --seconds S [--rate PER_S] \
                     [--grace-seconds S] [--bearer TOKEN] [--answers FILE]";

/// Connections stand before the first request leaves.
const HEAD_START: Duration = Duration::from_millis(50);

/// What the command line asks for.
struct Plan {
    address: SocketAddr,
    /// Requests made beforehand, in place of the path; sending ends when they do.
    requests: Option<String>,
    /// `{}` in it becomes the connection's number, so that no two ask for the same at the same time.
    path: String,
    connections: usize,
    /// How long requests are sent.
    sending: Duration,
    /// How long after that an answer is waited for.
    grace: Duration,
    /// Requests per second over all connections; without one, each connection asks again as soon as it is answered.
    rate: Option<f64>,
    bearer: Option<String>,
    /// Where to write when each answer came.
    answers: Option<String>,
}

fn main() -> ExitCode {
    match plan(env::args().skip(1)).and_then(|plan| run(&plan)) {
        Ok(json) => {
            println!("{json}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("{why}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn plan(mut arguments: impl Iterator<Item = String>) -> Result<Plan, String> {
    let (mut address, mut path, mut requests, mut connections, mut seconds) = (None, None, None, None, None);
    let (mut rate, mut grace_seconds, mut bearer, mut answers) = (None, 5.0, None, None);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        let number = || value.parse::<f64>().map_err(|_| format!("{name} takes a number, not {value}"));
        match name.as_str() {
            "--address" => address = value.parse().ok(),
            "--path" => path = Some(value),
            "--requests" => requests = Some(value),
            "--connections" => connections = value.parse().ok(),
            "--seconds" => seconds = Some(number()?),
            "--rate" => rate = Some(number()?),
            "--grace-seconds" => grace_seconds = number()?,
            "--bearer" => bearer = Some(value),
            "--answers" => answers = Some(value),
            _ => return Err(format!("{name} is not known")),
        }
    }
    Ok(Plan {
        address: address.ok_or("--address is missing or wrong")?,
        path: match (path, &requests) {
            (Some(path), None) => path,
            (None, Some(_)) => String::new(),
            (None, None) => return Err("--path is missing".into()),
            (Some(_), Some(_)) => return Err("--path and --requests exclude each other".into()),
        },
        requests,
        connections: connections.ok_or("--connections is missing or wrong")?,
        sending: Duration::from_secs_f64(seconds.ok_or("--seconds is missing")?),
        grace: Duration::from_secs_f64(grace_seconds),
        rate,
        bearer,
        answers,
    })
}

fn run(plan: &Plan) -> Result<String, String> {
    let requests = plan
        .requests
        .as_deref()
        .map(|file| Requests::read(file.as_ref()).map_err(|error| format!("cannot read {file}: {error}")));
    let requests = requests.transpose()?;
    let requests = requests.as_ref();
    let start = Instant::now() + HEAD_START;
    let outcomes: Vec<Outcome> = thread::scope(|scope| {
        let threads: Vec<_> = (0..plan.connections)
            .map(|index| scope.spawn(move || ask(plan, requests, index, start)))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("a connection's thread does not panic"))
            .collect()
    });
    let summary = Summary::new(outcomes);
    if let Some(file) = &plan.answers {
        std::fs::write(file, summary.answers_csv())
            .map_err(|error| format!("cannot write {file}: {error}"))?;
    }
    Ok(summary.json())
}

/// The life of one connection.
fn ask(plan: &Plan, requests: Option<&Requests>, index: usize, start: Instant) -> Vec<Outcome> {
    let end = start + plan.sending;
    let pace = Pace::new(plan.rate, plan.connections, index);
    let path = plan.path.replace("{}", &index.to_string());
    let mut connection = Connection::new(plan.address, &path, plan.bearer.as_deref(), end + plan.grace);
    let mut outcomes = Vec::new();
    connection.open();
    sleep_until(start);
    for turn in 0.. {
        let now = Instant::now();
        let due = pace.due(turn).map_or(now, |after| start + after);
        if due >= end {
            break;
        }
        let given = requests.map(Requests::take);
        if given == Some(None) {
            break;
        }
        // A request that its connection was too busy for counts from when it was due, or slow answers would hide
        // themselves. One whose thread only woke late counts from when it left: that is our lateness, not theirs.
        let waited = now < due;
        sleep_until(due);
        let from = if waited { Instant::now() } else { due };
        let ending = match connection.ask(given.flatten()) {
            Ok(status) => {
                Ending::Answered(Answer { status, after: start.elapsed(), latency: from.elapsed() })
            }
            // The one timeout is the end of the run.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Ending::Unanswered
            }
            Err(_) => Ending::Broken,
        };
        let over = matches!(ending, Ending::Unanswered);
        outcomes.push(Outcome { ending, late: from - due });
        if over {
            break;
        }
    }
    outcomes
}

fn sleep_until(due: Instant) {
    thread::sleep(due.saturating_duration_since(Instant::now()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Plan, String> {
        plan(line.split(' ').map(str::to_owned))
    }

    #[test]
    fn a_plan_is_read() {
        let plan = parse("--address 127.0.0.1:80 --path / --connections 2 --seconds 0.5 --rate 10").unwrap();
        assert_eq!((plan.connections, plan.sending, plan.rate), (2, Duration::from_millis(500), Some(10.0)));
        assert_eq!(plan.grace, Duration::from_secs(5));
    }

    #[test]
    fn a_mistake_is_named() {
        let why = |line: &str| parse(line).err().unwrap();
        assert_eq!(why("--address"), "--address needs a value");
        assert_eq!(why("--speed 3"), "--speed is not known");
        assert_eq!(why("--rate fast"), "--rate takes a number, not fast");
        assert_eq!(why("--path /"), "--address is missing or wrong");
        let all = "--address 127.0.0.1:80 --connections 2 --seconds 1 --path / --requests f";
        assert_eq!(why(all), "--path and --requests exclude each other");
    }
}
