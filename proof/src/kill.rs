//! kill -9 at random moments, and at every named step, under 200 writes and 200 events a second.

use std::io;
use std::time::Duration;

use store::step::Step;

use crate::load::Load;
use crate::random::Random;
use crate::report::{Report, percentile};
use crate::town::{Plan, Town};
use crate::{Rig, scratch};

/// How long one life lasts, in milliseconds: some end before they have done anything.
const LIFE_MS: (u64, u64) = (20, 450);

/// Issue of the whole: after a kill the next must take work again this fast.
const READY_S_MAX: f64 = 1.0;

/// A weakened store acknowledges before it commits; some of what it says must then be nowhere.
const CONTROL_KILLS: u64 = 40;

fn plan<'a>(rig: &Rig, binary: &'a std::path::Path, places: &'a scratch::Places) -> Plan<'a> {
    Plan {
        writes_per_s: 200,
        at_once: 0.2,
        events_per_s: 200,
        events_of_delivery_max: 5,
        ..Plan::quiet(rig, binary, places)
    }
}

/// The rig, and its control.
pub(crate) fn random(rig: &Rig) -> io::Result<Report> {
    let places = scratch::Places::new("kill")?;
    let town = Town::found(&plan(rig, &rig.binary, &places))?;
    let (tally, mut starts) = kill_on(&town, rig, rig.n, |start| start)?;
    let p99 = percentile(&mut starts, 0.99);
    let _last = town.up().ready()?;
    let found = town.judge()?;
    let lost = control(rig)?;
    let refused = tally.refused.load(std::sync::atomic::Ordering::Relaxed);
    Ok(Report::new("kill")
        .with("kills", rig.n)
        .verdict(&found)
        .with("refused", refused)
        .with("ready_p50_s", percentile(&mut starts, 0.5))
        .with("ready_p99_s", p99)
        .with("control_lost", lost)
        .must("nothing acknowledged is lost, applied twice without a word, or out of order", found.is_good())
        .must("nothing good is refused", refused == 0)
        .must("something was written and delivered", found.writes > 0 && found.events > 0)
        .must("the next is ready within a second, p99", p99 <= READY_S_MAX)
        .must("the control, which acknowledges before it commits, loses something", lost > 0))
}

/// Lives of random length under load. Gives how long each took to be ready.
fn kill_on(
    town: &Town,
    rig: &Rig,
    kills: u64,
    adjust: impl Fn(crate::process::Start) -> crate::process::Start,
) -> io::Result<(std::sync::Arc<crate::load::Tally>, Vec<f64>)> {
    let mut random = Random::new(rig.seed, 1_000);
    let load = Load::start(&town.load);
    let mut starts = Vec::new();
    for number in 0..kills {
        let program = adjust(town.up()).ready()?;
        starts.push(program.took.as_secs_f64());
        std::thread::sleep(Duration::from_millis(LIFE_MS.0 + random.below(LIFE_MS.1)));
        program.kill()?;
        town.load.receipts.sync();
        if number % 100 == 99 {
            eprintln!("proof: kill {} of {kills}", number + 1);
        }
    }
    let last = town.up().ready()?;
    let tally = load.end();
    drop(last);
    Ok((tally, starts))
}

fn control(rig: &Rig) -> io::Result<usize> {
    let places = scratch::Places::new("kill-control")?;
    let town = Town::found(&plan(rig, &rig.weakened, &places))?;
    kill_on(&town, rig, CONTROL_KILLS, |start| start.env("HUBKEEPER_PROOF_WEAKNESS", "acknowledges_first"))?;
    let _last = town.up().ready()?;
    Ok(town.judge()?.lost())
}

/// At each step, the first time it is passed, the second, and later.
pub(crate) fn steps(rig: &Rig) -> io::Result<Report> {
    const PATIENCE: Duration = Duration::from_secs(20);
    let places = scratch::Places::new("steps")?;
    let town = Town::found(&plan(rig, &rig.weakened, &places))?;
    let load = Load::start(&town.load);
    let (mut deaths, mut survived) = (0_u64, Vec::new());
    // The town has no OAuth connection; `laws::tokens` kills those who renew.
    for step in Step::ALL.iter().filter(|step| !step.needs_a_grant()) {
        for times in [1, 2, 3, 7, 20].into_iter().take(usize::try_from(rig.n).unwrap_or(5)) {
            let plan = format!("{}:{times}", step.name());
            let died = match town.up().env("HUBKEEPER_PROOF_STEP", &plan).ready() {
                Ok(mut program) => program.ends_within(PATIENCE),
                // The store commits as it opens: some die before they are ready.
                Err(error) if error.to_string().contains("SIGKILL") => true,
                Err(error) => return Err(error),
            };
            if died {
                deaths += 1;
            } else {
                survived.push(plan);
            }
        }
    }
    let _last = town.up().ready()?;
    let tally = load.end();
    let found = town.judge()?;
    let refused = tally.refused.load(std::sync::atomic::Ordering::Relaxed);
    Ok(Report::new("steps")
        .with("steps", Step::ALL.iter().filter(|step| !step.needs_a_grant()).count())
        .with("deaths", deaths)
        .with("survived", survived.clone())
        .with("refused", refused)
        .verdict(&found)
        .must("it died at every step", survived.is_empty())
        .must("nothing acknowledged is lost, applied twice without a word, or out of order", found.is_good())
        .must("nothing good is refused", refused == 0))
}
