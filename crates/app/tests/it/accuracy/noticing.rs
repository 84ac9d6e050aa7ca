//! How soon trouble is noticed and named by the incident room, and whether one cause stays one incident: while it goes on,
//! while it comes and goes, and while the process is killed again and again.

use std::time::Duration;

use incident::code::{Code, Severity};
use incident::incident::Incident;
use incident::runbook::Runbooks;
use jiff::Timestamp;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use super::cast::{self, Family, faults};
use super::house::House;
use super::plan::{Plan, Random};
use super::room::{Deadly, Room};

/// So long a fault goes on before we stop looking.
const LASTS: Duration = Duration::from_secs(240);

/// How a fault behaves, and we.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Course {
    Steady,
    /// It goes and comes back.
    Flapping,
    /// The process is killed, at any step.
    Killed,
}

#[derive(Debug, Clone)]
pub(super) struct Noticed {
    pub(super) code: Code,
    pub(super) course: Course,
    pub(super) seed: u64,
    /// From the fault (of a refresh that is refused: from the first) to the first symptom that counted.
    pub(super) noticed_s: Option<f64>,
    /// From that symptom to the right name.
    pub(super) named_s: Option<f64>,
    /// What was opened since the fault, and what it was called in the end.
    pub(super) opened: Vec<Option<Code>>,
    /// And before it.
    pub(super) false_alarms: usize,
    pub(super) deaths: u32,
    /// Every line of every timeline.
    pub(super) history: Vec<String>,
}

/// What shows in traffic, and what of our own parts shows in passing. Webhooks as they come in, and those who take them, have
/// signals of their own in the program, and no rows here; nothing feeds it shared caches.
pub(super) fn watched() -> impl Iterator<Item = Code> {
    const IN_PASSING: [Code; 7] = [
        Code::HookOrder,
        Code::Store,
        Code::Disk,
        Code::Resources,
        Code::Secrets,
        Code::Regression,
        Code::RetryStorm,
    ];
    let elsewhere = |code: &Code| matches!(Family::of(*code), Family::Webhooks | Family::Ourselves);
    faults().filter(move |code| !elsewhere(code) || IN_PASSING.contains(code))
}

/// Faults that can be taken away and put back as a whole.
pub(super) const COME_AND_GO: [Code; 8] = [
    Code::TokenRevoked,
    Code::MissingScope,
    Code::OutageUnlisted,
    Code::OutageKnown,
    Code::Partial,
    Code::Slow,
    Code::EdgeBlock,
    Code::BadPayload,
];

pub(super) fn severity(code: Code) -> Severity {
    Runbooks::embedded().page(code).front.severity
}

pub(super) async fn run(code: Code, course: Course, seed: u64) -> Noticed {
    let mut random = Random::seed_from_u64(seed);
    let mut plan = Plan::draw(&mut random);
    cast::shape(code, &mut plan, &mut random);
    plan.gateway = true;
    // Where the pool is so small that everyday work empties it, it would be noticed before the fault.
    plan.daily = None;
    let warm = plan.warm;
    let mut house = House::build(seed, plan).await;
    let deadly = if course == Course::Killed { Deadly(15) } else { Deadly(0) };
    let mut room = Room::open(&house, deadly, seed);
    room.passes(&house, warm).await;
    let false_alarms = room.kept.len();
    let struck_at = if course == Course::Flapping {
        let struck_at = house.clock.now();
        comes_and_goes(code, &house, &mut room, &mut random).await;
        struck_at
    } else {
        cast::strike(code, &mut house).await;
        let struck_at = house.clock.now();
        room.passes(&house, LASTS).await;
        struck_at
    };
    let opened: Vec<&Incident> =
        room.kept.iter().filter(|incident| incident.detected_at >= struck_at).collect();
    let first = opened.iter().min_by_key(|incident| incident.detected_at);
    let shows_at = first_refused(code, &house, struck_at).unwrap_or(struck_at);
    let right = opened.iter().find(|incident| incident.code() == Some(code));
    Noticed {
        code,
        course,
        seed,
        noticed_s: first.map(|incident| seconds(shows_at, incident.detected_at)),
        named_s: right.and_then(|it| Some(seconds(it.began_at, it.diagnosed_at?))),
        opened: opened.iter().map(|incident| incident.code()).collect(),
        false_alarms,
        deaths: room.deaths,
        history: room.history,
    }
}

/// Away for less than it takes to be over, and once for longer.
async fn comes_and_goes(code: Code, house: &House, room: &mut Room, random: &mut Random) {
    for turn in 0..5 {
        let fault = house.fault(json!({"kind": code.id()})).await;
        room.passes(house, Duration::from_secs(random.random_range(40..100))).await;
        house.control(http::Method::DELETE, &format!("/_sim/faults/{fault}"), &serde_json::Value::Null).await;
        let away = if turn == 3 { random.random_range(180..400) } else { random.random_range(10..55) };
        room.passes(house, Duration::from_secs(away)).await;
    }
}

