//! Our own process is at its end: everything is slow, or new connections find no descriptor.

use super::inside;
use crate::code::Code;
use crate::facts::Facts;
use crate::facts::inside::Process;
use crate::tree::{Leaf, Question, Reply, Step, Then, Tree};

/// Of memory and descriptors.
const FULL_PERCENT: u64 = 95;

/// A timer of ours that fires so late, where nobody has said how late it may be: every call waits as long for us.
const LAG_MS: u64 = 1_000;

/// With the processor as busy as this, this part of the lag says the same.
const BUSY_PERCENT: u64 = 95;
const BUSY_PART: u64 = 4;

/// A read of HubSpot's that began to answer by then was not slow there.
const PROMPT_MS: u64 = 1_000;

pub(in crate::tree) static TREE: Tree = Tree {
    about: "our strength",
    then: Then::GoOn,
    root: Step::Ask {
        question: &EXHAUSTED,
        yes: &Step::Found(Leaf {
            code: Code::Resources,
            backed_by: &[&LATE_TIMERS],
            unlike: &[(Code::Slow, &SLOW_WITHOUT_HUBSPOT)],
        }),
        no: &Step::Nothing,
    },
};

static EXHAUSTED: Question = Question {
    asks: "Is our own process out of processor, memory or descriptors?",
    answer: |facts| {
        let Some(process) = process(facts) else {
            return Reply::could_not_tell("process", "our own process was not looked at");
        };
        let wants = wants(process);
        let observed = if wants.is_empty() { "it has all it needs".into() } else { wants.join("; ") };
        Reply::is(!wants.is_empty(), "process", observed)
    },
};

static LATE_TIMERS: Question = Question {
    asks: "Do our own timers fire late?",
    answer: |facts| match process(facts) {
        Some(process) if process.lag_ms_felt() >= borne_ms(process) / BUSY_PART => {
            Reply::yes("process", format!("a timer fired {} ms late", process.lag_ms_felt()))
        }
        Some(_) | None => Reply::could_not_tell("process", "timers fire in time"),
    },
};

/// Our own lag is in every time we measure, so what HubSpot is blamed for is what lies beyond it.
static SLOW_WITHOUT_HUBSPOT: Question = Question {
    asks: "Does HubSpot itself answer promptly?",
    answer: |facts| {
        let lag = process(facts).map_or(0, |process| process.lag_ms_max);
        match crate::tree::slow::first_byte_ms(facts) {
            Some(ms) => Reply::is(
                ms < PROMPT_MS + lag,
                "http",
                format!("half of our calls wait {ms} ms for HubSpot, of which up to {lag} ms are our own"),
            ),
            None => Reply::could_not_tell("http", "HubSpot was not asked"),
        }
    },
};

/// We lag so much that the times we measured say nothing about HubSpot, whether or not anybody else has waited for us.
pub(in crate::tree) fn explains_slowness(facts: &Facts) -> bool {
    let late = process(facts).is_some_and(|process| is_late(process, process.lag_ms_max));
    (late || EXHAUSTED.holds(facts)) && SLOW_WITHOUT_HUBSPOT.holds(facts)
}

fn wants(process: &Process) -> Vec<String> {
    let mut wants = Vec::new();
    let full = |used: u64, max: Option<u64>| {
        max.filter(|max| *max > 0 && used.saturating_mul(100) >= max.saturating_mul(FULL_PERCENT))
    };
    if let Some(max) = full(process.memory_bytes, process.memory_bytes_max) {
        wants.push(format!("{} of {} MiB of memory in use", process.memory_bytes >> 20, max >> 20));
    }
    if let Some(max) = full(process.descriptors, process.descriptors_max) {
        wants.push(format!("{} of {max} descriptors in use", process.descriptors));
    }
    if process.refused_recent > 0 {
        wants.push(format!("{} connections found no descriptor", process.refused_recent));
    }
    let felt = process.lag_ms_felt();
    if is_late(process, felt) {
        wants.push(format!("{} % of the processor, timers {felt} ms late", process.cpu_percent));
    }
    wants
}

fn is_late(process: &Process, lag_ms: u64) -> bool {
    let late = borne_ms(process);
    let busy = process.cpu_percent >= BUSY_PERCENT && lag_ms >= late / BUSY_PART;
    busy || lag_ms >= late
}

fn borne_ms(process: &Process) -> u64 {
    process.lag_ms_borne.unwrap_or(LAG_MS)
}

fn process(facts: &Facts) -> Option<&Process> {
    inside(facts, |inside| inside.process.as_ref())
}
