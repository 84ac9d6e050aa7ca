//! One case from its seed to its outcome: build, warm up, strike, wait, look.

use std::time::Duration;

use http::Method;
use incident::code::Code;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use super::house::House;
use super::look::{Looked, look};
use super::own::{Certificate, SecretsMood};
use super::plan::{Plan, Random};
use super::work::Ask;
use super::{baseline, cast};

/// What a case is about, and so what would be right to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Story {
    Fault(Code),
    /// Two at once.
    Pair(Code, Code),
    Well(Control),
    /// Something that has no name in the catalogue.
    Nameless(Nameless),
}

impl Story {
    /// As a person asks for it: a fault by its code, everything else by what it is called here.
    pub(super) fn name(self) -> String {
        match self {
            Self::Fault(code) => code.id().into(),
            Self::Pair(one, other) => format!("{}+{}", one.id(), other.id()),
            Self::Well(control) => format!("{control:?}"),
            Self::Nameless(kind) => format!("{kind:?}"),
        }
    }
}

/// Days on which nothing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    QuietNight,
    PlannedImport,
    LoneServerError,
    ExpectedAnswers,
    TokenRefresh,
    UnrelatedIncident,
    Deploy,
    Rotation,
}

impl Control {
    pub(super) const ALL: [Self; 8] = [
        Self::QuietNight,
        Self::PlannedImport,
        Self::LoneServerError,
        Self::ExpectedAnswers,
        Self::TokenRefresh,
        Self::UnrelatedIncident,
        Self::Deploy,
        Self::Rotation,
    ];
}

/// What the catalogue has no name for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nameless {
    /// A status nobody expects, to every call.
    Status(u16),
    SlowConnect,
    NoHandshake,
    /// Webhooks stop, and nobody may look why.
    SilentWebhooks,
}

impl Nameless {
    pub(super) const ALL: [Self; 7] = [
        Self::Status(418),
        Self::Status(451),
        Self::Status(402),
        Self::Status(415),
        Self::SlowConnect,
        Self::NoHandshake,
        Self::SilentWebhooks,
    ];
}

#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) story: Story,
    pub(super) seed: u64,
    pub(super) named: Code,
    pub(super) confidence: f64,
    /// Second thoughts and how sure, likeliest first.
    pub(super) also: Vec<(Code, f64)>,
    pub(super) baseline: Code,
    pub(super) calls: u32,
    pub(super) took: Duration,
    /// What it rested on, for whoever wonders.
    pub(super) why: String,
    /// Every question and its answer.
    pub(super) path: Vec<String>,
}

pub(super) async fn run(story: Story, seed: u64) -> Outcome {
    let mut random = Random::seed_from_u64(seed);
    let mut plan = Plan::draw(&mut random);
    shape(story, &mut plan, &mut random);
    let (warm, wait) = (plan.warm, plan.wait);
    let distracted = matches!(story, Story::Fault(_)) && random.random_bool(0.25);
    let mut house = House::build(seed, plan).await;
    house.passes(warm).await;
    if distracted {
        distract(&mut house).await;
    }
    strike(story, &mut house).await;
    house.passes(wait).await;
    let Looked { triage, facts, calls, took } = look(&house).await;
    let evidence = triage.diagnosis.evidence.iter();
    let why: Vec<String> = evidence
        .map(|it| format!("{}{}: {}", if it.supports { "" } else { "NOT " }, it.probe, it.observed))
        .collect();
    Outcome {
        story,
        seed,
        named: triage.diagnosis.code,
        confidence: triage.diagnosis.confidence,
        also: triage.also.iter().map(|it| (it.code, it.confidence)).collect(),
        baseline: baseline::answer(&facts),
        calls,
        took,
        why: why.join(" | "),
        path: triage.path.iter().map(|step| format!("{} {}", step.question, step.answer)).collect(),
    }
}

fn shape(story: Story, plan: &mut Plan, random: &mut Random) {
    match story {
        Story::Fault(code) => cast::shape(code, plan, random),
        Story::Pair(one, other) => {
            cast::shape(one, plan, random);
            cast::shape(other, plan, random);
            plan.gateway = true;
        }
        Story::Well(control) => {
            plan.gateway = random.random_bool(0.8);
            match control {
                Control::QuietNight => (plan.per_second, plan.installs) = (0.02, random.random_range(0..2)),
                Control::PlannedImport => {
                    plan.governed = true;
                    plan.patience = Duration::from_secs(600);
                }
                Control::ExpectedAnswers => {
                    plan.mix = plan.mix.clone().more(2, Ask::Missing).more(1, Ask::CreateKnown);
                }
                Control::TokenRefresh => (plan.installs, plan.token_s) = (3, 120),
                Control::LoneServerError
                | Control::UnrelatedIncident
                | Control::Deploy
                | Control::Rotation => {}
            }
        }
        Story::Nameless(kind) => match kind {
            Nameless::NoHandshake => plan.https = true,
            Nameless::SilentWebhooks => {
                (plan.webhooks, plan.asks_around) = (true, false);
                plan.per_second = plan.per_second.max(2.0);
                plan.mix = plan.mix.clone().more(4, Ask::Update);
                plan.wait = Duration::from_secs(random.random_range(330..400));
            }
            Nameless::Status(_) | Nameless::SlowConnect => {}
        },
    }
}

async fn strike(story: Story, house: &mut House) {
    match story {
        Story::Fault(code) => cast::strike(code, house).await,
        Story::Pair(one, other) => {
            cast::strike(one, house).await;
            cast::strike(other, house).await;
        }
        Story::Well(control) => be_well(control, house).await,
        Story::Nameless(Nameless::Status(status)) => {
            house.fault(json!({"kind": "status", "status": status})).await;
        }
        Story::Nameless(Nameless::SlowConnect) => house.own.lock().ground.connect_ms = 1_400,
        Story::Nameless(Nameless::NoHandshake) => house.own.lock().ground.certificate = Certificate::None,
        Story::Nameless(Nameless::SilentWebhooks) => {
            house.control(Method::POST, "/_sim/webhooks/disorder", &json!({"silent": true})).await;
        }
    }
}

async fn be_well(control: Control, house: &mut House) {
    match control {
        Control::PlannedImport => {
            let mix = house.mix.clone();
            let token = house.token.clone();
            house.program("import", 25.0, mix, move || token.lock().clone(), 40);
        }
        Control::LoneServerError => {
            house.fault(json!({"kind": "status", "status": 500, "rate": 0.3, "for_seconds": 1})).await;
        }
        Control::UnrelatedIncident => distract_by_status(house).await,
        Control::Deploy => {
            house.traffic.note_change("deploy", "crm-sync 1.9", Some("crm-sync"));
        }
        Control::Rotation => {
            house.traffic.note_change("secret", "client secret", None);
            house.own.lock().secrets = SecretsMood::Well;
        }
        Control::QuietNight | Control::ExpectedAnswers | Control::TokenRefresh => {}
    }
}

/// Something that happens at the same time and has nothing to do with it.
async fn distract(house: &mut House) {
    match house.random.random_range(0..3) {
        0 => distract_by_status(house).await,
        1 => drop(house.traffic.note_change("deploy", "reports 3.2", Some("reports"))),
        _ => drop(house.traffic.note_change("secret", "webhook signing of another app", None)),
    }
}

async fn distract_by_status(house: &House) {
    let incident: Value = json!({"kind": "status.unrelated_incident"});
    house.fault(incident).await;
}
