//! Nothing fails, everything takes long: is it HubSpot's own time?

use super::{Leaf, Question, Reply, Step, Then, Tree};
use crate::code::Code;
use crate::facts::Facts;
use crate::facts::exchange::{Exchange, Failure};

/// A cheap read usually takes 100 to 300 ms; half of them taking this long is not a bad moment.
const SLOW_MS: u64 = 1_000;

/// Connecting is the network's time; beyond this the network is slow, too.
const CONNECT_MS_MAX: u64 = 500;

/// Fewer answers say nothing about "usually".
const ANSWERS_MIN: usize = 2;

pub(super) static TREE: Tree = Tree {
    about: "slowness",
    then: Then::GoOn,
    root: Step::Ask {
        question: &SLOW,
        yes: &Step::Ask {
            question: &LATE_OURSELVES,
            yes: &Step::Nothing,
            no: &Step::Ask {
                question: &NETWORK_FAST,
                yes: &Step::Found(Leaf {
                    code: Code::Slow,
                    backed_by: &[&TRAFFIC_SLOW],
                    unlike: &[(Code::Processing, &NOT_OVERLOADED), (Code::Resources, &NETWORK_FAST)],
                }),
                no: &Step::Nothing,
            },
        },
        no: &Step::Nothing,
    },
};

pub(crate) static SLOW: Question = Question {
    asks: "Do HubSpot's answers take long to begin?",
    answer: |facts| match median(facts, |exchange| exchange.first_byte_ms) {
        Some(ms) => Reply::is(
            ms >= SLOW_MS,
            "http",
            format!("half of our calls wait {ms} ms or more for the first byte"),
        ),
        None => Reply::could_not_tell("http", "too few answers"),
    },
};

/// Whoever is late himself measures his own lateness.
static LATE_OURSELVES: Question = Question {
    asks: "Are we ourselves so late that the time may be ours?",
    answer: |facts| {
        let ours = super::ourselves::resources::explains_slowness(facts);
        Reply::is(ours, "process", if ours { "our own process lags" } else { "our own process keeps up" })
    },
};

static NETWORK_FAST: Question = Question {
    asks: "Is connecting fast, so that the time is HubSpot's own?",
    answer: |facts| match connect_ms(facts) {
        Some(ms) => Reply::is(ms <= CONNECT_MS_MAX, "tcp", format!("connecting takes {ms} ms")),
        None => Reply::could_not_tell("tcp", "no connection was timed"),
    },
};

static TRAFFIC_SLOW: Question = Question {
    asks: "Is traffic slow, too?",
    answer: |facts| {
        let groups =
            facts.traffic.iter().flat_map(|traffic| &traffic.groups).filter(|group| group.calls >= 5);
        match groups.map(|group| group.p50_ms).max() {
            Some(ms) if ms >= SLOW_MS => {
                Reply::yes("traffic", format!("half of some calls take {ms} ms or more"))
            }
            Some(ms) => {
                Reply::could_not_tell("traffic", format!("half of the slowest calls take up to {ms} ms"))
            }
            None => Reply::could_not_tell("traffic", "no traffic"),
        }
    },
};

static NOT_OVERLOADED: Question = Question {
    asks: "Are there no 502 or 504 under load?",
    answer: |facts| {
        let processing = facts.lately(&[hubspot::error::ErrorKind::Processing]);
        Reply::is(processing.is_empty(), "traffic", processing.describe())
    },
};

fn connect_ms(facts: &Facts) -> Option<u64> {
    let connects = facts.probes.tcp.iter().flat_map(|tcp| &tcp.addresses);
    let fastest = connects
        .filter(|connect| connect.outcome == crate::facts::probes::ConnectOutcome::Connected)
        .map(|connect| connect.ms)
        .min();
    fastest.or_else(|| median(facts, |exchange| exchange.connect_ms))
}

/// How long half of what answered let us wait for its first byte.
pub(super) fn first_byte_ms(facts: &Facts) -> Option<u64> {
    median(facts, |exchange| exchange.first_byte_ms)
}

/// What answered was slow, and what did not only ran out of time: then the waiting was too short, and nothing is down.
pub(super) fn is_slow_not_down(facts: &Facts) -> bool {
    let asked = facts.authenticated();
    let mut failed = asked.iter().filter(|(_, exchange)| exchange.is_server_failure());
    failed.all(|(_, exchange)| is_late(exchange))
        && median(facts, |exchange| exchange.first_byte_ms).is_some_and(|ms| ms >= SLOW_MS)
}

fn is_late(exchange: &Exchange) -> bool {
    exchange.failure == Some(Failure::Timeout)
}

/// Of what answered; `None` where nothing did, or too little was asked.
fn median(facts: &Facts, of: impl Fn(&Exchange) -> Option<u64>) -> Option<u64> {
    let asked = facts.authenticated().into_iter().map(|(_, exchange)| exchange).chain(&facts.probes.http);
    let (answered, failed): (Vec<&Exchange>, Vec<&Exchange>) =
        asked.partition(|exchange| !exchange.is_server_failure());
    let late = failed.into_iter().filter(|exchange| is_late(exchange)).count();
    let mut all: Vec<u64> = answered.into_iter().filter_map(of).collect();
    all.sort_unstable();
    let enough = !all.is_empty() && all.len() + late >= ANSWERS_MIN;
    enough.then(|| all[all.len() / 2])
}