/// A token that was got before a grant or a secret went bad works on: nothing can show before the next one is asked for.
fn first_refused(code: Code, house: &House, struck_at: Timestamp) -> Option<Timestamp> {
    const AT_THE_NEXT_REFRESH: [Code; 4] =
        [Code::RefreshRevoked, Code::Uninstalled, Code::ClientSecret, Code::ClientMismatch];
    let first = *house.own.lock().first_refused_at.as_ref()?;
    (AT_THE_NEXT_REFRESH.contains(&code) && first >= struck_at).then_some(first)
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// The tables.
pub(super) fn tables(all: &[Noticed]) -> String {
    let mut text = String::from(
        "\n| fault | code | severity | n | noticed | within 60 s | named rightly | one incident |\n|---|---|---|---|---|---|---|---|\n",
    );
    let steady = || all.iter().filter(|it| it.course == Course::Steady);
    for code in watched() {
        let own: Vec<&Noticed> = steady().filter(|it| it.code == code).collect();
        if own.is_empty() {
            continue;
        }
        let share = |holds: fn(&Noticed) -> bool| own.iter().filter(|it| holds(it)).count();
        text += &format!(
            "| {} | `{}` | {:?} | {} | {} | {} | {} | {} |\n",
            code.fault(),
            code.id(),
            severity(code),
            own.len(),
            share(|it| it.noticed_s.is_some()),
            share(|it| it.noticed_s.is_some_and(|s| s <= 60.0)),
            share(|it| it.named_s.is_some()),
            share(|it| it.opened.len() == 1)
        );
    }
    let grave: Vec<&Noticed> = steady().filter(|it| severity(it.code) == Severity::P1).collect();
    let noticed = grave.iter().filter(|it| it.noticed_s.is_some_and(|s| s <= 60.0)).count();
    text += "\n| score | value | target | n |\n|---|---|---|---|\n";
    text +=
        &format!("| P1 noticed within 60 s | {:.3} | 1 | {} |\n", part(noticed, grave.len()), grave.len());
    let times = |of: fn(&Noticed) -> Option<f64>| {
        let mut times: Vec<f64> = steady().filter_map(of).collect();
        times.sort_by(f64::total_cmp);
        (times.get(times.len().saturating_sub(1) * 95 / 100).copied(), times.len())
    };
    let told = |(p95, n): (Option<f64>, usize)| (p95.map_or("-".into(), |p95| format!("{p95:.0} s")), n);
    let (p95, n) = told(times(|it| it.noticed_s));
    text += &format!("| from the fault to the first symptom, p95 | {p95} | - | {n} |\n");
    let (p95, n) = told(times(|it| it.named_s));
    text += &format!("| from the first symptom to its name, p95 | {p95} | 30 s | {n} |\n");
    for course in [Course::Steady, Course::Flapping, Course::Killed] {
        let own: Vec<&Noticed> =
            all.iter().filter(|it| it.course == course && !it.opened.is_empty()).collect();
        let one = own.iter().filter(|it| it.opened.len() == 1).count();
        text += &format!("| one incident, {course:?} | {:.3} | 1 | {} |\n", part(one, own.len()), own.len());
    }
    let alarms = all.iter().filter(|it| it.false_alarms > 0).count();
    let deaths: u32 = all.iter().map(|it| it.deaths).sum();
    text += &format!("| opened before anything was wrong | {alarms} | 0 | {} |\n", all.len());
    text += &format!("| killed in all | {deaths} | - | {} |\n", all.len());
    text
}

#[expect(clippy::cast_precision_loss, reason = "some hundreds of cases")]
fn part(right: usize, of: usize) -> f64 {
    if of == 0 { 1.0 } else { right as f64 / of as f64 }
}

/// Those that a person should look at.
pub(super) fn odd(all: &[Noticed]) -> impl Iterator<Item = String> {
    let is_odd = |it: &&Noticed| it.opened.len() != 1 || it.false_alarms > 0 || it.named_s.is_none();
    all.iter().filter(is_odd).map(|it| {
        let opened: Vec<&str> = it.opened.iter().map(|code| code.map_or("-", Code::id)).collect();
        format!(
            "{:?} {} seed {}: opened [{}], noticed {:?}, named {:?}, false alarms {}, killed {}\n    {}",
            it.course,
            it.code.id(),
            it.seed,
            opened.join(", "),
            it.noticed_s,
            it.named_s,
            it.false_alarms,
            it.deaths,
            it.history.join("\n    ")
        )
    })
}
